"""The contextual bandit: VW predicts what each arm adds at each level, inverse gap weighting explores."""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, Self

from haystack import default_from_dict, default_to_dict, logging

from ltrr_haystack.errors import ConfigurationError, OutdatedSnapshotError
from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.policy.credit import Credit, ValueFn, at_drawn_depth, leave_one_out
from ltrr_haystack.policy.experts import experts_of
from ltrr_haystack.policy.features import searched_before
from ltrr_haystack.policy.gains import AllocationGains
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.lattice import best_allocation
from ltrr_haystack.policy.model_pages import model_page_value
from ltrr_haystack.policy.new_queries import CONTEXTUAL, NewQueries
from ltrr_haystack.policy.preference import Preference, Values
from ltrr_haystack.policy.safe_start import SafeStartEstimate, SafeStartGate
from ltrr_haystack.policy.snapshot import check_settings, pack, snapshot_errors, unpack
from ltrr_haystack.policy.union import reaches
from ltrr_haystack.policy.verdict import verdict
from ltrr_haystack.policy.vw_workspace import VowpalWorkspace, escaped, features_text, is_finite, magnitude
from ltrr_haystack.types import ActionSet, Allocation, Arm, Features, SettledDecision

logger = logging.getLogger(__name__)

REMEMBERED = "remembered"

_LINES_VERSION = 6
"""To be raised with every change to the lines below, or to what a snapshot holds and an older one lacks."""


