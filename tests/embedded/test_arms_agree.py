"""A filter that the server lets through leaves the same documents in every arm of the embedded default."""

from functools import partial

import pytest
from haystack import Document
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore
from ltrr_haystack.embedded.vectors import EmbeddedVectorRetriever
from ltrr_haystack.filtering import compiled
from ltrr_haystack.memory.fetch import DocumentFetcher
from ltrr_haystack.server.filters import check_filters

TEXTS = st.sampled_from(["", "rock", "pop", "1", "1.0", "true", "May 5, 2020", "x y", "é"])
DATES = st.sampled_from(["2020-01-01", "2020-01-01T00:00:00Z", "2020-01-01T01:00:00+01:00", "2020-06-01 12:00"])
NUMBERS = st.sampled_from([0, 1, 1.0, 1.5, -1, 2**53, 1e300, True, False])
SCALARS = st.one_of(TEXTS, DATES, NUMBERS)
JSON = st.one_of(
    SCALARS, st.none(), st.lists(SCALARS, max_size=2), st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2)
)
METADATA = st.dictionaries(st.sampled_from(["a", "b", "score", "content"]), JSON, max_size=4)
FIELDS = st.sampled_from(["a", "b", "meta.a", "meta.a.b", "meta.score", "content.x", "id", "content", "c"])
COMPARISONS = st.one_of(
    st.builds(dict, field=FIELDS, operator=st.sampled_from(["==", "!="]), value=SCALARS),
    st.builds(dict, field=FIELDS, operator=st.sampled_from([">", ">=", "<", "<="]), value=st.one_of(DATES, NUMBERS)),
    st.builds(
        dict, field=FIELDS, operator=st.sampled_from(["in", "not in"]), value=st.lists(SCALARS, min_size=1, max_size=3)
    ),
)
FILTERS = st.recursive(
    COMPARISONS,
    lambda inner: st.builds(
        dict, operator=st.sampled_from(["AND", "OR", "NOT"]), conditions=st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=5,
)


def accepted(filters):
    try:
        return check_filters(filters)
    except ValueError:
        return None


@settings(max_examples=150, deadline=None)
@given(st.lists(METADATA, min_size=1, max_size=6), st.lists(FILTERS.map(accepted).filter(bool), min_size=3, max_size=3))
@example([{"a": 1}, {"a": 1.0}, {"a": True}], [{"field": "meta.a", "operator": "==", "value": 1.0}])
@example([{"a": ["rock"]}, {"a": "rock"}], [{"field": "meta.a", "operator": "==", "value": "rock"}])
@example(
    [{"a": 5, "b": "rock"}, {"a": "five"}, {}],
    [{"operator": "NOT", "conditions": [{"field": f"meta.{field}", "operator": ">", "value": 1} for field in "ab"]}],
)
def test_every_arm_finds_the_same(metadata, filters_of_all):
    documents = [
        Document(id=f"{number}", content=f"love {number}", meta=meta, embedding=[1.0, number / 10])
        for number, meta in enumerate(metadata)
    ]
    store = TantivyDocumentStore(keyword_fields=["meta.a"], number_fields=["meta.a", "meta.score"])
    store.write_documents(documents)
    ids = [document.id for document in documents]
    arms = {
        "words": partial(TantivyBM25Retriever(store).run, "love", top_k=50),
        "vectors": partial(EmbeddedVectorRetriever(store).run, [1.0, 0.0], top_k=50),
    }
    for filters in filters_of_all:
        found = {arm: {each.id for each in run(filters=filters)["documents"]} for arm, run in arms.items()}
        found["memory"] = set(DocumentFetcher(store).fetch(ids, compiled(filters)))
        found["store"] = {each.id for each in store.filter_documents(filters)}
        assert len(set(map(frozenset, found.values()))) == 1, found
