"""One pass over the documents of a store, in which several collectors may learn about them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from haystack import Document
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DocumentStore

from ltrr_haystack.catalogue.analysis import DEFAULT_LANGUAGE
from ltrr_haystack.catalogue.lexicon import Lexicon
from ltrr_haystack.catalogue.lexicon_counts import LexiconCounts
from ltrr_haystack.catalogue.lexicon_fields import LexiconFields
from ltrr_haystack.catalogue.lexicon_tally import LexiconTally
from ltrr_haystack.catalogue.snapshots import draft_of
from ltrr_haystack.catalogue.statistics import CollectionStatistics, Tally
from ltrr_haystack.store import SnapshotDraft

BATCH = 1_000
"""Documents between two reports of progress."""


class Collector(Protocol):
    """Learns about documents that it is handed once each, and gives a snapshot for the store in the end."""

    def add(self, documents: Sequence[Document]) -> None:
        """
        Take documents in.

        :param documents: Some of the documents; each of them comes once.
        """

    def draft(self) -> SnapshotDraft:
        """
        Give what was learned.

        :returns: The snapshot to be stored.
        """


class StatisticsCollector:
    """
    Counts collection statistics.

    :param fields: The fields to count in: `content`, `meta.title` …
    :param language: ISO 639-1 code of the language to stem in; `None` for no stemming.
    :raises ConfigurationError: If a name is no field, or there is no stemmer for the language.
    """

    def __init__(self, fields: Iterable[str], language: str | None = DEFAULT_LANGUAGE) -> None:
        self._empty = CollectionStatistics.empty(fields, language)
        self._tally = Tally(tuple(self._empty.fields), language)

    def add(self, documents: Sequence[Document]) -> None:
        """
        Count documents.

        :param documents: Some of the documents.
        """
        self._tally.count(documents)

    def statistics(self) -> CollectionStatistics:
        """
        Give the statistics of the documents that were counted.

        :returns: The statistics.
        """
        return self._tally.onto(self._empty)

    def draft(self) -> SnapshotDraft:
        """
        Give the statistics as a snapshot.

        :returns: The snapshot to be stored.
        """
        return draft_of(self.statistics())


class LexiconCollector:
    """
    Counts the values of metadata fields for a lexicon.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, build

    documents = [Document(content="…", meta={"artist": name}) for name in ("Beyoncé", "Beyoncé", "beyonce", "Zaz")]
    collector = LexiconCollector(LexiconFields(["meta.artist"]))
    build(documents, [collector])
    print(collector.lexicon().lookup("artist", "beyonce").value)  # Beyoncé
    ```

    :param declared: The fields to count.
    """

    def __init__(self, declared: LexiconFields) -> None:
        self._counts = LexiconCounts.empty(declared)

    def add(self, documents: Sequence[Document]) -> None:
        """
        Count documents.

        :param documents: Some of the documents.
        """
        tally = LexiconTally(self._counts.declared)
        tally.count(documents)
        self._counts = tally.onto(self._counts)

    def counts(self) -> LexiconCounts:
        """
        Give what was counted.

        :returns: The counts, to be published or renewed.
        """
        return self._counts

    def lexicon(self) -> Lexicon:
        """
        Give the lexicon of the documents that were counted.

        :returns: The lexicon.
        """
        return self._counts.lexicon()

    def draft(self) -> SnapshotDraft:
        """
        Give the counts as a snapshot.

        :returns: The snapshot to be stored.
        """
        return draft_of(self._counts)


def build(
    documents: DocumentStore | Iterable[Document],
    collectors: Sequence[Collector],
    progress: Callable[[int], None] | None = None,
) -> int:
    """
    Read documents once, and hand them to all collectors.

    ### Usage example

    ```python
    from haystack import Document
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from ltrr_haystack.catalogue import StatisticsCollector, build

    document_store = InMemoryDocumentStore()
    document_store.write_documents([Document(content="a song of the sea")])
    collector = StatisticsCollector(["content"])
    build(document_store, [collector])
    print(collector.statistics().documents)  # 1
    ```

    :param documents: The documents, or any Haystack document store. What has `iterate_documents`, such as a
        `TantivyDocumentStore`, is read in batches; any other store is asked for all documents at once.
    :param collectors: What learns about them.
    :param progress: Called after each batch with the number of documents that were read so far.
    :returns: The number of documents.
    """
    read = 0
    remaining = iter(_documents(documents))
    while batch := list(islice(remaining, BATCH)):
        for collector in collectors:
            collector.add(batch)
        read += len(batch)
        if progress is not None:
            progress(read)
    return read


def _documents(source: Any) -> Iterator[Document]:
    if isinstance(source, InMemoryDocumentStore):
        yield from list(source.storage.values())
    elif hasattr(source, "iterate_documents"):
        yield from source.iterate_documents()
    elif hasattr(source, "filter_documents"):
        yield from source.filter_documents()
    else:
        yield from source
