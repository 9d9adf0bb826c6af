"""Filters of readings mean what the readings say, in the stores that we can ask here."""

from uuid import uuid4

import pytest
from haystack import Document
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.errors import FilterError
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.catalogue import Lexicon, LexiconCollector, LexiconFields
from ltrr_haystack.filtering import compiled
from ltrr_haystack.structured.filters import all_of, filters_of
from ltrr_haystack.types import Interpretation

TAGGED = Lexicon(("artist", "tags"), frozenset({"tags"}), 0, {})
TAYLOR = {"field": "meta.artist", "operator": "==", "value": "Taylor Swift"}


def lexicon_of(field: str, *values: object) -> Lexicon:
    collector = LexiconCollector(LexiconFields([f"meta.{field}"]))
    collector.add([Document(meta={field: value}) for value in values])
    return collector.lexicon()


def reading(**slots: str) -> Interpretation:
    return Interpretation(slots, "", 1.0)


class TestFiltersOf:
    def test_no_slots_are_no_filters(self):
        assert filters_of(reading(), TAGGED) == {}

    def test_one_slot_is_a_comparison(self):
        assert filters_of(reading(artist="Taylor Swift"), TAGGED) == TAYLOR

    def test_all_slots_have_to_match_in_the_order_of_their_fields(self):
        pop = {"field": "meta.album.genre", "operator": "==", "value": "pop"}
        expected = {"operator": "AND", "conditions": [pop, TAYLOR]}
        assert filters_of(reading(**{"artist": "Taylor Swift", "album.genre": "pop"})) == expected
        assert filters_of(reading(**{"album.genre": "pop", "artist": "Taylor Swift"})) == expected

    def test_values_within_lists_are_asked_for_by_the_operator_of_the_store(self):
        equal = {"field": "meta.tags", "operator": "==", "value": "rock"}
        within = {"field": "meta.tags", "operator": "array_contains", "value": ["rock"]}
        rock = reading(tags="rock", artist="Taylor Swift")
        assert filters_of(reading(tags="rock"), TAGGED) == {"operator": "OR", "conditions": [within, equal]}
        assert filters_of(reading(tags="rock"), TAGGED, lists="==") == equal
        assert filters_of(rock, TAGGED, lists=None) == TAYLOR

    def test_a_document_that_was_tagged_with_a_value_matches_it_too(self):
        tagged = {"field": "meta.content_tags.artist", "operator": "==", "value": "Taylor Swift"}
        filters = filters_of(reading(artist="Taylor Swift"), TAGGED, tags="content_tags")
        assert filters == {"operator": "OR", "conditions": [TAYLOR, tagged]}
        matches = compiled(filters_of(reading(tags="rock"), TAGGED, tags="found"))
        assert matches(Document(meta={"tags": ["rock"]}))
        assert matches(Document(meta={"found": {"tags": ["pop", "rock"]}}))
        assert not matches(Document(meta={"found": {"tags": ["pop"], "artist": "rock"}}))

    def test_a_value_matches_in_all_ways_in_which_documents_write_it(self):
        swift = lexicon_of("artist", "Taylor Swift", "Taylor Swift", "TAYLOR SWIFT", "Adele")
        among = {"field": "meta.artist", "operator": "in", "value": ["Taylor Swift", "TAYLOR SWIFT"]}
        assert filters_of(reading(artist="Taylor Swift"), swift) == among
        assert filters_of(reading(artist="Adele"), swift) == {**TAYLOR, "value": "Adele"}
        tags = lexicon_of("tags", ["Rock", "pop"], ["Rock"], ["rock"])
        matches = compiled(filters_of(reading(tags="Rock"), tags))
        assert [matches(Document(meta={"tags": each})) for each in (["rock"], ["Rock"], ["ROCK"])] == [
            True,
            True,
            False,
        ]

    @pytest.mark.parametrize(
        ("value", "written"), [(1999, "1999"), (-3, "-3"), (19.99, "19.99"), (5.0, "5.0"), ("1e3", "1e3"), ("07", "07")]
    )
    def test_a_number_matches_as_text_and_as_number(self, value, written):
        filters = filters_of(reading(year=written), lexicon_of("year", value, 2001))
        matches = compiled(filters)
        assert matches(Document(meta={"year": value}))
        assert matches(Document(meta={"year": written}))
        assert not matches(Document(meta={"year": 2001}))
        assert matches(Document(meta={"year": 1000})) is False
        assert matches(Document(meta={"year": 7})) is False

    def test_equal_numbers_match_however_they_are_written(self):
        lexicon = lexicon_of("year", 2008, 2008.0, 2008.0)
        matches = compiled(filters_of(reading(year="2008.0"), lexicon))
        assert all(matches(Document(meta={"year": each})) for each in (2008, 2008.0, "2008", "2008.0"))

    @given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4))
    def test_a_value_is_a_value_and_a_field_is_metadata_whatever_is_typed(self, slots):
        filters = filters_of(Interpretation(slots, "", 1.0), Lexicon((), frozenset(list(slots)[:1]), 0, {}))
        pending, operators = [filters], set()
        while pending:
            condition = pending.pop()
            pending += condition.get("conditions", [])
            operators.add(condition.get("operator"))
            if "field" in condition:
                assert condition["field"].removeprefix("meta.") in slots
                assert condition["field"].startswith("meta.")
                value = condition["value"]
                assert (value[0] if condition["operator"] == "array_contains" else value) in slots.values()
        assert operators <= {"AND", "OR", "==", "array_contains", None}
        if filters:
            compiled(filters)


