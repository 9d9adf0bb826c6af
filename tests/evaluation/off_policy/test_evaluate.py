import io
import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.evaluation.off_policy import (
    BaselineTarget,
    DecisionLog,
    Evaluation,
    StaticTarget,
    evaluate,
    evaluate_decisions,
    render,
)
from ltrr_haystack.evaluation.off_policy.results import ESTIMATORS
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.learning import Learner
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.store import read_log

LEXICAL, BOTH = {"bm25": 10}, {"bm25": 10, "dense": 10}


class ByKind:
    """Plays for each type of query what it is told to."""

    def __init__(self, name, learned=0, **allocations):
        self.name = name
        self.learned = learned
        self.allocations = allocations

    def distribution(self, decision):
        return self.allocations[decision.understanding.query_type]


class Drawing:
    """A target with the same distribution everywhere."""

    name, learned = "drawing", 0

    def __init__(self, joint):
        self.joint = joint

    def distribution(self, decision):
        return self.joint


GOOD = ByKind("good", navigational={"bm25": 10}, topical={"dense": 10})
BAD = ByKind("bad", navigational={"dense": 10}, topical={"bm25": 10})


@pytest.fixture
def ask():
    def of(settled, *targets, **options):
        return evaluate_decisions(DecisionLog(settled), targets, **options)

    return of


@pytest.fixture(scope="module")
def soft(make_joint):
    return make_joint(floor=0.1, bm25=(0.4, 0.6), dense=(0.4, 0.6))


@pytest.fixture(scope="module")
def judged(make_world, soft):
    """The answers of one log of 3,000 decisions; by construction good is worth 0.4, bad −0.2, both 0.2."""
    return evaluate_decisions(DecisionLog(make_world().log(3000, soft)), [GOOD, BAD, BaselineTarget()])


def shown(evaluation):
    """What a person reads."""
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(render(evaluation))
    return console.export_text()


class TestTruth:
    @pytest.mark.parametrize("estimator", ["ips", "snips", "dr", "replay"])
    def test_intervals_cover_it_and_are_not_vacuous(self, judged, estimator):
        for result, truth in zip(judged.targets, (0.4, -0.2, 0.2), strict=True):
            value = result.estimates[estimator].value
            assert value.low <= truth <= value.high
            assert value.high - value.low < 0.25

    def test_a_planted_bad_policy_is_recognised_as_worse_and_a_good_one_as_better(self, judged):
        good, bad, _ = judged.targets
        assert (good.comparison.outcome, bad.comparison.outcome) == ("better", "worse")
        for estimator in ("ips", "snips", "dr", "replay"):
            assert good.estimates[estimator].gain.low > 0
            assert bad.estimates[estimator].gain.high < 0
        assert str(bad.comparison).startswith("Worse than what was logged: -0.3")

    def test_doubly_robust_is_recommended_where_propensities_suffice(self, judged):
        assert [result.comparison.estimator for result in judged.targets] == ["dr"] * 3

    def test_what_a_target_asks_for_is_known_whatever_came_of_it(self, judged):
        good, _, both = judged.targets
        assert (good.candidates.mean, good.arm_calls.mean) == (10.0, 1.0)
        assert (both.candidates.mean, both.arm_calls.mean) == (20.0, 2.0)

    def test_slices_tell_where_a_policy_fails(self, make_world, soft, ask):
        only_bm25 = StaticTarget(LEXICAL, "bm25")
        (result,) = ask(make_world(3).log(4000, soft), only_bm25).targets
        kinds = result.slices["query_type"]
        assert (kinds["navigational"].outcome, kinds["topical"].outcome) == ("better", "worse")
        assert sum(each.decisions for each in kinds.values()) == 4000
        assert set(result.slices) == {"query_type", "language", "user"}


