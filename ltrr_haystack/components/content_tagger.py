"""The component that says, while documents are indexed, what their metadata leave out."""

import asyncio
import heapq
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from threading import Lock
from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict

from ltrr_haystack.catalogue.lexicon import Lexicon
from ltrr_haystack.catalogue.snapshots import active_statistics, load_lexicon
from ltrr_haystack.catalogue.statistics import CollectionStatistics
from ltrr_haystack.catalogue.tagging import CategoryClassifier, LexiconTags
from ltrr_haystack.catalogue.wanted_fields import WantedFields
from ltrr_haystack.components.settings import check_number
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.store import LEXICON, ActiveModel, LTRRStore, Snapshot

MOST_TAGS = 10
"""Values of one field that a document is tagged with, the most confident ones."""


@component
class ContentTagger:
    """
    Tags documents whose metadata lack fields of the lexicon with values that their text, or their other metadata, speak
    for.

    A field that a document has is never touched, and what is found does not go into the field itself: the lexicon
    counts what the catalogue says, and would learn from its own guesses otherwise. It goes into two fields of its own
    that have the same shape, here for a song without `artist`, `genre` (a list in other documents) and `year` (a
    number in others):

    ```yaml
    content_tags: {artist: Taylor Swift, genre: [Pop, Country], year: 2008}
    content_tags_confidence: {artist: 0.97, genre: [0.91, 0.55], year: 0.62}
    ```

    A filter takes `meta.content_tags.artist` as it takes `meta.artist`, and `MetadataFeatures` takes
    `meta.content_tags_confidence.artist`. Of a field that is a list in other documents there are up to 10 values, the
    most confident first; of any other field there is the most confident one. Tags of an earlier run are replaced.

    It reads the lexicon and the collection statistics that `CatalogueWriter` or `ltrr catalogue build` keep in the
    store; as long as there are none, documents go through as they came. How confidences are estimated is written at
    `LexiconTags.find` and `mention_confidence`.

    ### Usage example

    ```python
    from haystack import Document
    from haystack.utils import Secret
    from ltrr_haystack import ContentTagger, LTRRStore
    from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, StatisticsCollector, build, publish

    songs = [Document(content=f"Song {number} by Zaz", meta={"artist": "Zaz"}) for number in range(9)]
    words, values = StatisticsCollector(["content"]), LexiconCollector(LexiconFields(["meta.artist"]))
    build(songs, [words, values])
    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    publish(store, words.statistics(), values.counts())

    tagger = ContentTagger(store)
    [tagged] = tagger.run([Document(content="Live in Paris: ZAZ")])["documents"]
    print(tagged.meta)  # {'content_tags': {'artist': 'Zaz'}, 'content_tags_confidence': {'artist': 0.95}}
    ```
    """

    def __init__(
        self,
        store: LTRRStore,
        classifier: CategoryClassifier | None = None,
        fields: Sequence[str] | None = None,
        into: str = "content_tags",
        min_confidence: float = 0.5,
        poll_interval: float = 1.0,
    ) -> None:
        """
        Create a ContentTagger; nothing is opened yet.

        :param store: The store with the lexicon and the statistics.
        :param classifier: Tells the categories of texts; `None` for none.
        :param fields: The fields to tag, such as `meta.artist`; `None` for all fields of the lexicon and its category.
            It is warned once of one that the lexicon does not have.
        :param into: The name under which tags go into the metadata, without dots; confidences go under the same with
            `_confidence`.
        :param min_confidence: Tags are above this, 0 to 1. Above ½, a tag is right more often than wrong.
        :param poll_interval: Seconds between two checks for a newer lexicon; 0 checks each time.
        :raises ConfigurationError: If the classifier has no `categories_of`, `into` is empty or has a dot,
            `min_confidence` is not from 0 to 1, or `poll_interval` is negative.
        """
        if classifier is not None and not callable(getattr(classifier, "categories_of", None)):
            raise ConfigurationError(
                f"classifier of ContentTagger needs a method categories_of(text), {type(classifier).__name__} has none"
            )
        if not into or "." in into:
            raise ConfigurationError(f"into of ContentTagger must be a name without dots, got {into!r}")
        check_number("min_confidence of ContentTagger", min_confidence, 0, 1)
        self.store = store
        self.classifier = classifier
        self.fields = None if fields is None else list(fields)
        self.into = into
        self.min_confidence = min_confidence
        self.poll_interval = poll_interval
        self._wanted = WantedFields("ContentTagger", fields)
        self._statistics = active_statistics(store, poll_interval)
        self._tags: ActiveModel[LexiconTags | None] = ActiveModel(
            store,
            LEXICON,
            load=self._loaded,
            default=None,
            poll_interval=poll_interval,
            wait=False,
        )
        self._warming = Lock()
        self._warm = False

    def warm_up(self) -> None:
        """Open the store, load the lexicon, and warm up the classifier."""
        with self._warming:
            if not self._warm:
                self.store.warm_up()
                self._statistics.current()
                self._tags.current()
                self._call_classifier("warm_up")
                self._warm = True

    async def warm_up_async(self) -> None:
        """Do what `warm_up` does without blocking the event loop."""
        if not self._warm:
            await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Release the store and what the classifier holds."""
        with self._warming:
            if self._warm:
                self._call_classifier("close")
                self.store.close()
                self._warm = False

    async def close_async(self) -> None:
        """Do what `close` does without blocking the event loop."""
        await asyncio.to_thread(self.close)

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """
        Tag documents.

        :param documents: The documents.
        :returns: A dictionary with `documents`: in the same order, those with tags as copies.
        """
        tags, _ = self._tags.current()
        if tags is None:
            return {"documents": documents}
        statistics, _ = self._statistics.current()
        return {"documents": [self._tagged(document, tags, statistics) for document in documents]}

    @component.output_types(documents=list[Document])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """
        Tag documents without blocking the event loop.

        :param documents: The documents.
        :returns: As `run`.
        """
        return await asyncio.to_thread(self.run, documents)

    def to_dict(self) -> dict[str, Any]:
        """
        Turn the component into a dictionary.

        :returns: `type` and `init_parameters`.
        """
        return default_to_dict(
            self,
            store=self.store,
            classifier=self.classifier,
            fields=self.fields,
            into=self.into,
            min_confidence=self.min_confidence,
            poll_interval=self.poll_interval,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ContentTagger":
        """
        Make the component from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The component.
        """
        return default_from_dict(cls, data)

    def _loaded(self, snapshot: Snapshot) -> LexiconTags:
        lexicon = load_lexicon(snapshot)
        self._wanted.check([*lexicon.fields, *([] if lexicon.category is None else [lexicon.category])])
        return LexiconTags(lexicon)

    def _tagged(self, document: Document, tags: LexiconTags, statistics: CollectionStatistics | None) -> Document:
        values: dict[str, Any] = {}
        confidences: dict[str, Any] = {}
        for field, found in sorted(tags.find(document, statistics, self.classifier).items()):
            kept = self._kept(field, found)
            typed = [_typed(value, field, tags.lexicon) for value in kept]
            if kept and _put(values, field, _shaped(typed, field, tags.lexicon)):
                _put(confidences, field, _shaped([round(found[value], 4) for value in kept], field, tags.lexicon))
        names = (self.into, f"{self.into}_confidence")
        meta = {name: value for name, value in document.meta.items() if name not in names}
        if values:
            meta |= zip(names, (values, confidences), strict=True)
        return document if meta == document.meta else replace(document, meta=meta)

    def _kept(self, field: str, found: Mapping[str, float]) -> list[str]:
        """The values to tag with, the most confident first."""
        if field not in self._wanted:
            return []
        kept = [value for value, confidence in found.items() if confidence > self.min_confidence]
        return heapq.nsmallest(MOST_TAGS, kept, key=lambda value: (-found[value], value))

    def _call_classifier(self, method: str) -> None:
        if hasattr(self.classifier, method):
            getattr(self.classifier, method)()


def _shaped(items: list[Any], field: str, lexicon: Lexicon) -> Any:
    return items if field in lexicon.list_fields else items[0]


def _typed(value: str, field: str, lexicon: Lexicon) -> str | int | float:
    """The value as the metadata have it: a number in a field of numbers."""
    if field in lexicon.number_fields:
        for number in (int, float):
            with suppress(ValueError):
                return number(value)
    return value


def _put(tree: dict[str, Any], field: str, value: Any) -> bool:
    """Put a value where `meta.product.brand` would be read; not below or in the place of another value."""
    *parents, name = field.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            return False
    return tree.setdefault(name, value) is value
