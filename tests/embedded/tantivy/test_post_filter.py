"""Documents that have to be looked at are looked at once."""

import pytest
from haystack import Document

pytest.importorskip("tantivy")

from ltrr_haystack.deadline import within
from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore, post_filter

OTHER = {"field": "meta.other", "operator": "==", "value": 1}


@pytest.fixture
def catalogue(tmp_path):
    made = TantivyDocumentStore(str(tmp_path / "index"), keyword_fields=["meta.genre"])
    made.write_documents([song(number) for number in range(10)])
    return made


def song(number):
    """The higher the number, the longer the text, and the lower its score."""
    meta = {"other": number % 2, "genre": "pop" if number < 4 else "rock"}
    return Document(id=f"{number}", content=f"rain{' and' * number}", meta=meta)


@pytest.fixture
def looked_at(monkeypatch):
    """The ids of the documents that were looked at."""
    ids, decode = [], post_filter.decode

    def watched(found, **settings):
        document = decode(found, **settings)
        ids.append(document.id)
        return document

    monkeypatch.setattr(post_filter, "decode", watched)
    return ids


def found(catalogue, filters, top_k=100):
    return [each.id for each in TantivyBM25Retriever(catalogue).run("rain", filters=filters, top_k=top_k)["documents"]]


def test_once_for_all_searches_and_for_everything_else(catalogue, looked_at):
    odd = ["1", "3", "5", "7", "9"]
    assert found(catalogue, OTHER) == odd
    assert len(looked_at) == 10
    assert found(catalogue, OTHER) == odd
    assert [document.id for document in catalogue.filter_documents(OTHER)] == odd
    assert catalogue.count_documents_by_filter(OTHER) == 5
    assert len(looked_at) == 10


def test_only_as_many_as_it_takes(catalogue, looked_at):
    catalogue.write_documents([song(number) for number in range(10, 500)])
    assert len(found(catalogue, OTHER, top_k=2)) == 2
    assert len(looked_at) < 50


def test_what_was_written_since_is_looked_at_and_nothing_else(catalogue, looked_at):
    found(catalogue, OTHER)
    looked_at.clear()
    catalogue.write_documents([Document(id="new", content="rain", meta={"other": 1})])
    catalogue.update_by_filter({"field": "id", "operator": "==", "value": "1"}, {"other": 0})
    assert found(catalogue, OTHER) == ["new", "3", "5", "7", "9"]
    assert sorted(looked_at) == ["1", "new"]


def test_what_takes_the_place_of_a_deleted_document_is_looked_at(catalogue, looked_at):
    """As after a restart: the number of the write that was deleted is not given again."""
    found(catalogue, OTHER)
    catalogue.delete_documents(["9"])
    catalogue.close()
    catalogue.write_documents([Document(id="new", content="rain", meta={"other": 0})])
    assert found(catalogue, OTHER) == ["1", "3", "5", "7"]


def test_the_index_narrows_what_is_looked_at(catalogue, looked_at):
    pop = {"field": "meta.genre", "operator": "==", "value": "pop"}
    assert found(catalogue, {"operator": "AND", "conditions": [OTHER, pop]}) == ["1", "3"]
    assert sorted(looked_at) == ["0", "1", "2", "3"]


def test_filters_that_differ_in_a_type_are_two(catalogue, looked_at):
    assert (
        found(catalogue, {**OTHER, "value": 1.0})
        == found(catalogue, {**OTHER, "value": True})
        == found(catalogue, OTHER)
    )
    assert len(looked_at) == 30


def test_nobody_waits_longer_than_the_deadline_and_what_was_found_out_is_kept(catalogue, looked_at, monkeypatch):
    monkeypatch.setattr("ltrr_haystack.embedded.scans.BURST", -1.0)
    with within(-1.0), pytest.raises(TimeoutError):
        found(catalogue, OTHER)
    assert found(catalogue, OTHER) == ["1", "3", "5", "7", "9"]


def test_an_embedding_is_looked_at_only_where_it_is_asked_for():
    catalogue = TantivyDocumentStore()
    catalogue.write_documents([Document(id="a", embedding=[0.5]), Document(id="b")])
    without = {"field": "embedding", "operator": "==", "value": None}
    assert [document.id for document in catalogue.filter_documents(without)] == ["b"]


def test_a_bounded_number_of_filters_is_remembered(catalogue):
    cache = post_filter.PostFilterCache(size=2)
    known = [cache.get({**OTHER, "value": value}, bool).cache for value in (1, 2, 1, 3, 1)]
    assert known[0] is known[2] is known[4]
    assert cache.get({**OTHER, "value": 2}, bool).cache is not known[1]


def test_of_all_filters_together_a_bounded_number_of_documents_is_remembered(monkeypatch):
    monkeypatch.setattr(post_filter, "MAX_CACHED", 3)
    cache = post_filter.PostFilterCache()
    first, second = ({**OTHER, "value": value} for value in (1, 2))
    cache.get(first, bool).cache.update({1: True, 2: True})
    cache.get(second, bool).cache.update({1: False, 2: False})
    assert cache.get(second, bool).cache == {1: False, 2: False}
    assert cache.get(first, bool).cache == {}
