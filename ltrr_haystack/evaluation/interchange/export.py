"""One way to all formats, for the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.interchange.dsjson import write_dsjson
from ltrr_haystack.evaluation.interchange.open_bandit import write_bandit_feedback
from ltrr_haystack.evaluation.interchange.qrels import LEAST_EXAMINED, Estimator, write_qrels
from ltrr_haystack.evaluation.interchange.trec import Per, write_run
from ltrr_haystack.store import LTRRStore

Format = Literal["dsjson", "obp", "trec-run", "qrels"]


def export(
    store: LTRRStore,
    form: Format,
    out: Path,
    *,
    per: Per = "query",
    estimator: Estimator = "debiased",
    least_examined: float = LEAST_EXAMINED,
) -> str:
    """
    Write the settled part of the log in a format that others read.

    :param store: The store with the log.
    :param form: `dsjson` for Vowpal Wabbit, `obp` for the Open Bandit Pipeline (an `.npz` file), `trec-run` for what
        was shown, `qrels` for judgements from clicks.
    :param out: The file.
    :param per: For `trec-run`: whether each query or each search is a topic.
    :param estimator: For `qrels`: `debiased`, `coec` or `clicks`.
    :param least_examined: For `qrels`: how often a document must have been examined to be judged.
    :returns: What was written, in a few words.
    :raises ConfigurationError: If the format is unknown, a setting is wrong or the file cannot be written.
    """
    writers: dict[str, tuple[Callable[[], int], str]] = {
        "dsjson": (lambda: write_dsjson(store, out), "events, one for each search and arm that had a choice"),
        "obp": (lambda: write_bandit_feedback(store, out), "searches"),
        "trec-run": (lambda: write_run(store, out, per), "lines of what was shown"),
        "qrels": (
            lambda: write_qrels(store, out, estimator, least_examined=least_examined),
            f"judgements ({estimator}) of documents that were examined at least {least_examined:g} times",
        ),
    }
    if form not in writers:
        raise ConfigurationError(f"the log cannot be exported as {form!r}; choose one of {', '.join(get_args(Format))}")
    write, what = writers[form]
    return f"{write():,} {what}: {out}"
