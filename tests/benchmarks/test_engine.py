import json

import pytest

pytest.importorskip("tantivy")


@pytest.fixture
def data(tmp_path):
    """Three documents and two queries: one finds its answer by a word, the other by its letters alone."""
    folder = tmp_path / "data" / "shop"
    (folder / "qrels").mkdir(parents=True)
    corpus = [("a", "Red shoes", "for running"), ("b", "Saxophone", "made of brass"), ("c", "Hat", "keeps rain off")]
    rows = [{"_id": name, "title": title, "text": text} for name, title, text in corpus]
    queries = [{"_id": "words", "text": "running shoes"}, {"_id": "letters", "text": "saxofone"}]
    for file, lines in (("corpus.jsonl", rows), ("queries.jsonl", queries)):
        (folder / file).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nwords\ta\t1\nletters\tb\t1\n")
    return folder.parent


def test_every_engine_is_judged_and_the_file_says_so(engine, data, tmp_path, capsys):
    file = tmp_path / "engine.json"
    figures = engine.main(["--data", str(data), "--sets", "shop", "nowhere", "--sizes", "--json", str(file)])
    assert json.loads(file.read_text()) == figures
    assert set(figures["quality"]) == {"shop"}
    judged = figures["quality"]["shop"]
    ndcg = {name: {arm: each["ndcg"] for arm, each in arms.items()} for name, arms in judged.items()}
    assert ndcg == {
        "Tantivy": {"words": 0.5, "title": 0.5, "trigrams": 1.0},
        "FTS5": {"words": 0.5, "title": 0.5, "trigrams": 1.0},
        "InMemory": {"words": 0.5, "title": 0.5, "trigrams": 1.0},
    }
    assert "Tantivy" in capsys.readouterr().out


def test_every_engine_is_timed_and_measured(engine, tmp_path):
    figures = engine.main(["--sets", "--sizes", "300", "--queries", "20", "--data", str(tmp_path)])
    timed = figures["speed"]["300"]
    assert {"Tantivy", "Tantivy, one letter wrong", "FTS5", "InMemory"} <= set(timed)
    assert all(0 <= each["p50_ms"] <= each["p99_ms"] for each in timed.values())
    assert all(timed[name]["documents_per_s"] > 0 for name in ("Tantivy", "FTS5", "InMemory"))
    assert all(timed[name]["megabytes"] > 0 for name in ("Tantivy", "FTS5"))


def test_the_same_seed_makes_the_same_documents_and_queries(engine):
    first, second = ([*made.documents(50), made.queries(20, 50)] for made in (engine.MadeUp(1), engine.MadeUp(1)))
    assert first == second
    typed, mistyped = first[-1]
    assert any(one != other for one, other in zip(typed, mistyped, strict=True))
    assert all(sorted(one) == sorted(other) for one, other in zip(typed, mistyped, strict=True))
