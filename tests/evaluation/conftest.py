import json

import pytest


@pytest.fixture
def beir(tmp_path):
    """Writes a BEIR folder from rows (or raw lines)."""

    def write(corpus, queries, qrels, listeners=None, split="test"):
        folder = tmp_path / "shop"
        (folder / "qrels").mkdir(parents=True, exist_ok=True)

        def lines(rows):
            return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)

        (folder / "corpus.jsonl").write_text(lines(corpus), encoding="utf-8")
        (folder / "queries.jsonl").write_text(lines(queries), encoding="utf-8")
        (folder / "qrels" / f"{split}.tsv").write_text("".join(line + "\n" for line in qrels), encoding="utf-8")
        if listeners is not None:
            (folder / "listeners.jsonl").write_text(lines(listeners), encoding="utf-8")
        return folder

    return write
