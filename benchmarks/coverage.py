"""
How often the 95 % intervals of the off-policy estimates cover the truth.

A small world whose truth is known by enumeration: 40 queries, three arms that overlap, a page of ten, people who look
at the top more than further down and click what attracts them. Logs are drawn from it under several ways of exploring,
each log is asked what other policies would have been worth, and the answers are held against the truth. An interval
that is right covers it in 95 of 100 logs. `answered` is the share of logs that an estimator was not refused for; the
coverage beside it is over those, and `all` over every log, refused or not.

    python benchmarks/coverage.py --json coverage.json --logs 200
"""

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ltrr_haystack.evaluation.off_policy.columns import LogColumns, TargetColumns
from ltrr_haystack.evaluation.off_policy.decisions import LoggedDecision
from ltrr_haystack.evaluation.off_policy.intervals import Estimate
from ltrr_haystack.evaluation.off_policy.judgement import Judge
from ltrr_haystack.evaluation.off_policy.pages import paged
from ltrr_haystack.evaluation.off_policy.results import ESTIMATORS, Refusal
from ltrr_haystack.evaluation.off_policy.reward_model import RewardRegression
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import (
    Allocation,
    Decision,
    Features,
    Understanding,
)

PAGE = 10
QUERIES = 40
DOCUMENTS = 40
LEVELS = (0, 5, 15)
QUALITY = {
    "bm25": {"navigational": 0.9, "topical": 0.35},
    "dense": {"navigational": 0.35, "topical": 0.8},
    "sparse": {"navigational": 0.6, "topical": 0.5},
}
"""Arm → type of query → how well the arm tells what attracts from what does not."""

ACTIONS = parse_actions(
    {arm: {"levels": list(LEVELS), "cost_per_call": 0.02, "cost_per_candidate": 0.004} for arm in QUALITY},
    budget=45,
    baseline=dict.fromkeys(QUALITY, 15),
)

Key = tuple[int, ...]


@dataclass(frozen=True)
class Regime:
    """
    A way of logging.

    :param sharpness: How strongly the logging policy prefers what it holds to be best: γ√n of its inverse gap weights.
    :param floor: Share that is spread evenly.
    :param full_depth: Share of the queries for which all arms run at full depth.
    """

    sharpness: float
    floor: float
    full_depth: float


REGIMES = {
    "tight": Regime(2000.0, 0.01, 0.0),
    "tight, 10 % full depth": Regime(2000.0, 0.01, 0.1),
    "soft": Regime(20.0, 0.02, 0.0),
    "soft, 10 % full depth": Regime(20.0, 0.02, 0.1),
}


class Remembering(JointDistribution):
    """A distribution that is asked the same over and over."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._told: dict[tuple[str, Any], float] = {}

    def probability(self, allocation: Allocation) -> float:
        """How likely an allocation is."""
        key = "=", tuple(allocation.items())
        if key not in self._told:
            self._told[key] = super().probability(allocation)
        return self._told[key]

    def at_least(self, allocation: Allocation) -> float:
        """How likely it is that every arm draws at least as deep."""
        key = ">=", tuple(allocation.items())
        if key not in self._told:
            self._told[key] = super().at_least(allocation)
        return self._told[key]


class Leaning:
    """A policy that leans towards what it believes of each type of query: values by arm and level, with some error."""

    def __init__(self, name: str, beliefs: Mapping[str, Mapping[str, Sequence[float]]], regime: Regime) -> None:
        self.name = name
        self.learned = 0
        self.regime = regime
        self.beliefs = beliefs
        self._known: dict[str, JointDistribution] = {}

    def of(self, kind: str) -> JointDistribution:
        """The policy's distribution for a type of query."""
        if kind not in self._known:
            marginals = {arm: _leaning(values, self.regime.sharpness) for arm, values in self.beliefs[kind].items()}
            self._known[kind] = Remembering(ACTIONS, marginals, self.regime.full_depth, self.regime.floor)
        return self._known[kind]

    def distribution(self, decision: Decision) -> JointDistribution:
        """The same for a logged decision."""
        return self.of(str(decision.features.query["type"]))


