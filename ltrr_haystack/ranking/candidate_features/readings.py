"""Features that compare the metadata of documents with what the query may mean."""

import math
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
from haystack import Document, default_from_dict, default_to_dict
from numpy.typing import NDArray

from ltrr_haystack.catalogue.fields import CONTENT, field_value, require_fields
from ltrr_haystack.catalogue.lexicon_fields import LONGEST_VALUE, WHOLE, values_in
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.candidate_features.matching import weighted_sums
from ltrr_haystack.readings.clicks import MOST_MEASURED, agreement_feature
from ltrr_haystack.types import Interpretation, Understanding
from ltrr_haystack.understanding.normalisation import normal_form

MOST_READINGS = 10
"""Readings of a query that documents are compared with; the less likely ones are ignored."""

MOST_SLOTS = 8
"""Slots of a reading that are compared."""

MOST_INTENTS = 50
"""Intents that are compared."""

MOST_TAGS = 100
"""Tags of one field that are read."""

AGREEMENT, SLOTS, INTENTS = "reading.agreement", "reading.slots", "reading.intents"

Array = NDArray[np.float64]
Slot = tuple[str, str]
"""A field, and the normal form of the value that it should have."""


class ReadingFeatures:
    """
    Tells how far documents agree with the readings and intents of a query.

    A document agrees with a reading if it has the value of each of the reading's slots in that field of its metadata,
    in whatever spelling, alone or in a list. A reading without slots says nothing of metadata: no document agrees with
    it or disagrees.

    - `reading.agreement`: the sum of the probabilities of the readings that the document agrees with;
    - `reading.slots`: the share of slots that it has the value of, averaged over the readings that have slots by their
      probability;
    - `reading.1`, `reading.2`, `reading.3`: 1 if it agrees with the first, second, third reading, 0 if not; unknown
      where there is no such reading or it has no slots. They are what clicks on readings are counted by, see
      `readings/clicks.py`;
    - `reading.intents`, where a category field is given: the sum of the probabilities of the intents that are among the
      document's categories.

    Where a document lacks a field, what `ContentTagger` found for it counts by its confidence: a document that is
    tagged with both values of a reading, with confidences 0.9 and 0.5, agrees to 0.45 and has 0.7 of the slots.

    Of the readings the first 10 count, of a reading the first 8 slots.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack import Interpretation, Understanding
    from ltrr_haystack.ranking.candidate_features import ReadingFeatures

    readings = (Interpretation({"title": "Love"}, "", 0.6), Interpretation({"genre": "Love Songs"}, "", 0.4))
    understanding = Understanding("love", "love", interpretations=readings, intents={"song": 0.7, "playlist": 0.3})
    song = Document(content="…", meta={"title": "Halo", "genre": ["Pop", "Love songs"], "kind": "song"})
    features = ReadingFeatures(category_field="meta.kind")
    features.names                            # reading.agreement .slots .1  .2  .3   .intents
    features.compute(understanding, [song])   # [[0.4,           0.4,   0.0, 1.0, nan, 0.7]]
    ```

    :param category_field: The field with a document's categories, such as `meta.kind`; `None` for none.
    :param tags: Where the metadata has what `ContentTagger` found, its `into`.
    :raises ConfigurationError: If it is no field of the metadata.
    """

    def __init__(self, category_field: str | None = None, tags: str = "content_tags") -> None:
        if category_field is not None:
            require_fields((category_field,), "ReadingFeatures")
            if category_field == CONTENT:
                raise ConfigurationError(
                    "category_field of ReadingFeatures must be in the metadata ('meta.…'), got 'content'"
                )
        self.category_field = category_field
        self.tags = tags
        best = [agreement_feature(place) for place in range(1, MOST_MEASURED + 1)]
        self.names: tuple[str, ...] = (AGREEMENT, SLOTS, *best, *([] if category_field is None else [INTENTS]))

    def to_dict(self) -> dict[str, Any]:
        """
        Describe the features as Haystack writes them into YAML.

        :returns: A dictionary from which `from_dict` makes features like these.
        """
        return default_to_dict(self, category_field=self.category_field, tags=self.tags)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ReadingFeatures":
        """
        Make features from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The features.
        """
        return default_from_dict(cls, data)

    def compute(self, understanding: Understanding, documents: Sequence[Document]) -> NDArray[np.float64]:
        """
        Compute the features.

        :param understanding: The query with its readings and intents.
        :param documents: The candidates.
        :returns: One row per document and one column per name, shares between 0 and 1; NaN for what is not known.
        """
        columns = self._of_readings(understanding.interpretations, documents)
        if self.category_field is not None:
            columns.append(self._of_intents(understanding.intents, documents, self.category_field))
        return np.column_stack(columns)

    def _of_readings(self, readings: Sequence[Interpretation], documents: Sequence[Document]) -> list[Array]:
        wanted = [_slots(reading) for reading in readings[:MOST_READINGS]]
        unknown = np.full(len(documents), np.nan)
        if not any(wanted):
            return [unknown] * (2 + MOST_MEASURED)
        has = self._matches({slot for slots in wanted for slot in slots}, documents)
        matched = [[has[slot] for slot in slots] or [unknown] for slots in wanted]
        agreements = [np.prod(columns, axis=0) for columns in matched]
        shares = [np.mean(columns, axis=0) for columns in matched]
        telling = [place for place, slots in enumerate(wanted) if slots]
        weights = np.array([_probability(readings[place].probability) for place in telling])
        return [
            weighted_sums(np.column_stack([agreements[place] for place in telling]), weights),
            weighted_sums(np.column_stack([shares[place] for place in telling]), weights / (weights.sum() or np.nan)),
            *agreements[:MOST_MEASURED],
            *[unknown] * (MOST_MEASURED - len(agreements)),
        ]

    def _of_intents(self, intents: Mapping[str, float], documents: Sequence[Document], field: str) -> Array:
        probabilities = {
            normal_form(intent): _probability(probability)
            for intent, probability in islice(intents.items(), MOST_INTENTS)
        }
        if not probabilities:
            return np.full(len(documents), np.nan)
        sums = [
            sum([probabilities.get(form, 0.0) * confidence for form, confidence in has.items()]) if has else math.nan
            for has in [self._values(document, field) for document in documents]
        ]
        return np.minimum(np.array(sums, dtype=np.float64), 1.0)

    def _matches(self, slots: Collection[Slot], documents: Sequence[Document]) -> Mapping[Slot, Array]:
        """For each slot how surely each document has its value in its field."""
        fields = {field for field, _ in slots}
        values = {field: [self._values(document, field) for document in documents] for field in fields}
        return {(field, form): np.array([has.get(form, 0.0) for has in values[field]]) for field, form in slots}

    def _values(self, document: Document, field: str) -> Mapping[str, float]:
        """The normal forms of what a document has in a field, each with how sure that is."""
        raw = field_value(document, field)
        if isinstance(raw, str):
            own = _values_of_text(raw) if len(raw) <= LONGEST_VALUE else {}
        else:
            own = dict.fromkeys(_forms(raw), 1.0)
        if own or self.tags not in document.meta:
            return own
        name = field.removeprefix("meta.")
        tags = field_value(document, f"meta.{self.tags}.{name}")
        return _tagged(tags, field_value(document, f"meta.{self.tags}_confidence.{name}"))


def _slots(reading: Interpretation) -> tuple[Slot, ...]:
    return tuple([(f"meta.{field}", normal_form(value)) for field, value in islice(reading.slots.items(), MOST_SLOTS)])


def _forms(raw: Any) -> list[str]:
    """The normal forms of values; of a number that is whole both, since the catalogue may write it as 2008.0."""
    found = values_in(raw)
    return [*found.values, *(f"{form}{WHOLE}" for form in found.values if found.has_numbers)]


@lru_cache(maxsize=2**15)
def _values_of_text(text: str) -> Mapping[str, float]:
    return dict.fromkeys(values_in(text).values, 1.0)


def _tagged(tags: Any, confidences: Any) -> Mapping[str, float]:
    """What a document was tagged with: a value with its confidence, or a list of values with a list of these."""
    if not isinstance(tags, list) or not isinstance(confidences, list):
        tags, confidences = [tags], [confidences]
    return {
        form: _probability(confidence)
        for tag, confidence in zip(tags[:MOST_TAGS], confidences, strict=False)
        if isinstance(confidence, float)
        for form in _forms(tag)
    }


def _probability(number: float) -> float:
    return min(1.0, max(0.0, number)) if math.isfinite(number) else 0.0
