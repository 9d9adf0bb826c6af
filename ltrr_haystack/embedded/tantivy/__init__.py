"""
Tantivy, a search engine in the manner of Lucene, inside this process: one index has the documents, their words, and
what they are filtered by, on disk or in memory.
"""

from ltrr_haystack.errors import MissingExtraError

try:
    import tantivy as _tantivy  # noqa: F401 (whether it is there at all)
except ImportError as error:
    raise MissingExtraError(
        "the embedded lexical engine needs tantivy; install it with: pip install 'ltrr-haystack[tantivy]'"
    ) from error

from ltrr_haystack.embedded.tantivy.retriever import TantivyBM25Retriever
from ltrr_haystack.embedded.tantivy.store import TantivyDocumentStore

__all__ = ["TantivyBM25Retriever", "TantivyDocumentStore"]
