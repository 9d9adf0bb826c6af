"""
What may go into the store.

SQLite and PostgreSQL do not hold the same texts and numbers. What one of them cannot hold is refused for both, before
it reaches the writer, with an error that names it.
"""

import math
from hashlib import blake2b

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.types import FrozenValue

LONGEST_ID = 2048
"""Bytes of an id. PostgreSQL's index entries end at 2,704, and two texts share one."""

LONGEST_KEY = 512
"""Bytes of a query key; a longer one is folded."""


def storable(name: str, text: str, longest: int | None = None) -> str:
    """
    See that a text can be held by every database.

    :param name: What the text is, for the error.
    :param text: The text.
    :param longest: Most bytes it may have in UTF-8.
    :returns: The text.
    :raises InvalidInputError: If it holds a NUL or a lone surrogate, or is too long.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        msg = f"{name} {text[:80]!r} holds a lone surrogate; expected text that can be written in UTF-8."
        raise InvalidInputError(msg) from error
    if "\0" in text:
        msg = f"{name} {text[:80]!r} holds a NUL character, which no database keeps; remove it."
        raise InvalidInputError(msg)
    if longest is not None and size > longest:
        msg = f"{name} {text[:80]!r}… has {size} bytes; expected at most {longest}."
        raise InvalidInputError(msg)
    return text


def is_storable_id(text: str) -> bool:
    """
    Tell whether an id can be in the store at all.

    :param text: The id.
    :returns: Whether `storable` takes it.
    """
    try:
        storable("id", text, LONGEST_ID)
    except InvalidInputError:
        return False
    return True


def finite(name: str, number: float) -> float:
    """
    See that a number is one.

    :param name: What the number is, for the error.
    :param number: The number.
    :returns: The number as a float.
    :raises InvalidInputError: If it is infinite or not a number.
    """
    try:
        value = float(number)
    except OverflowError as error:
        msg = f"{name} is {str(number)[:20]}…; expected a number that a double can hold."
        raise InvalidInputError(msg) from error
    if not math.isfinite(value):
        msg = f"{name} is {value}; expected a finite number."
        raise InvalidInputError(msg)
    return value


def folded(query_key: str) -> str:
    """
    The form under which a query key is kept: itself, or for a long one its beginning and a digest.

    :param query_key: The normal form of a query.
    :returns: At most `LONGEST_KEY` bytes in UTF-8; folding that again changes nothing.
    :raises InvalidInputError: If it holds a NUL or a lone surrogate.
    """
    encoded = storable("The query key", query_key).encode()
    if len(encoded) <= LONGEST_KEY:
        return query_key
    digest = blake2b(encoded, digest_size=16).hexdigest()
    return f"{encoded[: LONGEST_KEY - 40].decode(errors='ignore')}… {digest}"


def readable_json(name: str, value: FrozenValue) -> str:
    """
    Write a value as JSON that will be read again.

    :param name: What the value is, for the error.
    :param value: The value.
    :returns: JSON text that its type reads.
    :raises InvalidInputError: If it holds a lone surrogate or a number that is not finite.
    """
    try:
        text = value.to_json()
        type(value).from_json(text)
    except PydanticSerializationError as error:
        msg = f"{name} cannot be written as JSON: {error}."
        raise InvalidInputError(msg) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        msg = f"{name} could not be read again: {field}: {first['msg']}. Numbers in it must be finite."
        raise InvalidInputError(msg) from error
    return text