class Greedy:
    """A policy without a doubt: for each type of query the one allocation that another prefers."""

    def __init__(self, name: str, leaning: Leaning) -> None:
        self.name = name
        self.learned = 0
        self._leaning = leaning

    def of(self, kind: str) -> JointDistribution:
        """The other policy's distribution for a type of query."""
        return self._leaning.of(kind)

    def distribution(self, decision: Decision) -> Allocation:
        """What it plays."""
        return self._leaning.distribution(decision).preferred


class World:
    """Queries, what their documents are worth to people, and where the arms have them."""

    def __init__(self, seed: int, eta: float = 1.0) -> None:
        """
        Make a world.

        :param seed: Where chance comes from.
        :param eta: How steeply people's looks thin out down the page; 0 means that they look everywhere alike.
        """
        self.rng = random.Random(seed)
        self.looks = [ExaminationCurve(eta).at(ordinal) for ordinal in range(1, PAGE + 1)]
        self.kinds = [("navigational", "topical")[query % 2] for query in range(QUERIES)]
        self.popularity = [1 / math.sqrt(1 + query) for query in range(QUERIES)]
        self.attraction = [
            [self.rng.uniform(0.3, 0.9) if document < 6 else 0.03 for document in range(DOCUMENTS)]
            for _ in range(QUERIES)
        ]
        self.ranks = [
            {arm: self._ranked(query, quality[self.kinds[query]]) for arm, quality in QUALITY.items()}
            for query in range(QUERIES)
        ]
        self.order = [self._ranked(query, 0.7) for query in range(QUERIES)]
        self.features = [
            Features(query={"type": kind, "length": str(query % 3), "user": "unknown"})
            for query, kind in enumerate(self.kinds)
        ]
        self._pages: dict[tuple[int, Key], tuple[tuple[int, dict[str, int]], ...]] = {}

    def page(self, query: int, allocation: Allocation) -> tuple[tuple[int, dict[str, int]], ...]:
        """What people get to see: documents in order, with the rank that each arm gave them."""
        key = query, tuple(allocation.values())
        if key not in self._pages:
            found: dict[int, dict[str, int]] = {}
            for arm, depth in allocation.items():
                for document, rank in self.ranks[query][arm].items():
                    if rank <= depth:
                        found.setdefault(document, {})[arm] = rank
            shown = sorted(found, key=self.order[query].__getitem__)[:PAGE]
            self._pages[key] = tuple((document, found[document]) for document in shown)
        return self._pages[key]

    def value(self, query: int, allocation: Allocation) -> float:
        """What an allocation is worth in expectation."""
        shown = self.page(query, allocation)
        rewards = math.fsum(
            look * self.attraction[query][document] for look, (document, _) in zip(self.looks, shown, strict=False)
        )
        return rewards - ACTIONS.cost(allocation)

    def truth(self, policy: Leaning | Greedy) -> float:
        """What a policy is worth, by enumeration."""
        total = 0.0
        for query, kind in enumerate(self.kinds):
            joint = policy.of(kind)
            plays = [(joint.preferred, 1.0)] if isinstance(policy, Greedy) else list(joint.enumerate())
            total += self.popularity[query] * sum(chance * self.value(query, x) for x, chance in plays)
        return total / sum(self.popularity)

    def log(self, policy: Leaning, size: int, rng: random.Random) -> Iterator[LoggedDecision]:
        """A log of that many decisions."""
        for seq, query in enumerate(rng.choices(range(QUERIES), self.popularity, k=size), start=1):
            joint = policy.of(self.kinds[query])
            allocation = joint.sample(rng)
            decision = Decision(
                query_id=f"{seq}-{rng.random()}",
                decided_at=float(seq),
                understanding=self._understandings[query],
                actions=ACTIONS,
                allocation=allocation,
                propensity=joint.probability(allocation),
                mode="live",
                policy=policy.name,
                features=self.features[query],
                marginals=joint.marginals,
                baseline_share=joint.baseline_share,
                floor=joint.floor,
                preferred=joint.preferred,
            )
            page = tuple(
                (float(rng.random() < look * self.attraction[query][document]), ranks)
                for look, (document, ranks) in zip(self.looks, self.page(query, allocation), strict=False)
            )
            yield LoggedDecision(seq, decision, joint, page, {})

    def beliefs(self, error: float, rng: random.Random) -> dict[str, dict[str, list[float]]]:
        """What a policy holds each arm and level to be worth: what it adds to the others, and some error."""
        return {
            kind: {
                arm: [0.0, *(self._added(kind, arm, level) + rng.gauss(0.0, error) for level in LEVELS[1:])]
                for arm in QUALITY
            }
            for kind in ("navigational", "topical")
        }

    @cached_property
    def _understandings(self) -> list[Understanding]:
        return [
            Understanding(
                f"query {query}", f"query {query}", query_type="navigational" if kind[0] == "n" else "topical"
            )
            for query, kind in enumerate(self.kinds)
        ]

    def _added(self, kind: str, arm: str, level: int) -> float:
        others = dict.fromkeys(QUALITY, 5)
        queries = [query for query in range(QUERIES) if self.kinds[query] == kind]
        return fmean(
            self.value(query, {**others, arm: level}) - self.value(query, {**others, arm: 0}) for query in queries
        )

    def _ranked(self, query: int, quality: float) -> dict[int, int]:
        noisy = {
            document: quality * worth + (1 - quality) * self.rng.random()
            for document, worth in enumerate(self.attraction[query])
        }
        return {document: rank for rank, document in enumerate(sorted(noisy, key=noisy.__getitem__, reverse=True), 1)}


