import asyncio
import math
from typing import Any

import pytest
from haystack import Document, Pipeline, component
from haystack.components.joiners import DocumentJoiner
from hypothesis import given, settings
from hypothesis import strategies as st

import factories
from factories import action_set, decision
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.union_joiner import UnionJoiner, normalised
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.memory.posterior import Prior
from ltrr_haystack.types import (
    ActionSet,
    Arm,
    ArmReport,
    ArmRequest,
    ArmResult,
    CandidateSet,
    Decision,
    Provenance,
)


def asked(**depths):
    return decision(actions=action_set(1000, depths, **dict.fromkeys(depths, (0, 10))))


def document(object_id, score=None, **meta):
    return Document(id=object_id, content=object_id, score=score, meta=meta)


def result(arm, *documents, seconds=0.01, error=None):
    return ArmResult(arm, documents, seconds, error)


def unite(joiner, depths, *results):
    return joiner.run(asked(**depths), **{found.arm: found for found in results})["candidates"]


def ids(candidates: CandidateSet):
    return [candidate.object_id for candidate in candidates.candidates]


def unite_with_memory(remembered, weight=3.0):
    """Words and vectors agree on d1 … d20; what is remembered comes as MemoryIndexRetriever brings it."""
    made = decision(actions=action_set(words=(0, 20), vectors=(0, 20), recall=(0, 10)))
    both = [document(f"d{rank}") for rank in range(1, 21)]
    recalled = [document(object_id, Prior().weight(*evidence)) for object_id, evidence in remembered.items()]
    joiner = UnionJoiner(list(made.actions.names), weights={"recall": weight})
    return factories.unite(made, {"words": both, "vectors": both, "recall": recalled}, joiner)


class TestMemoryByEvidence:
    """(successes, exposures) of a document → the place it comes to."""

    @pytest.mark.parametrize(
        ("evidence", "place"), [((0, 0), 10), ((1, 1), 5), ((1, 10), 8), ((3, 3), 1), ((30, 30), 1), ((30, 600), 10)]
    )
    def test_the_tenth_of_two_arms_that_agree_rises_as_its_evidence_grows(self, evidence, place):
        assert ids(unite_with_memory({"d10": evidence})).index("d10") + 1 == place

    @pytest.mark.parametrize(("evidence", "place"), [((1, 1), 21), ((30, 30), 8), ((300, 320), 1)])
    def test_so_does_one_that_no_other_arm_found(self, evidence, place):
        assert ids(unite_with_memory({"old": evidence})).index("old") + 1 == place

    def test_the_report_says_by_how_much_each_document_was_weighed(self):
        report = unite_with_memory({"d10": (30, 30), "old": (1, 1)}).reports[-1]
        assert report.scales == pytest.approx(((31 / 50 - 0.05) / 0.95, (2 / 21 - 0.05) / 0.95))
        assert unite_with_memory({}).reports[0].scales == ()

    @pytest.mark.parametrize(("score", "scale"), [(None, 1.0), (math.nan, 1.0), (7.0, 1.0), (-1.0, 0.0), (0.25, 0.25)])
    def test_a_score_that_is_no_share_is_cut_to_one(self, score, scale):
        united = factories.unite(decision(actions=action_set(recall=(0, 10))), {"recall": [document("a", score)]})
        assert united.reports[0].scales == (scale,)
        assert united.candidates[0].score == pytest.approx(scale / 61)


