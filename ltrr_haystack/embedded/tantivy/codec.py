"""Documents as an index stores them: each comes back as it was written."""

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
class Stored:
    """
    A document in bytes. Documents of equal bytes are equal.

    :param id: Its id.
    :param content: Its content, or `None`.
    :param meta: Its metadata.
    :param rest: What few documents have: a blob, a sparse embedding, a score; or `None`.
    :param embedding: Its embedding, or `None`.
    """

    id: bytes
    content: bytes | None
    meta: bytes
    rest: bytes | None
    embedding: bytes | None

    @classmethod
    def of(cls, document: Document) -> "Stored":
        """
        Encode a document.

        :param document: The document.
        :returns: Its bytes.
        :raises InvalidInputError: If it could not come back as it is: its metadata are not JSON, or its id no text.
        """
        if not isinstance(document.id, str) or not document.id:
            raise InvalidInputError(f"the id of a document must be text, got {document.id!r:.100}")
        if document.content is not None and not isinstance(document.content, str):
            raise InvalidInputError(f"the content of {_named(document)} must be text or None")
        return cls(
            id=_bytes(document.id),
            content=None if document.content is None else _bytes(document.content),
            meta=_json(document, "meta", document.meta),
            rest=_rest(document),
            embedding=None if document.embedding is None else _packed(document),
        )

    @classmethod
    def read(cls, found: tantivy.Document) -> "Stored":
        """
        Take the bytes out of what an index found.

        :param found: The index' document.
        :returns: The bytes.
        """
        return cls(
            id=found.get_first(schema.ID) or b"",
            content=found.get_first(schema.CONTENT),
            meta=found.get_first(schema.META) or b"{}",
            rest=found.get_first(schema.REST),
            embedding=found.get_first(schema.EMBEDDING),
        )

    def put(self, into: tantivy.Document) -> None:
        """
        Hand the bytes to an index.

        :param into: The index' document.
        """
        into.add_bytes(schema.ID, self.id)
        into.add_bytes(schema.META, self.meta)
        others = {schema.CONTENT: self.content, schema.REST: self.rest, schema.EMBEDDING: self.embedding}
        for name, value in others.items():
            if value is not None:
                into.add_bytes(name, value)


def decoded(found: tantivy.Document, *, embedding: bool = True, score: float | None = None) -> Document:
    """
    Make a document of what an index found.

    :param found: The index' document.
    :param embedding: Whether it is to have its embedding.
    :param score: A score in the place of the one that it was written with.
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
    Read the id of what an index found.

    :param found: The index' document.
    :returns: The id.
    """
    return _text(found.get_first(schema.ID) or b"")


def embedding_of(found: tantivy.Document) -> list[float] | None:
    """
    Read the embedding of what an index found.

    :param found: The index' document.
    :returns: The embedding, or `None` if there is none.
    """
    vector = found.get_first(schema.EMBEDDING)
    return None if vector is None else unpacked(vector)


def unpacked(vector: bytes) -> list[float]:
    """
    Read an embedding.

    :param vector: Its bytes.
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


def _packed(document: Document) -> bytes:
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
    """JSON would quietly make lists of tuples, and texts of numbers that are keys."""
    match value:
        case None | bool() | int() | float() | str():
            return
        case list():
            for number, inner in enumerate(value):
                _check(inner, f"{where}.{number}")
        case dict():
            for key, inner in value.items():
                if not isinstance(key, str):
                    raise TypeError(f"the keys of {where} must be text, got {key!r:.100}")
                _check(inner, f"{where}.{key}")
        case _:
            raise TypeError(
                f"{where} must be JSON (text, a number, true, false, null, a list, an object), got "
                f"{type(value).__name__}"
            )


def _named(document: Document) -> str:
    return f"document '{document.id!s:.100}'"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
