"""
The decision log as the Open Bandit Pipeline takes it: a dictionary of NumPy arrays.

Saito, Aihara, Matsutani and Narita, "Open Bandit Dataset and Pipeline: Towards Realistic and Reproducible Off-Policy
Evaluation", NeurIPS 2021 Datasets and Benchmarks; the keys are those of `obp.dataset`'s `BanditFeedback`.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.interchange.files import replacing
from ltrr_haystack.policy.credit import reward_of
from ltrr_haystack.store import LTRRStore, read_log
from ltrr_haystack.types import Features, SettledDecision

DIMENSIONS = 64
"""Length of a context vector."""

BanditFeedback = dict[str, Any]
"""The dictionary, as `bandit_feedback` describes it."""

_SCALARS = ("n_rounds", "n_actions")


def bandit_feedback(log: Iterable[SettledDecision], dimensions: int = DIMENSIONS) -> BanditFeedback:
    """
    Turn settled decisions into a feedback dictionary.

    | key | what it is |
    |---|---|
    | `n_rounds`, `n_actions` | searches; distinct allocations among them |
    | `action` | number of the allocation that was played, by first appearance |
    | `reward` | sum of the rewards of what was shown; costs are not taken off |
    | `pscore` | propensity of the allocation as it was logged |
    | `position` | 0: an allocation has no position |
    | `context` | what the policy saw, hashed to `dimensions` numbers (`context_vector`) |
    | `action_context` | for each allocation the depth of each arm, in the order of `arms` |
    | `arms`, `allocations` | the arms' names; each allocation as JSON |
    | `cost` | what the allocation of each search cost, in units of reward |

    The last two rows are no keys of the pipeline, which overlooks them. Only allocations that were played are actions:
    of others the log has no rewards.

    :param log: The decisions. They are read one by one; what is kept of each is its row of numbers.
    :param dimensions: Length of a context vector.
    :returns: The dictionary.
    :raises ConfigurationError: If `dimensions` is below 1.
    """
    if dimensions < 1:
        raise ConfigurationError(f"dimensions of a context vector must be at least 1, got {dimensions}")
    numbers: dict[tuple[tuple[str, int], ...], int] = {}
    actions, rewards, propensities, costs, contexts = array("q"), array("d"), array("d"), array("d"), array("d")
    for settled in log:
        decision = settled.decision
        played = tuple(sorted((arm, depth) for arm, depth in decision.allocation.items() if depth > 0))
        actions.append(numbers.setdefault(played, len(numbers)))
        rewards.append(sum(reward_of(settled, impression) for impression in settled.impressions))
        propensities.append(decision.propensity)
        costs.append(decision.actions.cost(decision.allocation))
        contexts.extend(context_vector(decision.features, dimensions))
    arms = sorted({arm for played in numbers for arm, _ in played})
    allocations = [dict(played) for played in numbers]
    return {
        "n_rounds": len(actions),
        "n_actions": len(numbers),
        "action": np.array(actions, dtype=np.int64),
        "position": np.zeros(len(actions), dtype=np.int64),
        "reward": np.array(rewards),
        "pscore": np.array(propensities),
        "context": np.array(contexts).reshape(len(actions), dimensions),
        "action_context": np.array(
            [[float(allocation.get(arm, 0)) for arm in arms] for allocation in allocations]
        ).reshape(len(allocations), len(arms)),
        "arms": np.array(arms, dtype=np.str_),
        "allocations": np.array([json.dumps(allocation) for allocation in allocations], dtype=np.str_),
        "cost": np.array(costs),
    }


def context_vector(features: Features, dimensions: int = DIMENSIONS) -> list[float]:
    """
    Hash what a policy saw into a vector of fixed length.

    Feature hashing (Weinberger, Dasgupta, Langford, Smola and Attenberg, "Feature Hashing for Large Scale Multitask
    Learning", ICML 2009): each feature adds its value at a place, with a sign, that are both taken from a hash of its
    name. A category `key = value` is a feature of its own with the value 1; a number has its key for a name. Names are
    led by `query`, `time`, or `history` and the arm. The hash is BLAKE2b, so that vectors are the same everywhere.

    :param features: What the policy saw.
    :param dimensions: Length of the vector.
    :returns: The vector.
    """
    vector = [0.0] * dimensions
    for name, value in _named(features):
        hashed = _hashed(name)
        vector[(hashed >> 1) % dimensions] += value if hashed & 1 else -value
    return vector


def write_bandit_feedback(store: LTRRStore, out: Path, dimensions: int = DIMENSIONS) -> int:
    """
    Write the settled decisions of a store as a feedback dictionary into one `.npz` file.

    :param store: The store with the log.
    :param out: The file; `read_bandit_feedback` reads it.
    :param dimensions: Length of a context vector.
    :returns: How many searches were written.
    :raises ConfigurationError: If the file cannot be written, or `dimensions` is below 1.
    """
    feedback = bandit_feedback(read_log(store), dimensions)
    with replacing(out, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **feedback)
    return int(feedback["n_rounds"])


def read_bandit_feedback(path: Path) -> BanditFeedback:
    """
    Read what `write_bandit_feedback` wrote.

    ### Usage example

    ```python
    from pathlib import Path
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.evaluation.interchange import read_bandit_feedback, write_bandit_feedback

    write_bandit_feedback(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), Path("log.npz"))
    feedback = read_bandit_feedback(Path("log.npz"))
    # obp.ope.OffPolicyEvaluation(bandit_feedback=feedback, ope_estimators=[…])
    ```

    :param path: The file.
    :returns: The dictionary.
    """
    with np.load(path, allow_pickle=False) as arrays:
        loaded: Mapping[str, NDArray[Any]] = dict(arrays)
    return {key: int(value) if key in _SCALARS else value for key, value in loaded.items()}


def _named(features: Features) -> Iterator[tuple[str, float]]:
    groups: Iterator[tuple[str, Mapping[str, str | float]]] = iter(
        [
            ("query", features.query),
            ("time", features.time),
            *((f"history\0{arm}", dict(known)) for arm, known in features.history.items()),
        ]
    )
    for group, members in groups:
        for key, value in members.items():
            if isinstance(value, str):
                yield f"{group}\0{key}\0{value}", 1.0
            elif value is not None and np.isfinite(value):
                yield f"{group}\0{key}", float(value)


@lru_cache(maxsize=65536)
def _hashed(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
