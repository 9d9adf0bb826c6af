import gzip
from pathlib import Path

import pytest

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.evaluation.datasets import Query, load_beir, load_corpus

SHARED = Path(__file__).parents[3] / "shared" / "data"
HEADER = "query-id\tcorpus-id\tscore"
SONG = {"_id": "d1", "title": "Rain", "text": "A song.", "metadata": {"year": 1999, "tags": ["sad"], "deep": {"a": 1}}}
LOVE = {"_id": "q1", "text": "love"}


class TestLoadBeir:
    def test_content_is_title_and_text_and_nested_metadata_is_left_out(self, beir):
        data = load_beir(beir([SONG], [LOVE], [HEADER, "q1\td1\t2"]))
        (document,) = data.documents
        assert document.id == "d1"
        assert document.content == "Rain\nA song."
        assert document.meta == {"title": "Rain", "year": 1999, "tags": ["sad"]}
        assert data.qrels == {"q1": {"d1": 2}}
        assert data.name == "shop"

    def test_a_document_without_a_title_has_its_text_alone(self, beir):
        (document,) = load_beir(beir([{"_id": "d1", "text": "Only text."}], [LOVE], [HEADER])).documents
        assert document.content == "Only text."
        assert document.meta == {}

    def test_the_kind_comes_from_the_metadata_or_from_the_form_of_the_query(self, beir):
        queries = [
            {"_id": "q1", "text": "love", "metadata": {"kind": "ambiguous"}},
            {"_id": "q2", "text": "how do I tie a tie"},
            {"_id": "q3", "text": "sad songs", "metadata": {}},
        ]
        assert load_beir(beir([SONG], queries, [HEADER])).queries == [
            Query("q1", "love", "ambiguous"),
            Query("q2", "how do I tie a tie", "question"),
            Query("q3", "sad songs", "topical"),
        ]

    def test_reads_compressed_files(self, beir):
        folder = beir([SONG], [LOVE], [HEADER])
        plain = folder / "corpus.jsonl"
        (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
        assert [document.id for document in load_beir(folder).documents] == ["d1"]

    def test_reads_another_split_and_takes_a_negative_grade_for_none(self, beir):
        folder = beir([SONG], [LOVE], [HEADER, "q1\td1\t-1"], split="dev")
        assert load_beir(folder, split="dev").qrels == {"q1": {"d1": 0}}

    def test_only_queries_that_something_answers_are_answerable(self, beir):
        queries = [LOVE, {"_id": "q2", "text": "rain"}, {"_id": "q3", "text": "snow"}]
        data = load_beir(beir([SONG], queries, [HEADER, "q1\td1\t1", "q2\td1\t0"]))
        assert [query.id for query in data.answerable()] == ["q1"]

    def test_the_fingerprint_follows_the_documents(self, beir):
        first = load_beir(beir([SONG], [LOVE], [HEADER])).fingerprint
        assert load_beir(beir([SONG], [], [HEADER])).fingerprint == first
        assert load_beir(beir([SONG | {"text": "A tune."}], [LOVE], [HEADER])).fingerprint != first


class TestWhatIsWrongIsNamed:
    @pytest.mark.parametrize(
        ("corpus", "message"),
        [
            ([SONG, "{"], r"corpus\.jsonl, line 2: not JSON"),
            ([SONG, "[]"], r"corpus\.jsonl, line 2: expected a JSON object, got list"),
            ([{"text": "x"}], r"corpus\.jsonl, line 1: '_id' must be text, got None"),
            ([{"_id": 7, "text": "x"}], r"corpus\.jsonl, line 1: '_id' must be text, got 7"),
            ([{"_id": "d", "text": 7}], r"corpus\.jsonl, line 1: 'text' must be text, got int"),
            ([{"_id": "d", "metadata": [1]}], r"corpus\.jsonl, line 1: 'metadata' must be an object, got list"),
            ([SONG, "", SONG], r"corpus\.jsonl, line 3: '_id' 'd1' was already given in line 1"),
        ],
    )
    def test_in_the_corpus(self, beir, corpus, message):
        with pytest.raises(InvalidInputError, match=message):
            load_beir(beir(corpus, [LOVE], [HEADER]))

    def test_in_the_queries(self, beir):
        with pytest.raises(InvalidInputError, match=r"queries\.jsonl, line 1: 'text' of query 'q1' is empty"):
            load_beir(beir([SONG], [{"_id": "q1", "text": " "}], [HEADER]))

    @pytest.mark.parametrize(
        ("qrels", "message"),
        [
            (["q1\td1\t1"], r"test\.tsv, line 1: expected the header query-id<tab>corpus-id<tab>score"),
            ([HEADER, "q1 d1 1"], r"test\.tsv, line 2: expected 3 fields parted by tabs, got 1"),
            ([HEADER, "q1\td1\t0.5"], r"test\.tsv, line 2: the score must be a whole number, got '0\.5'"),
        ],
    )
    def test_in_the_judgements(self, beir, qrels, message):
        with pytest.raises(InvalidInputError, match=message):
            load_beir(beir([SONG], [LOVE], qrels))

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("corpus.jsonl", b'{"_id": "d1"}\n{"_id": "caf\xe9"}\n', r"corpus\.jsonl, line 2: not UTF-8"),
            ("queries.jsonl", rb'{"_id": "q1", "text": "\ud800"}', r"queries\.jsonl, line 1: half a character"),
            ("queries.jsonl", b'{"_id": "q1", "metadata": ' + b"[" * 100_000, r"queries\.jsonl, line 1: not JSON"),
            ("qrels/test.tsv", b"query-id\tcorpus-id\tscore\nq\xff\td1\t1", r"test\.tsv, line 2: not UTF-8"),
        ],
    )
    def test_in_the_bytes(self, beir, name, text, message):
        folder = beir([SONG], [LOVE], [HEADER])
        (folder / name).write_bytes(text)
        with pytest.raises(InvalidInputError, match=message):
            load_beir(folder)

    def test_a_whole_character_written_as_two_halves_is_one(self, beir):
        folder = beir([SONG], [LOVE], [HEADER])
        (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "\\ud83c\\udfb5"}')
        assert load_beir(folder).queries[0].text == "🎵"

    def test_a_missing_split_says_which_there_are(self, beir):
        with pytest.raises(InvalidInputError, match=r"train\.tsv is missing; splits that are there: test"):
            load_beir(beir([SONG], [LOVE], [HEADER]), split="train")

    def test_a_folder_that_is_none_says_what_one_has(self, tmp_path):
        with pytest.raises(InvalidInputError, match=r"corpus\.jsonl is missing .* a BEIR folder has"):
            load_beir(tmp_path)


