"""The lexicon: the values that the catalogue's metadata have, with what is known of each of them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LexiconValue:
    """
    One value of a metadata field, over all documents that have it.

    :param field: The field, without `meta.`: `artist`, nested ones as `product.brand`.
    :param value: The value in the catalogue's own writing; in the most frequent one where there are several.
    :param documents: How many documents have it, at least 1.
    :param popularity: The largest popularity of these documents, 0 or more; 0 where no popularity field is declared.
    :param categories: Category → its share among these documents; the shares sum to 1. An artist with 9 pop songs and 4
        country songs is `{"pop": 9/13, "country": 4/13}`; a document with several categories counts in each of them.
        Empty where no category field is declared, or none of the documents has a category.
    :param aliases: Other names of it, as the documents write them, the most frequent first.
    :param ids: The ids of the documents where these are few (`MOST_IDS`), so that a value that names one thing leads to
        it; empty where there are more.
    :param mentions: How many of the documents have the value in their text, too, as whole words.
    :param writings: Other ways in which documents write it, such as "PINK FLOYD" beside "Pink Floyd", the most frequent
        first.
    """

    field: str
    value: str
    documents: int
    popularity: float = 0.0
    categories: Mapping[str, float] = dataclasses.field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    mentions: int = 0
    writings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """
    The values of the declared metadata fields. A value itself: two of equal content are equal.

    :param fields: The fields, without `meta.`, in the order of their declaration.
    :param list_fields: Fields, the category field included, whose metadata are lists, at least in a twentieth of the
        documents that have a value there.
    :param documents: How many documents were read, with and without values.
    :param values: Field → normal form of the value → what is known of it.
    :param number_fields: Fields whose metadata are numbers in as many; their values are written as text here, 1999 as
        `"1999"`.
    :param having: Field → how many documents have a value there.
    :param category: The field with a document's categories, without `meta.`; `None` where none is declared. It is among
        `fields` only if it was declared to be.
    :param texts: The fields of free text, as `content` and `meta.title`, in which `LexiconValue.mentions` counts.
    """

    fields: tuple[str, ...]
    list_fields: frozenset[str]
    documents: int
    values: Mapping[str, Mapping[str, LexiconValue]] = dataclasses.field(repr=False)
    number_fields: frozenset[str] = frozenset()
    having: Mapping[str, int] = dataclasses.field(default_factory=dict)
    category: str | None = None
    texts: tuple[str, ...] = ("content",)

    def lookup(self, field: str, normal_form: str) -> LexiconValue | None:
        """
        Find a value. In a field of numbers 2008.0 is found as 2008.

        :param field: The field, without `meta.`.
        :param normal_form: The value's normal form (`understanding.normalisation.normal_form`); aliases are not found.
        :returns: What is known of the value; `None` if the field has no such value.
        """
        values = self.values.get(field)
        if values is None:
            return None
        found = values.get(normal_form)
        return values.get(normal_form.removesuffix(".0")) if found is None and field in self.number_fields else found

    def __len__(self) -> int:
        """
        Count the values.

        :returns: How many there are in all fields together.
        """
        return sum(map(len, self.values.values()))
