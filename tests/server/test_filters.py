import pytest
from haystack import Document, Pipeline
from haystack.components.retrievers import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils.filters import document_matches_filter
from pydantic import TypeAdapter, ValidationError

from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.structured_retriever import StructuredRetriever
from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.server.filters import MOST_CONDITIONS, check_filters, check_lists
from ltrr_haystack.server.schemas import Filter, Filters

ROCK = {"field": "genre", "operator": "==", "value": "rock"}
SAD = {"operator": "NOT", "conditions": [{"field": "meta.moods", "operator": "array_contains", "value": ["sad"]}]}
RECENT = {"field": "meta.year", "operator": ">=", "value": 2000}


@pytest.mark.parametrize("field", ["a b", "\n", "a'b", "a|b", "meta.", "meta..x", ".", "a.", "meta" + 11 * ".x"])
def test_a_field_that_no_store_can_have_is_refused(field):
    with pytest.raises(ValueError, match="expected at most 11 parts of letters, digits"):
        check_filters({"field": field, "operator": "==", "value": 1})


@pytest.mark.parametrize("field", ["score", "embedding", "sparse_embedding", "blob", "meta"])
def test_a_field_on_which_stores_do_not_agree_is_refused(field):
    with pytest.raises(
        ValueError, match=f"filters.field: not every store can filter by '{field}' .* such as 'meta.{field}'"
    ):
        check_filters({"field": field, "operator": "==", "value": 1})
    assert check_filters({"field": f"meta.{field}", "operator": "==", "value": 1})


class TestCost:
    def test_of_as_many_conditions_as_an_arm_has_time_for_is_let_through(self):
        conditions = [{"field": "year", "operator": "==", "value": year} for year in range(MOST_CONDITIONS - 1)]
        assert check_filters({"operator": "OR", "conditions": conditions})
        with pytest.raises(
            ValueError, match=r"at most 32 conditions are allowed, got 33; .* 'in' to compare with many values"
        ):
            check_filters({"operator": "OR", "conditions": [*conditions, ROCK]})

    def test_of_inner_conditions_counts(self):
        inner = {"operator": "AND", "conditions": [ROCK] * 10}
        with pytest.raises(ValueError, match="at most 32 conditions are allowed, got 34"):
            check_filters({"operator": "NOT", "conditions": [inner] * 3})

    @pytest.mark.parametrize(
        ("operator", "value"), [(">", "2026-05-16"), ("==", "2026-05-16"), ("in", ["rock", "2026-05-16T10:00"])]
    )
    def test_of_a_date_is_four_times_that_of_anything_else(self, operator, value):
        dates = [{"field": "day", "operator": operator, "value": value}] * 8
        assert check_filters({"operator": "AND", "conditions": dates[:7]})
        with pytest.raises(ValueError, match="got 33; a comparison with a date counts as 4"):
            check_filters({"operator": "AND", "conditions": dates})

    def test_of_each_value_that_a_list_has_to_hold_is_that_of_a_condition(self):
        assert check_filters({"field": "moods", "operator": "array_contains", "value": list(range(MOST_CONDITIONS))})
        for values in (list(range(MOST_CONDITIONS + 1)), ["2026-05-16"] * 8 + ["sad"]):
            with pytest.raises(ValueError, match=r"got 33; .* each value of 'array_contains'"):
                check_filters({"field": "moods", "operator": "array_contains", "value": values})

    def test_of_many_values_is_bounded(self):
        with pytest.raises(ValueError, match="more than 300 values"):
            check_filters({"field": "year", "operator": "in", "value": list(range(300))})


class TestLists:
    def pipeline(self, store, **retrievers):
        pipeline = Pipeline()
        pipeline.add_component("memory", RetrievalArm("memory", MemoryIndexRetriever(store, InMemoryDocumentStore())))
        for name, retriever in retrievers.items():
            pipeline.add_component(name, RetrievalArm(name, retriever))
        return pipeline

    def test_are_looked_into_where_the_stores_of_all_arms_can(self, store):
        tantivy = pytest.importorskip("ltrr_haystack.embedded.tantivy")
        songs = tantivy.TantivyDocumentStore()
        pipeline = self.pipeline(
            store,
            bm25=tantivy.TantivyBM25Retriever(songs),
            structured=StructuredRetriever(tantivy.TantivyBM25Retriever(songs)),
        )
        check_lists(SAD, pipeline)

    def test_are_not_looked_into_where_an_arm_alone_would_fail(self, store):
        pipeline = self.pipeline(store, bm25=InMemoryBM25Retriever(InMemoryDocumentStore()))
        with pytest.raises(InvalidInputError, match=r"'array_contains' cannot be used here, .* these arms .*: bm25$"):
            check_lists(SAD, pipeline)
        check_lists(ROCK, pipeline)
        check_lists(None, pipeline)