class TestFusion:
    def test_each_document_once_with_its_provenance_and_fused_score(self):
        united = unite(
            UnionJoiner(["bm25", "dense"], weights={"dense": 2.0}),
            {"bm25": 10, "dense": 10},
            result("bm25", document("a", 8.0), document("b", 6.0), document("c", 4.0)),
            result("dense", document("c", 0.9), document("a", 0.8)),
        )
        assert ids(united) == ["c", "a", "b"]
        c, a, b = united.candidates
        assert c.arms == {"bm25": Provenance(3, 4.0, 0.0), "dense": Provenance(1, 0.9, 1.0)}
        assert a.arms == {"bm25": Provenance(1, 8.0, 1.0), "dense": Provenance(2, 0.8, 0.0)}
        assert b.arms == {"bm25": Provenance(2, 6.0, 0.5)}
        assert c.score == pytest.approx(1 / 63 + 2 / 61)
        assert a.score == pytest.approx(1 / 61 + 2 / 62)
        assert b.score == pytest.approx(1 / 62)

    def test_rrf_k_sets_how_much_the_first_ranks_stand_out(self):
        arms = ["x", "y", "z"]
        results = [
            result("x", document("top"), document("middle")),
            result("y", document("other"), document("another"), document("middle")),
        ]
        depths = {"x": 10, "y": 10, "z": 0}
        assert ids(unite(UnionJoiner(arms, rrf_k=0.1), depths, *results))[:2] == ["top", "other"]
        assert ids(unite(UnionJoiner(arms), depths, *results))[0] == "middle"

    def test_of_equal_scores_what_the_first_arm_found_comes_first(self):
        """61/61 for the first of x, 62/62 for the second of y."""
        united = unite(
            UnionJoiner(["x", "y"], weights={"x": 61.0, "y": 62.0}),
            {"x": 5, "y": 5},
            result("x", document("z")),
            result("y", document("first"), document("a")),
        )
        assert ids(united) == ["first", "z", "a"]
        assert united.candidates[1].score == united.candidates[2].score

    def test_an_arm_of_weight_zero_only_brings_candidates(self):
        united = unite(
            UnionJoiner(["x", "y"], weights={"y": 0}),
            {"x": 5, "y": 5},
            result("x", document("a"), document("b")),
            result("y", document("c"), document("b")),
        )
        assert ids(united) == ["a", "b", "c"]
        assert united.candidates[2].score == 0.0

    def test_ties_go_to_what_the_first_arm_found_and_then_to_the_better_rank(self):
        weights = {"x": 1.0, "y": 62 / 61}
        united = unite(
            UnionJoiner(["x", "y"], weights=weights),
            {"x": 5, "y": 5},
            result("x", document("first"), document("b")),
            result("y", document("a"), document("second")),
        )
        assert ids(united) == ["a", "first", "second", "b"]
        for arms in (["x", "y"], ["y", "x"]):
            equal = unite(UnionJoiner(arms), {"x": 5, "y": 5}, result("x", document("x1")), result("y", document("y1")))
            assert ids(equal) == [f"{arm}1" for arm in arms]

    @settings(deadline=None)
    @given(st.data())
    def test_without_memory_the_order_is_that_of_haystacks_own_joiner(self, data):
        """But for documents whose scores differ by what adding up in another order makes of them."""
        arms = ["w", "x", "y", "z"][: data.draw(st.integers(1, 4))]
        lists = [data.draw(st.lists(st.sampled_from("abcdefgh"), max_size=8, unique=True)) for _ in arms]
        weights = [data.draw(st.sampled_from([0.25, 1.0, 3.0])) for _ in arms]
        joiner = UnionJoiner(arms, weights=dict(zip(arms, weights, strict=True)))
        results = [result(arm, *map(document, found)) for arm, found in zip(arms, lists, strict=True)]
        ours = unite(joiner, dict.fromkeys(arms, 8), *results).candidates
        theirs = DocumentJoiner(join_mode="reciprocal_rank_fusion", weights=weights).run(
            [list(each.documents) for each in results]
        )["documents"]
        scores = {candidate.object_id: candidate.score for candidate in ours}
        assert len(theirs) == len(ours)
        for candidate, other in zip(ours, theirs, strict=True):
            assert candidate.object_id == other.id or scores[candidate.object_id] == pytest.approx(
                scores[other.id], 1e-12
            )

    @settings(deadline=None)
    @given(st.data())
    def test_the_order_of_arrival_changes_nothing(self, data):
        arms = ["w", "x", "y", "z"]
        lists = {
            arm: data.draw(st.lists(st.sampled_from("abcdefgh"), max_size=8, unique=True), label=arm) for arm in arms
        }
        scores = st.one_of(st.none(), st.floats())
        results = {
            arm: result(arm, *(document(object_id, data.draw(scores)) for object_id in found))
            for arm, found in lists.items()
        }
        joiner = UnionJoiner(arms, weights={"w": 0.3, "x": 0.1, "y": 0.2})
        made = asked(w=8, x=8, y=8, z=8)
        expected = joiner.run(made, **results)
        for arrival in data.draw(st.lists(st.permutations(arms), min_size=3, max_size=3)):
            assert joiner.run(made, **{arm: results[arm] for arm in arrival}) == expected
        united = expected["candidates"]
        assert sorted(ids(united)) == sorted(set().union(*lists.values()))
        assert [candidate.place for candidate in united.candidates] == [*range(1, len(united.candidates) + 1)]
        assert {report.arm: [ids(united)[place - 1] for place in report.found] for report in united.reports} == lists
        for candidate in united.candidates:
            assert {arm: lists[arm].index(candidate.object_id) + 1 for arm in candidate.arms} == {
                arm: provenance.rank for arm, provenance in candidate.arms.items()
            }
            assert all(0 <= provenance.normalised <= 1 for provenance in candidate.arms.values())

    def test_goes_to_json_and_back(self):
        united = unite(UnionJoiner(["x"]), {"x": 5}, result("x", document("a", math.nan), document("b", math.inf)))
        assert CandidateSet.from_json(united.to_json()).candidates[0].arms == united.candidates[0].arms


