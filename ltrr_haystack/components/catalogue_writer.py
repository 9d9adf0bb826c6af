"""The component that keeps collection statistics up to date while documents are indexed."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from haystack import Document, component
from haystack.document_stores.types import DocumentStore

from ltrr_haystack.catalogue.analysis import require_language
from ltrr_haystack.catalogue.building import StatisticsCollector, build
from ltrr_haystack.catalogue.fields import field_text, require_fields
from ltrr_haystack.catalogue.renewal import CatalogueCounts, CatalogueRenewal
from ltrr_haystack.catalogue.statistics import CollectionStatistics, Tally
from ltrr_haystack.memory.fetch import DocumentFetcher
from ltrr_haystack.store import CATALOGUE, LTRRStore


@component
class CatalogueWriter:
    """
    Counts the words of documents that are about to be written, for the ranker's text features.

    It stands before the `DocumentWriter` of an indexing pipeline, which has to overwrite documents with known ids
    (`policy: OVERWRITE`): the words of those are taken out of the count, as they are in the document store now. The
    first run, and any run after the fields or the language have been changed, counts all documents of the store.

    Several processes may index at the same time. Statistics are off by a little when two of them write the same
    document at once, or when a pipeline fails between this component and the writer; `ltrr catalogue build` counts
    anew.

    ### Usage example

    ```python
    from haystack import Document, Pipeline
    from haystack.components.writers import DocumentWriter
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack.document_stores.types import DuplicatePolicy
    from haystack.utils import Secret
    from ltrr_haystack import CatalogueWriter, LTRRStore

    document_store = InMemoryDocumentStore()
    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    pipeline = Pipeline()
    pipeline.add_component("catalogue", CatalogueWriter(store, document_store, ["content", "meta.title"]))
    pipeline.add_component("writer", DocumentWriter(document_store, policy=DuplicatePolicy.OVERWRITE))
    pipeline.connect("catalogue.documents", "writer.documents")
    pipeline.run({"catalogue": {"documents": [Document(content="a song of the sea", meta={"title": "The sea"})]}})
    ```
    """

    def __init__(
        self,
        store: LTRRStore,
        document_store: DocumentStore,
        fields: Sequence[str] = ("content",),
        language: str | None = "en",
    ) -> None:
        """
        Create a CatalogueWriter.

        :param store: Where the statistics are kept.
        :param document_store: The document store that the pipeline writes into.
        :param fields: The fields to count in: `content`, `meta.title` … At least those that the ranker's `TextFeatures`
            have.
        :param language: ISO 639-1 code of the language to stem in, the same as that of `TextFeatures`; `None` for no
            stemming.
        :raises ConfigurationError: If a name is no field, or there is no stemmer for the language.
        """
        self.store = store
        self.document_store = document_store
        self.fields = list(require_fields(fields, "CatalogueWriter"))
        self.language = require_language(language)
        self._fetcher = DocumentFetcher(document_store)
        self._renewal = CatalogueRenewal(store, CATALOGUE)

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
        Renew the statistics for documents that are about to be written.

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
        Renew the statistics for documents that are about to be deleted.

        :param document_ids: Their ids; unknown ones are passed over.
        :raises StoreError: If the store cannot be written.
        """
        known = self._fetcher.fetch(document_ids) if document_ids else {}
        if known:
            self._renew({}, known)

    def _renew(self, incoming: Mapping[str, Document], known: Mapping[str, Document]) -> None:
        """Count what comes in, and no longer what is in the document store under the ids named; once, however often."""
        tallies: dict[tuple[str, ...], Tally] = {}

        def change(counts: CatalogueCounts) -> CatalogueCounts:
            before = counts.statistics
            if before is None or not before.covers(self.fields, self.language):
                before = self._counted_anew()
            fields = tuple(before.fields)
            if fields not in tallies:
                tallies[fields] = self._tally(fields, incoming, known)
            return CatalogueCounts(tallies[fields].onto(before))

        self._renewal.renew(change)

    def _tally(self, fields: Sequence[str], incoming: Mapping[str, Document], known: Mapping[str, Document]) -> Tally:
        same = {
            each
            for each in incoming.keys() & known.keys()
            if all(field_text(incoming[each], field) == field_text(known[each], field) for field in fields)
        }
        tally = Tally(fields, self.language)
        tally.count(document for each, document in incoming.items() if each not in same)
        tally.count((document for each, document in known.items() if each not in same), -1)
        return tally

    def _counted_anew(self) -> CollectionStatistics:
        collector = StatisticsCollector(self.fields, self.language)
        build(self.document_store, [collector])
        return collector.statistics()
