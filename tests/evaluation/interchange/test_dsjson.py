import json
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vowpalwabbit import pyvw

from factories import record
from ltrr_haystack.evaluation.interchange import dsjson_events, write_dsjson
from ltrr_haystack.types import ActionSet, Arm, Features

ARGUMENTS = "--cb_adf --cb_type mtr -b 18 -l 0.03 -q qa -q dh --quiet"


def test_an_arm_of_a_decision_is_an_event(log):
    """The click on b is bm25's own, as no other arm ran: its credit is 2; its cost is .01, and .01 for ten."""
    first, second = dsjson_events(log.settled(1, rewards={"b": 2.0}))
    assert first == {
        "_label_cost": -2.0,
        "_label_probability": pytest.approx(0.47),
        "_label_Action": 2,
        "_labelIndex": 1,
        "o": [{"EventId": "q1.bm25", "v": 2.0}],
        "Timestamp": "2023-11-14T22:13:20.250000Z",
        "Version": "1",
        "EventId": "q1.bm25",
        "a": [2, 1],
        "c": {
            "q": {"c": 1.0, "type=topical": 1.0, "digits^": 2.0},
            "t": {"weekday=4": 1.0},
            "_multi": [
                {"d": {"rest": 1.0}},
                {
                    "d": {"a=bm25^10": 1.0, "k=lexical^10": 1.0},
                    "a": {"a=bm25": 1.0, "k=lexical": 1.0},
                    "h": {"bm25^ctr^": 0.25},
                },
            ],
        },
        "p": [pytest.approx(0.47), pytest.approx(0.53)],
        "VWState": {"m": "vw/3"},
        "_ltrr": {"arm": "bm25", "levels": [0, 10], "arm_cost": pytest.approx(0.02), "mode": "live"},
    }
    assert (second["EventId"], second["_label_cost"], second["_label_Action"]) == ("q1.dense", 0.0, 1)
    assert second["_label_probability"] == pytest.approx(0.84)
    assert second["o"] == []


def test_an_arm_without_a_choice_has_no_event(log):
    actions = ActionSet((Arm("bm25", "lexical", (0, 10)), Arm("memory", "memory", (10,))), 20, {"memory": 10})
    marginals = {"bm25": (0.5, 0.5), "memory": (1.0,)}
    settled = log.settled(1, actions=actions, marginals=marginals, allocation={"bm25": 0, "memory": 10})
    assert [event["_ltrr"]["arm"] for event in dsjson_events(settled)] == ["bm25"]


def test_vowpal_wabbit_learns_from_the_file(log, store, tmp_path):
    """Only bm25 answers topical queries and only dense answers questions; the log was drawn evenly."""
    draw = random.Random(7)
    visits = []
    for number in range(600):
        kind, answers = draw.choice([("topical", "bm25"), ("question", "dense")])
        allocation = draw.choice([{"bm25": 0, "dense": 0}, {"bm25": 10, "dense": 0}, {"bm25": 0, "dense": 10}])
        decision = log.decision(
            f"q{number}", features=Features({"type": kind}), allocation=allocation, floor=1.0, baseline_share=0.0
        )
        shown = ["d"] if any(allocation.values()) else []
        visits.append((log.ranking(decision, shown), {"d": 1.0} if allocation[answers] else {}))
    record(store, visits)
    assert write_dsjson(store, tmp_path / "log.dsjson") == 1200
    model = tmp_path / "model"
    pyvw.Workspace(f"--dsjson -d {tmp_path / 'log.dsjson'} {ARGUMENTS} -f {model}").finish()
    workspace = pyvw.Workspace(f"-i {model} {ARGUMENTS}")
    lines = "|d rest\n|d a=bm25^10 k=lexical^10 |a a=bm25 k=lexical\n|d a=dense^10 k=dense^10 |a a=dense k=dense"
    rest, bm25, dense = workspace.predict(f"shared |q c type=topical |t\n{lines}")
    assert abs(rest) < 0.1
    assert bm25 < -0.5 < -0.25 < dense
    rest, bm25, dense = workspace.predict(f"shared |q c type=question |t\n{lines}")
    assert dense < -0.5 < -0.25 < bm25
    workspace.finish()


HOSTILE = st.text(max_size=12) | st.sampled_from(["_multi", "_label_cost", "_text", "|x", "a:1", "0:9:1 |", "\n", "7"])


@given(st.dictionaries(HOSTILE, HOSTILE | st.floats(-1e6, 1e6), max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_feature_can_pass_for_anything_else(log, features):
    """Names of VW's own begin with an underscore; white space, `|` and `:` part features."""
    event, _ = dsjson_events(log.settled(1, features=Features(features, features)))
    for namespace in (event["c"]["q"], event["c"]["t"]):
        assert all(re.fullmatch(r"[A-Za-z0-9%.~^=-][A-Za-z0-9_%.~^=-]*", name) for name in namespace)


def test_lines_are_json_whatever_was_typed(log, store, tmp_path):
    features = Features({"_multi": "x", "_label_cost": "9", "a\nb|c:d": 'e"f\n', "n": 3.0})
    record(store, [(log.ranking(log.decision("q\n1", features=features), ["a"]), {"a": 1.0})])
    write_dsjson(store, tmp_path / "log.dsjson")
    lines = (tmp_path / "log.dsjson").read_text().splitlines()
    assert len(lines) == 2
    event = json.loads(lines[0])
    assert event["EventId"] == "q\n1.bm25"
    assert event["c"]["q"] == {
        "c": 1.0,
        "%5Fmulti=x": 1.0,
        "%5Flabel_cost=9": 1.0,
        "a%0Ab%7Cc%3Ad=e%22f%0A": 1.0,
        "n^": 3.0,
    }
