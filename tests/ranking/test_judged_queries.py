import pytest

from factories import action_set, decision, page, settled, unite
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.judged_queries import MOST_DOCUMENTS, EvidenceCollector
from ltrr_haystack.ranking.page_model import PageModel

MODEL = PageModel(ExaminationCurve(learned=(1.0, 0.4), deviations=(0.0, 0.05)), (0.4, 0.2), prior_looks=2.0)
SCHEMA = FeatureSchema(("liked",))


def search(query_id, shown, clicked=(), unshown=(), query="love", **changes):
    union = unite(decision(query_id, query=query, **changes), {"bm25": ["a", "b", "c"]})
    places = {each.object_id: each for each in union.candidates}

    def features(names):
        return [{"liked": ord(name) - 97.0, "place.searched": float(places[name].place)} for name in names]

    ranking = page(
        union,
        shown,
        features(shown),
        unshown=tuple(places[name] for name in unshown),
        unshown_features=tuple(features(unshown)),
    )
    return settled(ranking, dict.fromkeys(clicked, 1.0))


def gathered(*searches):
    evidence = EvidenceCollector(SCHEMA, MODEL)
    for each in searches:
        evidence.add(each)
    return evidence.queries()


def test_what_was_seen_is_drawn_towards_the_rate_of_the_place():
    """
    Two looks of prior. The curve is flattened by two deviations: the second position counts .5 instead of .4, and the
    click rates of the second and third place are .4 / .5 of what they were: .16 and .16 · (2/3)^.7.

    a, place 1: a click in two looks: (.8 + 1) / (2 + 2). b, place 2: passed twice at the second position, .32 / (2 + 1).
    c, place 3: never shown.
    """
    (query,) = gathered(search("q1", ["a", "b"], ["a"], ["c"]), search("q2", ["a", "b"]))
    assert query.features[:, 0].tolist() == [0.0, 1.0, 2.0]
    assert query.places.tolist() == [1, 2, 3]
    assert query.attractions.tolist() == pytest.approx([(0.8 + 1) / (2 + 2), 0.32 / (2 + 1), 0.16 * (2 / 3) ** 0.7])


def test_queries_without_a_click_tell_nothing():
    assert gathered(search("q1", ["a", "b"]), search("q2", ["a", "b"], ["a"], query="peace"))[0].query_key == "peace"


def test_what_only_a_memory_arm_brought_is_left_out():
    union = unite(decision("q1", actions=action_set(bm25=(0, 20), memory=(0, 20))), {"bm25": ["a", "b"], "memory": ["m"]})
    ranking = page(union, ["m", "a", "b"], [{"place.searched": 3.0}, {"place.searched": 1.0}, {"place.searched": 2.0}])
    (query,) = gathered(settled(ranking, {"a": 1.0}))
    assert query.places.tolist() == [1, 2]


def test_documents_of_one_query_are_bounded():
    names = [f"d{number}" for number in range(MOST_DOCUMENTS + 50)]
    union = unite(decision("q1"), {"bm25": names})
    ranking = page(union, None, [{"place.searched": float(each.place)} for each in union.candidates])
    (query,) = gathered(settled(ranking, {union.candidates[0].object_id: 1.0}))
    assert len(query.places) == min(MOST_DOCUMENTS, len(union.candidates))
