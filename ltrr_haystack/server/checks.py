"""What a request may hold: bounded JSON without anything that a store, a log or an answer could not write again."""

import math
import unicodedata
from collections.abc import Iterator
from typing import Any

LARGEST_INTEGER = 2**53
"""Whole numbers beyond it are not the same in every JSON reader (RFC 8259, section 6)."""


def check_text(text: str) -> str:
    """
    Refuse text that cannot be stored everywhere.

    :param text: Any text.
    :returns: The text.
    :raises ValueError: If it holds a NUL character or half of a surrogate pair.
    """
    if "\x00" in text:
        raise ValueError("must not hold NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode, without lone surrogates") from None
    return text


def check_line(text: str) -> str:
    """
    Refuse text with control characters, as in ids.

    :param text: Any text.
    :returns: The text.
    :raises ValueError: If it holds a control character or half of a surrogate pair.
    """
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("must not hold control characters")
    return check_text(text)


def check_visible(text: str) -> str:
    """
    Refuse text that says nothing.

    :param text: Any text.
    :returns: The text.
    :raises ValueError: If it holds nothing but blanks and characters without a shape, or cannot be stored.
    """
    check_text(text)
    if not any(unicodedata.category(character)[0] in "LMNPS" for character in text):
        raise ValueError("must hold at least one visible character")
    return text


def check_json(value: object, *, depth: int, values: int, characters: int) -> None:
    """
    Refuse JSON that is too large, too deep, or cannot be written again.

    :param value: What a JSON reader gave.
    :param depth: Deepest nesting of objects and lists.
    :param values: Most values in all, those within objects and lists included.
    :param characters: Most characters in all keys and texts together.
    :raises ValueError: If it is not within the bounds; the message says where and why.
    """
    left = characters
    for number, (path, each) in enumerate(_walk(value, depth), start=1):
        if number > values:
            raise ValueError(f"holds more than {values:,} values")
        try:
            left -= _characters(each)
        except ValueError as error:
            raise ValueError(f"{_dotted(path)}: {error}") from None
        if left < 0:
            raise ValueError(f"holds more than {characters:,} characters of text")


def check_depth(value: object, depth: int) -> None:
    """
    Refuse JSON that is nested too deeply.

    :param value: What a JSON reader gave.
    :param depth: Deepest nesting of objects and lists.
    :raises ValueError: If it is nested more deeply.
    """
    for _ in _walk(value, depth):
        pass


def _walk(value: object, depth: int) -> Iterator[tuple[tuple[str, ...], object]]:
    waiting: list[tuple[tuple[str, ...], object]] = [((), value)]
    while waiting:
        path, each = waiting.pop()
        yield path, each
        if not isinstance(each, dict | list):
            continue
        if len(path) >= depth:
            raise ValueError(f"is nested deeper than {depth} levels")
        if isinstance(each, dict):
            waiting.extend(((*path, str(key)), inner) for key, inner in each.items())
        else:
            waiting.extend(((*path, str(index)), inner) for index, inner in enumerate(each))


def _characters(value: object) -> int:
    match value:
        case str():
            return len(check_text(value))
        case dict():
            return sum(len(check_text(str(key))) for key in value)
        case float() if not math.isfinite(value):
            raise ValueError(f"must be finite, got {value}")
        case int() if abs(value) > LARGEST_INTEGER:
            raise ValueError("whole numbers must lie within 2^53 of zero")
    return 0


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(path).encode(errors="replace").decode()[:120] or "value"


def plain(value: Any) -> Any:
    """
    Turn a value into what JSON can hold, whatever a catalogue has in its metadata.

    :param value: Any value.
    :returns: JSON types only: numbers that are not finite are `None`, NumPy's numbers are numbers, what has no JSON
        form is its text.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {str(key): plain(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(inner) for inner in value]
    if callable(getattr(value, "tolist", None)):
        return plain(value.tolist())
    return str(value)
