"""Which fields of the documents an index knows, and how it reads them."""

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
    One way in which one field is searched.

    :param path: `content`, or a place in the metadata such as `meta.title`.
    :param analysis: `words`, `unstemmed` or `trigrams`.
    """

    path: str
    analysis: str

    @property
    def name(self) -> str:
        """How a retriever calls it: `meta.title` for words, `meta.title:trigrams` for the others."""
        return self.path if self.analysis == WORDS else f"{self.path}:{self.analysis}"


@dataclass(frozen=True, slots=True)
class Fields:
    """
    What an index is made of. Indexes of equal fields are interchangeable.

    :param texts: What is searched.
    :param keywords: Places in the metadata that are filtered by equality.
    :param numbers: Places in the metadata that are filtered by equality and by order.
    :param language: How words are brought to their stems.
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
        Check and order what a store was given.

        :param texts: Path → its analyses.
        :param keywords: Paths.
        :param numbers: Paths.
        :param language: The language.
        :returns: The fields, in an order of their own.
        :raises ConfigurationError: If there is nothing to search, a path is none, or an analysis is unknown.
        """
        found = []
        for path, given in texts.items():
            if path != CONTENT:
                _check_path("text_fields", path)
            for analysis in [given] if isinstance(given, str) else given:
                if analysis not in ANALYSES:
                    raise ConfigurationError(
                        f"text_fields: '{path}' can be read as {', '.join(ANALYSES)}, got {analysis!r}"
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
    def filtered(self) -> tuple[str, ...]:
        """All paths of which the index knows the values."""
        return tuple(dict.fromkeys((*self.keywords, *self.numbers)))


def value_at(document: Document, path: str) -> Any:
    """
    Look a value up the way Haystack's filters do.

    :param document: The document.
    :param path: `content`, or a place in the metadata such as `meta.artist.name`.
    :returns: The value; `None` where there is none.
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
    Give what there is to search in a field.

    :param document: The document.
    :param path: As in `value_at`.
    :returns: The text there, or each text of a list; numbers are searched as they are written.
    """
    value = value_at(document, path)
    values = value if isinstance(value, list) else [value]
    return [str(each) for each in values if isinstance(each, str | int | float) and not isinstance(each, bool)]


@cache
def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _check_path(setting: str, path: object) -> None:
    if not isinstance(path, str) or not path.startswith(META) or not all(path.split(".")):
        wanted = "'content' or a" if setting == "text_fields" else "a"
        hint = f"; did you mean 'meta.{path}'?" if isinstance(path, str) and path else ""
        raise ConfigurationError(f"{setting}: expected {wanted} place in the metadata, got {path!r}{hint}")
    if not SchemaBuilder.is_valid_field_name(path):
        raise ConfigurationError(f"{setting}: an index cannot name a field {path!r}")
