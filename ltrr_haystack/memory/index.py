"""The memory index: query key → the documents that are known for it, scored."""

from collections.abc import Mapping
from dataclasses import dataclass

from ltrr_haystack.memory.posterior import Prior
from ltrr_haystack.store import LTRRStore


@dataclass(frozen=True, slots=True)
class Remembered:
    """
    What is remembered of one document for one query.

    :param object_id: The document.
    :param query_key: The query key that the evidence was gathered under.
    :param successes: Rewards seen.
    :param exposures: Position-debiased exposures seen.
    :param score: Posterior mean of the success rate.
    """

    object_id: str
    query_key: str
    successes: float
    exposures: float
    score: float


class MemoryIndex:
    """
    Scores the documents that the store remembers for a query key.

    Retrieval and ranking read the same scores here, so both change when the scoring does.

    :param store: Where the statistics are kept.
    :param prior: What is believed of a pair without evidence.
    """

    def __init__(self, store: LTRRStore, prior: Prior | None = None) -> None:
        self._store = store
        self._prior = prior or Prior()

    def entries(self, query_key: str) -> Mapping[str, Remembered]:
        """
        Give what is remembered for a query.

        :param query_key: The query's normal form.
        :returns: Object id → what is remembered of it, those without success included.
        """
        return {
            entry.object_id: Remembered(
                object_id=entry.object_id,
                query_key=query_key,
                successes=entry.successes,
                exposures=entry.exposures,
                score=self._prior.posterior_mean(entry.successes, entry.exposures),
            )
            for entry in self._store.memory(query_key)
        }

    def best(self, query_key: str, min_successes: float = 0.0) -> list[Remembered]:
        """
        Give the documents that worked for a query, the most promising first.

        :param query_key: The query's normal form.
        :param min_successes: Documents with fewer successes are left out, as are those without any.
        :returns: What is remembered of them, by score; equal scores by the amount of evidence, then by id.
        """
        found = [
            entry
            for entry in self.entries(query_key).values()
            if entry.successes > 0 and entry.successes >= min_successes
        ]
        return sorted(found, key=lambda entry: (-entry.score, -entry.exposures, entry.object_id))
