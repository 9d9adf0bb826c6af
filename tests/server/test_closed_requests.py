import pytest
from pydantic import BaseModel, ValidationError

from ltrr_haystack.server.closed_requests import closed


class SearchRequest(BaseModel):
    query: str
    user_id: str | None = None


class TestClosed:
    def test_takes_what_it_took(self):
        model = closed(SearchRequest)
        assert model.model_validate({"query": "love"}).model_dump() == {"query": "love", "user_id": None}
        assert model.model_json_schema()["additionalProperties"] is False
        assert model.model_json_schema()["title"] == "SearchRequest"

    def test_names_what_is_unknown_and_what_is_possible(self):
        body = {"query": "love", "userid": "ann", "a": 1, "b": 1, "c": 1}
        with pytest.raises(ValidationError) as raised:
            closed(SearchRequest).model_validate(body)
        told = "unknown field; possible are query, user_id"
        assert [(error["loc"], error["msg"]) for error in raised.value.errors()] == [
            (("userid",), told),
            (("a",), told),
            (("b",), told),
        ]

    @pytest.mark.parametrize("body", [[], "love", None, {"user_id": "ann"}])
    def test_refuses_what_it_refused(self, body):
        with pytest.raises(ValidationError) as raised:
            closed(SearchRequest).model_validate(body)
        assert "unknown" not in str(raised.value)
