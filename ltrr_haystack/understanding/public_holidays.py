"""Public holidays and weekends of a country, by the library [holidays](https://github.com/vacanza/holidays)."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from ltrr_haystack.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from holidays import HolidayBase

ENGLISH = "en_US"
SATURDAY = 5
MOST_YEARS = 16
"""Calendars of years that are kept; another one is made anew in about a millisecond."""


@dataclass(frozen=True, slots=True)
class _Year:
    names: Mapping[date, str]
    weekend_days: frozenset[date]


def is_saturday_or_sunday(day: date) -> bool:
    """
    Tell whether a day is of the weekend where no country is known.

    :param day: The day.
    :returns: Whether it is a Saturday or a Sunday.
    """
    return day.weekday() >= SATURDAY


class HolidayCalendar:
    """
    Tells the public holidays and the weekends of a country, or of a part of it.

    The library is loaded at the first use or by `warm_up`. It is safe under concurrent calls.

    ### Usage example

    ```python
    from datetime import date
    from ltrr_haystack.understanding.public_holidays import HolidayCalendar

    calendar = HolidayCalendar("DE", subdivision="BY")
    calendar.holiday(date(2026, 1, 6))     # 'Epiphany'
    calendar.is_weekend(date(2026, 1, 3))  # True
    ```
    """

    def __init__(self, country: str, subdivision: str | None = None) -> None:
        """
        Create a HolidayCalendar.

        :param country: ISO 3166-1 code such as `DE`.
        :param subdivision: ISO 3166-2 code without the country, such as `BY`; `None` for what holds in all of it.
        """
        self.country = country
        self.subdivision = subdivision
        self._lock = threading.Lock()
        self._years: dict[int, _Year] = {}

    def warm_up(self) -> None:
        """
        Load the library, and check country and subdivision.

        :raises MissingExtraError: If the library is not installed.
        :raises ConfigurationError: If it does not know the country or the subdivision.
        """
        self._calendar()

    def holiday(self, day: date) -> str | None:
        """
        Tell the public holiday of a day.

        :param day: The day.
        :returns: Its name, in English where the library has it, else in the country's language; `None` if there is
            none. Of several on one day, the names are joined by semicolons.
        """
        return self._year(day.year).names.get(day)

    def is_weekend(self, day: date) -> bool:
        """
        Tell whether a day is of the weekend.

        :param day: The day.
        :returns: Whether it is one of the country's days of rest, and not declared a working day.
        """
        return day in self._year(day.year).weekend_days

    def _year(self, year: int) -> _Year:
        # The library's own calendars grow while they are read, so none of them is shared between threads.
        with self._lock:
            if year not in self._years:
                calendar = self._calendar(year)
                days = map(date.fromordinal, range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1))
                weekend = frozenset(day for day in days if calendar.is_weekend(day))
                if len(self._years) >= MOST_YEARS:
                    self._years.clear()
                self._years[year] = _Year(dict(calendar), weekend - calendar.weekend_workdays)
            return self._years[year]

    def _calendar(self, year: int | None = None) -> "HolidayBase":
        try:
            from holidays import country_holidays
        except ImportError as error:
            raise MissingExtraError(
                "QueryUnderstanding(country=…) needs the package holidays; "
                'install it with: pip install "ltrr-haystack[holidays]"'
            ) from error
        try:
            known = country_holidays(self.country, subdiv=self.subdivision, expand=False)
        except NotImplementedError as error:
            raise ConfigurationError(
                f"the holidays of country '{self.country}' and subdivision '{self.subdivision}' are not known; "
                "give an ISO 3166-1 code such as 'DE', and an ISO 3166-2 code such as 'BY' or none"
            ) from error
        # Where no language is given, that of the machine is taken, and no two machines agree on the names.
        language = ENGLISH if ENGLISH in known.supported_languages else known.default_language
        return country_holidays(self.country, subdiv=self.subdivision, years=year, expand=False, language=language)
