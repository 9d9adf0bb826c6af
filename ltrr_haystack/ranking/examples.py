"""What a ranker is trained and judged on: the rewarded pages of the log, as arrays."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.ranking.features import FeatureSchema, Matrix
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import SettledDecision

MAX_REWARD = 5.0
"""Rewards are clipped to this, so that one purchase does not drown out every click."""

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Example:
    """
    The impressions of one decision that brought a reward.

    :param session: The session, or the query id where the session is not known.
    :param features: One row per impression, as it was logged.
    :param rewards: One reward per impression, clipped to 0 … `MAX_REWARD`.
    :param ordinals: One position per impression, from 1.
    """

    session: str
    features: Matrix = field(repr=False)
    rewards: NDArray[np.float64]
    ordinals: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ExampleLog:
    """
    What a part of the log holds to learn ranking from.

    :param decisions: Settled decisions read.
    :param examples: Those that say something about the order, in the order of the log.
    :param left_out: Why the others say nothing → how many.
    """

    decisions: int
    examples: tuple[Example, ...] = field(repr=False)
    left_out: Mapping[str, int]


def newest_schema(store: LTRRStore) -> FeatureSchema | None:
    """
    Give the schema of the pipeline that the log comes from.

    :param store: The store with the log.
    :returns: The schema of the newest settled decision, or `None` if nothing is settled.
    """
    newest = store.settled(store.watermark().settled - 1, 1, include_late=True)
    return FeatureSchema.of_arms(newest[0].decision.actions.names) if newest else None


def read_examples(store: LTRRStore, schema: FeatureSchema, max_decisions: int) -> ExampleLog:
    """
    Read the newest part of the log.

    :param store: The store with the log.
    :param schema: The features to read; what a decision did not log is missing.
    :param max_decisions: The most decisions to go back.
    :returns: The examples, rewards that came late included.
    """
    examples: list[Example] = []
    left_out: Counter[str] = Counter()
    decisions = 0
    for settled in _newest(store, max_decisions):
        decisions += 1
        reason = _says_nothing(settled)
        if reason is None:
            examples.append(example_of(settled, schema))
        else:
            left_out[reason] += 1
    return ExampleLog(decisions, tuple(examples), dict(left_out))


def example_of(settled: SettledDecision, schema: FeatureSchema) -> Example:
    """
    Turn a settled decision into arrays.

    :param settled: The decision with what came of it.
    :param schema: The features wanted.
    :returns: The example.
    """
    impressions = settled.impressions
    rewards = np.array([settled.rewards.get(impression.object_id, 0.0) for impression in impressions], dtype=np.float64)
    return Example(
        session=settled.decision.session_id or settled.decision.query_id,
        features=schema.matrix([impression.features for impression in impressions]),
        rewards=np.clip(rewards, 0.0, MAX_REWARD),
        ordinals=np.array([impression.ordinal for impression in impressions], dtype=np.int32),
    )


def split(examples: Iterable[Example], held_out: float, seed: int) -> tuple[list[Example], list[Example]]:
    """
    Part the examples by session, so that no session is both learned from and judged on.

    :param examples: The examples.
    :param held_out: The share of the sessions to hold out.
    :param seed: Another seed holds out other sessions.
    :returns: The examples to learn from, and those held out.
    """
    parts: tuple[list[Example], list[Example]] = ([], [])
    for example in examples:
        parts[_unit(example.session, seed) < held_out].append(example)
    return parts


def stacked(examples: Sequence[Example]) -> tuple[Matrix, NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]:
    """
    Put examples under each other.

    :param examples: At least one example.
    :returns: Features, rewards and ordinals of all impressions, and the number of impressions of each example.
    """
    return (
        np.concatenate([example.features for example in examples]),
        np.concatenate([example.rewards for example in examples]),
        np.concatenate([example.ordinals for example in examples]),
        np.array([len(example.rewards) for example in examples], dtype=np.int32),
    )


def _newest(store: LTRRStore, max_decisions: int) -> Iterator[SettledDecision]:
    after = max(0, store.watermark().settled - max_decisions)
    while batch := store.settled(after, _BATCH, include_late=True):
        yield from batch
        after = batch[-1].seq


def _says_nothing(settled: SettledDecision) -> str | None:
    if not any(settled.rewards.get(impression.object_id, 0.0) > 0 for impression in settled.impressions):
        return "no reward"
    if len(settled.impressions) < 2:
        return "a single impression"
    if not any(impression.features for impression in settled.impressions):
        return "no features logged"
    return None


def _unit(text: str, seed: int) -> float:
    digest = blake2b(f"{seed}:{text}".encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64