class TestRefusal:
    def test_a_log_without_support_is_refused(self, make_world, make_joint, ask):
        certain = make_joint(share=0.0, bm25=(0.0, 1.0), dense=(1.0, 0.0))
        (result,) = ask(make_world().log(500, certain), StaticTarget({"dense": 10})).targets
        assert result.comparison.outcome == "refused"
        assert result.comparison.value is None
        assert result.estimates == {}
        assert "in no logged decision could the policy's choice have been made" in str(result.comparison)
        assert "baseline_share" in result.comparison.refusal.remedy

    def test_from_a_log_of_the_baseline_alone_only_less_of_it_can_be_judged(self, make_world, make_joint, ask):
        certain = make_joint(share=1.0)
        shallower, deeper = ask(
            make_world().log(500, certain, mode="baseline"),
            StaticTarget(LEXICAL),
            StaticTarget({"bm25": 10, "dense": 30}),
        ).targets
        assert shallower.comparison.estimator == "replay"
        assert shallower.comparison.outcome == "worse"
        assert deeper.comparison.outcome == "refused"

    def test_a_low_effective_sample_size_is_refused_before_anything_rare_was_seen(self, make_world, make_joint, ask):
        # Bm25 alone has a chance of 0.002: of 500 decisions it may be expected once.
        tight = make_joint(share=0.0, floor=0.004, bm25=(1.0, 0.0), dense=(0.0, 1.0))
        (result,) = ask(make_world().log(500, tight), StaticTarget(LEXICAL)).targets
        assert result.comparison.outcome == "refused"
        assert "and 100 are needed" in result.comparison.refusal.reason
        assert result.replay.effective < 2
        refused = {name for name, estimated in result.estimates.items() if estimated.refusal is not None}
        assert refused == set(result.estimates) - {"clipped_ips"}

    def test_without_rewards_nothing_is_told(self, make_world, soft, ask):
        world = make_world()
        world.click_rate = 0.0
        (result,) = ask(world.log(500, soft), GOOD).targets
        assert "only 0 of the logged decisions brought a reward" in str(result.comparison)

    def test_wrong_propensities_show_in_the_mean_weight(self, make_world, make_joint, soft):
        # The log says that it was drawn softly; it was drawn otherwise.
        world, sharp = make_world(), make_joint(floor=0.1, bm25=(0.1, 0.9), dense=(0.9, 0.1))
        told = {"marginals": soft.marginals, "floor": soft.floor, "baseline_share": soft.baseline_share}
        from dataclasses import replace

        settled = [
            replace(
                each, decision=replace(each.decision, propensity=soft.probability(each.decision.allocation), **told)
            )
            for each in world.log(2000, sharp)
        ]
        (result,) = evaluate_decisions(DecisionLog(settled), [StaticTarget(LEXICAL)]).targets
        assert "where 1 is expected" in result.estimates["dr"].refusal.reason

    def test_an_empty_log_is_refused(self, store):
        evaluation = evaluate(store, [BaselineTarget()])
        assert evaluation.log.read == 0
        assert "there are no settled decisions" in str(evaluation.targets[0].comparison)


class TestSupport:
    def test_in_a_mixed_log_only_what_can_be_judged_is_and_that_is_said(self, make_world, make_joint, soft, ask):
        world = make_world()
        quiet = list(world.log(400, make_joint(share=1.0), mode="baseline"))
        (result,) = ask([*quiet, *world.log(1200, soft)], GOOD).targets
        assert result.weights.decisions == 1200
        assert result.weights.share == 0.75
        assert result.replay.share == 1.0
        assert result.weights.mean == pytest.approx(1.0, abs=0.1)
        assert any("answer for 75% of the decisions" in caution for caution in result.cautions)

    def test_weights_halves_and_the_greatest_by_hand(self, make_settled, make_joint, ask):
        joint = make_joint()
        played = [{"bm25": 10, "dense": 0}, BOTH, BOTH, BOTH]
        settled = [make_settled(seq, joint, allocation) for seq, allocation in enumerate(played, start=1)]
        weights = ask(settled, StaticTarget(LEXICAL)).targets[0].weights
        assert (weights.matched, weights.greatest) == (1, pytest.approx(1 / 0.36))
        assert weights.halves == pytest.approx((0.5 / 0.36, 0.0))
        assert weights.effective == pytest.approx(4 * 0.36)

    def test_a_policy_is_better_known_on_what_it_was_trained_on(self, make_world, soft, ask):
        trained = ByKind("trained", learned=120, **GOOD.allocations)
        (result,) = ask(make_world().log(300, soft), trained).targets
        assert any("trained on 120 of these decisions" in caution for caution in result.cautions)

    def test_drift_of_the_rewards_is_said(self, make_world, soft, ask):
        world = make_world()
        before = list(world.log(600, soft))
        world.click_rate = 0.2
        evaluation = ask([*before, *world.log(600, soft)], GOOD)
        assert "The mean reward changed from" in evaluation.log.cautions[0]


