"""The estimate of a gate in a sentence, reward and cost separately."""

from ltrr_haystack.policy.safe_start import SafeStartEstimate

MOST_UNSURE = 0.25
"""If the reward may differ by more than this share of the baseline's, it is not known whether it is as good."""

LEAST_SHARE = 0.005
"""Smaller shares are not mentioned."""


def verdict(estimate: SafeStartEstimate) -> str:
    """
    Say how a policy compares with the baseline.

    The reward is better or worse where its whole interval is, and as good within the end of the interval that is
    further from 0. Costs are known.

    ```python
    from ltrr_haystack import VWPolicy
    from ltrr_haystack.policy.verdict import verdict

    verdict(VWPolicy().estimates()["remembered"])  # 'not known yet: nothing compared'
    # Later: 'as good within ±0.021 reward a search (2.6 %), 68 % cheaper; it prefers the baseline in 12 % of …'
    ```

    :param estimate: What the gate estimates.
    :returns: Whether the reward is better, as good, worse or not known yet, and by how much it is cheaper or dearer;
        both where the policy prefers something else than the baseline.
    """
    if not estimate.compared:
        return "not known yet: nothing compared"
    if estimate.agreement >= 1:
        return "it prefers the baseline itself"
    parts = [_reward(estimate), _cost(estimate)] if estimate.gain is not None else [_reward(estimate)]
    agreed = f"; it prefers the baseline in {estimate.agreement:.0%} of the searches"
    return ", ".join(filter(None, parts)) + (_spaced(agreed) if estimate.agreement >= LEAST_SHARE else "")


def _reward(estimate: SafeStartEstimate) -> str:
    gain, base = estimate.reward_gain, estimate.baseline_reward
    if estimate.reward_interval is None or gain is None:
        searches = "search" if estimate.compared == 1 else "searches"
        return f"not known yet: {estimate.compared:,} {searches} compared, {estimate.rewarded:,} with a reward"
    low, high = estimate.reward_interval
    share = _spaced(f" ({abs(gain) / base:.1%})") if base > 0 else ""
    if low > 0:
        return f"better by {gain:.3f} reward a search{share}"
    if high < 0:
        return f"worse by {-gain:.3f} reward a search{share}"
    bound = max(-low, high)
    if bound > MOST_UNSURE * base:
        return f"not known yet: reward between {low:+.3f} and {high:+.3f} a search, where the baseline's is {base:.3f}"
    return f"as good within ±{bound:.3f} reward a search" + _spaced(f" ({bound / base:.1%})")


def _cost(estimate: SafeStartEstimate) -> str:
    saved, share = estimate.cost_saved, estimate.cost_saved_share
    if share is None:
        return f"dearer by {-saved:.3f} a search" if saved < 0 else ""
    if abs(share) < LEAST_SHARE:
        return "at the same cost"
    return _spaced(f"{abs(share):.0%} {'cheaper' if share > 0 else 'dearer'}")


def _spaced(text: str) -> str:
    return text.replace("%", " %")
