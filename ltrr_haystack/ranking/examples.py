"""What a ranker is trained and judged on: the rewarded pages of the log, as arrays."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.ranking.features import SEARCHED, FeatureSchema, Matrix
from ltrr_haystack.store import LTRRStore, newest_decision, read_log
from ltrr_haystack.types import SettledDecision

MAX_REWARD = 5.0
"""Rewards are clipped to this, so that one purchase does not drown out every click."""

_NO_REWARD = "no reward"

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Example:
    """
    The impressions of one decision that brought a reward.

    :param query_key: The key of the query's evidence.
    :param has_memory: Whether the memory index had evidence about one of the documents shown.
    :param features: One row per impression, as it was logged.
    :param rewards: One reward per impression, clipped to 0 … `MAX_REWARD`.
    :param ordinals: One position per impression, from 1.
    :param searches: For how many decisions of its query it stands, those without a reward included: a query's decisions
        are shared out among its examples.
    """

    query_key: str
    has_memory: bool
    features: Matrix = field(repr=False)
    rewards: NDArray[np.float64]
    ordinals: NDArray[np.int32]
    searches: float = 1.0


@dataclass(frozen=True, slots=True)
class ExampleLog:
    """
    Training examples for the ranker from a part of the log.

    :param schema: The features of the pipeline that the log comes from.
    :param searched: Those of them that memory does not contribute to.
    :param decisions: Settled decisions read.
    :param examples: Those from which an order can be learned, in the order of the log.
    :param left_out: Why the others are left out → how many.
    """

    schema: FeatureSchema
    searched: FeatureSchema
    decisions: int
    examples: tuple[Example, ...] = field(repr=False)
    left_out: Mapping[str, int]


def read_examples(store: LTRRStore, max_decisions: int, max_per_query: int) -> ExampleLog:
    """
    Read the newest part of the log.

    :param store: The store with the log.
    :param max_decisions: The most decisions to go back.
    :param max_per_query: The most examples of one query; the newest are taken.
    :returns: The examples, rewards that came late included. Features are those of the newest decision's pipeline;
        what an older one did not log is missing. What no learner has been through is not read.
    """
    newest = newest_decision(store)
    actions = newest.decision.actions if newest else None
    schema = FeatureSchema.of_arms(actions.names if actions else ())
    searched = schema.without_memory(actions.memory_arms if actions else ())
    examples: list[Example] = []
    left_out: Counter[str] = Counter()
    searches: Counter[tuple[str, bool]] = Counter()
    decisions = 0
    last = store.watermark().learned
    for settled in read_log(store, last, after=max(0, last - max_decisions), learned=True):
        decisions += 1
        if not settled.counted:
            left_out["beyond their client's share"] += 1
            continue
        reason = _reason_to_leave_out(settled)
        if reason is None:
            examples.append(example_of(settled, schema))
        else:
            left_out[reason] += 1
        if reason in (None, _NO_REWARD):
            searches[_query_key(settled), _has_memory(settled)] += 1
    examples = _shared_out(examples, searches, lambda example: (example.query_key, example.has_memory))
    kept = _newest_of_each(examples, max_per_query)
    if len(kept) < len(examples):
        left_out[f"older than the newest {max_per_query} of its query"] = len(examples) - len(kept)
    return ExampleLog(schema, searched, decisions, tuple(kept), dict(left_out))


def example_of(settled: SettledDecision, schema: FeatureSchema) -> Example:
    """
    Turn a settled decision into arrays.

    :param settled: The decision with its rewards.
    :param schema: The features wanted.
    :returns: The example.
    """
    impressions, earned = settled.impressions, settled.counted_rewards
    rewards = np.array([earned.get(impression.object_id, 0.0) for impression in impressions], dtype=np.float64)
    return Example(
        query_key=_query_key(settled),
        has_memory=_has_memory(settled),
        features=schema.matrix([impression.features for impression in impressions]),
        rewards=np.clip(rewards, 0.0, MAX_REWARD),
        ordinals=np.array([impression.ordinal for impression in impressions], dtype=np.int32),
    )


def without_memory(examples: Iterable[Example], schema: FeatureSchema, searched: FeatureSchema) -> list[Example]:
    """
    Remove from examples all that memory contributed: the page as a query without memory would show it.

    :param examples: The examples.
    :param schema: Their features.
    :param searched: The features to keep.
    :returns: Those from which an order can still be learned, without the impressions that no arm but a memory brought.
        An impression keeps the position that it was shown at, and of an older log without `fused.searched` nothing is
        left.
    """
    columns = [schema.columns[name] for name in searched.names]
    column = schema.columns[SEARCHED]
    searches: defaultdict[str, float] = defaultdict(float)
    kept = []
    for example in examples:
        searches[example.query_key] += example.searches
        found = example.features[:, column] > 0
        if found.sum() >= 2 and example.rewards[found].any():
            kept.append(
                replace(
                    example,
                    has_memory=False,
                    features=example.features[found][:, columns],
                    rewards=example.rewards[found],
                    ordinals=example.ordinals[found],
                )
            )
    return _shared_out(kept, searches, lambda example: example.query_key)


def folded(examples: Iterable[Example], folds: int, seed: int) -> list[list[int]]:
    """
    Part the examples by query, so that no query is both learned from and judged on.

    :param examples: The examples.
    :param folds: Into how many parts.
    :param seed: Another seed parts them otherwise.
    :returns: For each part the places of its examples.
    """
    parts: list[list[int]] = [[] for _ in range(folds)]
    for place, example in enumerate(examples):
        parts[int(_unit(example.query_key, seed) * folds)].append(place)
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


def _newest_of_each(examples: Sequence[Example], most: int) -> list[Example]:
    met: Counter[str] = Counter()
    kept = []
    for example in reversed(examples):
        met[example.query_key] += 1
        if met[example.query_key] <= most:
            kept.append(example)
    return kept[::-1]


def _shared_out(
    examples: Sequence[Example], searches: Mapping[_Key, float], key: Callable[[Example], _Key]
) -> list[Example]:
    """Examples of one key stand for its searches in equal parts."""
    rewarded = Counter(map(key, examples))
    return [replace(example, searches=searches[key(example)] / rewarded[key(example)]) for example in examples]


def _query_key(settled: SettledDecision) -> str:
    return settled.decision.evidence_key


def _has_memory(settled: SettledDecision) -> bool:
    return any("memory.exposures" in impression.features for impression in settled.impressions)


def _reason_to_leave_out(settled: SettledDecision) -> str | None:
    if len(settled.impressions) < 2:
        return "less than two impressions"
    if not any(impression.features for impression in settled.impressions):
        return "no features logged"
    if not any(settled.counted_rewards.get(impression.object_id, 0.0) > 0 for impression in settled.impressions):
        return _NO_REWARD
    return None


def _unit(text: str, seed: int) -> float:
    digest = blake2b(f"{seed}:{text}".encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64
