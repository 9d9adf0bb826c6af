"""
An embedded search engine on Tantivy, a Rust library like Lucene. One index, on disk or in memory, has the documents,
their terms and the values for filters.
"""

from ltrr_haystack.errors import MissingExtraError

try:
    import tantivy as _tantivy  # noqa: F401 (only to check that it is installed)
except ImportError as error:
    raise MissingExtraError(
        "the embedded lexical engine needs tantivy; install it with: pip install 'ltrr-haystack[tantivy]'"
    ) from error

from ltrr_haystack.embedded.tantivy.retriever import TantivyBM25Retriever
from ltrr_haystack.embedded.tantivy.store import TantivyDocumentStore

__all__ = ["TantivyBM25Retriever", "TantivyDocumentStore"]
