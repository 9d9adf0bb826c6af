import json

import pytest
from haystack import Document
from haystack.dataclasses import ByteStream, SparseEmbedding
from pydantic import ValidationError

from ltrr_haystack.server.schemas import DocumentIn

SONG = Document(
    id="song",
    content="Love in the rain",
    meta={"title": "Love", "year": 1990},
    score=0.5,
    embedding=[0.25] * 384,
    sparse_embedding=SparseEmbedding([1, 2], [0.5, 0.25]),
    blob=ByteStream(b"la la la"),
)


def taken(exported: dict) -> dict:
    return DocumentIn.model_validate(json.loads(json.dumps(exported))).model_dump()


class TestDocumentIn:
    @pytest.mark.parametrize("flatten", [True, False])
    @pytest.mark.parametrize("song", [SONG, Document(id="song", content="Love in the rain", meta=SONG.meta)])
    def test_takes_what_haystack_exports_with_all_metadata(self, song, flatten):
        assert taken(song.to_dict(flatten=flatten)) == {"id": "song", "content": song.content, "meta": SONG.meta}

    def test_keeps_metadata_with_the_name_of_a_field(self):
        meta = {"title": "Love", "score": 3}
        song = Document(id="song", content="Love", meta=meta)
        assert taken(song.to_dict())["meta"] == meta

    @pytest.mark.parametrize("others", [{}, {"embedding": [0.1]}, {"score": 1.0, "blob": None}])
    def test_names_what_is_unknown_and_what_is_possible(self, others):
        with pytest.raises(ValidationError) as raised:
            DocumentIn.model_validate({"id": "t1", "content": "x", "metadata": {"title": "lost"}, **others})
        (error,) = raised.value.errors()
        assert (error["loc"], error["msg"]) == (
            ("metadata",),
            "unknown field; possible are id, content, meta, blob, score, embedding, sparse_embedding",
        )

    def test_metadata_of_an_export_are_as_bounded_as_others(self):
        with pytest.raises(ValidationError, match="NUL"):
            DocumentIn.model_validate({**SONG.to_dict(), "title": "a\x00"})