class VWPolicy:
    """
    Learns for each query which arms to run and how deep, from their marginal contributions.

    A linear model in Vowpal Wabbit predicts the credit of every arm at every level. Its value is that credit less the
    known cost; level 0 is worth 0. Per arm, levels are drawn by inverse gap weighting (Foster & Rakhlin 2020, Beyond
    UCB, section 3): the further a level's value lies below the best one's, and the more has been learned, the rarer it
    is drawn. Over all arms together the draw is exact within the bounds (see `JointDistribution`).

    New queries (`Features.is_new_query`) have weights of their own. A decision of a repeated query also trains these,
    as the same decision without history and memory.

    Until it is shown to be better than the baseline, in reward less cost, it plays the baseline for most queries, and
    again if it turns out worse (see `SafeStartGate`). New queries have a safe start of their own, in which the best
    single allocation competes with the model, until allocations are measured on the log (see `NewQueries`). Then the
    model chooses among the same allocations for all others, too. For queries that were searched often it chooses among
    those that are good enough with memory (see `AllocationGains`). Where none may be played, it adds memory to the
    baseline, as far as there is room.

    ### Usage example

    ```python
    import random
    from ltrr_haystack.policy.actions import parse_actions
    from ltrr_haystack.policy.vw import VWPolicy
    from ltrr_haystack.types import Features

    actions = parse_actions(
        {"bm25": {"levels": [0, 10, 30]}, "dense": {"levels": [0, 10, 30]}}, 40, {"bm25": 30, "dense": 10}
    )
    policy = VWPolicy()
    joint = policy.distribution(actions, Features(query={"type": "topical"}))
    allocation = joint.sample(random.Random(7))
    ```
    """

    name = "vw"
    explores = True

    def __init__(
        self,
        *,
        gamma: float = 100.0,
        floor: float = 0.005,
        baseline_share: float = 0.05,
        safe_baseline_share: float = 0.9,
        memory_share: float = 0.3,
        safe_memory_share: float | None = None,
        safe_min: int = 100,
        safe_z: float = 2.5,
        learning_rate: float = 0.03,
        bits: int = 18,
    ) -> None:
        """
        Make a policy that has learned nothing. VW opens at first use.

        :param gamma: How greedy the draw becomes with what was learned: the weight of a gap in value is
            `gamma` · √n after n settled decisions.
        :param floor: Share of the draws that is spread evenly over all feasible allocations.
        :param baseline_share: Share of the queries for which the baseline is played outright, so that every policy can
            be judged against it.
        :param safe_baseline_share: The same as long as the safe start holds the policy back.
        :param memory_share: Of both shares, where a query was searched before, the part that plays the baseline with
            memory added to it, so that what memory adds to the baseline can be told.
        :param safe_memory_share: The same as long as the safe start holds the policy back; `memory_share` if left out.
            With more than that, people soon see what memory makes of their clicks, and rarely anything less tried.
        :param safe_min: How many settled decisions in which policy and baseline differed must have been compared
            before the safe start lets go.
        :param safe_z: How many standard errors the policy must be ahead.
        :param learning_rate: VW's learning rate.
        :param bits: VW's size of the table of weights, in bits.
        :raises ConfigurationError: If a setting cannot work.
        """
        for key, number in (("gamma", gamma), ("safe_z", safe_z), ("learning_rate", learning_rate)):
            _check(key, number, lambda given: 0 < given < math.inf, "a positive number")
        _check("floor", floor, lambda given: 0 < given <= 1, "more than 0 and at most 1")
        shares = {"baseline_share": baseline_share, "safe_baseline_share": safe_baseline_share}
        shares["memory_share"] = memory_share
        shares["safe_memory_share"] = memory_share if safe_memory_share is None else safe_memory_share
        for key, share in shares.items():
            _check(key, share, lambda given: 0 <= given < 1, "at least 0 and less than 1")
        _check("safe_min", safe_min, lambda given: given >= 2, "at least 2, a whole number", Integral)
        _check("bits", bits, lambda given: 10 <= given <= 28, "10 to 28, a whole number", Integral)
        self.gamma = gamma
        self.floor = floor
        self.baseline_share = baseline_share
        self.safe_baseline_share = safe_baseline_share
        self.memory_share = memory_share
        self.safe_memory_share = safe_memory_share
        self.safe_min = safe_min
        self.safe_z = safe_z
        self.learning_rate = learning_rate
        self.bits = bits
        self._n = 0
        self._gate = SafeStartGate(safe_min, safe_z)
        self._new = NewQueries(safe_min, safe_z)
        self._workspace = VowpalWorkspace(self._arguments())
        self._learning = threading.Lock()

    @property
    def n(self) -> int:
        """How many settled decisions the policy has learned from."""
        return self._n

    @property
    def safe_start(self) -> bool:
        """Whether the policy is held back for new queries and for all others."""
        return self._has_safe_start and self._new.held_back and not self._gate.is_open

    @property
    def _has_safe_start(self) -> bool:
        return self.safe_baseline_share > self.baseline_share

    def estimates(self) -> Mapping[str, SafeStartEstimate]:
        """
        Say how the policy compares with the baseline, as far as the settled decisions tell.

        :returns: Agreement, estimated gain with its standard error, and counts: under `remembered` for queries that
            were searched before, for new ones under `contextual` and `leader`, or under `measured`.
        """
        return {REMEMBERED: self._gate.estimate(), **self._new.estimates()}

    def values(self, actions: ActionSet, features: Features) -> list[list[float]]:
        """
        Say what the model predicts.

        :param actions: What there is to choose from.
        :param features: What is known of the query.
        :returns: For each arm, in order, what each of its levels adds to the reward, less its cost; 0 for level 0.
        """
        lines = [
            line
            for arm in actions.arms
            for line in _arm_lines(arm, arm.levels, features.history.get(arm.name, {}), new=features.is_new_query)
        ]
        scores = iter(self._workspace.predict(_shared_line(features), lines))
        return [[-next(scores) - arm.cost(level) if level > 0 else 0.0 for level in arm.levels] for arm in actions.arms]

    def distribution(self, actions: ActionSet, features: Features) -> JointDistribution:
        """
        Say how likely each allocation shall be for a query.

        :param actions: What there is to choose from; arms and levels may have changed since the policy learned.
        :param features: What is known of the query.
        :returns: The distribution to draw from.
        """
        new = features.is_new_query
        held_back = self._has_safe_start and not (self._new if new else self._gate).is_open_for(actions)
        preference = self._preference(actions, features)
        if preference is None:
            logger.error("The policy's model predicts numbers that are not finite; the baseline is played")
            return JointDistribution(actions, {}, 1.0, self.floor, held_back=True)
        weight = self.gamma * math.sqrt(self._n)
        marginals = {
            arm.name: _inverse_gap_weights(row, weight, place)
            for arm, row, place in zip(actions.arms, preference.values, preference.best, strict=True)
        }
        share, of_share = self.baseline_share, self.memory_share
        if held_back:
            share = self.safe_baseline_share
            of_share = of_share if self.safe_memory_share is None else self.safe_memory_share
        memory_share = share * of_share if actions.memory_arms and not new else 0.0
        return JointDistribution(
            actions,
            marginals,
            share - memory_share,
            self.floor,
            preference.allocation,
            memory_share=memory_share,
            held_back=held_back,
        )

    def learn(self, settled: SettledDecision, curve: ExaminationCurve = UNION) -> Mapping[str, float]:
        """
        Learn from a decision whose reward wait is over.

        One in mode `baseline` is not learned from: no preference was logged to which its arms' contributions are
        marginal.

        :param settled: The decision with its rewards.
        :param curve: The probability that a place of the page is examined.
        :returns: Arm that ran → its credit at the depth it drew.
        """
        decision = settled.decision
        new = decision.features.is_new_query
        model_pages = model_page_value(settled, curve, self._new.leader.reward_per_click)
        credit = leave_one_out(settled, curve=curve, value_fn=model_pages if new else None)
        if decision.mode == "baseline":
            return at_drawn_depth(credit, decision.allocation)
        as_new = replace(decision.features, history={})
        with self._learning:
            preferred = best_allocation(decision.actions, self.values(decision.actions, as_new))
            self._new.observe(settled, preferred, curve)
            self._fit(decision.actions, decision.features, credit, new=new)
            if not new:
                self._fit_as_new(settled, as_new, preferred, curve, model_pages)
                self._gate.observe(settled, curve)
            self._n += 1
        return at_drawn_depth(credit, decision.allocation)

    def take_up(self, gains: AllocationGains | None) -> None:
        """
        Take up what allocations are worth: from now on that decides for new queries, and which of them may be played
        for others (see `AllocationGains`).

        :param gains: The active gains; `None` where there are none.
        """
        with self._learning:
            self._new.take_up(gains)

    def fit(self, actions: ActionSet, features: Features, credit: Credit, *, counts: int = 0) -> None:
        """
        Learn credits that did not come from a decision of one's own: for queries that were searched before and for new
        ones alike. Nothing is told to the safe start.

        :param actions: What there was to choose from.
        :param features: What was known of the query.
        :param credit: For each arm that ran its credit at the levels up to the drawn one.
        :param counts: As how many settled decisions it counts.
        """
        with self._learning:
            self._fit(actions, features, credit, new=False)
            self._fit(actions, replace(features, history={}), _memory_at_zero(actions, credit), new=True)
            self._n += counts

    def fit_whole(self, settled: SettledDecision) -> None:
        """
        Learn what whole allocations would have earned for a new query, from a decision that was not one's own.

        :param settled: The decision with its rewards; it tells where all arms were drawn as deep as in the baseline.
        """
        with self._learning:
            self._new.leader.observe_simulated(settled, 1.0)

    def to_bytes(self) -> bytes:
        """
        Give what the policy has learned: model, count and the state of the safe start.

        :returns: A self-describing snapshot with a checksum.
        """
        with self._learning:
            model, scores = self._workspace.to_bytes(_PROBE)
            header = {
                "policy": self.name,
                "settings": self._learned_with(),
                "n": self._n,
                "safe_start": self._gate.to_dict(),
                "new_queries": self._new.to_dict(),
                "probe": scores,
            }
        return pack(header, model)

    def restored(self, payload: bytes) -> Self:
        """
        Make a policy of the same settings that knows what a snapshot knows.

        :param payload: What `to_bytes` gave.
        :returns: A new policy.
        :raises SnapshotError: If the snapshot is damaged or was made with other settings.
        :raises OutdatedSnapshotError: If an earlier version made it.
        """
        header, model = unpack(payload, self.name)
        with snapshot_errors():
            if (lines := header["settings"].get("lines", 0)) < _LINES_VERSION:
                raise OutdatedSnapshotError(
                    f"the snapshot was made with lines={lines}, in use is lines={_LINES_VERSION}: an earlier version "
                    "of ltrr-haystack made it; the next pass of a learner begins with an empty policy"
                )
            check_settings(header, self._learned_with())
            policy = type(self)(**self._settings())
            policy._n = header["n"]
            policy._gate = SafeStartGate.from_dict(self.safe_min, self.safe_z, header["safe_start"])
            policy._new = NewQueries.from_dict(self.safe_min, self.safe_z, header["new_queries"])
            policy._workspace = VowpalWorkspace.restored(self._arguments(), model, _PROBE, header["probe"])
        return policy

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """
        Give a policy with other settings.

        :param settings: Parameters of the constructor → what they shall be; the others stay as they are.
        :returns: A policy that has learned nothing.
        :raises ConfigurationError: If a setting cannot work.
        """
        return type(self)(**{**self._settings(), **settings})

    def card(self) -> dict[str, Any]:
        """
        Say how far the policy has come and how it compares with the baseline.

        :returns: Name, count of settled decisions, whether it is held back; for queries that were searched before and
            for each way to serve new ones whether that is, how often it agrees with the baseline, what it is estimated
            to gain per decision, in value and in reward alone, with standard errors, what it saves of the cost, and all
            that in words; and which of these ways is ahead.
        """
        return {
            "policy": self.name,
            "settled": self._n,
            "safe_start": self.safe_start,
            "new_queries": self._new.ahead,
            **{
                name: {
                    "safe_start": self._has_safe_start and not estimate.is_open,
                    "agreement": estimate.agreement,
                    "gain": estimate.gain,
                    "standard_error": estimate.standard_error,
                    "reward_gain": estimate.reward_gain,
                    "reward_standard_error": estimate.reward_standard_error,
                    "cost_saved": estimate.cost_saved,
                    "cost_saved_share": estimate.cost_saved_share,
                    "verdict": verdict(estimate),
                }
                for name, estimate in self.estimates().items()
            },
        }

    def to_dict(self) -> dict[str, Any]:
        """
        Give the settings.

        :returns: A dictionary from which `from_dict` makes a policy that has learned nothing.
        """
        return default_to_dict(self, **self._settings())

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """
        Make a policy from its settings.

        :param data: What `to_dict` gave.
        :returns: The policy.
        """
        return default_from_dict(cls, data)

    def __repr__(self) -> str:
        return f"VWPolicy(n={self._n}, safe_start={self.safe_start})"

    def _preference(self, actions: ActionSet, features: Features) -> Preference | None:
        """What is preferred for a query; `None` if the numbers behind it are not finite."""
        if features.is_new_query and self._new.ahead != CONTEXTUAL:
            of_leader = self._new.leader.preference(actions)
            return of_leader if _all_finite(of_leader.values) else None
        values, experts = self.values(actions, features), experts_of(actions)
        if not _all_finite(values):
            return None
        bound = self._new.leader.playable_again(experts, searched_before(features))
        if bound is None:
            return Preference.arm_by_arm(actions, values)
        playable, with_memory = bound
        return Preference.bounded(actions, experts, playable, values, with_memory=with_memory)

    def _fit(self, actions: ActionSet, features: Features, credit: Credit, *, new: bool) -> None:
        shared = _shared_line(features)
        for arm in actions.arms:
            by_level = credit.get(arm.name, {})
            lines = _arm_lines(arm, tuple(by_level), features.history.get(arm.name, {}), new=new)
            for line, reward in zip(lines, by_level.values(), strict=True):
                self._workspace.learn(shared, line, -reward)

    def _fit_as_new(
        self,
        settled: SettledDecision,
        as_new: Features,
        preferred: Allocation,
        curve: ExaminationCurve,
        value_fn: ValueFn | None,
    ) -> None:
        """
        Learn from a decision a second time, as if its query were new.

        Most searches repeat a query and are served with memory, so decisions without it are rare. The logged ranks
        give them: the same decision without its history and without what memory brought. It is used only where all
        that is preferred for a new query was drawn; otherwise an arm would seem necessary because others did not run.
        """
        decision = settled.decision
        searched = decision.actions.without_memory(preferred)
        if reaches(decision.allocation, searched):
            credit = _memory_at_zero(decision.actions, leave_one_out(settled, searched, curve, value_fn))
            self._fit(decision.actions, as_new, credit, new=True)

    def _arguments(self) -> list[str]:
        return [
            *("--cb_adf", "--cb_type", "mtr", "-b", str(self.bits), "-l", str(self.learning_rate)),
            # What is known of query and time matters through the arms alone, never for all of them alike.
            *("-q", "qa", "-q", "ta", "-q", "dh", "--ignore_linear", "q", "--ignore_linear", "t"),
        ]

    def _learned_with(self) -> dict[str, Any]:
        return {"bits": self.bits, "learning_rate": self.learning_rate, "lines": _LINES_VERSION}

    def _settings(self) -> dict[str, Any]:
        return {
            "gamma": self.gamma,
            "floor": self.floor,
            "baseline_share": self.baseline_share,
            "safe_baseline_share": self.safe_baseline_share,
            "memory_share": self.memory_share,
            "safe_memory_share": self.safe_memory_share,
            "safe_min": self.safe_min,
            "safe_z": self.safe_z,
            "learning_rate": self.learning_rate,
            "bits": self.bits,
        }


