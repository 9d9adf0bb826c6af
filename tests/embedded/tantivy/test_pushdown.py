"""What the index makes of filters is what Haystack makes of them."""

from uuid import uuid4

import pytest
from haystack import Document
from haystack.errors import FilterError
from haystack.utils.filters import document_matches_filter
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore
from ltrr_haystack.filtering import compiled

TEXTS = st.sampled_from(["", "rock", "pop", "1", "1.0", "True", "é", "\ud800", "a\0b", "x" * 1_001])
DATES = st.sampled_from(["2020-01-01", "2020-01-01T00:00:00Z", "2020-01-01T01:00:00+01:00", "2020-06-01 12:00"])
BIG = [2**53, 2**53 + 1, float(2**53), 10**400, -(10**400), 1e300, float("inf"), float("-inf")]
NUMBERS = st.sampled_from([0, -0.0, 1, 1.0, 1.5, -1, True, False, 5e-324, float("nan"), *BIG])
SCALARS = st.one_of(TEXTS, DATES, NUMBERS)
JSON = st.one_of(
    SCALARS, st.none(), st.lists(SCALARS, max_size=2), st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2)
)
METADATA = st.dictionaries(st.sampled_from(["keyword", "number", "both", "other"]), JSON, max_size=4)
FIELDS = st.sampled_from(
    [
        "keyword",
        "meta.keyword",
        "meta.number",
        "meta.both",
        "meta.keyword.a",
        "other",
        "id",
        "content",
        "score",
        "no.no",
    ]
)
WITHIN_LISTS = st.builds(
    dict, field=FIELDS, operator=st.just("array_contains"), value=st.lists(JSON, min_size=1, max_size=2)
)
COMPARISONS = st.one_of(
    st.builds(dict, field=FIELDS, operator=st.sampled_from(["==", "!="]), value=JSON),
    st.builds(
        dict, field=FIELDS, operator=st.sampled_from([">", ">=", "<", "<="]), value=st.one_of(DATES, NUMBERS, st.none())
    ),
    st.builds(dict, field=FIELDS, operator=st.sampled_from(["in", "not in"]), value=st.lists(JSON, max_size=3)),
    WITHIN_LISTS,
    st.builds(
        dict,
        field=st.just("id"),
        operator=st.sampled_from(["==", "!=", "in", "not in"]),
        value=st.sampled_from([["0"], ["1", "2"], "0", "none", 0]),
    ),
)
FILTERS = st.recursive(
    COMPARISONS,
    lambda inner: st.builds(
        dict, operator=st.sampled_from(["AND", "OR", "NOT"]), conditions=st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)

ROCK_WITHIN = {"operator": "array_contains", "value": ["rock"]}


def valid(filters):
    try:
        compiled(filters)
    except FilterError:
        return False
    return True


def catalogue(**settings):
    return TantivyDocumentStore(
        index=uuid4().hex,
        **{"keyword_fields": ["meta.keyword", "meta.both"], "number_fields": ["meta.number", "meta.both"], **settings},
    )


@pytest.fixture(scope="module", name="reused")
def _reused():
    return catalogue(text_fields={"content": "words"})


@settings(max_examples=120, deadline=None)
@given(st.lists(METADATA, min_size=1, max_size=5), st.lists(FILTERS.filter(valid), min_size=4, max_size=4))
@example([{"number": 2**53 + 1}], [{"field": "meta.number", "operator": ">", "value": 2**53}] * 4)
@example([{"number": 10**400}], [{"field": "meta.number", "operator": ">", "value": float("inf")}] * 4)
@example([{"number": -0.0}], [{"field": "meta.number", "operator": ">=", "value": 0}] * 4)
@example([{"keyword": None}, {}], [{"field": "keyword", "operator": "==", "value": None}] * 4)
@example([{"keyword": ["rock"]}, {"keyword": "rock"}], [{"field": "keyword", "operator": "==", "value": "rock"}] * 4)
@example([{"keyword": "2020-01-01"}], [{"field": "keyword", "operator": "==", "value": "2020-01-01T00:00:00Z"}] * 4)
@example([{"keyword": ["a", "rock"]}, {"keyword": "rock"}], [{**ROCK_WITHIN, "field": "keyword"}] * 4)
@example([{"other": ["a", "rock"]}, {"other": "rock"}], [{**ROCK_WITHIN, "field": "other"}] * 4)
@example([{"both": True}, {"both": 1.0}], [{"field": "meta.both", "operator": "in", "value": [1]}] * 4)
def test_the_index_finds_what_matches_and_nothing_else(reused, metadata, filters_of_all):
    documents = [Document(id=f"{number}", content="love", meta=meta) for number, meta in enumerate(metadata)]
    reused.delete_all_documents()
    reused.write_documents(documents)
    retriever = TantivyBM25Retriever(reused, top_k=10)
    for filters in filters_of_all:
        wanted = compiled(filters)
        ids = [document.id for document in documents if wanted(document)]
        assert [document.id for document in reused.filter_documents(filters)] == ids
        assert reused.count_documents_by_filter(filters) == len(ids)
        assert [document.id for document in retriever.run("love", filters=filters)["documents"]] == ids


@settings(max_examples=80, deadline=None)
@given(st.lists(METADATA, min_size=1, max_size=5), FILTERS.filter(valid))
def test_wherever_haystack_itself_has_an_answer_it_is_the_same(reused, metadata, filters):
    documents = [Document(id=f"{number}", content="love", meta=meta) for number, meta in enumerate(metadata)]
    try:
        ids = [document.id for document in documents if document_matches_filter(filters, document)]
    except (FilterError, TypeError, OverflowError):
        return
    reused.delete_all_documents()
    reused.write_documents(documents)
    assert [document.id for document in reused.filter_documents(filters)] == ids


class TestExactness:
    """Which filters are the index' alone, so that no document has to be looked at."""

    def exact(self, filters, documents=()):
        declared = catalogue()
        declared.write_documents(list(documents))
        return declared.plan_filters(filters, declared.snapshot()).post_filter is None

    @pytest.mark.parametrize(
        "filters",
        [
            {"field": "meta.keyword", "operator": "==", "value": "rock"},
            {"field": "keyword", "operator": "not in", "value": ["rock", 1, None]},
            {"field": "meta.number", "operator": ">=", "value": 1.5},
            {"field": "meta.number", "operator": "!=", "value": 2},
            {"field": "id", "operator": "in", "value": ["a", "b"]},
            {"field": "keyword", "operator": "array_contains", "value": ["rock", 1]},
            {
                "operator": "NOT",
                "conditions": [
                    {"field": "meta.keyword", "operator": "==", "value": "rock"},
                    {
                        "operator": "OR",
                        "conditions": [
                            {"field": "meta.number", "operator": "<", "value": 3},
                            {"field": "meta.both", "operator": "==", "value": True},
                        ],
                    },
                ],
            },
        ],
    )
    def test_of_declared_fields(self, filters):
        assert self.exact(filters)

    @pytest.mark.parametrize(
        "filters",
        [
            {"field": "meta.other", "operator": "==", "value": "rock"},
            {"field": "meta.keyword", "operator": ">", "value": 1},
            {"field": "meta.keyword", "operator": "==", "value": ["rock"]},
            {"field": "meta.keyword", "operator": "==", "value": "2020-01-01"},
            {"field": "meta.number", "operator": ">", "value": "2020-01-01"},
            {"field": "meta.other", "operator": "array_contains", "value": ["rock"]},
            {"field": "meta.keyword", "operator": "array_contains", "value": ["rock", "2020-01-01"]},
            {"field": "content", "operator": "==", "value": "love"},
        ],
    )
    def test_not_of_others(self, filters):
        assert not self.exact(filters)

    def test_not_where_a_number_is_not_exactly_the_one_in_the_index(self):
        beyond = Document(id="a", meta={"number": 2**53 + 1})
        above = {"field": "meta.number", "operator": ">", "value": 2**53}
        assert self.exact(above)
        assert not self.exact(above, [beyond])

    def test_a_post_filter_is_applied_to_what_the_rest_of_the_filters_finds(self):
        declared = catalogue()
        declared.write_documents([Document(id=each, meta={"keyword": each, "other": 1}) for each in ("rock", "pop")])
        filters = {
            "operator": "AND",
            "conditions": [
                {"field": "meta.keyword", "operator": "==", "value": "rock"},
                {"field": "meta.other", "operator": "==", "value": 1},
            ],
        }
        snapshot = declared.snapshot()
        plan = declared.plan_filters(filters, snapshot)
        assert plan.post_filter is not None
        assert len(snapshot.searcher.search(plan.query, 10).hits) == 1


def test_what_is_not_declared_is_told_once(caplog):
    undeclared = catalogue()
    undeclared.write_documents([Document(id="a", content="love", meta={"other": 1, "more": 2})])
    for _ in range(3):
        undeclared.filter_documents({"field": "other", "operator": "==", "value": 1})
    undeclared.filter_documents({"field": "meta.more", "operator": "==", "value": 1})
    told = [record.message for record in caplog.records]
    assert [message.count("'meta.other'") for message in told] == [1, 0]
    assert "keyword_fields" in told[0]


def test_filters_that_are_not_valid_are_refused_though_the_index_could_do_without_them():
    with pytest.raises(FilterError, match="'value' key missing"):
        catalogue().filter_documents({"field": "meta.other", "operator": "=="})
    with pytest.raises(FilterError, match=r"compares numbers, or dates .*got the text '1'"):
        catalogue().filter_documents({"field": "meta.number", "operator": ">", "value": "1"})


def test_texts_longer_than_a_term_of_the_index_are_told_apart():
    long = ["x" * 70_000, "x" * 70_000 + "y"]
    declared = catalogue()
    declared.write_documents([Document(id=f"{number}", meta={"keyword": each}) for number, each in enumerate(long)])
    for number, each in enumerate(long):
        found = declared.filter_documents({"field": "keyword", "operator": "==", "value": each})
        assert [document.id for document in found] == [f"{number}"]
