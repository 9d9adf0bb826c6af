"""Which metadata fields make up the lexicon, and what one document has in them."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, Self

from haystack import Document
from haystack.core.serialization import default_from_dict, default_to_dict

from ltrr_haystack.catalogue.analysis import folded
from ltrr_haystack.catalogue.fields import CONTENT, MOST_ITEMS, field_text, field_value, require_fields
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.understanding.normalisation import normal_form

LONGEST_VALUE = 200
"""Characters of the longest value; a longer one is a text, and nobody types it to name something."""

WHOLE = ".0"
"""How a whole number ends that is written as a fraction: 2008.0 is the same value as 2008. A text 1.0 is not 1."""

MOST_BITS = 64
"""Bits of the largest whole number that is a value."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""Control characters save white space, and lone surrogates: no store can be trusted to find such a value again."""


@dataclass(frozen=True, slots=True)
class FieldReading:
    """
    What one document has in one field.

    :param values: Normal form → the value as it is written.
    :param is_list: Whether they came in a list.
    :param has_numbers: Whether one of them was a number.
    """

    values: Mapping[str, str]
    is_list: bool = False
    has_numbers: bool = False


@dataclass(frozen=True, slots=True)
class LexiconReading:
    """
    What one document says for the lexicon.

    :param fields: Field with `meta.` → what is there, the category field included; fields without values are left out.
    :param popularity: The document's popularity, 0 where it has none.
    :param aliases: Field → normal form → other name of the document's value in that field.
    :param mentioned: Normal forms of the values that its text has as whole words.
    """

    fields: Mapping[str, FieldReading]
    popularity: float
    aliases: Mapping[str, Mapping[str, str]]
    mentioned: frozenset[str]


@dataclass(frozen=True)
class LexiconFields:
    """
    Declares the metadata fields whose values are the lexicon.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack.catalogue import LexiconFields

    declared = LexiconFields(["meta.artist", "meta.genre"], category="meta.genre", popularity="meta.plays")
    song = Document(content="…", meta={"artist": "Beyoncé", "genre": ["Pop", "R&B"], "plays": "12"})
    reading = declared.read(song)
    print(reading.fields["meta.genre"].values, reading.popularity)  # {'pop': 'Pop', 'r&b': 'R&B'} 12.0
    ```

    Texts and numbers are values, alone or as items of a list; what is nested deeper, empty, longer than
    `LONGEST_VALUE` characters, or has control characters is passed over.

    :param fields: The fields: `meta.artist`, `meta.product.brand` …
    :param category: The field with a document's categories, such as `meta.genre`; `None` for none. It may be one of
        `fields`.
    :param popularity: The field with a document's popularity, a number or its text; `None` for none.
    :param aliases: Field → the field with other names of the value there: `{"meta.artist": "meta.aliases"}`. They
        are read from documents that have exactly one value in the field.
    :param texts: The fields of free text in which the values may be mentioned, for the confidence of what
        `ContentTagger` finds there.
    """

    fields: Sequence[str]
    category: str | None = None
    popularity: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    texts: Sequence[str] = (CONTENT,)

    def __post_init__(self) -> None:
        """
        Check the names.

        :raises ConfigurationError: If a name is no field of the metadata, or aliases are declared for a field that is
            not among `fields`.
        """
        object.__setattr__(self, "fields", require_fields(self.fields, "LexiconFields"))
        object.__setattr__(self, "texts", require_fields(self.texts, "LexiconFields.texts"))
        object.__setattr__(self, "aliases", dict(self.aliases or {}))
        named = dict.fromkeys([*self.fields, self.category, self.popularity, *self.aliases.values()])
        if CONTENT in require_fields([name for name in named if name is not None], "LexiconFields"):
            raise ConfigurationError("fields of LexiconFields must be in the metadata ('meta.…'), got 'content'")
        if strange := sorted(set(self.aliases) - set(self.fields)):
            raise ConfigurationError(
                f"aliases are declared for {', '.join(strange)}, and the fields are {', '.join(self.fields)}"
            )

    @property
    def counted(self) -> tuple[str, ...]:
        """The fields whose values are counted: `fields`, and the category field."""
        extra = () if self.category is None or self.category in self.fields else (self.category,)
        return (*self.fields, *extra)

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise for a pipeline file.

        :returns: A dictionary for `from_dict`.
        """
        return default_to_dict(
            self,
            fields=list(self.fields),
            category=self.category,
            popularity=self.popularity,
            aliases=dict(self.aliases),
            texts=list(self.texts),
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """
        Make a declaration from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The declaration.
        """
        made: Self = default_from_dict(cls, data)
        return made

    def read(self, document: Document) -> LexiconReading:
        """
        Read what a document says for the lexicon.

        :param document: The document.
        :returns: Its values, popularity and aliases.
        """
        fields = {}
        for name in self.counted:
            reading = field_reading(document, name)
            if reading.values:
                fields[name] = reading
        aliases = {}
        for name, where in self.aliases.items():
            if name in fields and len(fields[name].values) == 1:
                others = field_reading(document, where).values
                aliases[name] = {form: other for form, other in others.items() if form not in fields[name].values}
        popularity = 0.0 if self.popularity is None else _number(field_value(document, self.popularity))
        return LexiconReading(fields, popularity, aliases, self._mentioned(document, fields.values()))

    def _mentioned(self, document: Document, fields: Iterable[FieldReading]) -> frozenset[str]:
        forms = {form for each in fields for form in each.values}
        # Where words are separated by single spaces, a phrase is in a text if it is with the spaces around it.
        texts = [f" {folded(field_text(document, name))} " for name in self.texts] if forms else []
        phrases = {form: f" {words} " for form in forms if (words := folded(form))}
        return frozenset(form for form, phrase in phrases.items() if any(phrase in text for text in texts))


def slot_of(name: str) -> str:
    """
    Give a field the name that it has in the lexicon.

    :param name: The field: `meta.artist`.
    :returns: Its name without `meta.`.
    """
    return name.removeprefix("meta.")


def field_reading(document: Document, name: str) -> FieldReading:
    """
    Read the values of a field.

    :param document: The document.
    :param name: The field: `meta.artist`.
    :returns: What is there.
    """
    return values_in(field_value(document, name))


def values_in(raw: Any) -> FieldReading:
    """
    Read the values of a field from what the metadata have there.

    :param raw: A value, a list of values, or anything else.
    :returns: Its values; none where it has none that could be in a lexicon.
    """
    is_list = isinstance(raw, list | tuple)
    values: dict[str, str] = {}
    has_numbers = False
    for item in islice(raw, MOST_ITEMS) if is_list else (raw,):
        written = _written(item)
        is_number = not isinstance(item, str)
        if written is not None and (form := _form(written).removesuffix(WHOLE if is_number else "")):
            values.setdefault(form, written)
            has_numbers |= is_number
    return FieldReading(values, is_list, has_numbers)


def _written(item: Any) -> str | None:
    """The item as text, where it can be a value. Subclasses of numbers may be written in ways of their own."""
    if isinstance(item, str):
        return item if len(item) <= LONGEST_VALUE and not _UNPRINTABLE.search(item) else None
    if isinstance(item, bool):
        return None
    if isinstance(item, int):
        return int.__repr__(item) if item.bit_length() <= MOST_BITS else None
    return float.__repr__(item) if isinstance(item, float) and math.isfinite(item) else None


def _number(raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str) or (isinstance(raw, str) and len(raw) > 40):
        return 0.0
    try:
        number = float(raw)
    except (ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) and number > 0.0 else 0.0


@lru_cache(maxsize=2**16)
def _form(written: str) -> str:
    return normal_form(written)