class TestInvariants:
    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 1000), share=st.floats(0, 0.9), floor=st.floats(0.05, 1.0), odds=st.floats(0.05, 0.95))
    def test_the_logged_policy_is_worth_what_was_logged(self, make_world, make_joint, seed, share, floor, odds):
        joint = make_joint(share=share, floor=floor, bm25=(odds, 1 - odds))
        settled = list(make_world(seed).log(60, joint))
        evaluation = evaluate_decisions(DecisionLog(settled), [Drawing(joint)])
        (result,) = evaluation.targets
        mean = np.mean([sum(each.rewards.values()) for each in settled])
        for name in ("ips", "snips"):
            assert result.estimates[name].reward.mean == pytest.approx(mean)
            assert result.estimates[name].value.mean == pytest.approx(evaluation.log.value.mean)
            assert result.estimates[name].gain.mean == pytest.approx(0, abs=1e-9)
        assert result.weights.mean == pytest.approx(1)
        assert result.weights.effective == pytest.approx(60)

    def test_weights_average_about_one(self, judged):
        for result in judged.targets:
            for support in (result.weights, result.replay):
                assert abs(support.mean - 1) < 4 * support.error

    def test_the_order_of_targets_makes_no_difference(self, make_world, soft, ask):
        settled = list(make_world().log(400, soft))
        one, other = ask(settled, GOOD, BAD), ask(settled, BAD, GOOD)
        assert one.targets == other.targets[::-1]


class TestFromAStore:
    def test_reads_the_log_and_only_what_comes_after(self, store, keep, make_world, soft):
        keep(make_world().log(300, soft))
        evaluation = evaluate(store, [GOOD], after=100)
        assert (evaluation.log.read, evaluation.log.used) == (200, 200)
        assert evaluation.targets[0].comparison.decisions == 200

    def test_an_arm_that_the_log_does_not_know_is_named(self, ask, make_world, soft):
        with pytest.raises(InvalidInputError, match="'slip' names the unknown arm 'foo'; the log knows bm25, dense"):
            ask(make_world().log(20, soft), StaticTarget({"bm25": 10, "foo": 5}, "slip"))

    def test_two_policies_of_one_name_are_refused(self, store):
        with pytest.raises(InvalidInputError, match="'baseline' is named twice"):
            evaluate(store, [BaselineTarget(), BaselineTarget()])

    @pytest.mark.parametrize("eta", [math.inf, math.nan, -0.5])
    def test_positions_that_cannot_count_are_refused(self, store, eta):
        with pytest.raises(InvalidInputError, match="eta must be a finite number of at least 0, got"):
            evaluate(store, [BaselineTarget()], eta=eta)

    def test_positions_count_as_they_are_told_to(self, make_world, soft, ask):
        evaluation = ask(make_world().log(300, soft), GOOD, eta=0.0)
        assert (evaluation.slope.eta, evaluation.slope.deviation) == (0.0, 0.0)
        assert evaluation.slope_source == "as given"