@dataclass
class Answers:
    """What one estimator said of one target over many logs."""

    truth: float
    values: list[Estimate]
    refused: list[bool]
    effective: list[float]

    def summary(self) -> dict[str, Any]:
        """The figures of a row."""
        covered = [each.low <= self.truth <= each.high for each in self.values]
        answered = [each for each, refused in zip(covered, self.refused, strict=True) if not refused]
        errors = [each.mean - self.truth for each in self.values]
        return {
            "truth": self.truth,
            "logs": len(self.values),
            "coverage_all": fmean(covered) if covered else None,
            "answered": len(answered) / len(self.values) if self.values else 0.0,
            "coverage": fmean(answered) if answered else None,
            "bias": fmean(errors) if errors else None,
            "sd": pstdev(errors) if errors else None,
            "width": fmean(each.high - each.low for each in self.values) if self.values else None,
            "effective": fmean(self.effective) if self.effective else None,
        }


def measure(
    logs: int, size: int, *, seed: int = 7, eta: float = 1.0, regimes: Mapping[str, Regime] | None = None
) -> list[dict[str, Any]]:
    """
    Ask many logs, and hold what they say against the truth.

    :param logs: Logs for each regime.
    :param size: Decisions in a log.
    :param seed: Where chance comes from.
    :param eta: How steeply people's looks thin out down the page.
    :param regimes: Name → way of logging; `REGIMES` if left out.
    :returns: A row for each regime, target and estimator.
    """
    world = World(seed, eta)
    old, new = world.beliefs(0.1, random.Random(seed + 1)), world.beliefs(0.02, random.Random(seed + 2))
    certain = Leaning("certain", new, Regime(1.0, 0.0, 0.0))
    targets = (Greedy("greedy", certain), Leaning("drawing", new, Regime(60.0, 0.01, 0.05)))
    rows = []
    for regime, settings in (regimes or REGIMES).items():
        logging = Leaning("old", old, settings)
        answers = {
            (target.name, name): Answers(world.truth(target), [], [], [])
            for target in targets
            for name in (*ESTIMATORS, "recommended")
        }
        for number in track(range(logs), regime, console=Console(stderr=True), disable=not sys.stderr.isatty()):
            rng = random.Random(f"{seed}/{regime}/{number}")
            _ask(world.log(logging, size, rng), targets, answers)
        rows += [
            {"regime": regime, "target": target, "estimator": name, **said.summary()}
            for (target, name), said in answers.items()
        ]
    return rows


