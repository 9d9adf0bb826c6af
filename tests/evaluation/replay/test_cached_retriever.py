import threading

import pytest
from haystack import Document, component

from factories import ids
from ltrr_haystack.evaluation.replay.cached_retriever import CachedRetriever, cache_file
from ltrr_haystack.evaluation.replay.faults import FailingRetriever

DOCUMENTS = [Document(id=str(number), content=f"text {number}", meta={"n": number}) for number in range(200)]


@component
class Counting:
    """Finds the first documents there are, and remembers how it was asked."""

    def __init__(self, size=200):
        self.size = size
        self.calls = []

    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
        self.calls.append((query, filters, top_k))
        return {"documents": [Document(id=d.id, content=d.content, score=0.5) for d in DOCUMENTS[: self.size][:top_k]]}


class TestCachedRetriever:
    def test_asks_once_to_full_depth_and_gives_the_first(self):
        inner = Counting()
        cached = CachedRetriever(inner, depth=50)
        assert ids(cached.run("love", top_k=3)) == ["0", "1", "2"]
        assert ids(cached.run("love", top_k=10)) == [str(number) for number in range(10)]
        assert len(cached.run("love")["documents"]) == 50
        assert inner.calls == [("love", None, 50)]

    def test_filters_and_queries_are_told_apart(self):
        inner = Counting()
        cached = CachedRetriever(inner, depth=50)
        cached.run("love")
        cached.run("rain")
        cached.run("love", filters={"field": "meta.year", "operator": "==", "value": 1999})
        cached.run("rain")
        assert len(inner.calls) == 3

    def test_a_deeper_request_asks_again(self):
        inner = Counting()
        cached = CachedRetriever(inner, depth=50)
        cached.run("love", top_k=10)
        assert len(cached.run("love", top_k=80)["documents"]) == 80
        assert [top_k for _, _, top_k in inner.calls] == [50, 80]

    def test_what_has_no_more_to_give_is_not_asked_for_more(self):
        inner = Counting(size=7)
        cached = CachedRetriever(inner, depth=50)
        assert len(cached.run("love", top_k=10)["documents"]) == 7
        assert len(cached.run("love", top_k=80)["documents"]) == 7
        assert len(inner.calls) == 1

    def test_what_was_found_elsewhere_is_remembered(self):
        inner = Counting()
        cached = CachedRetriever(inner, depth=50, documents=DOCUMENTS)
        assert not cached.remembers("love", 50)
        cached.remember("love", 50, [("7", 2.0), ("3", 1.0)])
        assert cached.remembers("love", 80)  # it has no more to give
        found = cached.run("love", top_k=10)["documents"]
        assert [(document.id, document.score, document.meta) for document in found] == [
            ("7", 2.0, {"n": 7}),
            ("3", 1.0, {"n": 3}),
        ]
        assert inner.calls == []

    def test_what_was_asked_for_less_deeply_is_not_known(self):
        cached = CachedRetriever(Counting(), depth=50, documents=DOCUMENTS)
        cached.run("love", top_k=10)
        assert cached.remembers("love", 50)
        assert not cached.remembers("love", 51)

    def test_an_answer_with_a_document_of_another_catalogue_is_left_out(self):
        cached = CachedRetriever(Counting(), depth=50, documents=DOCUMENTS)
        cached.remember("love", 50, [("7", 2.0), ("unknown", 1.0)])
        assert not cached.remembers("love", 50)

    def test_a_failure_is_not_remembered(self):
        inner = Counting()
        cached = CachedRetriever(FailingRetriever("down"), depth=50)
        with pytest.raises(ConnectionError, match="down"):
            cached.run("love")
        cached.retriever = inner
        assert len(cached.run("love", top_k=2)["documents"]) == 2

    def test_a_second_program_starts_from_the_file(self, tmp_path):
        file = cache_file(tmp_path / "caches", "bm25", "abc")
        first = CachedRetriever(Counting(), depth=50, documents=DOCUMENTS, file=file)
        first.run("love", top_k=3)
        inner = Counting()
        second = CachedRetriever(inner, depth=50, documents=DOCUMENTS, file=file)
        found = second.run("love", top_k=3)["documents"]
        assert inner.calls == []
        assert [(document.id, document.score, document.meta) for document in found] == [
            ("0", 0.5, {"n": 0}),
            ("1", 0.5, {"n": 1}),
            ("2", 0.5, {"n": 2}),
        ]

    def test_a_line_cut_short_is_asked_again(self, tmp_path):
        file = tmp_path / "bm25.jsonl"
        CachedRetriever(Counting(), depth=50, documents=DOCUMENTS, file=file).run("love")
        file.write_text(file.read_text()[:100])
        for calls in (1, 0):
            inner = Counting()
            assert len(CachedRetriever(inner, depth=50, documents=DOCUMENTS, file=file).run("love")["documents"]) == 50
            assert len(inner.calls) == calls

    def test_a_file_in_which_nothing_was_ever_found_is_removed(self, tmp_path):
        """As of a run that searched where nothing was indexed; not of a retriever that found something once."""
        file = tmp_path / "bm25.jsonl"
        nowhere = CachedRetriever(Counting(size=0), depth=50, documents=DOCUMENTS, file=file)
        for query in ("love", "rain"):
            assert nowhere.run(query)["documents"] == []
        inner = Counting()
        again = CachedRetriever(inner, depth=50, documents=DOCUMENTS, file=file)
        assert len(again.run("love")["documents"]) == 50
        assert [query for query, _, _ in inner.calls] == ["love"]
        last = CachedRetriever(inner, depth=50, documents=DOCUMENTS, file=file)
        assert len(last.run("rain")["documents"]) == len(last.run("love")["documents"]) == 50
        assert [query for query, _, _ in inner.calls] == ["love", "rain"]

    def test_that_a_query_finds_nothing_is_remembered(self, tmp_path):
        file = tmp_path / "bm25.jsonl"
        first = CachedRetriever(Counting(), depth=50, documents=DOCUMENTS, file=file)
        first.run("love")
        first.retriever = Counting(size=0)
        first.run("gibberish")
        inner = Counting()
        assert CachedRetriever(inner, depth=50, documents=DOCUMENTS, file=file).run("gibberish")["documents"] == []
        assert inner.calls == []

    def test_many_threads_get_the_same(self):
        cached = CachedRetriever(Counting(), depth=50)
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append([ids(cached.run(f"q{n % 5}", top_k=4)) for n in range(50)]))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [[["0", "1", "2", "3"]] * 50] * 8

    def test_refuses_settings_that_cannot_work(self, tmp_path):
        with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
            CachedRetriever(Counting(), depth=0)
        with pytest.raises(ValueError, match="documents must be given too"):
            CachedRetriever(Counting(), file=tmp_path / "x.jsonl")


class TestCacheFile:
    def test_is_another_one_for_other_data_or_another_model(self, tmp_path):
        names = {
            cache_file(tmp_path, arm, data, model).name
            for arm in ("bm25", "dense")
            for data in ("abc", "abd")
            for model in ("m/1", "m/2")
        }
        assert len(names) == 8
        assert "dense-abc-m_1.jsonl" in names
