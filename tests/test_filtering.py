import math
from datetime import UTC, date, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import dateutil.parser
import pytest
from haystack import Document
from haystack.errors import FilterError
from haystack.utils.filters import document_matches_filter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ltrr_haystack.filtering import _date, compiled

ROCK = {"field": "meta.genre", "operator": "==", "value": "rock"}
RECENT = {"field": "meta.year", "operator": ">=", "value": 2000}

TEXTS = st.sampled_from(["", "rock", "10", "5.0", "true", "May", "noon", "2020", "x" * 12, "ümläut", "\ud800"])
DATES = st.sampled_from(
    [
        "2020-01-01",
        "2020-01-01T00:00:00",
        "2020-01-01T00:00:00Z",
        "2020-01-01T01:00:00+01:00",
        "2020-01-01 24:00",
        "2020-01-02",
        "2019-12-31T23:00:00-01:00",
        "2020-13-45",
        "2020-01-01x",
        "20200101",
        "May 5, 2020",
    ]
)
NUMBERS = st.sampled_from([0, 1, 5, 5.0, 5.5, -1, 2**53, 2**53 + 1, 10**30, 1e30, math.nan, math.inf, True, False])
SCALARS = st.one_of(TEXTS, DATES, NUMBERS, st.none())
LISTS = st.lists(SCALARS, max_size=3)
OBJECTS = st.sampled_from(
    [
        datetime(2020, 1, 1),  # noqa: DTZ001
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2020, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        date(2020, 1, 1),
        ("rock", 5),
    ]
)
VALUES = st.one_of(SCALARS, LISTS, OBJECTS, st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2))
FIELDS = st.sampled_from(
    ["meta.a", "meta.b", "a", "meta.a.b", "meta.a.b.a", "id", "content", "score", "nothing", "id.a"]
)
WORDS = ["May", "sept", "Friday", "am", "PM", "of", "th", "T", "z", "UTC", "CEST", "BRST", "W", "h", "min", "hours"]
DATE_PIECES = [*" .,;:/-'+\0_0123456789²½éİ", *WORDS, "10", "2020", "31", "nan", "inf", "love", "LOVELY", "K"]


def comparisons() -> st.SearchStrategy[dict[str, Any]]:
    def of(operator: str) -> st.SearchStrategy[dict[str, Any]]:
        value = {
            "==": st.one_of(SCALARS, LISTS, OBJECTS),
            "!=": st.one_of(SCALARS, LISTS, OBJECTS),
            "in": st.lists(st.one_of(SCALARS, OBJECTS, LISTS), max_size=4),
            "not in": st.lists(st.one_of(SCALARS, OBJECTS, LISTS), max_size=4),
        }.get(operator, st.one_of(NUMBERS, OBJECTS, DATES.filter(lambda text: _date(text) is not None), st.none()))
        return st.fixed_dictionaries({"field": FIELDS, "operator": st.just(operator), "value": value})

    return st.sampled_from(["==", "!=", ">", ">=", "<", "<=", "in", "not in"]).flatmap(of)


FILTERS = st.recursive(
    comparisons(),
    lambda inner: st.fixed_dictionaries(
        {"operator": st.sampled_from(["AND", "OR", "NOT"]), "conditions": st.lists(inner, max_size=3)}
    ),
    max_leaves=6,
)
DOCUMENTS = st.builds(
    Document,
    id=st.sampled_from(["rock", "5", "2020-01-01"]),
    content=st.one_of(st.none(), TEXTS, DATES),
    meta=st.dictionaries(st.sampled_from("ab"), VALUES, max_size=2),
    score=st.one_of(st.none(), st.just(5.0)),
)


def by_haystack(filters: dict[str, Any], document: Document) -> bool:
    """Haystack's answer, where a comparison that raises counts as not fulfilled."""
    if "field" in filters:
        try:
            return bool(document_matches_filter(filters, document))
        except Exception:  # noqa: BLE001
            return False
    answers = [by_haystack(condition, document) for condition in filters["conditions"]]
    return {"AND": all(answers), "OR": any(answers), "NOT": not all(answers)}[filters["operator"]]


class TestMeaning:
    @settings(max_examples=600, deadline=None)
    @given(FILTERS, DOCUMENTS)
    def test_is_haystacks_where_haystack_answers_and_else_the_comparison_is_not_fulfilled(self, filters, document):
        matches = compiled(filters)(document)
        assert matches is by_haystack(filters, document)
        try:
            expected = document_matches_filter(filters, document)
        except Exception:  # noqa: BLE001
            return
        assert matches == bool(expected)

    @settings(max_examples=400, deadline=None)
    @given(comparisons(), DOCUMENTS)
    def test_of_a_comparison_is_haystacks(self, filters, document):
        assert compiled(filters)(document) is by_haystack(filters, document)

    @pytest.mark.parametrize("operator", ["==", "!=", ">", ">=", "<", "<=", "in", "not in"])
    def test_a_value_that_cannot_be_compared_fulfils_nothing(self, operator):
        class Sulking:
            def refuse(self, _):
                raise RuntimeError("compare me to nothing")

            __eq__ = __lt__ = __le__ = __gt__ = __ge__ = refuse
            __hash__ = None

        for value in (5, "2020-01-01", "rock"):
            if operator in (">", ">=", "<", "<=") and value == "rock":
                continue
            filters = {
                "field": "meta.x",
                "operator": operator,
                "value": [value] if operator in ("in", "not in") else value,
            }
            document = Document(id="d")
            document.meta["x"] = Sulking()
            assert compiled(filters)(document) is False
            assert compiled({"operator": "NOT", "conditions": [filters]})(document) is True

    def test_a_document_without_metadata_has_no_values(self):
        document = Document(id="d")
        object.__setattr__(document, "meta", None)
        assert compiled(ROCK)(document) is False
        assert compiled({**ROCK, "operator": "!="})(document) is True
        assert compiled({**ROCK, "field": "genre"})(document) is False

    def test_a_read_only_mapping_is_a_filter_too(self):
        assert compiled(MappingProxyType(ROCK))(Document(id="d", meta={"genre": "rock"}))

    def test_conditions_may_be_many(self):
        conditions = [{**RECENT, "value": year} for year in range(500)]
        assert compiled({"operator": "AND", "conditions": conditions})(Document(id="d", meta={"year": 499}))
        assert not compiled({"operator": "AND", "conditions": conditions})(Document(id="d", meta={"year": 498}))