def _ask(
    decisions: Iterator[LoggedDecision], targets: Sequence[Leaning | Greedy], answers: Mapping[tuple[str, str], Answers]
) -> None:
    logged, columns = LogColumns(), [TargetColumns() for _ in targets]
    for page in paged(decisions):
        logged.add(page)
        for target, column in zip(targets, columns, strict=True):
            column.add(page, target)
    rewards = np.array(logged.rewards)
    model = RewardRegression(logged.features, logged.drawn, rewards)
    slope = logged.replayed.estimated_curve(rewards)
    everything = np.ones(len(logged.rewards), dtype=bool)
    for target, column in zip(targets, columns, strict=True):
        judge = Judge(logged, column, model, slope)
        estimates = judge.estimates(everything)
        for name, estimated in estimates.items():
            effective = judge.support(everything, replay=name == "replay").effective
            _note(answers[target.name, name], estimated.value, estimated.refusal, effective)
        comparison = judge.comparison(everything, estimates)
        if comparison.value is not None:
            replay = comparison.estimator == "replay"
            effective = judge.support(everything, replay=replay).effective
            _note(answers[target.name, "recommended"], comparison.value, None, effective)


def _note(answers: Answers, value: Estimate, refusal: Refusal | None, effective: float) -> None:
    answers.values.append(value)
    answers.refused.append(refusal is not None)
    answers.effective.append(effective)


def _leaning(values: Sequence[float], sharpness: float) -> tuple[float, ...]:
    best = max(range(len(values)), key=values.__getitem__)
    shares = [1 / (len(values) + sharpness * (values[best] - value)) for value in values]
    shares[best] = 0.0
    shares[best] = 1 - sum(shares)
    return tuple(shares)


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """
    Show the figures.

    :param rows: What `measure` gave.
    :returns: A table for Rich.
    """
    shown = Table("logging", "target", "estimator", "covers", "answered", "covers, all", "bias", "sd", "width", "ESS")
    for row in rows:
        shown.add_row(
            row["regime"],
            row["target"],
            row["estimator"],
            *(_figure(row[name], ".1%") for name in ("coverage", "answered", "coverage_all")),
            *(_figure(row[name], ".3f") for name in ("bias", "sd", "width")),
            _figure(row["effective"], ".0f"),
            end_section=row["estimator"] == "recommended",
        )
    return shown


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """
    Run from the command line.

    :param arguments: The arguments, those of the process if left out.
    :returns: The figures.
    """
    parser = argparse.ArgumentParser(description="Coverage of the off-policy intervals.")
    parser.add_argument("--logs", type=int, default=200, help="logs for each way of logging (default: 200)")
    parser.add_argument("--decisions", type=int, default=1500, help="decisions in a log (default: 1500)")
    parser.add_argument("--eta", type=float, default=1.0, help="how steeply looks thin out down the page (default: 1)")
    parser.add_argument("--seed", type=int, default=7, help="where chance comes from (default: 7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    rows = measure(options.logs, options.decisions, seed=options.seed, eta=options.eta)
    figures = {
        "rows": rows,
        "seconds": round(time.perf_counter() - started, 1),
        "settings": {"logs": options.logs, "decisions": options.decisions, "eta": options.eta, "seed": options.seed},
    }
    Console(width=160).print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return figures


if __name__ == "__main__":
    main()
