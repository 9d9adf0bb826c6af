"""The memory index: query key → the documents that are known for it, scored."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ltrr_haystack.memory.posterior import Prior
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import evidence_key


@dataclass(frozen=True, slots=True)
class Remembered:
    """
    What is remembered of one document for one query.

    :param object_id: The document.
    :param query_key: The query key that the evidence was gathered under.
    :param successes: Rewards seen.
    :param exposures: Position-debiased exposures seen.
    :param score: Posterior mean of the success rate.
    :param weight: How far the score lies above the prior's, 0 to 1.
    :param since: When the first of it was learned, in seconds since 1970, UTC; `None` if that is not known.
    """

    object_id: str
    query_key: str
    successes: float
    exposures: float
    score: float
    weight: float = 0.0
    since: float | None = None


class MemoryIndex:
    """
    Scores the documents that the store remembers for a query key.

    Retrieval and ranking read the same scores here, so both change when the scoring does.

    :param store: Where the statistics are kept.
    :param prior: The prior of a pair without evidence.
    """

    def __init__(self, store: LTRRStore, prior: Prior | None = None) -> None:
        self._store = store
        self._prior = prior or Prior()

    def entries(self, normal_form: str, filters: Mapping[str, Any] | None = None) -> Mapping[str, Remembered]:
        """
        Give what is remembered for a query.

        Evidence without filters holds for a filtered search as well, and is added to that with the same filters.

        :param normal_form: The query's normal form.
        :param filters: The search's Haystack filters, if there are any.
        :returns: Object id → what is remembered of it, those without success included.
        """
        sums: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        since: dict[str, float] = {}
        for key in _keys(normal_form, filters):
            for entry in self._store.memory(key):
                successes, exposures = sums[entry.object_id]
                sums[entry.object_id] = successes + entry.successes, exposures + entry.exposures
                if entry.since is not None:
                    since[entry.object_id] = min(entry.since, since.get(entry.object_id, entry.since))
        return {
            object_id: Remembered(
                object_id=object_id,
                query_key=normal_form,
                successes=successes,
                exposures=exposures,
                score=self._prior.posterior_mean(successes, exposures),
                weight=self._prior.weight(successes, exposures),
                since=since.get(object_id),
            )
            for object_id, (successes, exposures) in sums.items()
        }

    def best(
        self, normal_form: str, min_successes: float = 0.0, filters: Mapping[str, Any] | None = None
    ) -> list[Remembered]:
        """
        Give the documents that worked for a query, the most promising first.

        :param normal_form: The query's normal form.
        :param min_successes: Documents with fewer successes are left out, as are those without any.
        :param filters: The search's Haystack filters, if there are any.
        :returns: What is remembered of them, by score; equal scores by the amount of evidence, then by id.
        """
        found = [
            entry
            for entry in self.entries(normal_form, filters).values()
            if entry.successes > 0 and entry.successes >= min_successes
        ]
        return sorted(found, key=lambda entry: (-entry.score, -entry.exposures, entry.object_id))


def _keys(normal_form: str, filters: Mapping[str, Any] | None) -> Sequence[str]:
    return (normal_form, evidence_key(normal_form, filters)) if filters else (normal_form,)