class TestStores:
    DOCUMENTS = (
        Document(id="list", content="a", meta={"tags": ["pop", "rock"], "artist": "Taylor Swift"}),
        Document(id="text", content="b", meta={"tags": "rock", "artist": "Adele"}),
        Document(id="other", content="c", meta={"tags": ["rocksteady"]}),
        Document(id="none", content="d", meta={"tags": None}),
    )

    @pytest.mark.parametrize("declared", [["meta.tags"], []])
    def test_the_embedded_store_finds_values_within_lists(self, declared):
        tantivy = pytest.importorskip("ltrr_haystack.embedded.tantivy")
        store = tantivy.TantivyDocumentStore(index=uuid4().hex, keyword_fields=declared)
        store.write_documents(list(self.DOCUMENTS))
        found = store.filter_documents(filters_of(reading(tags="rock"), TAGGED))
        assert [document.id for document in found] == ["list", "text"]
        found = store.filter_documents(filters_of(reading(tags="rock", artist="Taylor Swift"), TAGGED))
        assert [document.id for document in found] == ["list"]

    def test_the_in_memory_store_finds_them_only_afterwards(self):
        store = InMemoryDocumentStore()
        store.write_documents(list(self.DOCUMENTS))
        rock = reading(tags="rock", artist="Taylor Swift")
        with pytest.raises(FilterError):
            store.filter_documents(filters_of(rock, TAGGED))
        found = store.filter_documents(filters_of(rock, TAGGED, lists=None))
        assert [document.id for document in found if compiled(filters_of(rock, TAGGED))(document)] == ["list"]

    def test_qdrant_takes_equality_for_it(self):
        qdrant = pytest.importorskip("haystack_integrations.document_stores.qdrant")
        store = qdrant.QdrantDocumentStore(":memory:", embedding_dim=2, index=uuid4().hex)
        store.write_documents([Document(**{**vars(each), "embedding": [0.0, 1.0]}) for each in self.DOCUMENTS])
        found = store.filter_documents(filters_of(reading(tags="rock"), TAGGED, lists="=="))
        assert sorted(document.meta["artist"] for document in found) == ["Adele", "Taylor Swift"]

    def test_elasticsearch_and_pgvector_are_asked_in_their_own_operators(self):
        elasticsearch = pytest.importorskip("haystack_integrations.document_stores.elasticsearch.filters")
        pgvector = pytest.importorskip("haystack_integrations.document_stores.pgvector.filters")
        rock = reading(tags="rock")
        asked = elasticsearch._normalize_filters(filters_of(rock, TAGGED, lists="=="))
        assert asked == {"bool": {"must": {"term": {"tags": "rock"}}}}
        clause, parameters = pgvector._convert_filters_to_where_clause_and_params(filters_of(rock, TAGGED))
        assert "@>" in repr(clause)
        assert [getattr(each, "obj", each) for each in parameters] == [["rock"], "rock"]


def test_filters_are_joined_without_empty_ones():
    assert all_of() == {}
    assert all_of(None, {}, TAYLOR) == TAYLOR
    assert all_of(TAYLOR, None, TAYLOR) == {"operator": "AND", "conditions": [TAYLOR, TAYLOR]}
