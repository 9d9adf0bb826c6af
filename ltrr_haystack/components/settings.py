"""What components are set to: numbers in their range, and a store that is one."""

import math
from numbers import Integral, Real
from typing import Any

from ltrr_haystack.errors import ConfigurationError, LTRRError
from ltrr_haystack.memory.fetch import check_key
from ltrr_haystack.store import LTRRStore


def check_number(
    what: str, number: Any, least: float, most: float = math.inf, *, error: type[LTRRError] = ConfigurationError
) -> None:
    """
    Refuse what is no number within its range.

    :param what: What the number is, for the error: `top_k of LTRRanker`.
    :param number: What was given.
    :param least: The least that it may be.
    :param most: The most that it may be; infinity is never allowed.
    :param error: What to raise.
    :raises LTRRError: If it is no number, not finite, or out of its range.
    """
    real = isinstance(number, Real) and not isinstance(number, bool)
    if not real:
        raise error(f"{what} must be a number, got {number!r}")
    if not -math.inf < number < math.inf:
        raise error(f"{what} must be a finite number, got {number}")
    if number < least and most == math.inf:
        raise error(f"{what} must {'not be negative' if least == 0 else f'be at least {least}'}, got {number}")
    if not least <= number <= most:
        raise error(f"{what} must be from {least} to {most}, got {number}")


def check_positive(what: str, number: Any) -> None:
    """
    Refuse what is no number above 0.

    :param what: What the number is, for the error.
    :param number: What was given.
    :raises ConfigurationError: If it is no number, not finite, or not positive.
    """
    check_number(what, number, -math.inf)
    if number <= 0:
        raise ConfigurationError(f"{what} must be positive, got {number}")


def check_whole(what: str, number: Any, least: int = 1, *, error: type[LTRRError] = ConfigurationError) -> None:
    """
    Refuse what is no whole number, or too small a one.

    :param what: What the number is, for the error.
    :param number: What was given.
    :param least: The least that it may be.
    :param error: What to raise.
    :raises LTRRError: If it is no whole number, or below `least`.
    """
    check_number(what, number, least, error=error)
    if not isinstance(number, Integral):
        raise error(f"{what} must be a whole number, got {number!r}")


def check_document_key(owner: str, key: Any) -> str:
    """
    Refuse what feedback cannot know documents by.

    :param owner: The class that it is a setting of.
    :param key: What was given.
    :returns: The key.
    :raises ConfigurationError: If it is neither `id` nor a place in the metadata.
    """
    if not isinstance(key, str):
        raise ConfigurationError(f"key of {owner} must be 'id' or like 'meta.sku', got {key!r}")
    return check_key(key, owner)


def check_store(owner: str, store: Any) -> None:
    """
    Refuse what is no store. What was given is not told, as it may be a url with a password.

    :param owner: The class that it is a setting of.
    :param store: What was given.
    :raises ConfigurationError: If it is neither an LTRRStore nor something with its methods.
    """
    if not isinstance(store, LTRRStore) and not hasattr(store, "record_search"):
        raise ConfigurationError(
            f"store of {owner} must be an LTRRStore, such as LTRRStore(Secret.from_token('sqlite:///ltrr.db')), "
            f"got {type(store).__name__}"
        )
