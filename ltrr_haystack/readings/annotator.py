"""The annotator that reads queries by the catalogue's own values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from haystack import default_from_dict, default_to_dict

from ltrr_haystack.catalogue.lexicon import Lexicon
from ltrr_haystack.catalogue.snapshots import active_statistics, load_lexicon
from ltrr_haystack.catalogue.wanted_fields import WantedFields
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.readings.evidence import ReadingEvidence
from ltrr_haystack.readings.interpreting import MatchedReading, interpret
from ltrr_haystack.readings.matching import LexiconIndex
from ltrr_haystack.readings.query_types import query_type_of
from ltrr_haystack.store import LEXICON, ActiveModel, LTRRStore, Snapshot
from ltrr_haystack.types import Understanding

MOST_FUZZINESS = 2

MOST_INTENTS = 8
"""Intents that are told, the likeliest ones."""


class CatalogueReadings:
    """
    Says what a query may mean in terms of the catalogue: its readings with their probabilities, and what follows from
    them for the query's type and intents.

    It is an annotator of QueryUnderstanding. It looks for the values of the lexicon that `ContentTagger` or `ltrr
    catalogue build` have put into the store: whole or in part, with typos, unfinished, under their aliases. Each
    reading has slots (field → the catalogue's own value) and the text left over; the plain reading, all text, is always
    one of them. What people click moves the probabilities.

    Searches do not wait for a newer lexicon: it is read and indexed beside them, and then takes the place of the old
    one in whole. Without a lexicon an understanding stays as it is.

    ### Usage example

    ```python
    from haystack import Document
    from haystack.utils import Secret
    from ltrr_haystack import CatalogueReadings, LTRRStore, QueryUnderstanding
    from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, build, publish

    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    collector = LexiconCollector(LexiconFields(["meta.title", "meta.artist"]))
    build([Document(content="…", meta={"title": "Fearless", "artist": "Taylor Swift"})], [collector])
    publish(store, collector.counts())
    understanding = QueryUnderstanding(annotators=[CatalogueReadings(store)]).run("tayler live")["understanding"]
    best = understanding.interpretations[0]
    print(best.slots, best.leftover)  # {'artist': 'Taylor Swift'} live
    ```
    """

    def __init__(
        self,
        store: LTRRStore,
        fields: Sequence[str] | None = None,
        most_readings: int = 5,
        fuzziness: int = 2,
        poll_interval: float = 1.0,
    ) -> None:
        """
        Create CatalogueReadings.

        :param store: Where the lexicon is kept, and what clicks say of readings.
        :param fields: The metadata fields whose values are looked for, with or without `meta.`; all of the lexicon's if
            left out. It is warned once of one that the lexicon does not have.
        :param most_readings: How many readings to give at most, the plain one included.
        :param fuzziness: Most typos in one word, 0 to 2; shorter words are allowed fewer.
        :param poll_interval: Seconds between two looks for a newer lexicon; 0 looks at each search, and waits for it.
        :raises ConfigurationError: If a number is out of its range.
        """
        if most_readings < 1:
            raise ConfigurationError(f"most_readings of CatalogueReadings must be at least 1, got {most_readings}")
        if not 0 <= fuzziness <= MOST_FUZZINESS:
            raise ConfigurationError(f"fuzziness of CatalogueReadings must be 0, 1 or 2, got {fuzziness}")
        if poll_interval < 0:
            raise ConfigurationError(f"poll_interval of CatalogueReadings must not be negative, got {poll_interval}")
        self.store = store
        self.fields = None if fields is None else list(fields)
        self.most_readings = most_readings
        self.fuzziness = fuzziness
        self.poll_interval = poll_interval
        self._wanted = WantedFields("CatalogueReadings", fields)
        self._feedback = ReadingEvidence(store)
        self._statistics = active_statistics(store, poll_interval)
        self._index: ActiveModel[LexiconIndex | None] = ActiveModel(
            store, LEXICON, load=self._indexed, default=None, poll_interval=poll_interval, wait=False
        )

    @property
    def lexicon(self) -> Lexicon | None:
        """The lexicon that queries are read by now; `None` as long as there is none."""
        index, _ = self._index.held
        return None if index is None else index.lexicon

    def warm_up(self) -> None:
        """Open the store, and read and index the lexicon that is active in it."""
        self.store.warm_up()
        self._statistics.current()
        self._index.current()

    def catch_up(self, seconds: float) -> None:
        """
        Wait for the lexicon that is active now, before anybody searches: what was indexed since the warm-up is read.

        :param seconds: How long to wait at most.
        """
        self._statistics.catch_up(seconds)
        self._index.catch_up(seconds)

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    def annotate(self, understanding: Understanding) -> Understanding:
        """
        Read a query.

        :param understanding: What was understood so far.
        :returns: The understanding with the query's readings, its type and its intents by them; intents that an earlier
            annotator told are kept. The same if there is no lexicon.
        """
        index, _ = self._index.current()
        if index is None or not understanding.normal_form:
            return understanding
        statistics, _ = self._statistics.current()
        readings = interpret(index, understanding.normal_form, self._feedback, self.most_readings, statistics)
        return replace(
            understanding,
            interpretations=tuple([reading.interpretation for reading in readings]),
            query_type=query_type_of(readings, index.lexicon, understanding.query_type),
            intents=understanding.intents or intents_of(readings),
        )

    def to_dict(self) -> dict[str, Any]:
        """
        Turn the annotator into a dictionary.

        :returns: `type` and `init_parameters`.
        """
        return default_to_dict(
            self,
            store=self.store.to_dict(),
            fields=self.fields,
            most_readings=self.most_readings,
            fuzziness=self.fuzziness,
            poll_interval=self.poll_interval,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "CatalogueReadings":
        """
        Make the annotator from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The annotator.
        """
        parameters = dict(data["init_parameters"])
        parameters["store"] = LTRRStore.from_dict(parameters["store"])
        return default_from_dict(cls, {**data, "init_parameters": parameters})

    def _indexed(self, snapshot: Snapshot) -> LexiconIndex:
        lexicon = load_lexicon(snapshot)
        self._wanted.check(lexicon.fields)
        return LexiconIndex(lexicon, self._wanted.names, self.fuzziness)


def intents_of(readings: Sequence[MatchedReading]) -> Mapping[str, float]:
    """
    Tell what sort of thing is sought: the categories of the values that a query may refer to.

    :param readings: The query's readings.
    :returns: Category → probability, the likeliest first: each reading's probability, spread over the categories of its
        values, each of which has the same say. In sum at most 1: readings without categories say nothing.
    """
    intents: dict[str, float] = {}
    for reading in readings:
        categorised = [match.value.categories for match in reading.matches if match.value.categories]
        for categories in categorised:
            for category, share in categories.items():
                said = reading.probability * share / len(categorised)
                intents[category] = intents.get(category, 0.0) + said
    return dict(sorted(intents.items(), key=lambda item: (-item[1], item[0]))[:MOST_INTENTS])
