"""The component that keeps collection statistics and the lexicon up to date while documents are indexed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from haystack import Document, component
from haystack.document_stores.types import DocumentStore

from ltrr_haystack.catalogue.analysis import DEFAULT_LANGUAGE, require_language
from ltrr_haystack.catalogue.building import Collector, LexiconCollector, StatisticsCollector, build
from ltrr_haystack.catalogue.fields import DEFAULT_FIELDS, field_text, require_fields
from ltrr_haystack.catalogue.lexicon_counts import LexiconCounts
from ltrr_haystack.catalogue.lexicon_fields import LexiconFields
from ltrr_haystack.catalogue.lexicon_tally import LexiconTally
from ltrr_haystack.catalogue.renewal import CatalogueCounts, CatalogueRenewal
from ltrr_haystack.catalogue.statistics import CollectionStatistics, Tally
from ltrr_haystack.memory.fetch import DocumentFetcher
from ltrr_haystack.store import CATALOGUE, LEXICON, LTRRStore


@component
class CatalogueWriter:
    """
    Counts the words of documents that are about to be written, for the ranker's text features, and the values of their
    metadata, for the lexicon.

    It stands before the `DocumentWriter` of an indexing pipeline, which has to overwrite documents with known ids
    (`policy: OVERWRITE`): what those have in the document store now is taken out of the count. The first run, and any
    run after the fields or the language have been changed, counts all documents of the store. Statistics and lexicon
    are replaced as a whole, both in one transaction.

    Several processes may index at the same time. Counts are off by a little when two of them write the same document at
    once, or when a pipeline fails between this component and the writer; `ltrr catalogue build` counts anew.

    ### Usage example

    ```python
    from haystack import Document, Pipeline
    from haystack.components.writers import DocumentWriter
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack.document_stores.types import DuplicatePolicy
    from haystack.utils import Secret
    from ltrr_haystack import CatalogueWriter, LTRRStore
    from ltrr_haystack.catalogue import LexiconFields

    document_store = InMemoryDocumentStore()
    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    lexicon = LexiconFields(["meta.title", "meta.genre"], category="meta.genre")
    pipeline = Pipeline()
    pipeline.add_component(
        "catalogue", CatalogueWriter(store, document_store, ["content", "meta.title"], lexicon=lexicon)
    )
    pipeline.add_component("writer", DocumentWriter(document_store, policy=DuplicatePolicy.OVERWRITE))
    pipeline.connect("catalogue.documents", "writer.documents")
    pipeline.run({"catalogue": {"documents": [Document(content="a song of the sea", meta={"title": "The sea"})]}})
    ```
    """

    def __init__(
        self,
        store: LTRRStore,
        document_store: DocumentStore,
        fields: Sequence[str] = DEFAULT_FIELDS,
        language: str | None = DEFAULT_LANGUAGE,
        lexicon: LexiconFields | None = None,
    ) -> None:
        """
        Create a CatalogueWriter.

        :param store: Where the counts are kept.
        :param document_store: The document store that the pipeline writes into.
        :param fields: The fields to count in: `content`, `meta.title` … At least those that the ranker's `TextFeatures`
            have.
        :param language: ISO 639-1 code of the language to stem in, the same as that of `TextFeatures`; `None` for no
            stemming.
        :param lexicon: The fields whose values make up the lexicon; `None` for none: a lexicon that is in the store
            already is left as it is then.
        :raises ConfigurationError: If a name is no field, or there is no stemmer for the language.
        """
        self.store = store
        self.document_store = document_store
        self.fields = list(require_fields(fields, "CatalogueWriter"))
        self.language = require_language(language)
        self._fetcher = DocumentFetcher(document_store)
        self.lexicon = lexicon
        self._renewal = CatalogueRenewal(store, *([CATALOGUE] if lexicon is None else [CATALOGUE, LEXICON]))

    def warm_up(self) -> None:
        """Open the store."""
        self.store.warm_up()

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    async def close_async(self) -> None:
        """Release the store without blocking the event loop."""
        await asyncio.to_thread(self.close)

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """
        Renew the counts for documents that are about to be written.

        :param documents: The documents. Of several with one id, the last one counts.
        :returns: A dictionary with `documents`, as they came.
        :raises StoreError: If the store cannot be written.
        """
        incoming = {document.id: document for document in documents}
        if incoming:
            known = self._fetcher.fetch(list(incoming))
            self._renew(incoming, known)
        return {"documents": documents}

    def forget(self, document_ids: Sequence[str]) -> None:
        """
        Renew the counts for documents that are about to be deleted.

        :param document_ids: Their ids; unknown ones are passed over.
        :raises StoreError: If the store cannot be written.
        """
        known = self._fetcher.fetch(document_ids) if document_ids else {}
        if known:
            self._renew({}, known)

    def _renew(self, incoming: Mapping[str, Document], known: Mapping[str, Document]) -> None:
        """Count what comes in, and no longer what is in the document store under the ids named; once, however often."""

        @cache
        def words(fields: tuple[str, ...]) -> Tally:
            tally = Tally(fields, self.language)
            _count(tally, incoming, known, lambda document: [field_text(document, name) for name in fields])
            return tally

        @cache
        def values() -> LexiconTally | None:
            if self.lexicon is None:
                return None
            tally = LexiconTally(self.lexicon)
            _count(tally, incoming, known, self.lexicon.read)
            return tally

        def change(before: CatalogueCounts) -> CatalogueCounts:
            statistics, lexicon = self._begun(before)
            statistics = words(tuple(statistics.fields)).onto(statistics)
            tally = values()
            return CatalogueCounts(statistics, None if lexicon is None or tally is None else tally.onto(lexicon))

        self._renewal.renew(change)

    def _begun(self, counts: CatalogueCounts) -> tuple[CollectionStatistics, LexiconCounts | None]:
        """What was counted before; what has to be counted anew, in one pass over the document store."""
        statistics, lexicon = counts.statistics, counts.lexicon
        words = StatisticsCollector(self.fields, self.language)
        values = None if self.lexicon is None else LexiconCollector(self.lexicon)
        collectors: list[Collector] = []
        if statistics is None or not statistics.covers(self.fields, self.language):
            statistics = None
            collectors.append(words)
        if values is not None and (lexicon is None or lexicon.declared != self.lexicon):
            lexicon = None
            collectors.append(values)
        if collectors:
            build(self.document_store, collectors)
        return (
            words.statistics() if statistics is None else statistics,
            values.counts() if values is not None and lexicon is None else lexicon,
        )


def _count(
    tally: Tally | LexiconTally,
    incoming: Mapping[str, Document],
    known: Mapping[str, Document],
    read: Callable[[Document], Any],
) -> None:
    """Count documents that come in, and no longer those known; of documents that read the same, neither."""
    same = {each for each in incoming.keys() & known.keys() if read(incoming[each]) == read(known[each])}
    tally.count(document for each, document in incoming.items() if each not in same)
    tally.count((document for each, document in known.items() if each not in same), -1)
