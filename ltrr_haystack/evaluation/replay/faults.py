"""Arms that fail: one that raises, one that exceeds its time limit."""

from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any

from haystack import Document, component
from haystack.components.retrievers.types import TextRetriever

from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline, PrecomputedRetriever

LEVELS = [0, 10, 30]
TIMEOUT = 0.05
SLEEP = 0.2


@component
class FailingRetriever:
    """
    Raises on every call: an arm that is down.

    ### Usage example

    ```python
    from ltrr_haystack import RetrievalArm
    from ltrr_haystack.evaluation.replay.faults import FailingRetriever

    arm = RetrievalArm("dense", FailingRetriever("no route to the index"))
    ```
    """

    def __init__(self, message: str = "made to fail") -> None:
        """
        Create a FailingRetriever.

        :param message: What the error says.
        """
        self.message = message

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,  # noqa: ARG002 (a retriever's arguments)
        filters: dict[str, Any] | None = None,  # noqa: ARG002
        top_k: int | None = None,  # noqa: ARG002
    ) -> dict[str, list[Document]]:
        """
        Fail.

        :param query: Not used.
        :param filters: Not used.
        :param top_k: Not used.
        :raises ConnectionError: Always.
        """
        raise ConnectionError(self.message)


@component
class SleepingRetriever:
    """
    Answers, but only after a while: an arm that overruns its time limit.

    ### Usage example

    ```python
    from ltrr_haystack import RetrievalArm
    from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore
    from ltrr_haystack.evaluation.replay.faults import SleepingRetriever

    slow = SleepingRetriever(TantivyBM25Retriever(TantivyDocumentStore()), seconds=5.0)
    arm = RetrievalArm("bm25", slow, timeout=0.1)
    ```
    """

    def __init__(self, retriever: TextRetriever, *, seconds: float) -> None:
        """
        Create a SleepingRetriever.

        :param retriever: Who answers after the sleep.
        :param seconds: How long it sleeps.
        :raises ValueError: If `seconds` is not positive.
        """
        if seconds <= 0:
            raise ValueError(f"seconds must be positive, got {seconds}")
        self.retriever = retriever
        self.seconds = seconds
        self._closing = Event()

    def warm_up(self) -> None:
        """Warm up the retriever."""
        if hasattr(self.retriever, "warm_up"):
            self.retriever.warm_up()

    def close(self) -> None:
        """End all sleep at once, so that no thread outlives the program, and release the retriever's resources."""
        self._closing.set()
        if hasattr(self.retriever, "close"):
            self.retriever.close()

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """
        Sleep, then retrieve.

        :param query: The query text.
        :param filters: Haystack filters, handed on.
        :param top_k: How many documents.
        :returns: A dictionary with `documents`; empty once the retriever is closed.
        """
        if self._closing.wait(self.seconds):
            return {"documents": []}
        found: dict[str, list[Document]] = self.retriever.run(query=query, filters=filters, top_k=top_k)
        return found


def with_faults(precomputed: PrecomputedPipeline) -> PrecomputedPipeline:
    """
    Add an arm that raises and one that sleeps past its time limit, both in the baseline.

    :param precomputed: A pipeline without them.
    :returns: Another pipeline, with the arms `failing` and `sleeping` and a budget for them, too.
    """
    spare = PrecomputedRetriever(next(iter(precomputed.found.values())))
    faults: dict[str, TextRetriever] = {
        "failing": FailingRetriever(),
        "sleeping": SleepingRetriever(spare, seconds=SLEEP),
    }
    settings = {**next(iter(precomputed.arms.values())), "kind": "other", "levels": LEVELS}
    return replace(
        precomputed,
        arms={**precomputed.arms, **dict.fromkeys(faults, settings)},
        baseline={**precomputed.baseline, **dict.fromkeys(faults, max(LEVELS))},
        budget=precomputed.budget + len(faults) * max(LEVELS),
        faults={name: partial(RetrievalArm, name, retriever, timeout=TIMEOUT) for name, retriever in faults.items()},
    )
