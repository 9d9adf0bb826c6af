"""Off-policy evaluation: what other policies would have been worth on the queries of a decision log."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.evaluation.off_policy.columns import LogColumns, TargetColumns
from ltrr_haystack.evaluation.off_policy.decisions import DecisionLog
from ltrr_haystack.evaluation.off_policy.intervals import Column, Estimate, mean_interval
from ltrr_haystack.evaluation.off_policy.judgement import Judge
from ltrr_haystack.evaluation.off_policy.pages import Page, paged
from ltrr_haystack.evaluation.off_policy.results import Comparison, Evaluation, LogSummary, TargetResult
from ltrr_haystack.evaluation.off_policy.reward_model import RewardRegression
from ltrr_haystack.evaluation.off_policy.targets import StaticTarget, Target
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.learning.curves import Curves
from ltrr_haystack.store import LTRRStore, read_log

DRIFT = 3.0
"""Standard errors by which the log's halves may differ before that is said."""


def evaluate(store: LTRRStore, targets: Sequence[Target], *, after: int = 0, eta: float | None = None) -> Evaluation:
    """
    Ask a decision log what other policies would have been worth.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.evaluation.off_policy import evaluate, parse_target

    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    targets = [parse_target(spec, store) for spec in ("baseline", "config:pipelines/search/search.yml")]
    for result in evaluate(store, targets).targets:
        print(result.name, result.comparison)
    ```

    :param store: The store with the log. Settled decisions are used with all that counts of their rewards, late or not,
        but for those beyond their client's share. What counts is known once it was learned from, so later decisions are
        not read; where nothing was learned yet, all are read as they are.
    :param targets: The policies.
    :param after: Only decisions with a higher seq are used: those that a policy was not trained on.
    :param eta: People look at position k with probability 1 / k^eta, for the replay; if left out, as the active page
        model has learned it, and where it has learned no curve, as replays of the logged policy itself say.
    :returns: Estimates, what they rest on, and where the log cannot answer.
    :raises InvalidInputError: If two targets have the same name, a static one names an arm that is not in the log, or
        eta is no number of at least 0.
    """
    reached = store.watermark()
    log = DecisionLog(read_log(store, after=after, learned=reached.learned > 0))
    evaluation = _evaluated(log, Gathered(targets, eta=eta, curves=Curves(store)))
    waiting = max(reached.settled - max(reached.learned, after), 0) if reached.learned else 0
    return replace(evaluation, log=replace(evaluation.log, waiting=waiting))


def evaluate_decisions(log: DecisionLog, targets: Sequence[Target], *, eta: float | None = None) -> Evaluation:
    """
    Ask decisions from anywhere what other policies would have been worth.

    :param log: The decisions; they are read.
    :param targets: The policies.
    :param eta: As for `evaluate`; estimated by replays if left out.
    :returns: The evaluation.
    :raises InvalidInputError: If two targets have the same name, a static one names an arm that is not in the log, or
        eta is no number of at least 0.
    """
    return _evaluated(log, Gathered(targets, eta=eta))


def _evaluated(log: DecisionLog, gathered: "Gathered") -> Evaluation:
    for page in paged(log):
        gathered.add(page)
    return gathered.evaluation(log)