class TestDuplicates:
    def test_the_payload_is_that_of_the_best_rank(self):
        best = document("a", 1.0, origin="dense")
        united = unite(
            UnionJoiner(["bm25", "dense"]),
            {"bm25": 5, "dense": 5},
            result("bm25", document("b"), document("a", 9.0, origin="bm25")),
            result("dense", best),
        )
        assert united.candidates[0].document is best

    def test_at_equal_ranks_the_first_arm_gives_the_payload(self):
        results = [result("dense", document("a", origin="dense")), result("bm25", document("a", origin="bm25"))]
        united = unite(UnionJoiner(["bm25", "dense"]), {"dense": 5, "bm25": 5}, *results)
        assert united.candidates[0].document.meta == {"origin": "bm25"}

    def test_within_one_arm_the_first_counts(self):
        first = document("a", 3.0, copy=1)
        united = unite(UnionJoiner(["x"]), {"x": 5}, result("x", first, document("a", 2.0, copy=2), document("b", 1.0)))
        assert united.candidates[0].document is first
        assert united.candidates[0].arms == {"x": Provenance(1, 3.0, 1.0)}
        assert united.candidates[1].arms == {"x": Provenance(3, 1.0, 0.0)}
        assert united.candidates[0].score == 1 / 61

    def test_documents_are_known_by_the_key(self):
        united = unite(
            UnionJoiner(["x", "y"], key="meta.product.sku"),
            {"x": 5, "y": 5},
            result("x", document("chunk-1", product={"sku": "A7"}), document("n", product={"sku": 12})),
            result("y", document("chunk-9", product={"sku": "A7"}), document("m", product={"sku": "12"})),
        )
        assert ids(united) == ["A7", "12"]
        assert united.candidates[0].document.id == "chunk-1"

    @pytest.mark.parametrize("value", [None, "", True, 1.5, ["A7"], {"A7": 1}])
    def test_a_document_without_the_key_is_known_by_its_id(self, value):
        joiner = UnionJoiner(["x"], key="meta.sku")
        united = unite(joiner, {"x": 5}, result("x", document("a", sku=value), document("b")))
        assert ids(united) == ["a", "b"]

    def test_a_path_that_ends_early_falls_back_to_the_id(self):
        joiner = UnionJoiner(["x"], key="meta.product.sku")
        assert ids(unite(joiner, {"x": 5}, result("x", document("a", product="A7")))) == ["a"]

    @pytest.mark.parametrize("recalled", [1, 2, 3])
    def test_what_memory_says_of_a_document_stays_with_it_whichever_copy_wins(self, recalled):
        """The memory arm has its copy before, beside or behind the other arm's, with another text."""
        evidence = {"query_key": "love", "successes": 3.0, "looks": 4.0, "score": 0.17, "since": 100.0}
        mine = [document(f"m{rank}", 0.5) for rank in range(1, recalled)]
        remembered = Document(id="a", content="as it was", score=0.5, meta={"ltrr_memory": evidence})
        found = [document("w1"), Document(id="a", content="as it is", score=9.0, meta={"genre": "pop"})]
        made = decision(actions=action_set(words=(0, 10), recall=(0, 10)))
        united = factories.unite(made, {"words": found, "recall": [*mine, remembered]})
        (kept,) = [each.document for each in united.candidates if each.object_id == "a"]
        assert kept.content == ("as it was" if recalled == 1 else "as it is")
        assert kept.meta == {"ltrr_memory": evidence, **({} if recalled == 1 else {"genre": "pop"})}
        assert found[1].meta == {"genre": "pop"}
        assert all("ltrr_memory" not in each.document.meta for each in united.candidates if each.object_id != "a")

    def test_so_does_what_structured_and_related_arms_say_of_it(self):
        kinds = {"words": "lexical", "readings": "structured", "relatives": "related"}
        actions = ActionSet(tuple(Arm(name, kind, (0, 10)) for name, kind in kinds.items()), 30, {"words": 10})
        made = decision(actions=actions, allocation=dict.fromkeys(kinds, 10))
        reading, match = {"slots": {"artist": "Adele"}}, {"match": "b", "relation": "artist_id"}
        found = {
            "words": [document("a", 9.0, related="of its own"), document("d", ltrr_reading="of another search")],
            "readings": [document("b"), Document(id="a", content="a", meta={"ltrr_reading": reading})],
            "relatives": [document("c"), Document(id="a", content="a", meta={"ltrr_related": match})],
        }
        united = factories.unite(made, found)
        kept = {each.object_id: each.document.meta for each in united.candidates}
        told = {"ltrr_reading": reading, "ltrr_related": match}
        assert kept == {"a": {"related": "of its own", **told}, "b": {}, "c": {}, "d": {}}

    def test_nothing_is_mutated(self):
        documents = [document("a", 2.0, sku="A7"), document("b", 1.0, sku="A7")]
        before = [found.to_dict() for found in documents]
        unite(UnionJoiner(["x"], key="meta.sku"), {"x": 5}, result("x", *documents))
        assert [found.to_dict() for found in documents] == before