class TestCheckFilters:
    def test_writes_metadata_fields_the_way_every_store_reads_them(self):
        assert check_filters({"operator": "AND", "conditions": [ROCK, RECENT]}) == {
            "operator": "AND",
            "conditions": [{"field": "meta.genre", "operator": "==", "value": "rock"}, RECENT],
        }

    def test_an_empty_object_is_no_filter_as_in_haystack(self):
        assert check_filters({}) is None

    def test_the_documents_own_fields_stay(self):
        assert check_filters({"field": "id", "operator": "in", "value": ["a"]})["field"] == "id"

    @pytest.mark.parametrize(
        "filters",
        [
            ROCK,
            {"field": "day", "operator": "<", "value": "2026-05-16T12:00:00"},
            {"field": "genre", "operator": "not in", "value": ["rock", 3]},
            {"operator": "NOT", "conditions": [{"operator": "OR", "conditions": [ROCK, RECENT]}]},
        ],
    )
    def test_what_it_lets_through_haystack_can_apply(self, filters):
        document = Document(content="", meta={"genre": "rock", "year": 2005, "day": "2025-01-01"})
        assert document_matches_filter(check_filters(filters), document) in (True, False)

    @pytest.mark.parametrize(
        ("filters", "reason"),
        [
            ([], "expected an object with 'operator'"),
            ("genre:rock", "expected an object with 'operator'"),
            ({"genre": "rock"}, r"filters\.operator: expected one of AND, OR, NOT, ==, !=.*; it is missing$"),
            ({"operator": None, "field": "x", "value": 1}, r"filters\.operator: .*; it is missing$"),
            ({"operator": "AND", "conditions": [{}]}, r"filters\.conditions\.0\.operator: .*; it is missing$"),
            ({"operator": True, "field": "x", "value": 1}, r"filters\.operator: .*; got true$"),
            ({"field": "x", "operator": "~", "value": 1}, "got '~'"),
            ({"field": "x", "operator": ["=="], "value": 1}, "filters.operator"),
            ({"operator": "AND"}, "'AND' needs a list of conditions"),
            ({"operator": "AND", "conditions": []}, "'AND' needs a list of conditions"),
            ({"operator": "AND", "conditions": [ROCK, 3]}, r"filters\.conditions\.1: expected an object"),
            ({"operator": "==", "value": 1}, "needs the name of a field"),
            ({"field": 3, "operator": "==", "value": 1}, "needs the name of a field"),
            ({"field": "x", "operator": "=="}, "'==' needs a value"),
            ({"field": "x", "operator": "==", "value": None}, "'==' needs a text, a number, true or false"),
            ({"field": "x", "operator": "==", "value": {"a": 1}}, "'==' needs a text, a number, true or false"),
            ({"field": "x", "operator": ">", "value": "abc"}, "'>' needs a number, or a date"),
            ({"field": "x", "operator": ">", "value": [1]}, "'>' needs a number, or a date"),
            ({"field": "x", "operator": "in", "value": "rock"}, "'in' needs a list"),
            ({"field": "x", "operator": "array_contains", "value": "rock"}, "'array_contains' needs a list"),
            ({"field": "x", "operator": "array_contains", "value": []}, "'array_contains' needs a list"),
            ({"field": "x", "operator": "in", "value": [[1]]}, "'in' needs a list"),
            ({"field": "x", "operator": ">", "value": float("nan")}, "must be finite"),
            (ROCK | {"extra": 1}, r"filters\.extra: unknown field; possible are field, operator, value$"),
            ({"field": "x", "operator": "==", "vaule": 1}, r"filters\.vaule: unknown field; possible are field"),
            (
                {"operator": "NOT", "conditions": [{"operator": "OR", "conditions": [ROCK], "value": 1}]},
                r"filters\.conditions\.0\.value: unknown field; possible are operator, conditions$",
            ),
            ({"operator": "AND", "conditions": [ROCK | {"x" * 300: 1}]}, r"0\.x{40}: unknown field"),
        ],
    )
    def test_refuses_what_a_retriever_would_stumble_over(self, filters, reason):
        with pytest.raises(ValueError, match=reason):
            check_filters(filters)

    @pytest.mark.parametrize("filters", [ROCK, RECENT, SAD, SAD["conditions"][0]])
    def test_the_schema_of_the_api_knows_no_other_fields_either(self, filters):
        described = TypeAdapter(Filter)
        described.validate_python(filters)
        with pytest.raises(ValidationError):
            described.validate_python(filters | {"extra": 1})

    def test_a_search_may_have_an_empty_filter_also_by_the_schema_of_the_api(self):
        filters = TypeAdapter(Filters | None)
        assert filters.validate_python({}) is None
        assert filters.validate_python(ROCK) == ROCK | {"field": "meta.genre"}
        described = filters.json_schema()["$defs"]["NoFilter"]
        assert described["type"] == "object"
        assert described["additionalProperties"] is False
        assert "required" not in described

    def test_refuses_a_tower_of_conditions(self):
        tower = ROCK
        for _ in range(200):
            tower = {"operator": "NOT", "conditions": [tower]}
        with pytest.raises(ValueError, match="nested deeper"):
            check_filters(tower)
