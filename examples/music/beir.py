"""Writes the catalogue and its listeners in the BEIR layout."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from .values import Catalogue, Entity


def write_beir(catalogue: Catalogue, folder: Path | str) -> Path:
    """
    Write a catalogue in the BEIR layout: `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`; and `listeners.jsonl`.

    :param catalogue: The catalogue.
    :param folder: The folder, which is created if necessary. The same catalogue always gives the same bytes.
    :returns: The folder.
    """
    folder = Path(folder)
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    titles = {entity.id: entity.title for entity in catalogue.entities}
    _write_lines(
        folder / "corpus.jsonl",
        (
            {"_id": entity.id, "title": entity.title, "text": entity.text, "metadata": _metadata(entity, titles)}
            for entity in catalogue.entities
        ),
    )
    _write_lines(
        folder / "queries.jsonl",
        (
            {"_id": query.id, "text": query.text, "metadata": {"kind": query.kind, "form": query.form}}
            for query in catalogue.queries
        ),
    )
    _write_lines(
        folder / "listeners.jsonl",
        ({"_id": listener.id, "genres": dict(listener.genres)} for listener in catalogue.listeners),
    )
    judged = (
        f"{query.id}\t{entity_id}\t{grade}\n"
        for query in catalogue.queries
        for entity_id, grade in sorted(query.truth.items())
    )
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged), encoding="utf-8")
    return folder


def _metadata(entity: Entity, titles: Mapping[str, str]) -> dict[str, object]:
    """With the name of the artist, which the texts of songs often do not have."""
    metadata = entity.metadata()
    artist = titles.get(entity.id if entity.type == "artist" else str(metadata.get("artist_id")))
    return metadata if artist is None else {**metadata, "artist": artist}


def _write_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
