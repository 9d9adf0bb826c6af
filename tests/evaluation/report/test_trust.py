import random
from dataclasses import replace

import pytest

from factories import record
from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.evaluation.report.trust import Alternatives, reliability
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.store import read_log

BM25 = {"bm25": 10, "memory": 0}


def visits(log, count, **decision):
    """Evenly drawn; what bm25 brings is clicked by every second person, what only memory brings by nobody."""
    rng = random.Random(7)
    made = []
    for number in range(1, count + 1):
        drawn = JointDistribution.of(log.decision(number, **decision)).sample(rng)
        ranking = log.ranking(log.decision(number, allocation=drawn, **decision), ["a"])
        made.append((ranking, {"a": 1.0} if drawn["bm25"] and rng.random() < 0.5 else {}))
    return made


def alternatives(store):
    others = Alternatives(store)
    return others.section(Reading.of(read_log(store), others.add).log)


def test_the_bins_are_drawn_and_listed(log):
    section = reliability(Reading.of([log.settled(1, floor=0.0), log.settled(2, allocation=BM25, floor=0.0)]))
    assert section.grids[0].rows == (
        ("40.00%", "25.00%", "4.56% to 69.94%", "-0.6", "4"),
        ("60.00%", "75.00%", "30.06% to 95.44%", "0.6", "4"),
    )
    assert section.grids[1].rows[0] == ("bm25 0", "40.00%", "0.00%", "0.00% to 65.76%", "-1.2", "2")
    assert [one.count for one in section.charts[0].bins] == [4, 4]


def test_nothing_left_to_chance_draws_nothing(log):
    section = reliability(Reading.of([log.settled(1, mode="baseline")]))
    assert section.charts == ()
    assert section.grids[0].rows == ()


def test_alternatives_are_judged_from_the_log(log, store):
    record(store, visits(log, 800))
    store.add_snapshot("policy", VWPolicy().to_bytes(), {"policy": "vw", "learned": 0}, activate=True)
    section, findings = alternatives(store)
    (grid,), (chart,) = section.grids, section.charts
    rows = {row[0]: row for row in grid.rows}
    assert list(rows) == ["baseline", "snapshot:1", "snapshot:1:greedy", "bm25 alone", "memory alone"]
    assert rows["bm25 alone"][1] == "better"
    assert rows["memory alone"][1] == "worse"
    assert chart.estimates["bm25 alone"].low <= 0.4 <= chart.estimates["bm25 alone"].high
    assert next(iter(chart.estimates)) == "as it was"
    assert [finding.severity for finding in findings if finding.severity == "bad"] == []


def test_what_the_log_has_no_support_for_is_refused_and_said(log, store):
    """Only bm25 ever ran: what memory alone would have brought is not in the log."""
    actions = replace(log.actions, baseline=BM25)
    record(store, visits(log, 300, actions=actions, mode="baseline", marginals={}, preferred={}))
    section, findings = alternatives(store)
    rows = {row[0]: row for row in section.grids[0].rows}
    assert rows["baseline"][1] == rows["bm25 alone"][1] == "not told apart"
    assert rows["memory alone"][1].startswith("refused: ")
    said = {finding.title: finding.text for finding in findings}["Policies that the log cannot judge"]
    assert said.startswith("The log has no support for: memory alone.")


def test_wrong_propensities_are_left_out_and_said(log, store):
    record(store, [(log.ranking(log.decision(number, propensity=0.01)), {}) for number in range(1, 4)])
    _, findings = alternatives(store)
    assert findings[0].title == "Decisions without usable propensity"
    assert findings[0].text.endswith(": 3.")


def test_a_snapshot_of_other_settings_is_left_out_and_said(log, store):
    record(store, visits(log, 20))
    store.add_snapshot("policy", VWPolicy(bits=12).to_bytes(), {"policy": "vw"}, activate=True)
    section, findings = alternatives(store)
    assert "snapshot:1" not in {row[0] for row in section.grids[0].rows}
    assert findings[0].title == "snapshot:1 is not among the off-policy estimates"
    assert "bits" in findings[0].text


def test_an_empty_log_has_no_estimates(store):
    section, _ = alternatives(store)
    assert section.charts == ()
    assert all(row[1].startswith("refused") for row in section.grids[0].rows)


@pytest.mark.parametrize("count", [1, 3])
def test_a_tiny_log_is_refused(log, store, count):
    record(store, visits(log, count))
    section, findings = alternatives(store)
    assert section.grids[0].rows[0][1].startswith("refused")
    assert "Policies that the log cannot judge" in {finding.title for finding in findings}