class TestLoadCorpus:
    def test_needs_the_documents_alone(self, beir):
        folder = beir([SONG], [LOVE], [HEADER])
        expected = load_beir(folder).documents
        (folder / "queries.jsonl").unlink()
        (folder / "qrels" / "test.tsv").unlink()
        assert load_corpus(folder) == expected

    def test_a_folder_without_documents_says_what_one_has(self, tmp_path):
        with pytest.raises(InvalidInputError, match=r"corpus\.jsonl is missing .* a BEIR folder has"):
            load_corpus(tmp_path)


@pytest.mark.data
class TestRealData:
    @pytest.mark.parametrize(
        ("name", "documents", "queries", "kinds"),
        [
            ("icecat", 19_406, 135, {"broad", "topical", "navigational"}),
            ("medquad", 17_908, 103, {"question"}),
            ("lastfm", 17_632, 1_164, {"topical", "navigational_name", "navigational_prefix"}),
        ],
    )
    def test_loads(self, name, documents, queries, kinds):
        if not (SHARED / name).exists():
            pytest.skip(f"data set {SHARED / name} is not there")
        data = load_beir(SHARED / name)
        assert len(data.documents) == documents
        assert len(data.queries) == queries
        assert kinds <= {query.kind for query in data.queries}
        known = {document.id for document in data.documents}
        assert all(grades.keys() <= known for grades in data.qrels.values())


@pytest.mark.parametrize("score", ["101", "99999999999999999999"])
def test_a_grade_beyond_all_measure_is_refused_by_line(tmp_path, score):
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d", "text": "rain"}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "rain"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\nq\td\t{score}\n")
    with pytest.raises(InvalidInputError, match=r"test.tsv, line 2: the score must be at most 100"):
        load_beir(tmp_path)
