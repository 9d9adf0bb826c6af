from dataclasses import replace

import pytest

from ltrr_haystack.evaluation.report.models import models
from ltrr_haystack.evaluation.report.reading import RankerRuns
from ltrr_haystack.policy import vw
from ltrr_haystack.policy.gains import AllocationGains, Gain
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.ranking.gate import MeanScore, OrderComparison, Verdict
from ltrr_haystack.ranking.report import TrainingReport
from ltrr_haystack.types import Features


def grids(section):
    return {grid.title: grid for grid in section.grids}


def test_no_models_yet(store):
    section, findings = models(store, {})
    assert findings == ()
    assert grids(section)["Policies: none yet"].rows == ()
    assert grids(section)["Rankers: none yet"].rows == ()


def test_policies_with_the_state_of_the_safe_start(log, store):
    policy = VWPolicy(safe_min=2)
    known = Features(history={"memory": {"cnt": 0.5}})
    for number, features in enumerate((Features(), known), start=1):
        policy.learn(log.settled(number, {"a": 1.0}, preferred={"bm25": 10, "memory": 0}, features=features))
    store.add_snapshot("policy", policy.to_bytes(), {"policy": "vw", "learned": 1, "safe_start": True}, activate=True)
    store.add_snapshot("policy", policy.to_bytes(), {"policy": "vw", "learned": 4, "safe_start": False}, activate=True)
    section, findings = models(store, {})
    assert findings == ()
    rows = grids(section)["Policies: version 2 is the newest"].rows
    assert [(row[0], row[1], *row[3:]) for row in rows] == [
        ("2", "active", "vw", "4", "past it", "–", "–"),
        ("1", "", "vw", "1", "held back", "–", "–"),
    ]
    remembered = dict(grids(section)["Safe start for queries searched before"].rows)
    assert remembered["settled decisions with a preference"] == "1"
    assert remembered["preferred the baseline itself"] == "0.0%"
    assert remembered["compared with the baseline"] == "1, 1 of them rewarded"
    assert remembered["interval of it, with the prior loss"] == "– (too little was compared)"
    assert remembered["state"] == "closed: not shown to be worth more than the baseline so far"
    assert remembered["verdict"] == "not known yet: 1 search compared, 1 with a reward, at the same cost"
    for way, judged in (("the model", "1"), ("the best allocation for all", "2")):
        new = dict(grids(section)[f"Safe start for new queries: {way}"].rows)
        assert new["settled decisions with a preference"] == judged


def test_an_interval_with_the_prior_loss_says_so(log, store):
    policy = VWPolicy()
    known = Features(history={"memory": {"cnt": 0.5}})
    for number in range(1, 160):
        policy.learn(log.settled(number, {"a": 1.0}, preferred={"bm25": 10, "memory": 0}, features=known))
    store.add_snapshot("policy", policy.to_bytes(), {"policy": "vw"}, activate=True)
    rows = dict(grids(models(store, {})[0])["Safe start for queries searched before"].rows)
    assert " to +" in rows["interval of it, with the prior loss"]
    assert rows["interval of it, with the prior loss"].endswith("since one lost reward is counted in")


@pytest.mark.parametrize(
    ("held_back", "said"),
    [
        ((True, True, True), "held back"),
        ((False, True, False), "past it"),
        ((False, True, True), "past it for known queries only"),
        ((True, False, True), "past it for new queries only"),
    ],
)
def test_for_which_queries_a_policy_is_past_its_safe_start(store, held_back, said):
    names = ("remembered", "contextual", "leader")
    card = {"policy": "x", "safe_start": False}
    card |= {name: {"safe_start": held} for name, held in zip(names, held_back, strict=True)}
    store.add_snapshot("policy", b"x", card, activate=True)
    section, _ = models(store, {})
    assert grids(section)["Policies: version 1 is the newest"].rows[0][5] == said


def test_what_the_gates_of_each_version_came_to(store):
    """Of the two ways to serve new queries, that of the one ahead."""
    names = ("remembered", "contextual", "leader")
    card = {"policy": "x", "new_queries": "leader", **{name: {"verdict": f"of {name}"} for name in names}}
    store.add_snapshot("policy", b"x", card, activate=True)
    section, _ = models(store, {})
    assert grids(section)["Policies: version 1 is the newest"].rows[0][6:] == ("of remembered", "of leader")


def test_where_allocations_were_measured_it_says_so_and_no_gate_is_shown_beside(log, store):
    """Of a click worth 1: bm25 alone earns .02 more than both, and saves a tenth."""
    gains = AllocationGains("bm25=10", {"bm25=10": Gain(0.02, 0.01, 0.1)}, 1.0, 0.2, 60, ranker=1, reordered=True)
    policy = VWPolicy()
    policy.learn(log.settled(1, {"a": 1.0}, preferred={"bm25": 10, "memory": 0}))
    policy.take_up(replace(gains, against=policy._new.leader._against))
    store.add_snapshot("policy", policy.to_bytes(), policy.card(), activate=True)
    section, _ = models(store, {})
    title = "Safe start for new queries: allocations measured on the log"
    assert [name for name in grids(section) if "new queries" in name] == [title]
    rows = dict(grids(section)[title].rows)
    assert rows["state"] == "open: its pages were shown to lose no more than the margin against the baseline"
    assert rows["queries that it was measured on"] == "60"
    assert rows["cost saved per search"] == "+0.1000 (50.0%)"
    version = grids(section)["Policies: version 1 is the newest"].rows[0]
    assert version[5] == "past it for new queries only"
    assert version[7] == rows["verdict"]


