import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from ltrr_haystack.errors import ConfigurationError, MissingExtraError
from ltrr_haystack.understanding.public_holidays import MOST_YEARS, HolidayCalendar, is_saturday_or_sunday


class TestHolidayCalendar:
    @pytest.mark.parametrize(
        ("country", "subdivision", "day", "holiday"),
        [
            ("DE", None, date(2026, 1, 1), "New Year's Day"),
            ("DE", None, date(2026, 1, 6), None),
            ("DE", "BY", date(2026, 1, 6), "Epiphany"),
            ("DE", None, date(2026, 4, 3), "Good Friday"),
            ("US", None, date(2026, 7, 4), "Independence Day"),
            ("US", None, date(2021, 12, 31), "New Year's Day (observed)"),
            ("DE", None, date(1, 1, 1), None),
            ("DE", None, date(9999, 12, 31), None),
        ],
    )
    def test_tells_the_holidays_of_the_country_or_of_a_part_of_it(self, country, subdivision, day, holiday):
        assert HolidayCalendar(country, subdivision).holiday(day) == holiday

    def test_names_are_the_same_whatever_the_machine_speaks(self, monkeypatch):
        monkeypatch.setenv("LANGUAGE", "de")
        assert HolidayCalendar("DE").holiday(date(2026, 1, 1)) == "New Year's Day"

    @pytest.mark.parametrize(
        ("country", "friday", "saturday", "sunday"),
        [("DE", False, True, True), ("IL", True, True, False), ("IR", True, False, False)],
    )
    def test_weekends_are_those_of_the_country(self, country, friday, saturday, sunday):
        calendar, day = HolidayCalendar(country), date(2026, 3, 6)
        assert [calendar.is_weekend(day + timedelta(days)) for days in range(3)] == [friday, saturday, sunday]

    def test_a_sunday_that_was_declared_a_working_day_is_no_weekend(self):
        assert not HolidayCalendar("CN").is_weekend(date(2026, 1, 4))

    def test_knows_more_years_than_it_keeps(self):
        calendar = HolidayCalendar("DE")
        years = [*range(1990, 1991 + MOST_YEARS), 1990]
        assert {calendar.holiday(date(year, 10, 3)) for year in years if year != 1990} == {"German Unity Day"}
        assert calendar.is_weekend(date(1990, 1, 6))

    def test_many_threads_share_one_calendar(self):
        calendar = HolidayCalendar("US")
        days = [date(1950 + number, 12, 25) for number in range(60)]
        with ThreadPoolExecutor(8) as pool:
            assert {name.split(" (")[0] for name in pool.map(calendar.holiday, days)} == {"Christmas Day"}

    @pytest.mark.parametrize(("country", "subdivision"), [("XX", None), ("DE", "ZZ"), ("", None)])
    def test_a_country_or_subdivision_that_is_not_known_is_named(self, country, subdivision):
        with pytest.raises(
            ConfigurationError, match=f"country '{country}' and subdivision '{subdivision}' are not known"
        ):
            HolidayCalendar(country, subdivision).warm_up()

    def test_says_which_extra_is_missing(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "holidays", None)
        with pytest.raises(MissingExtraError, match=r'pip install "ltrr-haystack\[holidays\]"'):
            HolidayCalendar("DE").warm_up()


def test_without_a_country_the_weekend_is_saturday_and_sunday():
    assert [is_saturday_or_sunday(date(2026, 3, day)) for day in range(6, 10)] == [False, True, True, False]