class TestNormalised:
    @pytest.mark.parametrize(
        ("scores", "expected"),
        [
            ([], []),
            ([7.0], [1.0]),
            ([10.0, 4.0, 2.0], [1.0, 0.25, 0.0]),
            ([-1.0, -3.0], [1.0, 0.0]),
            ([0.2, 0.2, 0.2], [1.0, 1.0, 1.0]),
            ([None], [1.0]),
            ([5.0, None, 1.0], [1.0, 0.5, 0.0]),
            ([None, None, None, None, None], [1.0, 0.75, 0.5, 0.25, 0.0]),
            ([1.7e308, 0.0, -1.7e308], [1.0, 0.5, 0.0]),
        ],
    )
    def test_by_minimum_and_maximum_or_else_by_rank(self, scores, expected):
        assert normalised(scores) == expected

    @settings(deadline=None)
    @given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))))
    def test_lies_between_nothing_and_one(self, scores):
        scaled = normalised(scores)
        assert len(scaled) == len(scores)
        assert all(0.0 <= score <= 1.0 for score in scaled)

    @pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, "high"])
    def test_a_score_that_is_no_finite_number_counts_as_missing(self, odd):
        found = [document("a", odd), document("b", 3.0)]
        united = unite(UnionJoiner(["x"]), {"x": 5}, result("x", *found))
        assert united.candidates[0].arms["x"] == Provenance(1, None, 1.0)
        assert united.candidates[1].arms["x"] == Provenance(2, 3.0, 0.0)
        assert united.reports[0].top_score is None


