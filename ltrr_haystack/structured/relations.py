"""Relations between documents: one names another in a field of its metadata."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from haystack import Document

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.filtering import CONTAINS
from ltrr_haystack.memory.fetch import DOCUMENT_ID
from ltrr_haystack.reasons import RELATED_REASON, with_reasons
from ltrr_haystack.structured.filters import ListOperator, among, any_of

MOST_NAMED = 20
"""Most documents that one document names in one field."""

_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Relation:
    """
    A field by which documents name others.

    :param field: The field without `meta.`, such as `artist_id`.
    :param key: What the documents are named by: `id`, or a metadata field such as `meta.sku`.
    """

    field: str
    key: str = DOCUMENT_ID

    def named_by(self, document: Document) -> list[str]:
        """
        Give what a document names.

        :param document: The document.
        :returns: The keys of other documents: its text or whole number in the field, or those of a list.
        """
        return _keys_at(document, self.field)

    def keys_of(self, document: Document) -> list[str]:
        """
        Give the keys by which other documents may name one.

        :param document: The document.
        :returns: Its id, or the text or whole number in the key's field, or those of a list; none where it has none.
        """
        return [document.id] if self.key == DOCUMENT_ID else _keys_at(document, self.key.removeprefix("meta."))

    def naming(self, keys: Sequence[str], lists: ListOperator | None) -> dict[str, Any]:
        """
        Give the filters for documents that name one of some others.

        :param keys: The keys of the others.
        :param lists: How the document store finds a value within a list.
        :returns: The filters.
        """
        path = f"meta.{self.field}"
        values: list[str | int] = [*keys, *(int(key) for key in keys if _WHOLE_NUMBER.fullmatch(key))]
        within = [{"field": path, "operator": CONTAINS, "value": [value]} for value in values if lists == CONTAINS]
        return any_of(*among(path, values), *within)


def _keys_at(document: Document, field: str) -> list[str]:
    value: Any = document.meta
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    values = value[:MOST_NAMED] if isinstance(value, list | tuple) else [value]
    return [str(each) for each in values if isinstance(each, str | int) and not isinstance(each, bool) and each != ""]


def relations_of(given: Mapping[str, str] | Sequence[str]) -> tuple[Relation, ...]:
    """
    Make relations from the settings of a component.

    :param given: Field → what documents are named by there (`id`, or a metadata field), or fields that hold ids.
    :returns: The relations.
    :raises ConfigurationError: If there is none, or a name is no field of the metadata.
    """
    pairs = given.items() if isinstance(given, Mapping) else [(field, DOCUMENT_ID) for field in given]
    relations = []
    for field, key in pairs:
        name = field.removeprefix("meta.") if isinstance(field, str) else ""
        if not name or not all(name.split(".")):
            raise ConfigurationError(f"relations: expected a metadata field such as 'artist_id', got {field!r}")
        if key != DOCUMENT_ID and not (isinstance(key, str) and key.startswith("meta.") and all(key.split("."))):
            raise ConfigurationError(
                f"relations: '{field}' must refer to 'id' or to a field like 'meta.sku', got {key!r}"
            )
        relations.append(Relation(name, key))
    if isinstance(given, str) or not relations:
        raise ConfigurationError(f"relations must name at least one field, such as ['artist_id'], got {given!r}")
    return tuple(relations)


@dataclass(frozen=True, slots=True)
class Match:
    """
    A strong match, whose relatives are sought.

    :param document: The document.
    :param strength: Its score as a share of the best one's, above 0 and at most 1.
    """

    document: Document
    strength: float


def strong_matches(documents: Sequence[Document], strong: float, most: int) -> list[Match]:
    """
    Choose the strong matches: the first one, and those whose score is a large enough share of its score.

    :param documents: What was found, best first.
    :param strong: Least share, from 0 to 1.
    :param most: Most of them.
    :returns: The matches. Where the first one has no positive score, it alone.
    """
    if not documents:
        return []
    best = _score(documents[0])
    if best <= 0:
        return [Match(documents[0], 1.0)]
    shared = [Match(each, min(1.0, _score(each) / best)) for each in documents[:most]]
    return [match for match in shared if match.strength > 0 and match.strength >= strong]


class Relatives:
    """
    Gathers the relatives of strong matches, each once.

    The score of a relative is the match's strength, divided by 1 + its place: 0 for what a match names, and its rank
    among those that name the match otherwise. Of several ways to a document the best counts.
    """

    def __init__(self, matches: Sequence[Match]) -> None:
        self._matches = matches
        self._known = {match.document.id for match in matches}
        self._found: dict[str, Document] = {}

    def wanted(self, relation: Relation) -> list[str]:
        """
        Give the keys of the documents that the matches name.

        :param relation: The relation.
        :returns: The keys, those that the strongest match names first.
        """
        return list(dict.fromkeys(key for match in self._matches for key in relation.named_by(match.document)))

    def keys(self, relation: Relation) -> list[str]:
        """
        Give the keys by which other documents may name the matches.

        :param relation: The relation.
        :returns: The keys.
        """
        return list(dict.fromkeys(key for match in self._matches for key in relation.keys_of(match.document)))

    def add_named(self, relation: Relation, documents: Mapping[str, Document]) -> None:
        """
        Add documents that matches name.

        :param relation: By what.
        :param documents: Key → document.
        """
        for match in self._matches:
            for key in relation.named_by(match.document):
                if (document := documents.get(key)) is not None:
                    self._add(document, match, relation, "named", 0)

    def add_naming(self, relation: Relation, documents: Iterable[Document]) -> None:
        """
        Add documents that name matches.

        :param relation: By what.
        :param documents: The documents, best first.
        """
        places: dict[str, int] = {}
        for document in documents:
            named = set(relation.named_by(document))
            for match in self._matches:
                if not named.isdisjoint(relation.keys_of(match.document)):
                    places[match.document.id] = place = places.get(match.document.id, 0) + 1
                    self._add(document, match, relation, "naming", place)

    def best(self, most: int) -> list[Document]:
        """
        Give the relatives.

        :param most: Most of them.
        :returns: New documents, best first, with `meta["ltrr_related"]`: the id of the `match`, the `relation`, and
            whether the document is `named` by the match or is `naming` it. Equal ones stand in the order in which they
            came.
        """
        return sorted(self._found.values(), key=lambda document: -(document.score or 0.0))[:most]

    def _add(self, document: Document, match: Match, relation: Relation, role: str, place: int) -> None:
        score = match.strength / (1 + place)
        known = self._found.get(document.id)
        if document.id in self._known or (known is not None and (known.score or 0.0) >= score):
            return
        told = {"match": match.document.id, "relation": relation.field, "role": role}
        meta = with_reasons(document.meta, {RELATED_REASON: told})
        self._found[document.id] = replace(document, score=score, meta=meta)


def _score(document: Document) -> float:
    score = document.score
    return float(score) if isinstance(score, int | float) and math.isfinite(score) else 0.0
