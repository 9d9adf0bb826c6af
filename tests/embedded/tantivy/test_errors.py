import pytest
from haystack import Document
from haystack.document_stores.errors import DocumentStoreError, DuplicateDocumentError

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore, retriever
from ltrr_haystack.embedded.tantivy.errors import convert_errors, convert_panics
from ltrr_haystack.errors import InvalidInputError


class PanicException(BaseException):
    """As tantivy's."""


class TestFailures:
    def test_what_tantivy_raises_is_an_error_of_the_store(self):
        with pytest.raises(DocumentStoreError, match="cannot write: disk full"), convert_errors("cannot write"):
            raise ValueError("disk full")

    @pytest.mark.parametrize("error", [InvalidInputError("x"), DuplicateDocumentError("x"), KeyboardInterrupt()])
    def test_whatever_others_raise_stays(self, error):
        with pytest.raises(type(error)), convert_errors("cannot write"):
            raise error

    def test_a_panic_is_an_error_that_can_be_caught(self):
        for guard in (convert_errors, convert_panics):
            with pytest.raises(DocumentStoreError, match="cannot read: index out of bounds"), guard("cannot read"):
                raise PanicException("index out of bounds")


def test_a_search_that_panics_ends_nothing_else(monkeypatch):
    store = TantivyDocumentStore()
    store.write_documents([Document(id="a", content="rain")])

    def panic(*arguments, **settings):
        raise PanicException("index out of bounds")

    monkeypatch.setattr(retriever, "top_documents", panic)
    with pytest.raises(DocumentStoreError, match="'rain' cannot be searched for: index out of bounds"):
        TantivyBM25Retriever(store).run("rain")
