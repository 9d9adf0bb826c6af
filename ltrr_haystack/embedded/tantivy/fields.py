"""The fields of an index: which parts of a document it searches and filters by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from haystack import Document
from tantivy import SchemaBuilder

from ltrr_haystack.embedded.tantivy.analysis import ANALYSES, WORDS, Language
from ltrr_haystack.errors import ConfigurationError

CONTENT = "content"
META = "meta."


@dataclass(frozen=True, slots=True, order=True)
class TextField:
    """
    A field that is searched, with one analysis. A field with several analyses is several TextFields.

    :param path: `content`, or a metadata field such as `meta.title`.
    :param analysis: `words`, `unstemmed` or `trigrams`.
    """

    path: str
    analysis: str

    @property
    def name(self) -> str:
        """The name that retrievers use: `meta.title` for words, `meta.title:trigrams` for another analysis."""
        return self.path if self.analysis == WORDS else f"{self.path}:{self.analysis}"


@dataclass(frozen=True, slots=True)
class Fields:
    """
    The fields of an index.

    :param texts: Fields that are searched.
    :param keywords: Metadata fields that are filtered by equality.
    :param numbers: Metadata fields that are filtered by equality and by order.
    :param language: The language of the texts.
    """

    texts: tuple[TextField, ...]
    keywords: tuple[str, ...]
    numbers: tuple[str, ...]
    language: Language

    @classmethod
    def of(
        cls,
        texts: Mapping[str, str | Sequence[str]],
        keywords: Iterable[str],
        numbers: Iterable[str],
        language: Language,
    ) -> "Fields":
        """
        Make the fields from the settings of a store.

        :param texts: Path → its analyses.
        :param keywords: Paths.
        :param numbers: Paths.
        :param language: The language.
        :returns: The fields, sorted.
        :raises ConfigurationError: If no field is searched, a path is invalid, or an analysis is unknown.
        """
        found = []
        for path, given in texts.items():
            if path != CONTENT:
                _check_path("text_fields", path)
            for analysis in [given] if isinstance(given, str) else given:
                if analysis not in ANALYSES:
                    raise ConfigurationError(
                        f"text_fields: the analysis of '{path}' must be one of {', '.join(ANALYSES)}, got {analysis!r}"
                    )
                found.append(TextField(path, analysis))
        if not found:
            raise ConfigurationError("text_fields must name at least one field, such as {'content': ['words']}")
        keywords, numbers = tuple(sorted(set(keywords))), tuple(sorted(set(numbers)))
        for setting, paths in (("keyword_fields", keywords), ("number_fields", numbers)):
            for path in paths:
                _check_path(setting, path)
        return cls(tuple(sorted(set(found))), keywords, numbers, language)

    @property
    def filterable(self) -> tuple[str, ...]:
        """All paths by which the index can filter."""
        return tuple(dict.fromkeys((*self.keywords, *self.numbers)))


def value_at(document: Document, path: str) -> Any:
    """
    Get a value of a document, as Haystack's filters do.

    :param document: The document.
    :param path: `content`, or a metadata field such as `meta.artist.name`.
    :returns: The value; `None` if it is missing.
    """
    root, *names = _parts(path)
    value: Any = getattr(document, root)
    for name in names:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def texts_at(document: Document, path: str) -> list[str]:
    """
    Get the texts of a field.

    :param document: The document.
    :param path: As in `value_at`.
    :returns: The text, or the texts of a list. Numbers are converted to texts.
    """
    value = value_at(document, path)
    values = value if isinstance(value, list) else [value]
    return [str(each) for each in values if isinstance(each, str | int | float) and not isinstance(each, bool)]


@cache
def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _check_path(setting: str, path: object) -> None:
    if not isinstance(path, str) or not path.startswith(META) or not all(path.split(".")):
        expected = "'content' or a" if setting == "text_fields" else "a"
        hint = f"; did you mean 'meta.{path}'?" if isinstance(path, str) and path else ""
        raise ConfigurationError(f"{setting}: expected {expected} metadata field, got {path!r}{hint}")
    if not SchemaBuilder.is_valid_field_name(path):
        raise ConfigurationError(f"{setting}: {path!r} cannot be the name of a field")
