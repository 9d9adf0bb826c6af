"""What counts of a log where one client must not decide what it says; see `learning.clients`."""

from dataclasses import replace

from ltrr_haystack.types import SettledDecision


def counted(settled: SettledDecision) -> SettledDecision | None:
    """
    Give a search with what counts of its rewards.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.evaluation.counting import counted
    from ltrr_haystack.store import read_log

    log = read_log(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), learned=True)
    searches = [search for settled in log if (search := counted(settled)) is not None]
    ```

    :param settled: The search as it was logged.
    :returns: The search; `None` if it is beyond its client's share.
    """
    if not settled.counted:
        return None
    return replace(settled, rewards=settled.counted_rewards) if settled.capped else settled
