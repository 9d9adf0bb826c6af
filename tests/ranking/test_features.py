import math
import random
from dataclasses import replace

import numpy as np
import pytest
from haystack import Document
from hypothesis import given
from hypothesis import strategies as st

from factories import action_set, decision
from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.memory.index import Remembered
from ltrr_haystack.ranking.features import FeatureSchema, compute
from ltrr_haystack.types import ArmReport, Candidate, Provenance, Ranking, Understanding

SCHEMA = FeatureSchema.of_arms(("bm25", "dense", "memory"))
UNDERSTANDING = Understanding(
    "Hits of 99?", "hits of 99", ("hits", "of", "99"), language="und", query_type="question", has_digits=True
)
DECISION = decision(
    understanding=UNDERSTANDING, actions=action_set(bm25=(0, 10), dense=(0, 10), memory=(0, 10)), policy="vw"
)
REPORTS = (
    ArmReport("bm25", 10, 2, 0.01, top_score=20.0, weight=0.5, rrf_k=6.0),
    ArmReport("dense", 10, 1, 0.01, top_score=-0.5, weight=2.0, rrf_k=7.0),
    ArmReport("memory", 10, 0, 1.0, error="timeout"),
)
CANDIDATES = (
    Candidate("a", Document(id="a"), {"bm25": Provenance(4, 15.0, 0.7), "dense": Provenance(1, -0.5, 1.0)}, 0.03),
    Candidate("b", Document(id="b"), {"bm25": Provenance(1, 20.0, 1.0)}, 0.02),
)


def computed(candidates=CANDIDATES, reports=REPORTS, remembered=None):
    return SCHEMA.mappings(compute(SCHEMA, candidates, reports, DECISION, remembered or {}))


class TestCompute:
    def test_provenance_query_and_union_by_hand(self):
        assert computed()[0] == {
            "arm.bm25.present": 1.0,
            "arm.bm25.reciprocal_rank": 0.25,
            "arm.bm25.normalised": 0.7,
            "arm.bm25.of_top_score": 0.75,
            "arm.dense.present": 1.0,
            "arm.dense.reciprocal_rank": 1.0,
            "arm.dense.normalised": 1.0,
            "arms": 2.0,
            "fused": 0.03,
            "fused.searched": 0.05 + 0.25,  # 0.5 / (6 + 4) + 2 / (7 + 1)
            "place.searched": 1.0,
            "query.tokens": 3.0,
            "query.characters": 10.0,
            "query.has_digits": 1.0,
            "query.language_known": 0.0,
            "query.navigational": 0.0,
            "query.topical": 0.0,
            "query.broad": 0.0,
            "query.question": 1.0,
        }

    def test_an_arm_that_ran_without_finding_it_differs_from_one_that_failed(self):
        found = computed()[1]
        assert found["arm.dense.present"] == 0.0
        assert "arm.dense.reciprocal_rank" not in found
        assert "arm.memory.present" not in found

    def test_what_memory_arms_add_is_not_in_the_searched_score(self):
        reports = (*REPORTS[:2], ArmReport("memory", 10, 2, 0.01, weight=9.0))
        brought = {"bm25": Provenance(4, 15.0, 0.7), "memory": Provenance(1, 0.9, 1.0)}
        both = Candidate("a", Document(id="a"), brought, 0.2)
        alone = Candidate("b", Document(id="b"), {"memory": brought["memory"]}, 0.1)
        first, second = computed((both, alone), reports)
        assert (first["fused"], first["fused.searched"]) == (0.2, 0.05)
        assert (second["fused"], second["fused.searched"]) == (0.1, 0.0)

    def test_the_searched_score_is_the_unions_own_where_no_memory_arm_brought_anything(self, world):
        union = world.union_of("q", {3}, random.Random(0))
        schema = FeatureSchema.of_arms(union.decision.actions.names)
        values = compute(schema, union.candidates, union.reports, union.decision, {})
        np.testing.assert_allclose(values[:, schema.columns["fused.searched"]], values[:, schema.columns["fused"]])

    def test_an_arm_without_a_report_adds_nothing_to_the_searched_score(self):
        assert computed(reports=REPORTS[:1])[0]["fused.searched"] == 0.05

    def test_the_place_is_that_in_the_order_without_memory(self):
        """The union has them in the order a, b, c, d, e: memory put the first two there, and d and e score alike."""
        memory = {"memory": Provenance(1, 0.9, 1.0)}
        rank = {name: {"bm25": Provenance(of, 1.0, 1.0)} for name, of in {"b": 5, "c": 1, "d": 3, "e": 3}.items()}
        arms = {"a": memory, "b": {**rank["b"], **memory}, "c": rank["c"], "d": rank["d"], "e": rank["e"]}
        union = tuple(Candidate(name, Document(id=name), brought, 0.1) for name, brought in arms.items())
        reports = (*REPORTS[:1], ArmReport("memory", 10, 2, 0.01, weight=9.0))
        found = computed(union, reports)
        assert [row["place.searched"] for row in found] == [5.0, 4.0, 1.0, 2.0, 3.0]

    def test_what_only_an_arm_without_weight_brought_stands_before_what_only_memory_brought(self):
        memory, dense = {"memory": Provenance(1, 0.9, 1.0)}, {"dense": Provenance(1, 0.9, 1.0)}
        union = tuple(Candidate(name, Document(id=name), of, 0.1) for name, of in {"a": memory, "b": dense}.items())
        reports = (ArmReport("dense", 10, 1, 0.01, weight=0.0), ArmReport("memory", 10, 1, 0.01))
        assert [row["place.searched"] for row in computed(union, reports)] == [2.0, 1.0]

    def test_memory_speaks_for_what_it_remembers_only(self):
        remembered = {"b": Remembered("b", "hits of 99", 3.0, 5.0, 4 / 15)}
        first, second = computed(remembered=remembered)
        assert not any(name.startswith("memory.") for name in first)
        assert second["memory.exposures"] == 5.0

    def test_arms_without_scores_leave_the_score_out(self):
        candidate = Candidate("a", Document(id="a"), {"bm25": Provenance(1, None, 1.0)}, 0.1)
        assert "arm.bm25.of_top_score" not in computed((candidate,))[0]

    def test_what_is_not_finite_is_missing(self):
        candidate = Candidate("a", Document(id="a"), {"bm25": Provenance(1, math.inf, math.nan)}, math.inf)
        (found,) = computed((candidate,))
        assert all(math.isfinite(value) for value in found.values())
        assert not found.keys() & {"fused", "arm.bm25.of_top_score", "arm.bm25.normalised"}

    def test_an_arm_that_the_schema_does_not_know_is_passed_over(self):
        assert computed(reports=(ArmReport("new", 10, 1, 0.01),))[0]["arms"] == 2.0

    def test_no_candidates_no_features(self):
        assert computed(()) == ()

    @given(keep=st.sets(st.integers(0, 15), min_size=1))
    def test_a_candidate_has_the_same_features_in_any_company(self, world, keep):
        union = world.union_of("q", {3}, random.Random(0), known=True)
        schema = FeatureSchema.of_arms(union.decision.actions.names)

        def features(candidates):
            return compute(schema, candidates, union.reports, union.decision, {}, union.candidates)

        rows = sorted(keep)
        alone = features([union.candidates[row] for row in rows])
        np.testing.assert_array_equal(alone, features(union.candidates)[rows])