def _all_finite(values: Values) -> bool:
    return all(math.isfinite(value) for row in values for value in row)


def _memory_at_zero(actions: ActionSet, credit: Credit) -> Credit:
    """A memory arm contributes nothing to a new query."""
    return {arm: dict.fromkeys(of, 0.0) if arm in actions.memory_arms else of for arm, of in credit.items()}


def _shared_line(features: Features) -> str:
    return f"shared |q c {features_text(features.query)} |t {features_text(features.time)}"


def _arm_lines(arm: Arm, levels: Sequence[int], history: Mapping[str, float], *, new: bool) -> list[str]:
    known = _history_text(arm.name, history)
    return [_level_text(arm.name, arm.kind, level, new) + known for level in levels if level > 0]


def _history_text(arm: str, history: Mapping[str, float]) -> str:
    prefix = f"{escaped(arm)}^"
    return "".join(f" {prefix}{magnitude(key, value)}" for key, value in history.items() if is_finite(value))


@lru_cache(maxsize=4096)
def _level_text(arm: str, kind: str, level: int, new: bool) -> str:
    """
    Depth crossed with arm and kind, arm and kind; then the namespace of the arm's history begins.

    A new query has names of its own: an arm's value there has little to do with what it adds to a memory.
    """
    when = "^new" if new else ""
    name, sort = f"a={escaped(arm)}{when}", f"k={escaped(kind)}{when}"
    return f"|d {name}^{level} {sort}^{level} |a {name} {sort} |h"


def _inverse_gap_weights(values: Sequence[float], weight: float, best: int) -> tuple[float, ...]:
    """p = 1 / (L + weight · gap) for all but the best level, the rest to the best."""
    top = max(values)
    size = len(values)
    weights = [1 / (size + weight * (top - value)) for value in values]
    weights[best] = 0.0
    weights[best] = 1 - sum(weights)
    return tuple(weights)


def _check(key: str, value: Any, holds: Callable[[Any], bool], expected: str, sort: type = Real) -> None:
    if isinstance(value, bool) or not isinstance(value, sort) or not holds(value):
        raise ConfigurationError(f"{key} of VWPolicy must be {expected}, got {value!r}")


_PROBE = (
    _shared_line(Features(query={"type": "topical"}, time={"weekday": "0"})),
    *_arm_lines(Arm("probe", "lexical", (10, 30)), (10, 30), {"cnt": 0.5, "ctr": 0.2}, new=False),
)
"""An example that a model is asked when it is saved, and again when it is loaded."""
