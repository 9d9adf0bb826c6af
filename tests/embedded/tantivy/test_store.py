import pytest
from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.testing.document_store import CountDocumentsByFilterTest, DocumentStoreBaseExtendedTests
from haystack.testing.document_store_async import (
    CountDocumentsAsyncTest,
    CountDocumentsByFilterAsyncTest,
    DeleteAllAsyncTest,
    DeleteByFilterAsyncTest,
    DeleteDocumentsAsyncTest,
    FilterDocumentsAsyncTest,
    UpdateByFilterAsyncTest,
    WriteDocumentsAsyncTest,
)

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy import TantivyDocumentStore


class TestAsHaystackHasIt(
    DocumentStoreBaseExtendedTests,
    CountDocumentsByFilterTest,
    CountDocumentsAsyncTest,
    CountDocumentsByFilterAsyncTest,
    DeleteAllAsyncTest,
    DeleteByFilterAsyncTest,
    DeleteDocumentsAsyncTest,
    FilterDocumentsAsyncTest,
    UpdateByFilterAsyncTest,
    WriteDocumentsAsyncTest,
):
    """Haystack's own tests for document stores, with the fields of their documents declared, and without."""

    @pytest.fixture(params=["memory", "memory, declared", "disk, declared"])
    def document_store(self, request, tmp_path):
        declared = {
            "keyword_fields": ["meta.name", "meta.page", "meta.chapter", "meta.category", "meta.status"],
            "number_fields": ["meta.number", "meta.year"],
        }
        store = TantivyDocumentStore(
            str(tmp_path / "index") if "disk" in request.param else None,
            **(declared if "declared" in request.param else {}),
        )
        yield store
        store.close()

    def test_write_documents(self, document_store):
        document = Document(content="test doc")
        assert document_store.write_documents([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            document_store.write_documents([document])
        assert document_store.filter_documents() == [document]

    async def test_write_documents_async(self, document_store):
        document = Document(content="test doc")
        assert await document_store.write_documents_async([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            await document_store.write_documents_async([document], DuplicatePolicy.NONE)
