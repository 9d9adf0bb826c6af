import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

from haystack import component, default_from_dict, default_to_dict
from haystack.core.serialization import component_to_dict, import_class_by_name

from ltrr_haystack.components.settings import check_whole
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.types import Understanding
from ltrr_haystack.understanding.annotators import QueryAnnotator
from ltrr_haystack.understanding.languages import LanguageDetector, language_of_script
from ltrr_haystack.understanding.normalisation import cleaned, normal_form, tokens_of
from ltrr_haystack.understanding.public_holidays import HolidayCalendar, is_saturday_or_sunday
from ltrr_haystack.understanding.query_types import query_type
from ltrr_haystack.understanding.time_features import day_part, local_time, zone


@component
class QueryUnderstanding:
    """
    Says what can be said of a query before anything is searched: normal form, words, language, type and time.

    The router chooses its arms by it, the memory index knows the query by its normal form, and a query that nobody
    could search is turned away here with a reason.

    ### Usage example

    ```python
    from ltrr_haystack import QueryUnderstanding

    understanding = QueryUnderstanding(timezone="Europe/Berlin").run("Who sang “Halo”?")["understanding"]
    understanding.normal_form  # 'who sang halo'
    understanding.query_type   # 'question'
    ```
    """

    def __init__(
        self,
        max_length: int = 1000,
        languages: list[str] | None = None,
        timezone: str = "UTC",
        annotators: Sequence[QueryAnnotator] | None = None,
        country: str | None = None,
        subdivision: str | None = None,
    ) -> None:
        """
        Create a QueryUnderstanding.

        :param max_length: Most characters a query may have.
        :param languages: ISO 639-1 codes to tell apart, at least two; needs the extra `language`. With `None` the
            language is told where the script alone settles it, and is `und` otherwise.
        :param timezone: IANA name of the time zone in which weekday and part of the day are told.
        :param annotators: What refines an understanding by knowledge of the catalogue, in order.
        :param country: ISO 3166-1 code of the country whose public holidays and weekends are told, such as `DE`; needs
            the extra `holidays`. With `None` no holiday is known, and the weekend is Saturday and Sunday.
        :param subdivision: ISO 3166-2 code, without the country, of a part of it with holidays of its own, such as
            `BY`.
        :raises ConfigurationError: If `max_length` is no whole number of at least 1, `languages` are not at least two
            codes, the time zone is unknown, an annotator has no `annotate`, or there is a subdivision without a
            country.
        """
        check_whole("max_length of QueryUnderstanding", max_length)
        for annotator in annotators or ():
            if not callable(getattr(annotator, "annotate", None)):
                raise ConfigurationError(
                    f"annotators of QueryUnderstanding need a method annotate(understanding), "
                    f"{type(annotator).__name__} has none"
                )
        if subdivision is not None and country is None:
            raise ConfigurationError(
                f"subdivision '{subdivision}' of QueryUnderstanding needs a country; give country='DE', for example"
            )
        self.max_length = max_length
        self.languages = languages
        self.timezone = timezone
        self.annotators = annotators
        self.country = country
        self.subdivision = subdivision
        self._zone = zone(timezone)
        self._detector = None if languages is None else LanguageDetector(languages)
        self._calendar = None if country is None else HolidayCalendar(country, subdivision)
        self._lock = threading.Lock()
        self._warm = False

    def warm_up(self) -> None:
        """
        Load the language models and the calendar of holidays, and warm up the annotators.

        :raises MissingExtraError: If `languages` are given and the extra `language` is not installed, or a `country`
            and not the extra `holidays`.
        :raises ConfigurationError: If a language is not one that the detector knows, or the holidays of country and
            subdivision are not known.
        """
        with self._lock:
            if self._warm:
                return
            if self._detector is not None:
                self._detector.warm_up()
            if self._calendar is not None:
                self._calendar.warm_up()
            self._call_annotators("warm_up")
            self._warm = True

    async def warm_up_async(self) -> None:
        """Do what `warm_up` does without blocking the event loop."""
        if not self._warm:
            await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Release what the annotators hold."""
        with self._lock:
            if self._warm:
                self._call_annotators("close")
                self._warm = False

    async def close_async(self) -> None:
        """Do what `close` does without blocking the event loop."""
        await asyncio.to_thread(self.close)

    @component.output_types(understanding=Understanding)
    def run(self, query: str, now: float | None = None) -> dict[str, Understanding]:
        """
        Understand one query.

        :param query: The query as it was typed.
        :param now: Time of the search in seconds since 1970, UTC; the present by default.
        :returns: A dictionary with `understanding`.
        :raises InvalidInputError: If the query is no text, has nothing visible in it, or is too long.
        """
        typed, form = self._checked(query)
        tokens = tokens_of(form)
        language = language_of_script(form) if self._detector is None else self._detector.language_of(form)
        moment = local_time(time.time() if now is None else now, self._zone)
        today, calendar = moment.date(), self._calendar
        understanding = Understanding(
            query=typed,
            normal_form=form,
            tokens=tokens,
            language=language,
            query_type=query_type(typed, tokens, language),
            has_digits=any(character.isdigit() for character in form),
            weekday=moment.weekday(),
            day_part=day_part(moment),
            weekend=is_saturday_or_sunday(today) if calendar is None else calendar.is_weekend(today),
            holiday=None if calendar is None else calendar.holiday(today),
        )
        for annotator in self.annotators or ():
            understanding = annotator.annotate(understanding)
        return {"understanding": understanding}

    @component.output_types(understanding=Understanding)
    async def run_async(self, query: str, now: float | None = None) -> dict[str, Understanding]:
        """
        Understand one query: in a thread if annotators take part, which may read a store.

        :param query: The query as it was typed.
        :param now: Time of the search in seconds since 1970, UTC; the present by default.
        :returns: A dictionary with `understanding`.
        :raises InvalidInputError: If the query is no text, has nothing visible in it, or is too long.
        """
        return await asyncio.to_thread(self.run, query, now) if self.annotators else self.run(query, now)

    def to_dict(self) -> dict[str, Any]:
        """
        Turn the component into a dictionary.

        :returns: `type` and `init_parameters`.
        """
        annotators = None
        if self.annotators is not None:
            annotators = [component_to_dict(annotator, "annotator") for annotator in self.annotators]
        return default_to_dict(
            self,
            max_length=self.max_length,
            languages=self.languages,
            timezone=self.timezone,
            annotators=annotators,
            country=self.country,
            subdivision=self.subdivision,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "QueryUnderstanding":
        """
        Make the component from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The component.
        """
        parameters = dict(data.get("init_parameters", {}))
        if parameters.get("annotators"):
            parameters["annotators"] = [_annotator(nested) for nested in parameters["annotators"]]
        return default_from_dict(cls, {**data, "init_parameters": parameters})

    def _checked(self, query: str) -> tuple[str, str]:
        if not isinstance(query, str):
            raise InvalidInputError(f"query must be text, got {type(query).__name__}")
        if len(query) > self.max_length:
            raise InvalidInputError(
                f"query has {len(query)} characters, at most {self.max_length} are allowed; "
                "shorten it, or raise max_length of QueryUnderstanding"
            )
        if not query:
            raise InvalidInputError("query is empty; send at least one visible character")
        form = normal_form(query)
        if not form:
            raise InvalidInputError(
                "query is only white space and control characters; send at least one visible character"
            )
        return cleaned(query), form

    def _call_annotators(self, method: str) -> None:
        for annotator in self.annotators or ():
            if hasattr(annotator, method):
                getattr(annotator, method)()


def _annotator(nested: dict[str, Any]) -> Any:
    annotator_class: Any = import_class_by_name(nested["type"])
    if hasattr(annotator_class, "from_dict"):
        return annotator_class.from_dict(nested)
    return default_from_dict(annotator_class, nested)
