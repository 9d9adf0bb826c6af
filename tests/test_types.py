import copy

import pytest
from haystack import Document
from pydantic import ValidationError

from ltrr_haystack.types import (
    ActionSet,
    Arm,
    ArmReport,
    ArmRequest,
    ArmResult,
    Candidate,
    CandidateSet,
    Decision,
    Features,
    FrozenValue,
    Interpretation,
    Provenance,
    Ranking,
    SettledDecision,
    Understanding,
)

UNDERSTANDING = Understanding(
    query="Love!",
    normal_form="love",
    tokens=("love",),
    intents={"mood": 0.7},
    interpretations=(Interpretation({"genre": "pop"}, "", 0.6),),
    weekend=True,
    holiday="Easter Sunday",
)
ACTIONS = ActionSet(
    arms=(
        Arm("bm25", "lexical", (0, 10, 30), cost_per_call=0.01, cost_per_candidate=0.001),
        Arm("memory", "memory", (5,)),
    ),
    budget=35,
    baseline={"bm25": 30, "memory": 5},
)
DECISION = Decision(
    query_id="q1",
    decided_at=1.5,
    understanding=UNDERSTANDING,
    actions=ACTIONS,
    allocation={"bm25": 10, "memory": 5},
    propensity=0.25,
    mode="live",
    policy="vw",
    features=Features({"type": "topical", "length": 1.0}, {"weekday": "0"}, {"bm25": {"count": 0.5}}),
    marginals={"bm25": (0.2, 0.5, 0.3), "memory": (1.0,)},
    preferred={"bm25": 10, "memory": 5},
)
LOVE, HATE = Document(id="d1", content="love"), Document(id="d2", content="hate")
CANDIDATES = (
    Candidate("d1", LOVE, {"bm25": Provenance(1, 2.5, 1.0), "memory": Provenance(2, None, 0.0)}, 0.03),
    Candidate("d2", HATE, {"bm25": Provenance(2, 1.5, 0.0)}, 0.01),
)
REPORTS = (ArmReport("bm25", 10, 2, 0.01, 2.5), ArmReport("memory", 5, 0, 1.0, error="timeout"))
RANKING = Ranking(DECISION, CANDIDATES, ({"bm25.rank": 1.0}, {}), REPORTS, ranker_version=3)
VALUES = [
    UNDERSTANDING,
    ACTIONS,
    DECISION,
    ArmRequest("love", 10, {"field": "meta.genre", "operator": "==", "value": "pop"}, UNDERSTANDING),
    ArmResult("bm25", (LOVE, HATE), 0.01),
    CandidateSet(DECISION, CANDIDATES, REPORTS),
    RANKING,
    *RANKING.impressions(),
    SettledDecision(7, DECISION, RANKING.impressions(), {"d1": 1.0}, REPORTS),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
class TestEveryValue:
    def test_goes_to_json_and_back(self, value):
        assert type(value).from_json(value.to_json()) == value
        assert type(value).from_dict(value.to_dict()) == value

    def test_is_handed_on_by_reference(self, value):
        assert copy.deepcopy({"value": [value]})["value"][0] is value
        assert copy.copy(value) is value

    def test_cannot_be_changed(self, value):
        name = next(iter(value.__dataclass_fields__))
        with pytest.raises(AttributeError):
            setattr(value, name, None)
        assert not hasattr(value, "__dict__")

    def test_is_a_frozen_value(self, value):
        assert isinstance(value, FrozenValue)


class TestReading:
    def test_a_missing_field_is_named(self):
        data = DECISION.to_dict()
        del data["propensity"]
        with pytest.raises(ValidationError, match="propensity"):
            Decision.from_dict(data)

    def test_what_was_logged_before_holidays_were_known_is_read_as_none(self):
        data = DECISION.to_dict()
        del data["understanding"]["weekend"], data["understanding"]["holiday"]
        understanding = Decision.from_dict(data).understanding
        assert (understanding.weekend, understanding.holiday) == (False, None)


class TestActionSet:
    def test_costs_calls_and_candidates_of_the_arms_that_run(self):
        assert ACTIONS.cost({"bm25": 10, "memory": 5}) == pytest.approx(0.01 + 10 * 0.001)
        assert ACTIONS.cost({"bm25": 0, "memory": 5}) == 0

    def test_the_fingerprint_tells_action_sets_apart(self):
        deeper = ActionSet(ACTIONS.arms, 36, ACTIONS.baseline)
        assert ACTIONS.fingerprint != deeper.fingerprint
        assert ACTIONS.fingerprint == ActionSet.from_json(ACTIONS.to_json()).fingerprint
        assert len(ACTIONS.fingerprint) == 12


class TestCandidateSet:
    def test_names_the_arms_that_brought_nothing_and_why(self):
        assert CandidateSet(DECISION, CANDIDATES, REPORTS).missing == {"memory": "timeout"}


class TestRanking:
    def test_impressions_count_positions_from_one(self):
        first, second = RANKING.impressions()
        assert (first.object_id, first.ordinal, first.features) == ("d1", 1, {"bm25.rank": 1.0})
        assert (second.object_id, second.ordinal, second.features) == ("d2", 2, {})


class TestRepr:
    def test_leaves_out_what_would_flood_a_debugger(self):
        assert (
            repr(ArmResult("bm25", (LOVE,), 0.25, None))
            == "ArmResult(arm='bm25', seconds=0.25, error=None, left_out=0)"
        )
        assert "content" not in repr(RANKING)