class TestFeatureSchema:
    def test_does_not_depend_on_the_order_of_the_arms(self):
        assert FeatureSchema.of_arms(("dense", "memory", "bm25")) == SCHEMA

    def test_another_feature_is_another_fingerprint(self):
        assert FeatureSchema.of_arms(("bm25", "dense")).fingerprint != SCHEMA.fingerprint
        assert len(SCHEMA.fingerprint) == 12

    def test_what_was_logged_is_what_was_computed_to_the_bit(self, world):
        ranking = world.shown(world.union_of("q", {3}, random.Random(0)))
        reread = Ranking.from_json(ranking.to_json())
        schema = FeatureSchema.of_arms(ranking.decision.actions.names)
        np.testing.assert_array_equal(schema.matrix(reread.features), schema.matrix(ranking.features))

    def test_a_logged_feature_of_another_schema_is_ignored_and_one_of_ours_is_missing(self):
        row = FeatureSchema(("fused", "arms")).matrix([{"fused": 0.5, "arm.gone.present": 1.0}])
        assert row[0, 0] == 0.5
        assert np.isnan(row[0, 1])

    def test_says_in_which_features_two_schemas_differ(self):
        model = FeatureSchema.of_arms(("bm25", "sparse"))
        pipeline = FeatureSchema.of_arms(("bm25", "dense"))
        with pytest.raises(SnapshotError) as raised:
            model.columns_in(pipeline)
        message = str(raised.value)
        assert model.fingerprint in message
        assert pipeline.fingerprint in message
        assert "only the model has arm.sparse.normalised, arm.sparse.of_top_score" in message
        assert "only the pipeline has arm.dense.normalised, arm.dense.of_top_score" in message

    def test_a_model_finds_its_columns_in_a_pipeline_that_has_more_features(self):
        assert SCHEMA.columns_in(replace(SCHEMA)) == list(range(len(SCHEMA.names)))
        pipeline = FeatureSchema.of_pipeline(("bm25", "dense", "memory", "sparse"), ("mine",))
        columns = SCHEMA.columns_in(pipeline)
        assert [pipeline.names[column] for column in columns] == list(SCHEMA.names)

    def test_without_memory_nothing_is_left_that_tells_whether_a_query_was_searched_before(self):
        schema = FeatureSchema.of_arms(("bm25", "memory", "memory2"))
        kept = schema.without_memory(("memory",))
        assert set(schema.names) - set(kept.names) == {
            "arm.memory.present",
            "arm.memory.reciprocal_rank",
            "arm.memory.normalised",
            "arm.memory.of_top_score",
            "memory.exposures",
            "arms",
            "fused",
            "place.searched",
        }
        assert [name for name in schema.names if name in kept.columns] == list(kept.names)
        assert "fused.searched" in kept.names
        assert kept.fingerprint != schema.fingerprint