def test_reward_and_cost_are_told_apart(log, store):
    """The baseline asks bm25, at a cost of .1, and memory; memory alone, which is preferred, found what was clicked."""
    policy, known = VWPolicy(safe_min=2), Features(history={"memory": {"cnt": 0.5}})
    for number in range(1, 41):
        only_memory = {"bm25": 0, "memory": 10}
        policy.learn(log.settled(number, {"a": 1.0}, mode="apprentice", preferred=only_memory, features=known))
    store.add_snapshot("policy", policy.to_bytes(), policy.card(), activate=True)
    section, _ = models(store, {})
    told = dict(grids(section)["Safe start for queries searched before"].rows)
    assert told["verdict"] == "as good within ±0.086 reward a search (8.6 %), 100 % cheaper"
    assert told["reward gained per search, ± standard error"] == "+0.0000 ± 0.0000"
    assert told["cost saved per search"] == "+0.1000 (100.0%)"
    assert told["reward less cost gained, ± standard error"] == "+0.1000 ± 0.0000"
    assert grids(section)["Policies: version 1 is the newest"].rows[0][6] == told["verdict"]


def test_a_snapshot_of_an_earlier_version_is_told_in_words(store, monkeypatch):
    monkeypatch.setattr(vw, "_LINES_VERSION", 1)
    store.add_snapshot("policy", VWPolicy().to_bytes(), {"policy": "vw"}, activate=True)
    monkeypatch.undo()
    _, (finding,) = models(store, {})
    assert "the next pass of a learner begins with an empty policy" in finding.text


def test_the_active_version_is_shown_however_old_it_is(store):
    for _ in range(9):
        store.add_snapshot("policy", b"x", {"policy": "uniform"}, activate=False)
    store.activate("policy", 2)
    section, findings = models(store, {})
    rows = grids(section)["Policies: version 9 is the newest"].rows
    assert [row[0] for row in rows] == ["9", "8", "7", "6", "5", "2"]
    assert findings == ()


def test_rankers_with_their_gates(store):
    too_little = Verdict(False, "too few queries")
    value = MeanScore(0.5, 0.4, 0.6)
    union = OrderComparison("union's own order", value, MeanScore(0.03, 0.01, 0.05), 0.025)
    live = OrderComparison("live model", value, MeanScore(-0.02, -0.04, 0.0), 0.025)
    first = Verdict(True, "not worse", look=1, level=0.0304, model=value, comparisons=(union,))
    second = replace(first, passed=False, reason="worse", look=2, comparisons=(union, live))
    for verdict in (too_little, first, second):
        trained = TrainingReport(9000, 9000, {}, 1200, 300, 12000, 6000, verdict, 1, (), "x", {}, 0, "4.6")
        store.add_snapshot("ranker", b"x", trained.card(), activate=verdict.passed)
    section, _ = models(store, {})
    rows = grids(section)["Rankers: version 3 is the newest"].rows
    assert [(row[0], row[1], *row[3:]) for row in rows] == [
        ("3", "", "1,200", "not passed", "2", "+0.030 (+0.010 to +0.050)", "-0.020 (-0.040 to +0.000)", "worse"),
        ("2", "active", "1,200", "passed", "1", "+0.030 (+0.010 to +0.050)", "–", "not worse"),
        ("1", "", "1,200", "not passed", "–", "–", "–", "too few queries"),
    ]


def test_rankers_of_an_earlier_version_had_a_model_for_each_of_two_kinds_of_queries(store):
    better = {"passed": True, "reason": "better than the union's own order"}
    too_few = {"passed": False, "reason": "too few queries"}
    both = {"remembered": {"decisions": 1200, "gate": better}, "new": {"decisions": 150, "gate": too_few}}
    store.add_snapshot("ranker", b"x", {"decisions": 5000, "situations": both, "gate": better}, activate=True)
    store.add_snapshot("ranker", b"x", {"gate": {"passed": False, "reason": "too few"}}, activate=False)
    store.add_snapshot("ranker", b"x", {"gate": "unheard of"}, activate=False)
    store.add_snapshot("ranker", b"x", {"situations": {"new": "unheard of"}}, activate=False)
    section, _ = models(store, {})
    rows = grids(section)["Rankers: version 4 is the newest"].rows
    assert [(row[0], row[1], *row[3:]) for row in rows] == [
        ("4", "", "–", "–", "–", "–", "–", "new queries: –"),
        ("3", "", "–", "–", "–", "–", "–", "–"),
        ("2", "", "–", "not passed", "–", "–", "–", "too few"),
        ("1", "active", "1,200", "passed", "–", "–", "–", "remembered queries: better than the union's own order"),
        ("1", "active", "150", "not passed", "–", "–", "–", "new queries: too few queries"),
    ]


def test_pages_by_ranker(store):
    section, _ = models(store, {3: RankerRuns(10, 5, 20.0), 0: RankerRuns(4, 0, 0.0)})
    rows = section.grids[-1].rows
    assert rows == (
        ("the union's own order", "4", "0.0% (0.0% to 49.0%)", "0.000"),
        ("3", "10", "50.0% (23.7% to 76.3%)", "2.000"),
    )


def test_a_damaged_policy_is_said_to_be_one(store):
    store.add_snapshot("policy", b"not a policy", {"policy": "vw"}, activate=True)
    _, (finding,) = models(store, {})
    assert finding.severity == "bad"
    assert finding.title == "The active policy cannot be read"


@pytest.mark.parametrize("card", [{}, {"policy": None, "learned": "x", "safe_start": {}}])
def test_a_card_may_say_anything(store, card):
    store.add_snapshot("policy", b"x", card, activate=True)
    section, _ = models(store, {})
    assert grids(section)["Policies: version 1 is the newest"].rows[0][5:] == ("–", "–", "–")
