"""
What an engineer would have without a system that learns: the best arm, or fusion with fitted weights, chosen on clicks.

Both are chosen once, on the whole stream of a seed, and on the clicks of its people alone: no grade is read. On the
stream they are judged with hindsight, since they were fitted to it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import log2

from ltrr_haystack.evaluation.datasets import Query
from ltrr_haystack.evaluation.people import People
from ltrr_haystack.evaluation.replay.catalogue import Catalogue
from ltrr_haystack.evaluation.replay.fixed import ARM, RRF_FULL, answers, depths_of
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.feedback.examination import PAGE
from ltrr_haystack.fusion import fuse

WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
ROUNDS = 10
BETTER = 1e-9
"""By less than this one set of weights is not better than another."""

Gains = Mapping[str, Mapping[str, float]]
"""Query id → each document that was shown for it → what its clicks are worth, 0 without any."""

Met = tuple[Query, Sequence[str], Sequence[int]]
"""Query, page and clicked places, from 1, of one search."""

Lists = Mapping[str, Mapping[str, list[str]]]
"""Query id → arm → ids of the documents that it found, best first."""


def best_arm(people: People, catalogue: Catalogue, settings: Settings) -> tuple[str, dict[str, int]]:
    """
    Choose the arm that people click most.

    As in an A/B test, the same people meet the pages of each arm alone, with as many candidates as `rrf_full` has.

    :param people: The stream's people.
    :param catalogue: What the arms found.
    :param settings: How many searches there are, and how long a page is.
    :returns: The arm with the most clicks, the first of those that are equal; and arm → number of clicks.
    """
    clicks = {
        arm: sum(len(places) for _, _, places in _clicked(people, catalogue, settings, f"{ARM}{arm}"))
        for arm in catalogue.whole.searching
    }
    return max(clicks, key=lambda arm: clicks[arm]), clicks


def tuned_weights(people: People, catalogue: Catalogue, settings: Settings) -> dict[str, float]:
    """
    Fit the weights of reciprocal rank fusion at full depth to the clicks on `rrf_full`'s pages.

    People meet `rrf_full`. A click at place k counts k**eta, the inverse of the probability that an engineer assumes
    for the place to be examined (Joachims, Swaminathan and Schnabel 2017, "Unbiased learning-to-rank with biased
    feedback"); eta is that of `PAGE`, right or wrong, since nobody knows the readers' own. The weights are to maximise
    the sum, over all clicks, of that count divided by log2(1 + place of the document in the new order), where places
    are counted among the documents that `rrf_full` shows for the query: of the others the clicks say nothing, and taken
    for bad they would make `rrf_full` the best order of its own clicks.

    They are searched one arm after the other among `WEIGHTS`, beginning with 1 for all, until no change of one arm's
    weight is better; with 0 an arm is not asked.

    :param people: The stream's people.
    :param catalogue: What the arms found.
    :param settings: How many searches there are, and how long a page is.
    :returns: Arm → weight.
    """
    met = list(_clicked(people, catalogue, settings, RRF_FULL))
    queries = {query.id: query for query, _, _ in met}
    gains = gains_of(met)
    depths = catalogue.whole.full_depths
    lists = {
        query: {
            arm: [document.id for document in catalogue.whole.found[arm][catalogue.whole.text(queries[query])][:depth]]
            for arm, depth in depths.items()
        }
        for query in gains
    }
    return dict.fromkeys(depths, 1.0) | fitted(lists, gains)


def gains_of(met: Iterable[Met]) -> Gains:
    """
    Say what clicks are worth: k**eta at place k, with the eta of `PAGE`.

    :param met: What people met and clicked.
    :returns: The sums over all searches of a query.
    """
    gains: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for query, page, places in met:
        for document in page:
            gains[query.id][document] += 0.0
        for place in places:
            gains[query.id][page[place - 1]] += 1 / PAGE.at(place)
    return gains


def fitted(lists: Lists, gains: Gains) -> dict[str, float]:
    """
    Fit the weights of reciprocal rank fusion by coordinate search; see `tuned_weights`.

    :param lists: What the arms found, the same arms for each query.
    :param gains: What clicks are worth.
    :returns: Arm → weight; 1 for every arm if nothing was clicked.
    """
    arms = list(dict.fromkeys(arm for of in lists.values() for arm in of))
    weights = dict.fromkeys(arms, 1.0)
    best = worth(lists, gains, weights)
    for _ in range(ROUNDS):
        before = best
        for arm in arms:
            for weight in WEIGHTS:
                tried = weights | {arm: weight}
                if any(tried.values()) and (reached := worth(lists, gains, tried)) > best + BETTER:
                    weights, best = tried, reached
        if best <= before:
            break
    return weights


def worth(lists: Lists, gains: Gains, weights: Mapping[str, float]) -> float:
    """
    Say what weights are worth: discounted cumulative gain of the clicks in the order that they give to what was shown.

    :param lists: What the arms found.
    :param gains: What clicks are worth.
    :param weights: Arm → weight.
    :returns: Sum over all queries and documents of the gain divided by log2(1 + place), places counted among the
        documents that were shown.
    """
    total = 0.0
    for query, of in gains.items():
        asked = {arm: found for arm, found in lists[query].items() if weights[arm] > 0}
        shown = (document for document in fuse(asked, weights) if document in of)
        total += sum(of[document] / log2(1 + place) for place, document in enumerate(shown, start=1))
    return total


def _clicked(people: People, catalogue: Catalogue, settings: Settings, system: str) -> Iterator[Met]:
    """What people click who meet a fixed system."""
    for there, searches in catalogue.stretches(list(people.stream(settings.impressions))):
        distinct = {search.query.id: search.query for search in searches}
        shown = answers(there, system, depths_of(there, system), distinct.values(), settings.top_k)
        for search in searches:
            page = shown[search.query.id].page
            yield search.query, page, people.clicks(search, page)
