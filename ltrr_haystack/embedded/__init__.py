"""Search within the process: documents, keyword search, embeddings and vector search without any server."""

from ltrr_haystack.embedded.cached_embedder import CachedDocumentEmbedder
from ltrr_haystack.embedded.minilm import MiniLMDocumentEmbedder, MiniLMTextEmbedder

__all__ = [
    "CachedDocumentEmbedder",
    "MiniLMDocumentEmbedder",
    "MiniLMTextEmbedder",
]
