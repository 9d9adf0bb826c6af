"""What a router may choose from, read from a configuration and checked."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rapidfuzz import process

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.policy.lattice import lattice_of
from ltrr_haystack.types import MEMORY, ActionSet, Allocation, Arm

RESERVED_ARM_NAMES = frozenset({"decision"})
"""Names of sockets that arms must not take."""

KINDS = ("lexical", "dense", "sparse", "structured", MEMORY, "personal", "related", "fuzzy", "other")
"""What sorts of retrieval an arm may name. Arms of one kind share what is learned of it."""

LEAST_LIKENESS = 60.0
"""A kind that is likened to a mistyped one must have so much in common with it, of 100."""

HIGHEST_COST = 1e6
"""Most that a call or a candidate may cost, in units of reward; beyond, sums of squares are no longer numbers."""

_ARM_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ARM_KEYS = ("kind", "levels", "cost_per_call", "cost_per_candidate")


def parse_actions(
    arms: Mapping[str, Mapping[str, Any]], budget: int, baseline: Mapping[str, int], min_candidates: int = 0
) -> ActionSet:
    """
    Read the arms, the budget and the baseline as a pipeline's YAML has them.

    ### Usage example

    ```python
    from ltrr_haystack.policy.actions import parse_actions

    actions = parse_actions(
        {"bm25": {"kind": "lexical", "levels": [0, 10, 30]}, "dense": {"levels": [0, 10, 30]}},
        budget=40,
        baseline={"bm25": 30, "dense": 10},
    )
    ```

    :param arms: Arm name → `levels` (the depths to choose from, ascending; leave out 0 for an arm that always runs),
        and if wanted `kind` (one of `KINDS`; an arm that names none is of a kind of its own), `cost_per_call` and
        `cost_per_candidate`.
    :param budget: Most candidates that one query may draw, over all arms.
    :param baseline: Arm name → depth of the pipeline as it is without learning; arms that are left out do not run, and
        memory arms are no part of it.
    :param min_candidates: Fewest candidates that one query draws, over all arms.
    :returns: The action set; its baseline names every arm.
    :raises ConfigurationError: If anything in it cannot work; the message names it.
    """
    if not isinstance(arms, Mapping) or not arms:
        raise ConfigurationError(f"arms must map at least one arm name to its settings, got {arms!r}")
    parsed = tuple(_arm(name, settings) for name, settings in arms.items())
    if not _is_int(budget) or budget <= 0:
        raise ConfigurationError(f"budget must be a positive whole number of candidates, got {budget!r}")
    least = sum(arm.levels[0] for arm in parsed)
    if least > budget:
        raise ConfigurationError(
            f"no allocation keeps the budget of {budget}: the lowest levels of the arms sum up to {least}; "
            "raise the budget, or give arms lower levels or 0"
        )
    _check_min_candidates(min_candidates, parsed, budget)
    if not isinstance(baseline, Mapping):
        raise ConfigurationError(f"baseline must map arm names to depths, got {baseline!r}")
    actions = ActionSet(parsed, budget, {arm.name: baseline.get(arm.name, 0) for arm in parsed}, min_candidates)
    check_allocation(actions, baseline, "baseline", may_rest=True)
    for name in actions.memory_arms:
        if baseline.get(name, 0):
            raise ConfigurationError(
                f"the baseline gives the memory arm '{name}' the depth {baseline[name]}: the baseline is the pipeline "
                "as it is without learning, so memory is no part of it; leave the arm out of the baseline"
            )
    if not any(baseline.values()):
        raise ConfigurationError("the baseline draws no candidates; give at least one arm a depth above 0")
    return actions


def arm_settings(arms: Mapping[str, Mapping[str, Any]] | Sequence[Arm]) -> dict[str, dict[str, Any]]:
    """
    Give the settings of arms as a pipeline's YAML has them.

    :param arms: Arm name → its settings, or `Arm` objects.
    :returns: Arm name → its settings.
    :raises ConfigurationError: If something in a list is no `Arm`, or two of them have one name.
    """
    if not isinstance(arms, list | tuple):
        return arms  # type: ignore[return-value]
    for arm in arms:
        if not isinstance(arm, Arm):
            raise ConfigurationError(f"a list of arms must hold Arm objects only, got {arm!r}")
    settings = {arm.name: _settings_of(arm) for arm in arms}
    if len(settings) < len(arms):
        names = [arm.name for arm in arms]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError(f"arms must have different names, got '{twice}' more than once")
    return settings


def check_allocation(actions: ActionSet, allocation: Allocation, what: str, *, may_rest: bool = False) -> None:
    """
    Check that an allocation may be played.

    :param actions: What there is to choose from.
    :param allocation: Arm → depth; arms that are left out do not run.
    :param what: What to call the allocation in a message.
    :param may_rest: Whether 0 is allowed also for an arm that otherwise always runs.
    :raises ConfigurationError: If it names an unknown arm, a depth that is no level of the arm, or breaks the budget.
    """
    unknown = [name for name in allocation if name not in actions.names]
    if unknown:
        raise ConfigurationError(f"{what} names unknown arm {unknown[0]!r}; the arms are {', '.join(actions.names)}")
    for arm in actions.arms:
        depth = allocation.get(arm.name, 0)
        allowed = sorted({0, *arm.levels}) if may_rest else list(arm.levels)
        if not _is_int(depth) or depth not in allowed:
            raise ConfigurationError(
                f"{what} gives arm '{arm.name}' the depth {depth!r}, which is not among {allowed}; "
                "use one of these or add a level"
            )
    total = sum(allocation.values())
    if total > actions.budget:
        raise ConfigurationError(f"{what} draws {total} candidates, more than the budget of {actions.budget}")
    if total < actions.min_candidates:
        raise ConfigurationError(
            f"{what} draws {total} candidates, fewer than the min_candidates of {actions.min_candidates}; "
            "draw more, or lower it"
        )


def _settings_of(arm: Arm) -> dict[str, Any]:
    kind = {} if arm.kind == arm.name else {"kind": arm.kind}
    costs = {"cost_per_call": arm.cost_per_call, "cost_per_candidate": arm.cost_per_candidate}
    return {**kind, "levels": list(arm.levels), **costs}


def _arm(name: str, settings: Mapping[str, Any]) -> Arm:
    if not isinstance(name, str) or not _ARM_NAME.fullmatch(name):
        raise ConfigurationError(
            f"arm name {name!r} cannot be used: it must start with a letter a-z and go on with a-z, 0-9 and _"
        )
    if name in RESERVED_ARM_NAMES:
        raise ConfigurationError(f"arm name '{name}' is reserved for a socket of the router; choose another")
    if not isinstance(settings, Mapping):
        raise ConfigurationError(f"arm '{name}' must have settings with at least 'levels', got {settings!r}")
    unknown = [key for key in settings if key not in _ARM_KEYS]
    if unknown:
        raise ConfigurationError(f"arm '{name}' has unknown setting {unknown[0]!r}; known are {', '.join(_ARM_KEYS)}")
    return Arm(
        name=name,
        kind=_kind(name, settings["kind"]) if "kind" in settings else name,
        levels=_levels(name, settings.get("levels")),
        cost_per_call=_cost(name, "cost_per_call", settings.get("cost_per_call", 0.0)),
        cost_per_candidate=_cost(name, "cost_per_candidate", settings.get("cost_per_candidate", 0.0)),
    )


def _kind(name: str, kind: Any) -> str:
    if isinstance(kind, str) and kind in KINDS:
        return kind
    likeness = process.extractOne(str(kind).lower(), KINDS, score_cutoff=LEAST_LIKENESS)
    hint = f"did you mean '{likeness[0]}'?" if likeness else "leave it out for an arm of a kind of its own"
    raise ConfigurationError(f"kind of arm '{name}' must be one of {', '.join(KINDS)}, got {kind!r}; {hint}")


def _check_min_candidates(min_candidates: Any, arms: Sequence[Arm], budget: int) -> None:
    if not _is_int(min_candidates) or min_candidates < 0:
        raise ConfigurationError(f"min_candidates must be a whole number of 0 or more, got {min_candidates!r}")
    actions = ActionSet(tuple(arms), budget, {}, min_candidates)
    if not lattice_of(actions).feasible:
        raise ConfigurationError(
            f"no allocation has at least {min_candidates} candidates within the budget of {budget}; "
            "lower min_candidates, raise the budget or give arms other levels"
        )


def _levels(name: str, levels: Any) -> tuple[int, ...]:
    if not isinstance(levels, list | tuple) or not levels or not all(_is_int(level) for level in levels):
        raise ConfigurationError(
            f"levels of arm '{name}' must be a list of whole numbers such as [0, 10, 30], got {levels!r}"
        )
    if levels[0] < 0 or list(levels) != sorted(set(levels)):
        raise ConfigurationError(
            f"levels of arm '{name}' must be 0 or more and ascending without duplicates, got {list(levels)}"
        )
    if levels[-1] == 0:
        raise ConfigurationError(f"levels of arm '{name}' leave it no depth to run at; add one above 0 or drop the arm")
    return tuple(levels)


def _cost(name: str, key: str, cost: Any) -> float:
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost <= HIGHEST_COST:
        raise ConfigurationError(f"{key} of arm '{name}' must be a number from 0 to {HIGHEST_COST:g}, got {cost!r}")
    return float(cost)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
