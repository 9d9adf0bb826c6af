"""
Labels from clicks: a query is after the categories of what people clicked for it.

A click on a document that stands low on the page says more than one at the top, where everybody looks. So each click
counts 1 / e(position) with the examination curve e (inverse propensity weighting: Joachims, Swaminathan and Schnabel,
"Unbiased learning-to-rank with biased feedback", WSDM 2017), and no more than 1 / `LEAST_EXAMINATION`, which trades a
little bias for much less variance.

What one client adds is bounded as in all learning: searches and rewards beyond its share do not count. A filtered
search is left out, since whoever filtered it chose what could be clicked.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from ltrr_haystack.catalogue import field_value
from ltrr_haystack.catalogue.fields import CONTENT, require_fields
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.feedback.examination import ExaminationCurve, chosen
from ltrr_haystack.intents.labels import LONGEST_CATEGORY, IntentLabels, is_text
from ltrr_haystack.learning.curves import Curves
from ltrr_haystack.memory.fetch import DocumentFetcher
from ltrr_haystack.ranking.judged_queries import MAX_REWARD
from ltrr_haystack.store import PAGE, LTRRStore, read_log
from ltrr_haystack.types import SettledDecision

LEAST_EXAMINATION = 0.2
MOST_CATEGORIES_OF_DOCUMENT = 20
FETCHED_AT_ONCE = 500


def labels_from_clicks(
    store: LTRRStore, fetcher: DocumentFetcher, field: str, *, max_decisions: int = 50_000
) -> IntentLabels:
    """
    Read from the log what the queries are after.

    :param store: The store with the log; what no learner has been through yet is not read.
    :param fetcher: Brings the documents that were clicked.
    :param field: The metadata field with a document's category, such as `meta.type`; of a list, each item counts alike.
    :param max_decisions: The most decisions to go back in the log.
    :returns: The labels.
    :raises ConfigurationError: If `field` is not in the metadata.
    """
    require_fields([field], "train-understanding")
    if field == CONTENT:
        raise ConfigurationError("field of train-understanding must be in the metadata, such as 'meta.type'")
    curve = Curves(store).of(store.active_version(PAGE))
    left_out: Counter[str] = Counter()
    clicked: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    decisions, last = 0, store.watermark().learned
    for settled in read_log(store, last, after=max(0, last - max_decisions), learned=True):
        decisions += 1
        reason = _reason_against(settled)
        if reason is not None:
            left_out[reason] += 1
            continue
        weights = clicked_weights(settled, curve)
        left_out["searches without a click"] += not weights
        for object_id, weight in weights.items():
            clicked[settled.decision.understanding.normal_form][object_id] += weight
    categories = _categories(fetcher, {object_id for own in clicked.values() for object_id in own}, field)
    left_out["clicked documents that are gone or have no category"] = sum(not each for each in categories.values())
    by_query = {form: by_category(own, categories) for form, own in clicked.items()}
    return IntentLabels.of_weights(by_query, source="clicks", left_out=dict(left_out), decisions=decisions, until=last)


def clicked_weights(settled: SettledDecision, curve: ExaminationCurve) -> dict[str, float]:
    """
    Weigh the clicks of a search.

    :param settled: The decision with its rewards.
    :param curve: The examination curve.
    :returns: Object id → what counts of its reward, divided by how likely it was examined.
    """
    rewards = [settled.counted_rewards.get(each.object_id, 0.0) for each in settled.impressions]
    looks = curve.looks([each.ordinal for each in settled.impressions], chosen(settled))
    return {
        each.object_id: min(reward, MAX_REWARD) / max(look, LEAST_EXAMINATION)
        for each, reward, look in zip(settled.impressions, rewards, looks.tolist(), strict=True)
        if reward > 0
    }


def by_category(weights: Mapping[str, float], categories: Mapping[str, tuple[str, ...]]) -> dict[str, float]:
    """
    Sum the weights of documents by their categories.

    :param weights: Object id → weight.
    :param categories: Object id → the categories of the document, among which its weight is parted evenly.
    :returns: Category → weight.
    """
    summed: defaultdict[str, float] = defaultdict(float)
    for object_id, weight in weights.items():
        own = categories.get(object_id, ())
        for category in own:
            summed[category] += weight / len(own)
    return dict(summed)


def _reason_against(settled: SettledDecision) -> str | None:
    if not settled.counted:
        return "searches beyond their client's share"
    return "searches with filters" if settled.decision.filters else None


def _categories(fetcher: DocumentFetcher, object_ids: Iterable[str], field: str) -> dict[str, tuple[str, ...]]:
    wanted = sorted(object_ids)
    found: dict[str, tuple[str, ...]] = dict.fromkeys(wanted, ())
    for start in range(0, len(wanted), FETCHED_AT_ONCE):
        documents = fetcher.fetch(wanted[start : start + FETCHED_AT_ONCE])
        found |= {object_id: _names(field_value(each, field)) for object_id, each in documents.items()}
    return found


def _names(value: object) -> tuple[str, ...]:
    items = value[:MOST_CATEGORIES_OF_DOCUMENT] if isinstance(value, list | tuple) else [value]
    names = [item for item in items if isinstance(item, str) and item.strip() and len(item) <= LONGEST_CATEGORY]
    return tuple(dict.fromkeys(filter(is_text, names)))