class TestReports:
    def test_each_arm_that_was_asked_is_reported(self):
        united = unite(
            UnionJoiner(["bm25", "dense", "memory", "sparse"]),
            {"bm25": 30, "dense": 10, "memory": 10, "sparse": 0},
            result("bm25", document("a", 8.0), document("b", 6.0), seconds=0.02),
            result("dense", seconds=1.0, error="timeout"),
        )
        assert united.reports == (
            ArmReport("bm25", 30, 2, 0.02, 8.0, found=(1, 2)),
            ArmReport("dense", 10, 0, 1.0, None, "timeout"),
            ArmReport("memory", 10, 0, 0.0, None, "no result"),
        )
        assert united.missing == {"dense": "timeout", "memory": "no result"}

    def test_each_arm_tells_where_in_the_union_its_documents_stand(self):
        """The union is c, a, b: dense counts twice."""
        united = unite(
            UnionJoiner(["bm25", "dense", "memory"], weights={"dense": 2.0}, rrf_k=10),
            {"bm25": 10, "dense": 1, "memory": 10},
            result("bm25", document("a"), document("b"), document("c")),
            result("dense", document("c"), document("a")),
            result("memory", error="timeout"),
        )
        assert [(each.object_id, each.place) for each in united.candidates] == [("c", 1), ("a", 2), ("b", 3)]
        bm25, dense, memory = united.reports
        assert (bm25.found, bm25.weight, bm25.rrf_k) == ((2, 3, 1), 1.0, 10)
        assert (dense.found, dense.weight, dense.rrf_k) == ((1,), 2.0, 10)
        assert (memory.found, memory.error) == ((), "timeout")

    def test_a_document_that_an_arm_brings_twice_has_one_place(self):
        united = unite(
            UnionJoiner(["x"], key="meta.sku"),
            {"x": 5},
            result("x", document("1", sku="a"), document("2", sku="b"), document("3", sku="a")),
        )
        assert united.reports[0].found == (1, 2, 1)
        assert united.reports[0].returned == 3

    def test_what_an_arm_left_out_is_told(self):
        left = ArmResult("x", (document("a"),), 0.01, None, 3)
        assert unite(UnionJoiner(["x"]), {"x": 5}, left).reports[0].left_out == 3

    def test_what_was_found_goes_to_json_and_back(self):
        united = unite(UnionJoiner(["x"], weights={"x": 2}), {"x": 5}, result("x", document("a"), document("b")))
        again = CandidateSet.from_json(united.to_json())
        assert again.reports == united.reports
        assert [each.place for each in again.candidates] == [1, 2]

    def test_an_arm_that_the_joiner_does_not_know_is_missed_if_it_was_asked(self):
        assert unite(UnionJoiner(["bm25"]), {"bm25": 0, "personal": 5}).missing == {"personal": "no result"}

    def test_an_arm_counts_down_to_the_depth_that_was_decided(self):
        united = unite(
            UnionJoiner(["x", "y"]),
            {"x": 2, "y": 0},
            result("x", document("a", 9.0), document("b", 5.0), document("c", 1.0)),
            result("y", document("d")),
        )
        assert ids(united) == ["a", "b"]
        assert united.candidates[1].arms["x"].normalised == 0.0
        assert united.reports == (ArmReport("x", 2, 2, 0.01, 9.0, found=(1, 2)),)

    def test_no_candidates_where_nothing_was_brought(self):
        united = unite(UnionJoiner(["x"]), {"x": 2}, result("x"))
        assert united.candidates == ()
        assert united.missing == {}

    def test_the_decision_travels_on(self):
        made = asked(x=2)
        assert UnionJoiner(["x"]).run(made)["candidates"].decision is made

    def test_an_arm_connected_to_the_wrong_input_is_named(self):
        with pytest.raises(ConfigurationError, match="input 'x' of UnionJoiner got the result of arm 'y'"):
            UnionJoiner(["x", "y"]).run(asked(x=2, y=2), x=result("y", document("a")))


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"arms": []}, "arms of UnionJoiner must be a list of at least one name"),
            ({"arms": "bm25"}, "arms of UnionJoiner must be a list of at least one name, got 'bm25'"),
            ({"arms": ["x", "y", "x"]}, r"arms of UnionJoiner must have different names, got \['x'\] more than once"),
            ({"arms": ["decision"]}, "arm 'decision' of UnionJoiner cannot be the name of an input"),
            ({"arms": ["a.b"]}, "arm 'a.b' of UnionJoiner cannot be the name of an input; take a text without a dot"),
            ({"arms": ["x"], "weights": {"z": 1.0}}, r"name the unknown arms \['z'\]; its arms are \['x'\]"),
            ({"arms": ["x"], "weights": {"x": -1.0}}, "weight of arm 'x' in UnionJoiner must not be negative"),
            ({"arms": ["x"], "weights": {"x": math.nan}}, "weight of arm 'x' in UnionJoiner must be a finite number"),
            ({"arms": ["x"], "key": "sku"}, "key of UnionJoiner must be 'id' or like 'meta.sku', got 'sku'"),
            ({"arms": ["x"], "key": "meta."}, "key of UnionJoiner must be 'id' or like 'meta.sku', got 'meta.'"),
            ({"arms": ["x"], "key": 5}, "key of UnionJoiner must be 'id' or like 'meta.sku', got 5"),
            ({"arms": ["x"], "rrf_k": 0}, "rrf_k of UnionJoiner must be positive, got 0"),
            ({"arms": ["x"], "rrf_k": "x"}, "rrf_k of UnionJoiner must be a number, got 'x'"),
        ],
    )
    def test_what_cannot_work_is_refused(self, settings, message):
        with pytest.raises(ConfigurationError, match=message):
            UnionJoiner(**settings)


