"""The time of a search as people live it: the date and the part of the day where they are."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ltrr_haystack.errors import ConfigurationError, InvalidInputError

_DAY_PARTS = ("night", "morning", "afternoon", "evening")


def zone(name: str) -> tzinfo:
    """
    Find a time zone.

    :param name: IANA name such as `Europe/Berlin`.
    :returns: The time zone.
    :raises ConfigurationError: If there is none of that name.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"timezone '{name}' is not known; give an IANA name such as 'UTC' or 'Europe/Berlin' "
            "(a machine without time zone data needs `pip install tzdata`)"
        ) from error


def local_time(seconds: float, where: tzinfo) -> datetime:
    """
    Tell the date and the time of day.

    :param seconds: Seconds since 1970, UTC.
    :param where: The time zone.
    :returns: The moment in this time zone.
    :raises InvalidInputError: If there is no such moment.
    """
    try:
        return datetime.fromtimestamp(seconds, where)
    except (ValueError, OverflowError, OSError, TypeError) as error:
        raise InvalidInputError(f"now must be seconds since 1970, got {seconds!r}") from error


def day_part(moment: datetime) -> str:
    """
    Tell the part of the day.

    :param moment: A moment, in the time zone of the people who search.
    :returns: `night` (from 0 h), `morning` (6 h), `afternoon` (12 h) or `evening` (18 h).
    """
    return _DAY_PARTS[moment.hour // 6]