class TestValuesWithinLists:
    @pytest.mark.parametrize(
        ("values", "found", "expected"),
        [
            (["rock"], ["pop", "rock"], True),
            (["rock"], ("rock",), True),
            (["rock", "pop"], ["pop", "jazz", "rock"], True),
            (["rock", "pop"], ["rock"], False),
            (["rock"], "rock", False),
            (["rock"], {"rock": 1}, False),
            (["rock"], [["rock"]], False),
            (["rock"], None, False),
            ([1], [1.0], True),
            ([math.nan], [math.nan], False),
            (["2020-01-01"], ["2020-01-01T00:00:00Z"], True),
        ],
    )
    def test_are_asked_for_by_array_contains(self, values, found, expected):
        filters = {"field": "meta.tags", "operator": "array_contains", "value": values}
        assert compiled(filters)(Document(id="d", meta={"tags": found})) is expected
        assert compiled({"operator": "NOT", "conditions": [filters]})(Document(id="d", meta={"tags": found})) is (
            not expected
        )


class TestDates:
    @settings(max_examples=800, deadline=None)
    @given(st.lists(st.sampled_from(DATE_PIECES), max_size=8).map("".join))
    @example("Ma\0y 5")
    @example("10:30 CEST")
    @example("2020-01-01x10:00")
    @pytest.mark.filterwarnings("ignore:tzname:dateutil.parser.UnknownTimezoneWarning")
    def test_are_read_as_haystack_reads_them(self, text):
        try:
            expected = datetime.fromisoformat(text)
        except ValueError:
            try:
                expected = dateutil.parser.parse(text)
            except Exception:  # noqa: BLE001
                expected = None
        assert _date(text) == expected

    @given(st.text(max_size=20))
    @settings(max_examples=400, deadline=None)
    @pytest.mark.filterwarnings("ignore:tzname:dateutil.parser.UnknownTimezoneWarning")
    def test_any_text_is_read_as_haystack_reads_it(self, text):
        filters = {"field": "meta.a", "operator": ">", "value": "1970-01-01"}
        document = Document(id="d", meta={"a": text})
        assert compiled(filters)(document) is by_haystack(filters, document)

    def test_that_are_equal_in_another_zone_are_among_many(self):
        dates = [f"2020-01-{day:02}T12:00:00+02:00" for day in range(1, 31)]
        among = compiled({"field": "meta.day", "operator": "in", "value": dates})
        assert among(Document(id="d", meta={"day": "2020-01-07T10:00:00Z"}))
        assert among(Document(id="d", meta={"day": "2020-01-07T12:00:00"}))
        assert not among(Document(id="d", meta={"day": "2020-01-07T10:00:00"}))


class TestMistakes:
    @pytest.mark.parametrize(
        ("filters", "reason"),
        [
            ({}, "'operator' key missing"),
            ({"field": "meta.x", "value": 1}, "'operator' key missing"),
            ({"operator": "AND"}, "'conditions' key missing"),
            ({"operator": "=="}, "Unknown logical operator '=='"),
            ({"operator": ["AND"], "conditions": []}, "Unknown logical operator"),
            ({"operator": "AND", "conditions": "ab"}, "must be a list, got str"),
            ({"operator": "AND", "conditions": {"a": ROCK}}, "must be a list, got dict"),
            ({"operator": "OR", "conditions": [ROCK, 3]}, "must be a dictionary, got int"),
            ({"field": "meta.x", "operator": "=="}, "'value' key missing"),
            ({"field": "meta.x", "operator": "AND", "value": 1}, "Unknown comparison operator 'AND'"),
            ({"field": 3, "operator": "==", "value": 1}, "'field' must be text, got int"),
            ({"field": "meta.x", "operator": "in", "value": "abc"}, "must be a `list`"),
            ({"field": "meta.x", "operator": "array_contains", "value": "abc"}, "must be a `list` with at least one"),
            ({"field": "meta.x", "operator": "array_contains", "value": []}, "must be a `list` with at least one"),
            ({"field": "meta.x", "operator": ">", "value": [1]}, "can't be of type <class 'list'>"),
            ({"field": "meta.x", "operator": ">", "value": {}}, "can't be of type <class 'dict'>"),
            ({"field": "meta.x", "operator": ">", "value": "rock"}, "Expected a date in ISO format, got 'rock'"),
        ],
    )
    def test_are_told_before_any_document_is_looked_at(self, filters, reason):
        with pytest.raises(FilterError, match=reason):
            compiled(filters)
        with pytest.raises(FilterError, match=reason):
            compiled({"operator": "NOT", "conditions": [ROCK, filters]})

    def test_a_tower_of_conditions_is_one(self):
        tower: dict[str, Any] = ROCK
        for _ in range(5000):
            tower = {"operator": "NOT", "conditions": [tower]}
        with pytest.raises(FilterError, match="nested deeper than 100"):
            compiled(tower)