class Gathered:
    """
    Gathers what an evaluation needs, for those who go through the log for something else as well.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.evaluation.off_policy.decisions import DecisionLog
    from ltrr_haystack.evaluation.off_policy.evaluate import Gathered
    from ltrr_haystack.evaluation.off_policy.pages import paged
    from ltrr_haystack.evaluation.off_policy.targets import BaselineTarget
    from ltrr_haystack.store import read_log

    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    log, gathered = DecisionLog(read_log(store)), Gathered([BaselineTarget()])
    for page in paged(log):
        gathered.add(page)
    print(gathered.evaluation(log).targets)
    ```
    """

    def __init__(self, targets: Sequence[Target], *, eta: float | None = None, curves: Curves | None = None) -> None:
        """
        Begin without decisions.

        :param targets: The policies that are asked about.
        :param eta: As for `evaluate`.
        :param curves: The curves of the store's page models, if it is to be as one of them learned it.
        :raises InvalidInputError: If two of them have the same name, or eta is no number of at least 0.
        """
        if eta is not None and not 0 <= eta < math.inf:
            raise InvalidInputError(f"eta must be a finite number of at least 0, got {eta}")
        names = [target.name for target in targets]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InvalidInputError(f"the policy '{twice}' is named twice; name each once")
        self._targets = targets
        self._eta = eta
        self._curves = curves
        self._logged = LogColumns()
        self._columns = [TargetColumns() for _ in targets]
        self._known = [0] * len(targets)

    def add(self, page: Page) -> None:
        """
        Take in some decisions.

        :param page: The decisions.
        """
        self._logged.add(page)
        for place, (target, column) in enumerate(zip(self._targets, self._columns, strict=True)):
            column.add(page, target)
            self._known[place] += sum(each.seq <= target.learned for each in page.logged)

    def evaluation(self, log: DecisionLog) -> Evaluation:
        """
        Say what the policies would have been worth.

        :param log: What counted the decisions.
        :returns: The evaluation.
        :raises InvalidInputError: If a static target names an arm that is not in the log.
        """
        logged = self._logged
        _require_known_arms(logged, self._targets)
        rewards = np.array(logged.rewards)
        model = RewardRegression(logged.features, logged.drawn, rewards) if logged.rewards else None
        slope, source = self._slope(rewards)
        results = tuple(
            _judged(target.name, logged, column, model, slope, trained)
            for target, column, trained in zip(self._targets, self._columns, self._known, strict=True)
        )
        return Evaluation(_summary(log, logged), slope, results, source)

    def _slope(self, rewards: Column) -> tuple[ExaminationCurve, str]:
        """How people look down the page, and who says so."""
        if self._eta is not None:
            return ExaminationCurve(self._eta), "as given"
        learned = None if self._curves is None else self._curves.learned()
        if learned is not None:
            curve, version = learned
            return curve, f"as page model {version} learned it"
        return self._logged.replayed.estimated_curve(rewards), "estimated by replays of the logged policy"


def _require_known_arms(logged: LogColumns, targets: Sequence[Target]) -> None:
    arms = sorted({arm for arm, _ in logged.drawn})
    for target in targets:
        unknown = [arm for arm in target.allocation if arm not in arms] if isinstance(target, StaticTarget) else []
        if arms and unknown:
            raise InvalidInputError(
                f"the policy '{target.name}' names the unknown arm '{unknown[0]}'; the log knows {', '.join(arms)}"
            )


def _judged(
    name: str,
    logged: LogColumns,
    columns: TargetColumns,
    model: RewardRegression | None,
    slope: ExaminationCurve,
    trained: int,
) -> TargetResult:
    judge = Judge(logged, columns, model, slope)
    everything = np.ones(len(logged.rewards), dtype=bool)
    estimates = judge.estimates(everything)
    slices: dict[str, dict[str, Comparison]] = {}
    for dimension, kinds in logged.slices.items():
        labels = np.array(kinds)
        slices[dimension] = {str(kind): judge.comparison(labels == kind) for kind in sorted(set(kinds))}
    return TargetResult(
        name=name,
        comparison=judge.comparison(everything, estimates),
        estimates=estimates,
        weights=judge.support(everything, replay=False),
        replay=judge.support(everything, replay=True),
        candidates=_mean(np.array(columns.candidates)),
        arm_calls=_mean(np.array(columns.calls)),
        slices=slices,
        cautions=tuple(judge.cautions(everything, trained)),
    )


def _summary(log: DecisionLog, logged: LogColumns) -> LogSummary:
    rewards = np.array(logged.rewards)
    used = len(rewards)
    if not used:
        return LogSummary(log.read, 0, dict(log.skipped), dict(log.modes), 0, beyond=log.beyond)
    first, second = rewards[: used // 2], rewards[used // 2 :]
    return LogSummary(
        log.read,
        used,
        dict(log.skipped),
        dict(log.modes),
        rewarded=int((rewards != 0).sum()),
        value=_mean(logged.value()),
        reward=_mean(rewards),
        candidates=_mean(np.array(logged.candidates)),
        arm_calls=_mean(np.array(logged.calls)),
        halves=(float(first.mean()) if len(first) else 0.0, float(second.mean())),
        cautions=tuple(_drift(first, second)),
        beyond=log.beyond,
    )


def _drift(first: Column, second: Column) -> Iterable[str]:
    if min(len(first), len(second)) < 2:
        return
    error = float(np.sqrt(first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second)))
    change = float(second.mean() - first.mean())
    if abs(change) > DRIFT * error:
        yield (
            f"The mean reward changed from {first.mean():.4f} in the log's first half to {second.mean():.4f} in the "
            f"second: estimates are about the whole time, not about today."
        )


def _mean(values: Column) -> Estimate:
    return Estimate(float(values.mean()), *mean_interval(values)) if len(values) else Estimate(0.0, 0.0, 0.0)