class TestClients:
    """One client searches as often as it likes, and clicks each time."""

    PAGE = (("a", {"bm25": 1}), ("b", {"dense": 1}))

    def test_what_is_beyond_its_share_changes_no_estimate(self, make_world, soft, make_settled, ask):
        """Of the flood a search counts with a tenth of a click, and forty do not count at all."""
        people = list(make_world().log(200, soft))
        flood = [
            make_settled(seq, soft, BOTH, self.PAGE, {"a": 9.0}, user_id="me", session_id="mine")
            for seq in range(201, 242)
        ]
        part = replace(flood[0], capped={"a": 0.1})
        beyond = [replace(each, counted=False) for each in flood[1:]]
        without = ask([*people, replace(flood[0], rewards={"a": 0.1})], GOOD, StaticTarget(LEXICAL))
        with_all = ask([*beyond, *people, part, *beyond], GOOD, StaticTarget(LEXICAL))
        assert with_all.targets == without.targets
        assert with_all.log == replace(without.log, read=281, beyond=80)

    @pytest.fixture
    def flooded(self, store, keep, make_settled, make_joint):
        """
        Thirty people search once, every other one clicks; then one searches forty times and clicks each time.

        Five of the forty searches count, which is what a client has in any case. Their clicks count as a tenth of the
        others' 15 for the same document and query: 1.5 in all.
        """
        joint = make_joint(share=1.0)
        keep(
            make_settled(seq, joint, BOTH, self.PAGE, {"a": 1.0} if seq > 30 or seq % 2 else {}, user_id=user)
            for seq, user in enumerate([*(f"u{number}" for number in range(30)), *["me"] * 40], start=1)
        )
        return store

    def test_in_a_store_that_was_learned_from_the_estimates_are_of_what_counts(self, flooded):
        assert evaluate(flooded, [BaselineTarget()]).log.reward.mean == pytest.approx(55 / 70)
        Learner(flooded, StaticPolicy(), reward_wait=0.0).run_once(1e12)
        evaluation = evaluate(flooded, [BaselineTarget()])
        assert (evaluation.log.read, evaluation.log.beyond, evaluation.log.used) == (70, 35, 35)
        assert evaluation.log.reward.mean == pytest.approx(16.5 / 35)
        (result,) = evaluation.targets
        assert result.estimates["replay"].reward.mean == pytest.approx(16.5 / 35)
        assert evaluation.to_dict()["log"]["beyond"] == 35
        assert "left out: beyond their client's share │ 35" in " ".join(shown(evaluation).split())

    def test_what_was_not_learned_from_yet_waits(self, flooded, keep, make_settled, make_joint):
        Learner(flooded, StaticPolicy(), reward_wait=0.0).run_once(1e12)
        joint = make_joint(share=1.0)
        keep(make_settled(seq, joint, BOTH, self.PAGE, {"a": 9.0}, user_id="me") for seq in range(71, 81))
        evaluation = evaluate(flooded, [BaselineTarget()])
        assert (evaluation.log.read, evaluation.log.waiting) == (70, 10)
        assert evaluate(flooded, [BaselineTarget()], after=75).log.waiting == 5
        assert "not learned from yet, and not read │ 10" in " ".join(shown(evaluation).split())


