"""From columns to a judgement: estimates by every estimator, which of them to believe, and when to refuse."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ltrr_haystack.evaluation.off_policy import estimators
from ltrr_haystack.evaluation.off_policy.columns import LogColumns, TargetColumns
from ltrr_haystack.evaluation.off_policy.estimators import Sample
from ltrr_haystack.evaluation.off_policy.intervals import Column, Estimate
from ltrr_haystack.evaluation.off_policy.pages import Rows
from ltrr_haystack.evaluation.off_policy.results import ESTIMATORS, Comparison, Estimated, Outcome, Refusal, Support
from ltrr_haystack.evaluation.off_policy.reward_model import RewardRegression
from ltrr_haystack.feedback.examination import ExaminationCurve

RECOMMENDED = ("dr", "replay")
"""Estimators to believe: the first of them that is not refused. The first asks for nothing but right propensities."""

LEAST_EFFECTIVE = 100.0
"""Below this effective sample size intervals are not to be trusted."""

LEAST_SHARE = 0.5
"""With support for a smaller share of the decisions the log is about something else."""

LEAST_REWARDED = 10
"""With fewer rewarded decisions nothing is known of what rewards are like."""

MEAN_WEIGHT = (0.5, 2.0)
"""Weights average 1; beyond these bounds the ones that matter have not been seen."""

MOST_ERRORS = 4.0
"""By how many standard errors the mean weight may be off 1: by more, and there are large weights that were not seen."""

_STEP = 0.05


class Judge:
    """Judges one target by what was gathered of it, over all decisions or some of them."""

    def __init__(
        self, logged: LogColumns, columns: TargetColumns, model: RewardRegression | None, slope: ExaminationCurve
    ) -> None:
        """
        Make a judge.

        :param logged: What was logged.
        :param columns: What the target would have done.
        :param model: The reward model that was fitted to the log; `None` for an empty log.
        :param slope: How people look down the page, for the replay.
        """
        self._rewards = np.array(logged.rewards)
        self._value = logged.value()
        self._costs = np.array(logged.costs)
        self._weights = np.array(columns.weights)
        self._squares = np.array(columns.squares)
        self._replayed = np.array(columns.replayed.weights)
        self._replayed_squares = np.array(columns.replayed_squares)
        replay = columns.replayed.rewards_by_curve()
        self._replay_rewards = replay(slope)
        self._replay_change = _change(replay, slope)
        self._replay_unseen = logged.reward_per_look(slope) * columns.replayed.emptied(slope, logged.full)
        self._replay_costs = np.array(columns.replay_costs)
        self._planned_costs = np.array(columns.costs)
        self._predicted = model.drawn if model else np.zeros(0)
        self._planned = model.predict(columns.plans) if model else np.zeros(0)

    def support(self, rows: Rows, *, replay: bool) -> Support:
        """
        Say what estimates rest on.

        :param rows: The decisions they are about.
        :param replay: Whether it is about the dominance replay.
        :returns: The support.
        """
        weights, squares = (self._replayed, self._replayed_squares) if replay else (self._weights, self._squares)
        weights, squares = weights[rows], squares[rows]
        answered = ~np.isnan(weights)
        asked, size = len(weights), int(answered.sum())
        weights, squares = weights[answered], squares[answered]
        if not size:
            return Support(0, 0.0, 0, 0.0, 0.0, 0.0, 0.0, (0.0, 0.0))
        first, second = weights[: size // 2], weights[size // 2 :]
        return Support(
            decisions=size,
            share=size / asked,
            matched=int((weights > 0).sum()),
            effective=size**2 / float(squares.sum()),
            greatest=float(weights.max()),
            mean=float(weights.mean()),
            error=float(weights.std() / np.sqrt(size)),
            halves=(float(first.mean()) if len(first) else 0.0, float(second.mean())),
        )

    def estimates(self, rows: Rows) -> Mapping[str, Estimated]:
        """
        Estimate by all estimators that find any support.

        :param rows: The decisions it is about.
        :returns: Estimator → what it says.
        """
        found: dict[str, Estimated] = {}
        for name in ESTIMATORS:
            estimated = self._estimated(name, rows)
            if estimated is not None:
                found[name] = estimated
        return found

    def comparison(self, rows: Rows, estimates: Mapping[str, Estimated] | None = None) -> Comparison:
        """
        Compare the target with what was logged, by the first recommended estimator that is not refused.

        :param rows: The decisions it is about.
        :param estimates: What `estimates` gave for them, if that was asked for.
        :returns: The comparison.
        """
        decisions, logged = int(rows.sum()), float(self._value[rows].mean()) if rows.any() else 0.0
        refusal = Refusal("there are no settled decisions", "let people search, and let the reward wait pass")
        for name in RECOMMENDED:
            refused = self._refusal(name, rows)
            if refused is not None:
                refusal = refused
                continue
            estimated = self._estimated(name, rows) if estimates is None else estimates.get(name)
            if estimated is not None and estimated.gain is not None:
                outcome = _outcome(estimated.gain)
                return Comparison(decisions, logged, outcome, name, estimated.value, estimated.gain)
        return Comparison(decisions, logged, "refused", refusal=refusal)

    def cautions(self, rows: Rows, trained: int) -> Iterator[str]:
        """
        Say what to bear in mind.

        :param rows: The decisions it is about.
        :param trained: How many of them the target was trained on.
        :returns: Sentences.
        """
        if trained:
            yield (
                f"The policy was trained on {trained:,} of these decisions, and looks better on them than it is: judge "
                "it by later ones (after)."
            )
        for replay, what in ((False, "propensities"), (True, "the replay")):
            support = self.support(rows, replay=replay)
            if 0 < support.share < 1:
                yield (
                    f"By {what} the log can answer for {support.share:.0%} of the decisions, and its estimates are "
                    "about these."
                )

    def _estimated(self, name: str, rows: Rows) -> Estimated | None:
        replay = name == "replay"
        weights = self._replayed if replay else self._weights
        used = rows & ~np.isnan(weights)
        if not (weights[used] > 0).any() or used.sum() < 2:
            return None
        rewards = self._replay_rewards if replay else self._rewards
        costs = self._replay_costs if replay else self._costs
        sample = Sample(
            weights[used],
            (rewards - costs)[used],
            (self._predicted - self._costs)[used],
            (self._planned - self._planned_costs)[used],
            _range(self._value),
        )
        of_rewards = Sample(
            weights[used], rewards[used], self._predicted[used], self._planned[used], _range(self._rewards)
        )
        compares = name in estimators.CONTRIBUTIONS
        value, reward = _ESTIMATORS[name](sample), _ESTIMATORS[name](of_rewards)
        gain = estimators.gain(name, sample, self._value[used]) if compares else None
        if replay:
            shares = weights[used] / weights[used].sum()
            error, unseen = float(shares @ self._replay_change[used]), float(shares @ self._replay_unseen[used])
            value, reward = value.widened(error, unseen), reward.widened(error, unseen)
            gain = gain and gain.widened(error, unseen)
        return Estimated(value, reward, gain, self._refusal(name, rows))

    def _refusal(self, name: str, rows: Rows) -> Refusal | None:
        if not rows.any():
            return None
        replay = name == "replay"
        support = self.support(rows, replay=replay)
        explore = (
            "let the router explore (mode live, a policy with a floor), or choose a policy nearer to the logged one"
        )
        deepen = "let more queries run at full depth (baseline_share), or choose a policy that draws less"
        remedy = deepen if replay else explore
        if not support.decisions:
            return Refusal("in no logged decision could the policy's choice have been made", remedy)
        if support.share < LEAST_SHARE:
            return Refusal(
                f"only in {support.share:.1%} of the logged decisions could the policy's choice have been made", remedy
            )
        rewarded = int((self._rewards[rows] != 0).sum())
        if rewarded < LEAST_REWARDED:
            return Refusal(
                f"only {rewarded} of the logged decisions brought a reward, and {LEAST_REWARDED} are needed",
                "wait for more feedback, or check that it arrives",
            )
        if name == "clipped_ips":
            return None
        if support.effective < LEAST_EFFECTIVE:
            return Refusal(
                f"the {support.decisions:,} logged decisions tell as much of this policy as {support.effective:.0f} of "
                f"its own would, and {LEAST_EFFECTIVE:.0f} are needed",
                f"gather a longer log, or {remedy}",
            )
        off = abs(support.mean - 1) > MOST_ERRORS * support.error
        if off or not MEAN_WEIGHT[0] <= support.mean <= MEAN_WEIGHT[1]:
            return Refusal(
                f"the weights average {support.mean:.2f} where 1 is expected: the decisions that matter for this "
                "policy are hardly among the logged ones",
                f"gather a longer log, or {remedy}",
            )
        return None


def _outcome(gain: Estimate) -> Outcome:
    if gain.low > 0:
        return "better"
    return "worse" if gain.high < 0 else "not told apart"


def _range(values: Column) -> tuple[float, float]:
    return float(values.min()), float(values.max())


_ESTIMATORS = {
    "ips": estimators.ips,
    "clipped_ips": estimators.clipped_ips,
    "snips": estimators.snips,
    "dr": estimators.doubly_robust,
    "replay": estimators.snips,
}


def _change(replay: Callable[[ExaminationCurve], Column], curve: ExaminationCurve) -> Column:
    """By how much the rewards of replays differ where the curve is off by one standard deviation."""
    if curve.learned:
        return (replay(curve.flatter(-_STEP)) - replay(curve)) / _STEP
    low, high = max(0.0, curve.eta - _STEP), curve.eta + _STEP
    return curve.deviation * (replay(ExaminationCurve(high)) - replay(ExaminationCurve(low))) / (high - low)
