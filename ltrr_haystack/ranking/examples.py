"""What a ranker is trained on: the rewarded pages of the log, as arrays."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.ranking.features import PLACE, FeatureSchema, Matrix
from ltrr_haystack.types import Impression, SettledDecision

MAX_REWARD = 5.0
"""Rewards are clipped to this, so that one purchase does not drown out every click."""

NO_REWARD = "no reward"


@dataclass(frozen=True, slots=True)
class Example:
    """
    One search that brought a reward, as it would have been without memory.

    :param query_key: The key of the query's evidence.
    :param features: One row per document, as it was logged: those shown, by position, then those not shown. Documents
        that only a memory arm brought are left out.
    :param places: The place of each in the order of the union without memory, from 1.
    :param rewards: The reward of each, clipped to 0 … `MAX_REWARD`; 0 for those not shown.
    :param shown: Whether each was shown.
    :param seq: The decision's place in the order of settlement.
    """

    query_key: str
    features: Matrix = field(repr=False)
    places: NDArray[np.int32]
    rewards: NDArray[np.float64]
    shown: NDArray[np.bool_]
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Stacked:
    """
    Examples under each other.

    :param features: One row per document.
    :param places: The place of each in the order of the union without memory.
    :param rewards: The reward of each.
    :param shown: Whether each was shown.
    :param groups: How many documents each example has.
    """

    features: Matrix = field(repr=False)
    places: NDArray[np.int32]
    rewards: NDArray[np.float64]
    shown: NDArray[np.bool_]
    groups: NDArray[np.int32]


def example_of(settled: SettledDecision, schema: FeatureSchema) -> Example | str:
    """
    Turn a settled decision into arrays.

    :param settled: The decision with its rewards.
    :param schema: The features wanted.
    :returns: The example, or why no order can be learned from this decision.
    """
    shown = searched_ones(settled, settled.impressions)
    unshown = searched_ones(settled, settled.unshown)
    earned = settled.counted_rewards
    rewards = clipped([earned.get(each.object_id, 0.0) for each in shown])
    if not any(each.features for each in settled.impressions):
        return "no features logged"
    if len(shown) + len(unshown) < 2:
        return "less than two documents without memory"
    if not rewards.any():
        return NO_REWARD
    if not all(PLACE in each.features for each in (*shown, *unshown)):
        return "logged by an earlier version, without the place in the union"
    rows = [each.features for each in (*shown, *unshown)]
    return Example(
        query_key=settled.decision.evidence_key,
        features=schema.matrix(rows),
        places=np.array([row[PLACE] for row in rows], dtype=np.int32),
        rewards=np.concatenate([rewards, np.zeros(len(unshown))]),
        shown=np.arange(len(rows)) < len(shown),
        seq=settled.seq,
    )


def searched_ones(settled: SettledDecision, impressions: Iterable[Impression]) -> list[Impression]:
    """
    Leave out what only a memory arm brought: a new query would not have shown it.

    :param settled: The decision.
    :param impressions: Documents of its union.
    :returns: Those that another arm brought, too.
    """
    memory = frozenset(settled.decision.actions.memory_arms)
    return [each for each in impressions if not memory.issuperset(each.arms)]


def clipped(rewards: Sequence[float]) -> NDArray[np.float64]:
    """
    Bound rewards, so that one of them does not drown out the others.

    :param rewards: The rewards.
    :returns: Each within 0 … `MAX_REWARD`.
    """
    return np.clip(np.array(rewards, dtype=np.float64), 0.0, MAX_REWARD)


def newest_of_each(examples: Sequence[Example], most: int) -> list[Example]:
    """
    Bound how much of what is learned comes from one query.

    :param examples: Examples in the order of the log.
    :param most: The most of one query; the newest are taken.
    :returns: Those that are left, in the order of the log.
    """
    met: Counter[str] = Counter()
    kept = []
    for example in reversed(examples):
        met[example.query_key] += 1
        if met[example.query_key] <= most:
            kept.append(example)
    return kept[::-1]


def fold_of(query_key: str, folds: int, seed: int) -> int:
    """
    Part queries, so that none is both learned from and judged on.

    :param query_key: The key of the query's evidence.
    :param folds: Into how many parts.
    :param seed: Another seed parts them otherwise.
    :returns: The part of this query, from 0; it does not depend on the others.
    """
    digest = blake2b(f"{seed}:{query_key}".encode(errors="replace"), digest_size=8).digest()
    return int(int.from_bytes(digest, "big") / 2.0**64 * folds)


def stacked(examples: Sequence[Example]) -> Stacked:
    """
    Put examples under each other.

    :param examples: At least one example.
    :returns: All their documents.
    """
    return Stacked(
        np.concatenate([example.features for example in examples]),
        np.concatenate([example.places for example in examples]),
        np.concatenate([example.rewards for example in examples]),
        np.concatenate([example.shown for example in examples]),
        np.array([len(example.rewards) for example in examples], dtype=np.int32),
    )
