import math
from datetime import UTC, datetime
from types import MappingProxyType
from uuid import UUID

import pytest

from ltrr_haystack.components.search_inputs import check_context, check_filters, check_ids
from ltrr_haystack.errors import InvalidInputError

JAZZ = {"field": "meta.genre", "operator": "==", "value": "jazz"}


def said(check, given):
    with pytest.raises(InvalidInputError) as caught:
        check(given)
    return str(caught.value)


class TestIds:
    def test_a_number_is_told_how_to_be_an_id(self):
        assert said(check_ids, {"user_id": 5}) == "user_id: expected a string, got int 5; pass str(5)"

    @pytest.mark.parametrize("value", [b"ann", True, 1.5, ["ann"], UUID(int=5)])
    def test_anything_else_is_told_its_type(self, value):
        assert said(check_ids, {"session_id": value}).startswith(
            f"session_id: expected a string, got {type(value).__name__} {value!r}"
        )

    def test_one_that_the_log_cannot_hold_is_refused(self):
        check_ids({"client_id": "x" * 2048})
        assert "client_id" in said(check_ids, {"client_id": "x" * 2049})
        assert "expected at most 2048" in said(check_ids, {"client_id": "é" * 1025})
        assert "NUL" in said(check_ids, {"user_id": "a\0b"})

    def test_those_that_are_not_known_are_none(self):
        check_ids({"user_id": None, "session_id": "", "client_id": "ann"})


class TestContext:
    @pytest.mark.parametrize("context", ["phone", ["phone"], 5, []])
    def test_what_is_no_mapping_is_refused(self, context):
        told = f"got {type(context).__name__} {context!r}"
        assert said(check_context, context) == f"context: expected a mapping such as {{'device': 'phone'}}, {told}"

    def test_a_mapping_is_taken(self):
        for context in (None, {}, {"device": "phone"}, MappingProxyType({"page": 2})):
            check_context(context)


class TestFilters:
    @pytest.mark.parametrize("filters", ["genre = jazz", [JAZZ], 5, [], ""])
    def test_what_is_no_mapping_is_refused(self, filters):
        message = said(check_filters, filters)
        assert message.startswith("filters: expected a mapping such as {'field': 'meta.genre'")
        assert message.endswith(f"got {type(filters).__name__} {filters!r}")

    @pytest.mark.parametrize(
        ("filters", "reason"),
        [
            ({"genre": "jazz"}, "'operator' key missing"),
            ({**JAZZ, "operator": "="}, "Unknown comparison operator '='"),
            ({"field": "meta.genre", "operator": "=="}, "'value' key missing"),
            ({"operator": "AND"}, "'conditions' key missing"),
            ({"operator": "AND", "conditions": [JAZZ, "jazz"]}, "a condition must be a dictionary, got str"),
        ],
    )
    def test_what_is_no_filter_is_refused_with_the_reason(self, filters, reason):
        assert said(check_filters, filters).startswith("filters: ")
        assert reason in said(check_filters, filters)

    @pytest.mark.parametrize("value", [math.nan, "\ud800", {(1, 2): 3}])
    def test_what_the_log_cannot_hold_is_refused(self, value):
        message = said(check_filters, {**JAZZ, "value": value})
        assert message.startswith("filters: expected what the log can hold as JSON: ")

    def test_filters_and_none_are_taken(self):
        dated = {"field": "meta.day", "operator": ">", "value": datetime(2026, 5, 16, tzinfo=UTC)}
        for filters in (None, {}, JAZZ, dated, MappingProxyType(JAZZ), {"operator": "NOT", "conditions": [JAZZ]}):
            check_filters(filters)
