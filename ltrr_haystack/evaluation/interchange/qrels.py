"""
Judgements from the log: which documents answer a query, as those who searched have shown by clicking.

Clicks alone judge the position as much as the document. Two ways take the position out, and the plain click rate is
there to see what they change.

- `debiased`: each click counts 1 / examination(position) and each impression 1. Inverse propensity weighting by the
  position-based model (Joachims, Swaminathan and Schnabel, "Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017,
  section 4; the curve is the page model's): if the curve is right, the mean is the probability that the document
  is clicked once it is examined, relative to the first position. It may exceed 1 by chance.
- `coec`, clicks over expected clicks (Zhang and Jones, "Comparing Click Logs and Editorial Labels for Training Query
  Rewriting", WWW 2007 Workshop on Query Log Analysis): clicks of a document for a query over the clicks that the
  average document would have had at the same positions. It needs no curve, as the click rates of the positions come
  from the log; but these know of good documents standing high, so a document that always stands first is judged too
  strictly.
- `clicks`: clicks over impressions.

A click is an impression with a reward above 0. Searches beyond their client's share are left out, and what counts of a
click in part is that part of a click in that part of an impression (see `learning.clients`): what does not count is
neither a click nor a pass. Grades go by thresholds on the value, and a pair of query and document
is judged only if it was examined often enough: the examination of its impressions has to sum up to `least_examined`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.interchange.files import replacing
from ltrr_haystack.evaluation.interchange.trec import trec_id
from ltrr_haystack.feedback.examination import PRIOR, ExaminationCurve, chosen, counted_shares
from ltrr_haystack.learning.curves import Curves
from ltrr_haystack.store import PAGE, LTRRStore, read_log
from ltrr_haystack.types import SettledDecision

Estimator = Literal["debiased", "coec", "clicks"]

THRESHOLDS: dict[Estimator, tuple[float, ...]] = {
    "debiased": (0.1, 0.3, 0.6),
    "coec": (0.5, 1.0, 2.0),
    "clicks": (0.1, 0.3, 0.6),
}
"""Least value of the grades 1, 2, 3."""

LEAST_EXAMINED = 5.0
"""A document is judged if it was examined as often as if it had been shown this many times at the first position."""

LEAST_LOOK = 0.05
"""A click counts at most its inverse; lower places are looked at so rarely that a single click would decide."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    How well a document answers a query.

    :param query_key: The query key.
    :param object_id: The document.
    :param grade: Its grade, from 0.
    :param value: The estimate behind it.
    :param impressions: How often it was shown, as far as that counts.
    :param clicks: How often it was clicked, as far as that counts.
    :param examined: Sum of the examination of its impressions.
    """

    query_key: str
    object_id: str
    grade: int
    value: float
    impressions: float
    clicks: float
    examined: float


def judgements(
    read: Callable[[], Iterable[SettledDecision]],
    estimator: Estimator = "debiased",
    *,
    thresholds: Sequence[float] | None = None,
    least_examined: float = LEAST_EXAMINED,
    curve: ExaminationCurve = PRIOR,
) -> Iterator[Judgement]:
    """
    Judge every pair of query and document that was shown often enough.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.evaluation.interchange.qrels import judgements
    from ltrr_haystack.store import read_log

    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    for judgement in judgements(lambda: read_log(store, learned=True), "debiased", least_examined=10.0):
        print(judgement.query_key, judgement.object_id, judgement.grade)
    ```

    :param read: Gives the log; called once, by `coec` twice. What is kept in memory is a few numbers per pair.
    :param estimator: `debiased`, `coec` or `clicks`.
    :param thresholds: Least value of grade 1, 2, …, ascending; those of `THRESHOLDS` if left out.
    :param least_examined: Least sum of the examination of a pair's impressions.
    :param curve: How likely each position is examined.
    :returns: The judgements, by query key and then object id.
    :raises ConfigurationError: If the estimator is unknown, or the thresholds do not ascend from above 0.
    """
    if estimator not in get_args(Estimator):
        raise ConfigurationError(f"judgements come by {', '.join(get_args(Estimator))}; got {estimator!r}")
    grades = tuple(THRESHOLDS[estimator] if thresholds is None else thresholds)
    if not grades or grades[0] <= 0 or any(low >= high for low, high in pairwise(grades)):
        raise ConfigurationError(f"thresholds of grades must ascend and be above 0, got {list(grades)}")
    if not least_examined > 0:
        raise ConfigurationError(f"least_examined must be above 0, got {least_examined}")
    rates = click_rates(read()) if estimator == "coec" else {}
    pairs: dict[tuple[str, str], _Pair] = {}
    for key, page in _pages(read()):
        looks = curve.looks([shown.ordinal for shown in page], [shown.clicked for shown in page])
        for shown, look in zip(page, looks.tolist(), strict=True):
            if not shown.share:
                continue
            pair = pairs.setdefault((key, shown.object_id), _Pair())
            click = shown.share * shown.clicked
            pair.impressions += shown.share
            pair.clicks += click
            pair.examined += shown.share * look
            pair.earned += click / max(look, LEAST_LOOK) if estimator == "debiased" else click
            pair.expected += shown.share * (rates.get(shown.ordinal, 0.0) if estimator == "coec" else 1.0)
    for (key, object_id), pair in sorted(pairs.items()):
        if pair.examined >= least_examined:
            value = round(pair.earned / pair.expected, 9) if pair.expected else 0.0
            grade = sum(value >= threshold for threshold in grades)
            yield Judgement(key, object_id, grade, value, pair.impressions, pair.clicks, pair.examined)


def click_rates(log: Iterable[SettledDecision]) -> dict[int, float]:
    """
    Give the click rate of each position, over all queries.

    :param log: The searches.
    :returns: Position, from 1 → share of its impressions that were clicked, both as far as they count.
    """
    impressions: defaultdict[int, float] = defaultdict(float)
    clicks: defaultdict[int, float] = defaultdict(float)
    for _, page in _pages(log):
        for shown in page:
            impressions[shown.ordinal] += shown.share
            clicks[shown.ordinal] += shown.share * shown.clicked
    return {ordinal: clicks[ordinal] / count for ordinal, count in impressions.items() if count}


def write_qrels(
    store: LTRRStore,
    out: Path,
    estimator: Estimator = "debiased",
    *,
    thresholds: Sequence[float] | None = None,
    least_examined: float = LEAST_EXAMINED,
) -> int:
    """
    Write judgements from a store as TREC qrels: `topic 0 document grade`.

    Topics and documents have the ids that `write_run` gives them, so that the two files fit. The examination curve is
    that of the active page model. What counts of a search is known once it was learned from, so later ones are not
    read; where nothing was learned yet, all are read as they are.

    :param store: The store with the log.
    :param out: The file.
    :param estimator: `debiased`, `coec` or `clicks`.
    :param thresholds: Least value of grade 1, 2, …; those of `THRESHOLDS` if left out.
    :param least_examined: Least sum of the examination of a pair's impressions.
    :returns: How many pairs were judged.
    :raises ConfigurationError: If the file cannot be written, or a setting is wrong.
    """
    reached = store.watermark()
    until, learned = reached.learned or reached.settled, reached.learned > 0
    made = judgements(
        lambda: read_log(store, until, learned=learned),
        estimator,
        thresholds=thresholds,
        least_examined=least_examined,
        curve=Curves(store).of(store.active_version(PAGE)),
    )
    lines = 0
    with replacing(out) as file:
        for judged in made:
            file.write(f"{trec_id(judged.query_key)} 0 {trec_id(judged.object_id)} {judged.grade}\n")
            lines += 1
    return lines


@dataclass(slots=True)
class _Pair:
    impressions: float = 0.0
    clicks: float = 0.0
    examined: float = 0.0
    earned: float = 0.0
    expected: float = 0.0


@dataclass(frozen=True, slots=True)
class _Shown:
    """A document of a page where it stands first, whether it was clicked, and how much of that counts, 0 to 1."""

    object_id: str
    ordinal: int
    clicked: bool
    share: float


def _pages(log: Iterable[SettledDecision]) -> Iterator[tuple[str, list[_Shown]]]:
    """Each query with a page, but for those beyond their client's share."""
    for settled in log:
        if settled.counted:
            first: dict[str, _Shown] = {}
            shares = counted_shares(settled).tolist()
            for impression, clicked, share in zip(settled.impressions, chosen(settled), shares, strict=True):
                shown = _Shown(impression.object_id, impression.ordinal, clicked, share)
                first.setdefault(impression.object_id, shown)
            yield settled.decision.understanding.normal_form, [*first.values()]