@component
class Asking:
    """Stands in for the router: asks the arms it is told to."""

    def __init__(self, arms: list[str]):
        self.arms = arms
        component.set_output_types(self, decision=Decision, **dict.fromkeys(arms, ArmRequest))

    def run(self, depths: dict[str, int]) -> dict[str, Any]:
        requests = {arm: ArmRequest("love", depth) for arm, depth in depths.items() if depth > 0}
        return {"decision": asked(**depths), **requests}


@component
class Finding:
    def __init__(self, object_ids: list[str]):
        self.object_ids = object_ids

    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None) -> dict[str, Any]:
        if not self.object_ids:
            raise ConnectionError("no route to the index")
        return {"documents": [Document(id=object_id, content=query) for object_id in self.object_ids]}


def pipeline_of(**found):
    pipeline = Pipeline()
    pipeline.add_component("router", Asking(list(found)))
    pipeline.add_component("joiner", UnionJoiner(list(found)))
    pipeline.connect("router.decision", "joiner.decision")
    for arm, object_ids in found.items():
        pipeline.add_component(arm, RetrievalArm(arm, Finding(list(object_ids)), timeout=10))
        pipeline.connect(f"router.{arm}", f"{arm}.request")
        pipeline.connect(f"{arm}.result", f"joiner.{arm}")
    return pipeline


def search(pipeline, how, **depths):
    data = {"router": {"depths": depths}}
    answer = pipeline.run(data) if how == "sync" else asyncio.run(pipeline.run_async(data))
    return answer["joiner"]["candidates"]


@pytest.mark.parametrize("how", ["sync", "async"])
class TestInAPipeline:
    def test_the_arms_that_were_asked_are_united(self, how):
        united = search(pipeline_of(bm25="abc", dense="bc"), how, bm25=2, dense=1)
        assert ids(united) == ["b", "a"]
        assert [(report.arm, report.depth, report.returned) for report in united.reports] == [
            ("bm25", 2, 2),
            ("dense", 1, 1),
        ]

    def test_arms_that_were_not_asked_are_not_waited_for(self, how):
        pipeline = pipeline_of(bm25="abc", dense="bc", memory="c")
        assert ids(search(pipeline, how, bm25=0, dense=2, memory=0)) == ["b", "c"]
        assert search(pipeline, how, bm25=0, dense=0, memory=0).reports == ()

    def test_a_failing_arm_is_reported_and_fails_nothing(self, how):
        united = search(pipeline_of(bm25="ab", dense=""), how, bm25=2, dense=2)
        assert ids(united) == ["a", "b"]
        assert united.missing == {"dense": "ConnectionError: no route to the index"}

    def test_works_the_same_when_loaded_from_yaml(self, how, monkeypatch):
        monkeypatch.setenv("HAYSTACK_DESERIALIZATION_ALLOWLIST", f"ltrr_haystack,{__name__}")
        pipeline = pipeline_of(bm25="abc", dense="bc", memory="")
        loaded = Pipeline.loads(pipeline.dumps())
        assert loaded.to_dict()["components"] == pipeline.to_dict()["components"]
        united = search(loaded, how, bm25=2, dense=2, memory=2)
        assert ids(united) == ["b", "a", "c"]
        assert list(united.missing) == ["memory"]


async def test_many_searches_share_one_pipeline():
    pipeline = pipeline_of(bm25="abc", dense="cba", memory="b")
    asked = [{"bm25": number % 4, "dense": number % 3, "memory": number % 2} for number in range(60)]
    answers = await asyncio.gather(*(pipeline.run_async({"router": {"depths": depths}}) for depths in asked))
    for depths, answer in zip(asked, answers, strict=True):
        united = answer["joiner"]["candidates"]
        assert united.decision.allocation == depths
        assert {report.arm for report in united.reports} == {arm for arm, depth in depths.items() if depth}
        assert united.missing == {}
