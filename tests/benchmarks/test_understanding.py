import gzip
import json

import pytest

pytest.importorskip("tantivy")

from ltrr_haystack.evaluation.datasets import load_beir

ROWS = [
    {
        "_id": "swift",
        "title": "Taylor Swift",
        "text": "pop",
        "metadata": {"tags": {"pop": 3, "country": 1}, "listeners": 9},
    },
    {"_id": "adele", "title": "Adele", "text": "soul", "metadata": {"tags": {"soul": 2}, "listeners": 5}},
    {"_id": "queen", "title": "Queen", "text": "", "metadata": {"tags": {"rock": 1}, "listeners": 7}},
]
QUERIES = [("typo", "tayler swft", "navigational"), ("tag", "rock", "topical"), ("none", "pop", "topical")]
JUDGED = {"typo": "swift", "tag": "queen", "none": "swift"}


@pytest.fixture(name="data")
def _data(tmp_path):
    folder = tmp_path / "data" / "lastfm"
    (folder / "qrels").mkdir(parents=True)
    with gzip.open(folder / "corpus.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.write("".join(json.dumps(row) + "\n" for row in ROWS))
    queries = [{"_id": name, "text": text, "metadata": {"kind": kind}} for name, text, kind in QUERIES]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    judged = "".join(f"{query}\t{document}\t1\n" for query, document in JUDGED.items())
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    return folder.parent


def test_both_searches_are_judged_by_kind_of_query(understanding, data, tmp_path):
    file = tmp_path / "understanding.json"
    figures = understanding.main(["--data", str(data), "--json", str(file)])
    assert json.loads(file.read_text()) == figures
    of_set = figures["lastfm"]
    assert (of_set["documents"], of_set["fields"]) == (3, 2)
    kinds = of_set["kinds"]
    assert kinds["navigational"]["recall@50"]["bm25"] == 0.0
    assert kinds["navigational"]["recall@50"]["structured"] == kinds["navigational"]["nDCG@10"]["structured"] == 1.0
    assert kinds["topical"]["recall@50"] == {
        **kinds["topical"]["recall@50"],
        "bm25": 0.5,
        "structured": 1.0,
        "difference": 0.5,
    }
    assert kinds["with a slot"]["queries"] == 3
    assert set(of_set["p50_ms"]) == {"understanding", "bm25", "structured"}


def test_data_sets_are_written_with_their_fields(understanding, data, tmp_path):
    understanding.main(["--data", str(data), "--write", str(tmp_path / "out")])
    written = load_beir(tmp_path / "out" / "lastfm")
    assert written.documents[0].meta == {
        "title": "Taylor Swift",
        "artist": "Taylor Swift",
        "tags": ["pop", "country"],
        "listeners": 9,
    }
    assert [query.text for query in written.queries] == [text for _, text, _ in QUERIES]
    assert written.qrels == load_beir(data / "lastfm").qrels


def test_values_that_many_products_have_in_common_fields_are_attributes(understanding):
    rows = [
        {"metadata": {"supplier": "HP", "attrs": {"t_type": "Laptop", "n_weight": 2.0, "t_colour": "Black"}}},
        {"metadata": {"attrs": {"t_type": "Laptop", "t_form": "Laptop"}}},
        {"metadata": {"supplier": "Dell"}},
    ]
    metadata, catalogue = understanding.products(rows)
    assert catalogue.fields == ("supplier", "attributes")
    assert metadata == [
        {"supplier": "HP", "attributes": ["Laptop", "Black"]},
        {"supplier": None, "attributes": ["Laptop"]},
        {"supplier": "Dell", "attributes": []},
    ]
