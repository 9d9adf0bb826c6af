"""The unions of allocations, against those that the joiner makes."""

from itertools import product

from hypothesis import assume, example, given
from hypothesis import strategies as st

from factories import action_set, decision, page, settled, unite
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.ranking.allocation_pages import Unions
from ltrr_haystack.ranking.features import FeatureSchema, compute
from ltrr_haystack.ranking.judged_queries import EvidenceCollector
from ltrr_haystack.ranking.page_model import PageModel

ARMS = ("bm25", "title", "dense")
ACTIONS = action_set(**dict.fromkeys(ARMS, (0, 2, 4)))
DEPTHS = [dict(zip(ARMS, depths, strict=True)) for depths in product((0, 2, 4), repeat=3) if any(depths)]
SCHEMA = FeatureSchema.of_arms(ARMS)
RANKED = st.lists(st.sampled_from("abcdef"), unique=True, max_size=4)


def of(allocation, found, joiner):
    """What the joiner unites of an allocation."""
    drawn = {arm: found[arm][:depth] for arm, depth in allocation.items() if depth}
    return unite(decision(actions=ACTIONS, allocation=allocation), drawn, joiner)


def known(union, shown):
    """What the log knows of the query after one search that showed all of its union in some order."""
    values = compute(SCHEMA, union.candidates, union.reports, union.decision, {})
    rows = dict(zip([each.object_id for each in union.candidates], SCHEMA.mappings(values), strict=True))
    collector = EvidenceCollector(SCHEMA, PageModel())
    collector.add(settled(page(union, shown, [rows[name] for name in shown]), {shown[0]: 1.0}))
    (query,) = collector.queries()
    return query


@given(
    found=st.fixed_dictionaries(dict.fromkeys(ARMS, RANKED)),
    weight=st.sampled_from([1.0, 61 / 62, 61 / 63]),
    draw=st.randoms(use_true_random=False),
)
@example({"bm25": ["a", "b"], "title": ["c", "d"], "dense": []}, 1.0, None)
@example({"bm25": ["a", "b"], "title": ["c", "d"], "dense": []}, 61 / 62, None)
@example({"bm25": ["a", "b", "c"], "title": ["c", "e", "a"], "dense": []}, 1.0, None)
def test_places_are_those_of_the_joiner_whatever_the_page_was(found, weight, draw):
    """
    Also of documents with equal scores: in arms that find nothing in common; the first of an arm that counts for less
    and the second of another; and two that the same arms found, with their ranks exchanged. The page is upside down, or
    in an order by chance.
    """
    joiner = UnionJoiner(list(ARMS), weights={"title": weight})
    whole = of(ACTIONS.baseline, found, joiner)
    shown = [each.object_id for each in reversed(whole.candidates)]
    assume(len(shown) > 1)
    if draw is not None:
        draw.shuffle(shown)
    unions = Unions(SCHEMA, ACTIONS, {arm: (weight if arm == "title" else 1.0, 60.0) for arm in ARMS})
    places = unions.under(known(whole, shown), DEPTHS).places.reshape(len(DEPTHS), -1)
    for allocation, row in zip(DEPTHS, places.tolist(), strict=True):
        made = {each.object_id: each.place for each in of(allocation, found, joiner).candidates}
        assert row == [made.get(name, float("inf")) for name in shown]