class TestExamination:
    """Where the steepness of the curve comes from by which the replay moves rewards up the page."""

    @pytest.fixture
    def searched(self, make_world, soft, keep, store):
        keep(make_world().log(200, soft))
        return store

    def test_the_curve_of_the_active_page_model_is_taken(self, searched):
        for eta in (0.2, 0.4):
            curve = ExaminationCurve(eta, 0.1, learned=(1.0, 0.8), deviations=(0.0, 0.1))
            searched.add_snapshot("page", PageModel(curve).to_bytes(), {}, activate=True)
        evaluation = evaluate(searched, [GOOD])
        assert evaluation.slope == curve
        assert evaluation.slope_source == "as page model 2 learned it"
        searched.activate("page", 1)
        assert evaluate(searched, [GOOD]).slope == replace(curve, eta=0.2)

    def test_it_moves_what_the_replay_is_worth(self, make_joint, make_settled, keep, store):
        """Bm25 alone moves what was clicked from the second place to the first, which is looked at 1 / e_2 as often."""
        joint = make_joint(share=1.0)
        shown = [("passed", {"dense": 1}), ("clicked", {"bm25": 1})]
        keep([make_settled(seq, joint, BOTH, shown, {"clicked": 1.0}) for seq in range(1, 5)])
        for second, worth in ((1.0, 1.0), (0.5, 2.0), (0.4, 2.5)):
            page = PageModel(ExaminationCurve(1.0, 0.0, (1.0, second), (0.0, 0.0)))
            store.add_snapshot("page", page.to_bytes(), {}, activate=True)
            (result,) = evaluate(store, [StaticTarget(LEXICAL)]).targets
            assert result.estimates["replay"].value.mean == pytest.approx(worth - 0.2)

    @pytest.mark.parametrize("third", [(), (0.3,)])
    def test_its_uncertainty_widens_the_interval(self, make_joint, make_settled, keep, store, third):
        """1 / e_2 changes by sd / e_2 ** 2; variances add up."""
        joint = make_joint(share=1.0)
        shown = [("passed", {"dense": 1}), ("clicked", {"bm25": 1})]
        keep([make_settled(seq, joint, BOTH, shown, {"clicked": 1.0}) for seq in range(1, 5)])

        def below(second, deviation):
            curve = ExaminationCurve(1.0, 0.0, (1.0, second, *third), (0.0, deviation, *(0.0 for _ in third)))
            store.add_snapshot("page", PageModel(curve).to_bytes(), {}, activate=True)
            (result,) = evaluate(store, [StaticTarget(LEXICAL)]).targets
            value = result.estimates["replay"].reward
            return value.mean - value.low

        for second, deviation in ((0.4, 0.1), (0.98, 0.2)):
            expected = math.hypot(below(second, 0.0), 1.96 * deviation / second**2)
            assert below(second, deviation) == pytest.approx(expected, rel=0.02)

    @pytest.mark.parametrize(
        "model", [None, PageModel()], ids=["without a page model", "with one that learned no curve"]
    )
    def test_without_a_learned_curve_it_is_estimated_by_replays(self, searched, model):
        if model is not None:
            searched.add_snapshot("page", model.to_bytes(), {}, activate=True)
        evaluation = evaluate(searched, [GOOD])
        assert evaluation.slope_source == "estimated by replays of the logged policy"
        assert evaluation.slope == evaluate_decisions(DecisionLog(read_log(searched)), [GOOD]).slope

    def test_what_is_given_overrules_both(self, searched):
        searched.add_snapshot(
            "page", PageModel(ExaminationCurve(0.4, 0.1, (1.0,), (0.0,))).to_bytes(), {}, activate=True
        )
        assert evaluate(searched, [GOOD], eta=0.9).slope == ExaminationCurve(0.9)

    def test_a_person_reads_it_with_its_source(self, searched):
        page = PageModel(ExaminationCurve(0.4, 0.1, (1.0, 0.8), (0.0, 0.1)))
        searched.add_snapshot("page", page.to_bytes(), {}, activate=True)
        console = Console(width=80, record=True, file=io.StringIO())
        console.print(render(evaluate(searched, [GOOD])))
        assert "looks in the replay: η about 0.40 ± 0.10, as page model 1 learned it" in console.export_text()


class TestShown:
    def test_goes_to_json_and_back(self, judged):
        text = json.dumps(judged.to_dict(), allow_nan=False)
        assert Evaluation.from_dict(json.loads(text)) == judged
        assert set(json.loads(text)["assumptions"]) == set(ESTIMATORS)

    def test_is_read_by_a_person(self, judged, make_world, make_joint, ask):
        console = Console(width=80, record=True, file=io.StringIO())
        console.print(render(judged))
        shown = console.export_text()
        assert "Better than what was logged" in shown
        assert "Worse than what was logged" in shown
        assert "recommended" in shown
        assert max(map(len, shown.splitlines())) <= 80
        assert "query_type: navigational" in shown
        assert "Assumes that what people do with a document" in " ".join(shown.split())

    def test_a_refusal_is_read_by_a_person(self, store):
        console = Console(width=80, record=True, file=io.StringIO())
        console.print(render(evaluate(store, [BaselineTarget()])))
        assert "The log cannot answer: there are no settled decisions" in " ".join(console.export_text().split())


def test_every_outcome_is_as_likely_as_the_distribution_says(make_world, make_joint):
    """The world of these tests draws what it logs: frequencies agree with propensities."""
    joint = make_joint(floor=0.2)
    drawn = Counter(tuple(each.decision.allocation.values()) for each in make_world().log(4000, joint))
    for allocation, chance in joint.enumerate():
        assert drawn[tuple(allocation.values())] / 4000 == pytest.approx(chance, abs=0.03)
