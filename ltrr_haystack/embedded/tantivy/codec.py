"""Encodes documents for an index, and decodes them to what was written."""

import json
from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import tantivy
from haystack import Document
from haystack.dataclasses import ByteStream, SparseEmbedding

from ltrr_haystack.embedded.tantivy import schema
from ltrr_haystack.errors import InvalidInputError

DOUBLE, SINGLE = b"d", b"f"


@dataclass(frozen=True, slots=True)
class EncodedDocument:
    """
    A document in bytes. Two documents are equal if their bytes are.

    :param id: The id.
    :param content: The content, or `None`.
    :param meta: The metadata.
    :param rest: Fields that few documents have (blob, sparse embedding, score), or `None`.
    :param embedding: The embedding, or `None`.
    """

    id: bytes
    content: bytes | None
    meta: bytes
    rest: bytes | None
    embedding: bytes | None

    @classmethod
    def encode(cls, document: Document) -> "EncodedDocument":
        """
        Encode a document.

        :param document: The document.
        :returns: Its bytes.
        :raises InvalidInputError: If decoding could not restore it: the metadata are not JSON, or the id is not a text.
        """
        if not isinstance(document.id, str) or not document.id:
            raise InvalidInputError(f"the id of a document must be a text, got {document.id!r:.100}")
        if document.content is not None and not isinstance(document.content, str):
            raise InvalidInputError(f"the content of {_named(document)} must be a text or None")
        return cls(
            id=_bytes(document.id),
            content=None if document.content is None else _bytes(document.content),
            meta=_json(document, "meta", document.meta),
            rest=_rest(document),
            embedding=None if document.embedding is None else _pack_embedding(document),
        )

    @classmethod
    def from_index(cls, found: tantivy.Document) -> "EncodedDocument":
        """
        Read an encoded document from an index.

        :param found: The document of the index.
        :returns: The encoded document.
        """
        return cls(
            id=found.get_first(schema.ID) or b"",
            content=found.get_first(schema.CONTENT),
            meta=found.get_first(schema.META) or b"{}",
            rest=found.get_first(schema.REST),
            embedding=found.get_first(schema.EMBEDDING),
        )

    def add_to(self, document: tantivy.Document) -> None:
        """
        Add the bytes to a document of an index.

        :param document: The document of the index.
        """
        document.add_bytes(schema.ID, self.id)
        document.add_bytes(schema.META, self.meta)
        others = {schema.CONTENT: self.content, schema.REST: self.rest, schema.EMBEDDING: self.embedding}
        for name, value in others.items():
            if value is not None:
                document.add_bytes(name, value)


def decode(found: tantivy.Document, *, embedding: bool = True, score: float | None = None) -> Document:
    """
    Decode a document.

    :param found: The document of the index.
    :param embedding: Whether to decode the embedding.
    :param score: A score to set instead of the one that was written.
    :returns: The document as it was written.
    """
    content, meta, rest = found.get_first(schema.CONTENT), found.get_first(schema.META), found.get_first(schema.REST)
    others: dict[str, Any] = {} if rest is None else _others(json.loads(rest))
    if score is not None:
        others["score"] = score
    return Document(
        id=document_id(found),
        content=None if content is None else _text(content),
        meta=json.loads(_text(meta)) if meta is not None else {},
        embedding=embedding_of(found) if embedding else None,
        **others,
    )


def document_id(found: tantivy.Document) -> str:
    """
    Decode the id of a document.

    :param found: The document of the index.
    :returns: The id.
    """
    return _text(found.get_first(schema.ID) or b"")


def embedding_of(found: tantivy.Document) -> list[float] | None:
    """
    Decode the embedding of a document.

    :param found: The document of the index.
    :returns: The embedding, or `None` if there is none.
    """
    vector = found.get_first(schema.EMBEDDING)
    return None if vector is None else unpack_embedding(vector)


def unpack_embedding(vector: bytes) -> list[float]:
    """
    Decode an embedding.

    :param vector: The encoded embedding.
    :returns: The numbers.
    """
    numbers: list[float] = np.frombuffer(vector[1:], vector[:1].decode()).tolist()
    return numbers


def _rest(document: Document) -> bytes | None:
    blob, sparse, score = document.blob, document.sparse_embedding, document.score
    if blob is None and sparse is None and score is None:
        return None
    rest = {
        "blob": None if blob is None else blob.to_dict(),
        "sparse_embedding": None if sparse is None else sparse.to_dict(),
        "score": score,
    }
    return _json(document, "document", rest)


def _others(rest: dict[str, Any]) -> dict[str, Any]:
    blob, sparse = rest["blob"], rest["sparse_embedding"]
    return {
        "blob": None if blob is None else ByteStream.from_dict(blob),
        "sparse_embedding": None if sparse is None else SparseEmbedding.from_dict(sparse),
        "score": rest["score"],
    }


def _pack_embedding(document: Document) -> bytes:
    try:
        double = array("d", document.embedding or ())
    except (TypeError, OverflowError) as error:
        raise InvalidInputError(f"the embedding of {_named(document)} must be a list of numbers: {error}") from error
    numbers = np.frombuffer(double)
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    return SINGLE + single.tobytes() if np.array_equal(single, numbers) else DOUBLE + double.tobytes()


def _json(document: Document, name: str, value: Any) -> bytes:
    try:
        _check(value, name)
        return json.dumps(value, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidInputError(f"{_named(document)} cannot be stored: {reason}") from error


def _check(value: Any, where: str) -> None:
    """Refuse tuples and numbers as keys, which JSON would silently turn into lists and texts."""
    match value:
        case None | bool() | int() | float() | str():
            return
        case list():
            for number, inner in enumerate(value):
                _check(inner, f"{where}.{number}")
        case dict():
            for key, inner in value.items():
                if not isinstance(key, str):
                    raise TypeError(f"the keys of {where} must be texts, got {key!r:.100}")
                _check(inner, f"{where}.{key}")
        case _:
            raise TypeError(
                f"{where} must be JSON (a text, a number, true, false, null, a list or an object), got "
                f"{type(value).__name__}"
            )


def _named(document: Document) -> str:
    return f"document '{document.id!s:.100}'"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
