"""What the embedded default is made of: everything in one process, nothing to install or to start beside it."""

from ltrr_haystack.embedded.cached_embedder import CachedDocumentEmbedder
from ltrr_haystack.embedded.minilm import MiniLMDocumentEmbedder, MiniLMTextEmbedder

__all__ = [
    "CachedDocumentEmbedder",
    "MiniLMDocumentEmbedder",
    "MiniLMTextEmbedder",
]
