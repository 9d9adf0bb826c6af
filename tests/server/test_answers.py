import json
import math
from dataclasses import replace

import pytest
from fastapi import HTTPException
from haystack import Document, Pipeline

from ltrr_haystack.components.impression_writer import ImpressionWriter
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.ranking.explanation import Explanation, Grounds, explain
from ltrr_haystack.server.answers import JSONAnswer, public_reason, search_answer, warnings_of
from ltrr_haystack.server.failures import http_errors
from ltrr_haystack.types import ActionSet, Arm, ArmReport, Candidate, Decision, Provenance, Ranking, Understanding

ACTIONS = ActionSet((Arm("bm25", "lexical", (0, 10)), Arm("dense", "dense", (0, 10))), 20, {"bm25": 10})
DECISION = Decision("q1", 1.0, Understanding("love", "love"), ACTIONS, {"bm25": 10, "dense": 0}, 1.0, "live", "any")


def page(*reports, object_ids=("a",), meta=None):
    candidates = tuple(
        Candidate(each, Document(id="d", content="c", meta=meta or {}), {"bm25": Provenance(1, 2.0, 1.0)}, 0.5, 1)
        for each in object_ids
    )
    return Ranking(DECISION, candidates, ({},) * len(candidates), reports)


class TestMissingArms:
    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            ("timeout", "timeout"),
            ("timeout: no time was left", "timeout"),
            ("busy: no worker became free within 1.0 s", "busy"),
            ("circuit open: failed 5 times in a row, next trial in 3.0 s", "circuit open"),
            ("no result", "no result"),
            ("ConnectionError: https://admin:secret@10.0.0.7:9200/songs refused", "failed"),
            ("TimeoutError: read timed out", "failed"),
            ("FileNotFoundError: /srv/catalogue/index", "failed"),
            ("", "failed"),
        ],
    )
    def test_have_one_of_a_few_reasons_and_no_internals(self, error, reason):
        assert public_reason(error) == reason
        answer = search_answer(page(ArmReport("bm25", 10, 0, 0.1, error=error)))
        assert [each.model_dump() for each in answer.missing_arms] == [{"arm": "bm25", "reason": reason}]


class TestWarnings:
    def test_an_ordinary_page_has_none(self):
        assert warnings_of(page(ArmReport("bm25", 10, 1, 0.1), ArmReport("dense", 10, 0, 0.1, error="timeout"))) == []

    def test_documents_that_were_left_out_are_counted(self):
        assert warnings_of(page(ArmReport("bm25", 10, 1, 0.1, left_out=3))) == [
            "3 documents found by arm 'bm25' cannot be shown and were left out"
        ]

    def test_arms_that_were_asked_instead_are_named(self):
        reports = [ArmReport("bm25", 10, 0, 0.1, error="x"), ArmReport("dense", 10, 1, 0.1, fallback=True)]
        assert warnings_of(page(*reports)) == [
            "the arms chosen for this query (bm25) found nothing; asked instead: dense"
        ]

    def test_an_empty_page_says_so_and_which_arms_failed(self):
        reports = [ArmReport("bm25", 10, 0, 0.1), ArmReport("dense", 10, 0, 0.1, error="boom", fallback=True)]
        assert warnings_of(page(*reports, object_ids=()))[-1] == "no arm found a document (dense failed)"
        assert warnings_of(page(reports[0], object_ids=())) == ["no arm found a document (none failed)"]


class TestExplanation:
    def test_is_there_if_it_was_asked_for_and_comes_back_from_json(self):
        made = page(ArmReport("bm25", 10, 1, 0.1))
        explanation = explain(made, Grounds({}))
        answer = json.loads(JSONAnswer(search_answer(made, explanation=explanation)).body)
        assert Explanation.from_dict(answer["explanation"]) == explanation
        assert list(answer["explanation"]) == ["documents", "decision"]
        assert "explanation" not in json.loads(JSONAnswer(search_answer(made)).body)

    def test_says_no_more_of_a_failure_than_the_rest_of_the_answer(self):
        made = page(ArmReport("bm25", 10, 0, 0.1, error="ConnectionError: https://admin:secret@10.0.0.7:9200 refused"))
        body = JSONAnswer(search_answer(made, explanation=explain(made, Grounds({})))).body
        assert b"secret" not in body
        assert json.loads(body)["explanation"]["decision"]["arms"]["bm25"]["failed"] is True


class TestJSONAnswer:
    def test_shows_what_a_catalogue_has_in_its_metadata(self):
        answer = search_answer(
            page(meta={"price": math.nan, "set": {1}, "text": "\ud800", "nested": {"x": [math.inf]}})
        )
        (document,) = json.loads(JSONAnswer(answer).body)["documents"]
        assert document["meta"] == {"price": None, "set": [1], "text": "?", "nested": {"x": [None]}}


@pytest.fixture
def pipeline(store):
    pipeline = Pipeline()
    pipeline.add_component("understanding", QueryUnderstanding())
    pipeline.add_component("impressions", ImpressionWriter(store))
    return pipeline


class TestWhoseFaultItIs:
    def told(self, pipeline, query="love", object_id="a"):
        data = {"understanding": {"query": query}, "impressions": {"ranking": page(object_ids=(object_id,))}}
        with pytest.raises(HTTPException) as told, http_errors():
            pipeline.run(data)
        return told.value

    def test_a_query_is_the_callers(self, pipeline):
        told = self.told(pipeline, query=" ")
        assert told.status_code == 422
        assert "query is only white space" in told.detail

    @pytest.mark.parametrize("object_id", ["x" * 5000, "a\0b", "\ud800"])
    def test_what_is_wrong_with_a_document_is_not(self, pipeline, object_id):
        assert self.told(pipeline, object_id=object_id).status_code == 500

    def test_decisions_keep_the_filters(self):
        filters = {"field": "meta.year", "operator": "in", "value": [1999, "x"]}
        decided = replace(DECISION, filters=filters)
        assert Decision.from_json(decided.to_json()).filters == filters
