from datetime import UTC, datetime

import pytest

from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.understanding.time_features import day_part, local_time, zone

MONDAY_MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (0, (0, "night")),
        (5.99, (0, "night")),
        (6, (0, "morning")),
        (12, (0, "afternoon")),
        (18, (0, "evening")),
        (23.99, (0, "evening")),
        (24, (1, "night")),
        (-1, (6, "evening")),
    ],
)
def test_weekday_and_day_part(hours, expected):
    moment = local_time(MONDAY_MIDNIGHT + hours * 3600, zone("UTC"))
    assert (moment.weekday(), day_part(moment)) == expected


@pytest.mark.parametrize(("place", "expected"), [("America/New_York", (6, "evening")), ("Asia/Tokyo", (0, "morning"))])
def test_the_time_is_told_where_people_live(place, expected):
    moment = local_time(MONDAY_MIDNIGHT, zone(place))
    assert (moment.weekday(), day_part(moment)) == expected


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd"])
def test_an_unknown_time_zone_is_named(name):
    with pytest.raises(ConfigurationError, match=f"timezone '{name}' is not known; give an IANA name"):
        zone(name)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e20, "today"])
def test_a_moment_that_cannot_be_is_refused(seconds):
    with pytest.raises(InvalidInputError, match="now must be seconds since 1970"):
        local_time(seconds, zone("UTC"))
