"""Validation of request values: bounded JSON that a store, the log and a response can encode again."""

import math
import unicodedata
from typing import Any

LARGEST_INTEGER = 2**53
"""Larger whole numbers are not read alike by all JSON parsers (RFC 8259, section 6)."""

_CONTAINERS = (dict, list)


def check_text(text: str) -> str:
    """
    Refuse text that not every store can keep.

    :param text: Any text.
    :returns: The text.
    :raises ValueError: If it contains a NUL character or a lone surrogate.
    """
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode, without lone surrogates") from None
    return text


def check_line(text: str) -> str:
    """
    Refuse text with control characters, for ids.

    :param text: Any text.
    :returns: The text.
    :raises ValueError: If it contains a control character or a lone surrogate.
    """
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("must not contain control characters")
    return check_text(text)


def check_visible(text: str) -> str:
    """
    Refuse text without a visible character.

    :param text: Any text.
    :returns: The text.
    :raises ValueError: If it contains only white space and invisible characters, or cannot be stored.
    """
    check_text(text)
    if not any(unicodedata.category(character)[0] in "LMNPS" for character in text):
        raise ValueError("must contain at least one visible character")
    return text


def check_json(value: object, *, depth: int, values: int, characters: int) -> None:
    """
    Refuse JSON that is too large, nested too deeply, or cannot be encoded again.

    :param value: A parsed JSON value.
    :param depth: Maximum nesting of objects and lists.
    :param values: Maximum number of values, including those within objects and lists.
    :param characters: Maximum number of characters in all keys and texts together.
    :raises ValueError: If the value exceeds a limit. The message names the place and the reason.
    """
    # Nothing else is done while thousands of values are checked, so paths are made only for objects and lists.
    more, left = values - 1, characters - _characters_at((), value)
    waiting: list[tuple[tuple[str, ...], object]] = [((), value)]
    while waiting:
        path, each = waiting.pop()
        if not isinstance(each, _CONTAINERS):
            continue
        if len(path) >= depth:
            raise ValueError(f"is nested deeper than {depth} levels")
        if (more := more - len(each)) < 0:
            raise ValueError(f"contains more than {values:,} values")
        for key, inner in each.items() if isinstance(each, dict) else enumerate(each):
            if isinstance(inner, _CONTAINERS):
                waiting.append(((*path, str(key)), inner))
            left -= _characters_at(path, inner, key)
        if left < 0:
            raise ValueError(f"contains more than {characters:,} characters of text")


def check_size(value: object, *, depth: int, values: int) -> None:
    """
    Refuse JSON that is too large or nested too deeply, quickly: nothing else is done until it has passed.

    :param value: A parsed JSON value.
    :param depth: Maximum nesting of objects and lists.
    :param values: Maximum number of values, including those within objects and lists.
    :raises ValueError: If the value exceeds a limit.
    """
    level, left = [value], values
    for _ in range(depth + 1):
        left -= len(level)
        if left < 0:
            raise ValueError(f"contains more than {values:,} values")
        containers = [each for each in level if isinstance(each, dict | list)]
        if not containers:
            return
        level = [inner for each in containers for inner in (each.values() if isinstance(each, dict) else each)]
    raise ValueError(f"is nested deeper than {depth} levels")


def _characters_at(path: tuple[str, ...], value: object, *key: object) -> int:
    """Count the characters of a value; `path` is that of what it lies in."""
    try:
        return _characters(value)
    except ValueError as error:
        raise ValueError(f"{_dotted((*path, *map(str, key)))}: {error}") from None


def _characters(value: object) -> int:
    match value:
        case str():
            return len(check_text(value))
        case dict():
            return sum(len(check_text(str(key))) for key in value)
        case float() if not math.isfinite(value):
            raise ValueError(f"must be finite, got {value}")
        case int() if abs(value) > LARGEST_INTEGER:
            raise ValueError("whole numbers must be between -2^53 and 2^53")
    return 0


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(path).encode(errors="replace").decode()[:120] or "value"


def plain(value: Any) -> Any:
    """
    Convert any value of a document's metadata to JSON types.

    :param value: Any value.
    :returns: JSON types only. Numbers that are not finite become `None`, NumPy values plain numbers and lists, and
        values without a JSON form their text.
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
