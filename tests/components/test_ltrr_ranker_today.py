"""Where learning is not live, the page is that of the pipeline as it is: of Haystack's own joiner."""

import pytest
from haystack import Document
from haystack.components.joiners import DocumentJoiner
from haystack.utils import Secret
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import action_set, decision, remember, unite
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import PlacePrior
from ltrr_haystack.store import PAGE, RANKER, LTRRStore
from ranked import likes

WORDS = [f"d{number}" for number in range(24)]
DOCUMENTS = {name: Document(id=name, content=f"text of {name}", meta={"title": name.upper()}) for name in WORDS}
ACTIONS = action_set(
    budget=60,
    baseline={"bm25": 20, "dense": 20, "recall": 0},
    bm25=(0, 20),
    dense=(0, 20),
    recall=(0, 20),
)
TODAY = [
    pytest.param({"mode": "baseline"}, id="baseline"),
    pytest.param({"mode": "apprentice"}, id="apprentice"),
    pytest.param({"mode": "live", "safe_start": True}, id="held back by the safe start"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Whatever learning knows speaks for other pages: a ranker, a page model and the memory of every document."""
    opened = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path_factory.mktemp('store')}/ltrr.db"))
    opened.add_snapshot(RANKER, likes("arm.dense.normalised"), {}, activate=True)
    opened.add_snapshot(PAGE, PageModel(ordering=PlacePrior((0.3,), 1.0)).to_bytes(), {}, activate=True)
    remember(opened, {("sad songs", name): (50.0, 2.0 * number) for number, name in enumerate(WORDS)})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def ranker(store):
    return LTRRanker(store)


def united(found, **changes):
    return unite(decision(query="sad songs", actions=ACTIONS, **changes), found)


def haystacks(found):
    lists = [[DOCUMENTS[name] for name in names] for names in found.values()]
    return DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=10).run(lists)["documents"]


def rankings():
    return st.lists(st.sampled_from(WORDS), max_size=20, unique=True)


@pytest.mark.parametrize("today", TODAY)
@settings(deadline=None)
@given(bm25=rankings(), dense=rankings())
def test_the_page_is_haystacks_own_document_by_document(ranker, today, bm25, dense):
    """But for documents whose scores are the same: there Haystack goes by rounding, or by what it came across first."""
    found = {"bm25": bm25, "dense": dense}
    union = united({arm: [DOCUMENTS[name] for name in names] for arm, names in found.items()}, **today)
    ranking = ranker.run(union)["ranking"]
    theirs = haystacks(found)
    fused = {each.object_id: each.score for each in union.candidates}
    assert len(ranking.candidates) == len(theirs)
    for ours, other in zip(ranking.candidates, theirs, strict=True):
        assert ours.object_id == other.id or fused[ours.object_id] == pytest.approx(fused[other.id], 1e-12)
        assert (ours.document.content, ours.document.meta) == (
            DOCUMENTS[ours.object_id].content,
            DOCUMENTS[ours.object_id].meta,
        )
    assert (ranking.ranker_version, ranking.page_version, ranking.propensities) == (0, 1, ())


@pytest.mark.parametrize("today", TODAY)
def test_it_is_the_very_same_where_no_scores_are_equal(ranker, today):
    found = {"bm25": WORDS[:20], "dense": WORDS[3:15]}
    page = [each.document.id for each in ranker.run(united(found, **today))["ranking"].candidates]
    assert page == [each.id for each in haystacks(found)]


@pytest.mark.parametrize(
    "learned",
    [
        pytest.param({"mode": "live"}, id="live"),
        pytest.param(
            {"mode": "live", "safe_start": True, "allocation": {"bm25": 20, "dense": 20, "recall": 20}},
            id="another allocation, drawn during the safe start",
        ),
    ],
)
def test_what_was_learned_would_change_it(ranker, learned):
    found = {"bm25": WORDS[:20], "dense": WORDS[3:15]}
    ranking = ranker.run(united(found, **learned))["ranking"]
    assert (ranking.ranker_version, ranking.page_version) == (1, 1)
    assert [each.document.id for each in ranking.candidates] != [each.id for each in haystacks(found)]


@pytest.mark.parametrize("today", TODAY)
def test_what_memory_knows_is_logged_with_it(ranker, today):
    ranking = ranker.run(united({"bm25": WORDS[:20]}, **today))["ranking"]
    assert [row["memory.exposures"] for row in ranking.features] == [50.0] * 10
