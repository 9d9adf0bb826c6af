import copy
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from haystack import Pipeline
from haystack.utils import Secret
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import search
from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.feedback import RewardModel, UBIEvent, UBIEventAttributes, UBIObject
from ltrr_haystack.learning.learner import Learner
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.store import LTRRStore

NOW = datetime(2026, 5, 16, 12, 0, tzinfo=UTC).timestamp()


def click(object_id: str = "d1", **changes) -> dict:
    event = {"action_name": "click", "query_id": "q1", "event_attributes": {"object": {"object_id": object_id}}}
    return {**event, **changes}


class Learning:
    """Stands where a learner does, and notes what it is asked."""

    def __init__(self, store):
        self.store = store
        self.seen = []

    def run_once(self):
        self.seen.append(self.store.counts().events)


class Failing(Learning):
    def run_once(self):
        raise ConnectionError("no model today")


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """It is one minute after the searches."""
    monkeypatch.setattr(time, "time", lambda: NOW + 60)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    store = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path_factory.mktemp('shared')}/ltrr.db"))
    store.record_search(search("q1", ["d1", "d2", "d3"], decided_at=NOW))
    yield store
    store.close()


@pytest.fixture(autouse=True)
def _two_searches(store):
    store.record_search(search("q1", ["d1", "d2", "d3"], decided_at=NOW))
    store.record_search(search("q2", ["d2"], decided_at=NOW))


def rewards_in(store: LTRRStore) -> dict[str, dict[str, float]]:
    """What will be learned from the log: query_id → object → reward."""
    store.settle(NOW + 1)
    return {each.decision.query_id: dict(each.rewards) for each in store.settled(0, 10)}


def reason(writer: FeedbackWriter, event: object) -> str:
    answer = writer.run([event])
    assert (answer["accepted"], answer["duplicate"], answer["rejected"]) == (0, 0, 1)
    assert answer["results"][0]["status"] == "rejected"
    return answer["results"][0]["reason"]


class TestAnswer:
    def test_says_of_each_event_in_order_what_became_of_it(self, store):
        answer = FeedbackWriter(store).run([click("d9"), click("d1"), "click", click("d1"), click("d2")])
        assert answer == {
            "accepted": 2,
            "duplicate": 1,
            "rejected": 2,
            "results": [
                {
                    "status": "rejected",
                    "reason": "event_attributes.object.object_id: 'd9' was not shown for this query",
                },
                {"status": "accepted"},
                {"status": "rejected", "reason": "event: expected an object, got text"},
                {"status": "duplicate"},
                {"status": "accepted"},
            ],
        }

    def test_sent_again_an_event_counts_once(self, store):
        writer = FeedbackWriter(store)
        events = [click("d1"), click("d2", event_id="e-7")]
        assert writer.run(events)["accepted"] == 2
        assert writer.run(events)["results"] == [{"status": "duplicate"}] * 2
        assert writer.run([click("d3", event_id="e-7")])["duplicate"] == 1
        assert rewards_in(store)["q1"] == {"d1": 1.0, "d2": 1.0}

    def test_without_a_timestamp_a_resend_is_still_a_duplicate(self, store, monkeypatch):
        writer = FeedbackWriter(store)
        assert writer.run([click()])["accepted"] == 1
        monkeypatch.setattr(time, "time", lambda: NOW + 100)
        assert writer.run([click()])["duplicate"] == 1

    def test_models_and_dictionaries_are_the_same_event(self, store):
        model = UBIEvent(
            action_name="click", query_id="q1", event_attributes=UBIEventAttributes(object=UBIObject(object_id="d1"))
        )
        assert FeedbackWriter(store).run([model, click()])["results"] == [
            {"status": "accepted"},
            {"status": "duplicate"},
        ]

    def test_rejected_events_are_not_in_the_log(self, store):
        FeedbackWriter(store).run([click("d9"), {}, click(query_id="nowhere")])
        assert store.counts().events == 0

    def test_what_it_is_handed_stays_as_it_is(self, store):
        events = [click(timestamp=None, message="\ud800"), {"action_name": 3}]
        before = copy.deepcopy(events)
        FeedbackWriter(store).run(events)
        assert events == before


class TestRewards:
    def test_rewards_are_summed_per_impression(self, store):
        actions = ["click", "add_to_cart", "impression", "dislike"]
        answer = FeedbackWriter(store).run([click("d2", action_name=action) for action in actions])
        assert answer["accepted"] == 4
        assert rewards_in(store) == {"q1": {"d2": 3.0}, "q2": {}}

    @pytest.mark.parametrize("rewards", [{"click": 0.25}, RewardModel({"click": 0.25})])
    def test_rewards_are_what_is_configured(self, store, rewards):
        FeedbackWriter(store, rewards=rewards).run([click("d1"), click("d1", action_name="purchase")])
        assert rewards_in(store)["q1"] == {"d1": 0.25}

    def test_an_event_without_reward_may_lack_an_object(self, store):
        events = [
            {"action_name": "page_exit", "query_id": "q1"},
            {"action_name": "scroll", "query_id": "q1", "event_attributes": {"position": {}, "object": {"idle": 3}}},
        ]
        assert FeedbackWriter(store).run(events)["accepted"] == 2
        assert store.counts().events == 2
        assert rewards_in(store)["q1"] == {}

    @pytest.mark.parametrize("action", ["click", "dislike"])
    def test_an_event_with_reward_must_name_an_object(self, store, action):
        assert reason(FeedbackWriter(store), {"action_name": action, "query_id": "q1"}) == (
            f"event_attributes.object.object_id: missing, and '{action}' bears a reward: "
            "expected one of the objects shown for this query"
        )

    def test_an_object_is_one_that_was_shown_even_without_reward(self, store):
        assert "'d9' was not shown" in reason(FeedbackWriter(store), click("d9", action_name="hover"))

    def test_an_object_of_another_search_was_not_shown_for_this_one(self, store):
        assert "'d1' was not shown" in reason(FeedbackWriter(store), click("d1", query_id="q2"))

    def test_a_position_that_differs_from_the_log_is_taken_and_the_logs_own_counts(self, store):
        event = click("d3", event_attributes={"object": {"object_id": "d3"}, "position": {"ordinal": 1}})
        assert FeedbackWriter(store).run([event])["accepted"] == 1
        store.settle(NOW + 1)
        settled = store.settled(0, 1)[0]
        assert [impression.ordinal for impression in settled.impressions if impression.object_id == "d3"] == [3]
        assert settled.rewards == {"d3": 1.0}


class TestReasons:
    def test_a_search_that_is_not_known(self, store):
        assert reason(FeedbackWriter(store), click(query_id="x")) == "query_id: 'x' is not a search of this store"

    def test_a_long_or_odd_id_is_shown_cut_and_escaped(self, store):
        long = reason(FeedbackWriter(store), click(query_id="\u202e" + "x" * 200))
        assert long == "query_id: '\\u202e" + "x" * 59 + "…' is not a search of this store"

    def test_a_missing_action_name(self, store):
        assert reason(FeedbackWriter(store), {"query_id": "q1"}) == "action_name: missing"

    @pytest.mark.parametrize(
        ("when", "why"),
        [
            ("1970-01-01T00:00:00Z", "lies before the search it refers to (2026-05-16T12:00:00Z)"),
            ("2100-01-01T00:00:00Z", "lies in the future (it is 2026-05-16T12:01:00Z)"),
        ],
    )
    def test_before_the_search_or_in_the_future(self, store, when, why):
        assert reason(FeedbackWriter(store), click(timestamp=when)) == f"timestamp: {when} {why}"

    @pytest.mark.parametrize(
        ("timestamp", "status"),
        [
            ("2026-05-16T11:59:49Z", "rejected"),
            ("2026-05-16T11:59:50Z", "accepted"),
            ("2026-05-16T12:01:10Z", "accepted"),
            ("2026-05-16T12:01:11Z", "rejected"),
        ],
    )
    def test_senders_clocks_may_be_off_by_so_much(self, store, timestamp, status):
        writer = FeedbackWriter(store, clock_skew=10)
        assert writer.run([click(timestamp=timestamp)])["results"][0]["status"] == status

    def test_an_event_without_a_reward_may_be_less_long(self, store):
        writer = FeedbackWriter(store)
        assert writer.run([click(action_name="noop", page="é" * 1999)])["accepted"] == 1
        assert reason(writer, click(action_name="noop", page="é" * 2000)) == (
            "event: at most 4096 bytes as JSON for 'noop', which is worth nothing, got 4097"
        )
        assert writer.run([click(page="é" * 15_000)])["accepted"] == 1

    def test_events_without_a_reward_leave_room_for_those_with_one(self, store):
        writer = FeedbackWriter(store)
        noops = [click(action_name="noop", event_id=str(number), page="x" * 3900) for number in range(9)]
        answer = writer.run(noops)
        assert (answer["accepted"], answer["rejected"]) == (8, 1)
        assert answer["results"][-1]["reason"] == (
            "event: its 4012 bytes as JSON are more than is left of the 32768 bytes for events without a reward of "
            "the search 'q1'"
        )
        assert writer.run([click(event_id="c", page="x" * 32_000)])["accepted"] == 1

    def test_a_search_with_its_most_events_takes_those_of_the_other_kind(self, store):
        writer = FeedbackWriter(store, max_events_per_search=2)
        writer.run([click(action_name="noop", event_id=str(number)) for number in range(2)])
        assert reason(writer, click(action_name="noop", event_id="2")) == (
            "query_id: 'q1' has 2 events already, the most of those without a reward"
        )
        assert writer.run([click("d1"), click("d2")])["accepted"] == 2
        assert reason(writer, click("d3")) == "query_id: 'q1' has 2 events already, the most of those with a reward"

    def test_an_event_without_a_timestamp_does_not_hang_on_clocks(self, store, monkeypatch):
        monkeypatch.setattr(time, "time", lambda: NOW - 3600)
        assert FeedbackWriter(store).run([click()])["accepted"] == 1

    @pytest.mark.parametrize(
        "event", [click(timestamp="0001-01-01T00:00:00Z"), click(timestamp="9999-12-31T23:59:59.999999Z")]
    )
    def test_the_ends_of_the_calendar(self, store, event):
        assert reason(FeedbackWriter(store), event).startswith("timestamp: ")


class TestRefusals:
    @pytest.mark.parametrize(
        ("events", "message"),
        [
            ([], "events: expected 1 to 1000 events in one call, got 0"),
            ([{}] * 10_000, "events: expected 1 to 1000 events in one call, got 10000"),
            ({}, "events: expected a list of UBI events, got an object"),
            ("click", "events: expected a list of UBI events, got text"),
            (None, "events: expected a list of UBI events, got null"),
        ],
    )
    async def test_what_is_no_list_of_events(self, store, events, message):
        writer = FeedbackWriter(store)
        with pytest.raises(InvalidInputError, match=message):
            writer.run(events)
        with pytest.raises(InvalidInputError, match=message):
            await writer.run_async(events)

    def test_the_most_events_are_configured(self, store):
        assert FeedbackWriter(store, max_events=2).run([click("d1"), click("d2")])["accepted"] == 2
        with pytest.raises(InvalidInputError, match="expected 1 to 2 events in one call, got 3"):
            FeedbackWriter(store, max_events=2).run([click()] * 3)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"learn": "later"}, "learn of FeedbackWriter must be 'deferred' or 'inline', got 'later'"),
            ({"learn": "inline"}, "FeedbackWriter with learn='inline' needs a learner"),
            ({"max_events": 0}, "max_events of FeedbackWriter must be at least 1, got 0"),
            ({"max_events": math.nan}, "max_events of FeedbackWriter must be a finite number, got nan"),
            ({"max_events": math.inf}, "max_events of FeedbackWriter must be a finite number, got inf"),
            ({"max_events": 1.5}, "max_events of FeedbackWriter must be a whole number, got 1.5"),
            ({"max_events_per_search": 1.5}, "max_events_per_search of FeedbackWriter must be a whole number, got 1.5"),
            ({"clock_skew": -1.0}, "clock_skew of FeedbackWriter must not be negative, got -1.0"),
            ({"clock_skew": math.nan}, "clock_skew of FeedbackWriter must be a finite number, got nan"),
            ({"clock_skew": "x"}, "clock_skew of FeedbackWriter must be a number, got 'x'"),
            ({"rewards": {"click": math.inf}}, "reward of action 'click' must be a finite number, got inf"),
        ],
    )
    def test_settings_that_cannot_work(self, store, parameters, message):
        with pytest.raises(ConfigurationError, match=message):
            FeedbackWriter(store, **parameters)

    def test_what_is_no_store_is_refused_without_being_told(self):
        with pytest.raises(ConfigurationError, match="store of FeedbackWriter must be an LTRRStore") as caught:
            FeedbackWriter("postgresql://ann:hunter2@db/search")
        assert "hunter2" not in str(caught.value)


class TestLearning:
    def test_inline_learns_after_the_commit(self, store):
        learner = Learning(store)
        FeedbackWriter(store, learn="inline", learner=learner).run([click("d1"), click("d2")])
        assert learner.seen == [2]

    def test_nothing_accepted_nothing_learned(self, store):
        learner = Learning(store)
        FeedbackWriter(store, learn="inline", learner=learner).run([{}])
        assert learner.seen == []

    def test_deferred_leaves_the_learner_alone(self, store):
        learner = Learning(store)
        FeedbackWriter(store, learner=learner).run([click()])
        assert learner.seen == []

    async def test_a_learner_that_fails_costs_no_event(self, store, caplog):
        writer = FeedbackWriter(store, learn="inline", learner=Failing(store))
        assert writer.run([click("d1")])["accepted"] == 1
        assert (await writer.run_async([click("d2")]))["accepted"] == 1
        assert store.counts().events == 2
        assert caplog.text.count("ConnectionError: no model today") == 2


class TestLearner:
    def test_inline_learns_what_is_due_from_these_very_events(self, store):
        learner = Learner(store, StaticPolicy(), reward_wait=30.0)
        FeedbackWriter(store, learn="inline", learner=learner).run(
            [click("d1"), click("d1", client_id="b"), click("d2")]
        )
        assert store.counts().learned == 2
        assert {entry.object_id: entry.successes for entry in store.memory("love") if entry.successes} == {
            "d1": 1.0,
            "d2": 1.0,
        }

    def test_its_learner_goes_to_yaml_and_back(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        pipeline = Pipeline()
        pipeline.add_component(
            "feedback",
            FeedbackWriter(LTRRStore(), learn="inline", learner=Learner(LTRRStore(), StaticPolicy(), reward_wait=0.0)),
        )
        loaded = Pipeline.loads(pipeline.dumps())
        assert loaded.to_dict() == pipeline.to_dict()
        writer = loaded.get_component("feedback")
        loaded.run({"feedback": {"events": [click("d1")]}})
        assert writer.store.counts().learned == 2
        writer.close()
        writer.warm_up()
        store = LTRRStore()
        store.record_search(search("again", ["d1"]))
        store.close()
        writer.run([click("d1", query_id="again")])
        assert writer.store.counts().learned == 3
        writer.close()


class TestAsync:
    async def test_answers_as_run_does(self, store):
        learner = Learning(store)
        writer = FeedbackWriter(store, learn="inline", learner=learner)
        await writer.warm_up_async()
        answer = await writer.run_async([click("d1"), {}, click("d1")])
        assert [result["status"] for result in answer["results"]] == ["accepted", "rejected", "duplicate"]
        assert learner.seen == [1]
        assert (await writer.run_async([{}]))["rejected"] == 1
        await writer.close_async()


class TestPipelines:
    @pytest.mark.parametrize("rewards", [None, {"click": 2.0}, RewardModel({"click": 2.0})])
    def test_goes_to_yaml_and_back(self, monkeypatch, tmp_path, rewards):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        pipeline = Pipeline()
        pipeline.add_component("feedback", FeedbackWriter(LTRRStore(), rewards, max_events=5, clock_skew=1.5))
        loaded = Pipeline.loads(pipeline.dumps())
        assert loaded.to_dict() == pipeline.to_dict()
        writer = loaded.get_component("feedback")
        assert (writer.rewards, writer.max_events, writer.clock_skew) == (rewards, 5, 1.5)
        assert loaded.run({"feedback": {"events": [click("d1")]}})["feedback"]["accepted"] == 1
        writer.close()


class TestConcurrency:
    def test_one_writer_in_many_threads_loses_and_doubles_nothing(self, store):
        writer = FeedbackWriter(store)
        batches = [[click("d1", client_id=f"{batch}-{number}") for number in range(20)] for batch in range(10)]
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(writer.run, batches + batches))
        assert sum(answer["accepted"] for answer in answers) == 200
        assert sum(answer["duplicate"] for answer in answers) == 200
        assert rewards_in(store)["q1"] == {"d1": 200.0}


TEXT = st.text(max_size=8) | st.sampled_from(["q1", "d1", "\ud800", "\x00", "a|b:c\n", "1970-01-01T00:00:00Z"])
NUMBERS = st.integers() | st.floats() | st.just(10**400)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def mostly(*values):
    """One of the values, and now and then anything."""
    return st.one_of(*[st.sampled_from(values)] * 6, JSON)


OBJECTS = st.fixed_dictionaries({"object_id": mostly("d1", "d2", 1)}, optional={"user_id": JSON})
POSITIONS = st.fixed_dictionaries({}, optional={"ordinal": mostly(1, 2, None), "xy": mostly({"x": 1, "y": 2.5})})
ATTRIBUTES = st.fixed_dictionaries({"object": OBJECTS | JSON}, optional={"position": POSITIONS | JSON})
EVENTS = st.fixed_dictionaries(
    {"action_name": mostly("click", "view", "purchase"), "query_id": mostly("q1")},
    optional={
        "timestamp": mostly("2026-05-16T12:00:30Z", int(NOW * 1000), None) | st.datetimes().map(datetime.isoformat),
        "client_id": mostly("a", "b", None),
        "event_id": mostly("e1", "e2", None),
        "message": TEXT,
        "user_query": TEXT,
        "event_attributes": ATTRIBUTES | JSON,
        "page": JSON,
    },
)

GOOD = st.builds(
    lambda object_id, action, client, page: click(object_id, action_name=action, client_id=client, page=page),
    st.sampled_from(["d1", "d2", "d3"]),
    st.sampled_from(["click", "view", "purchase"]),
    st.text(st.characters(exclude_categories=["C"]), max_size=3),
    st.none() | st.lists(TEXT, max_size=2),
)


class TestAnything:
    @settings(deadline=None)
    @given(st.lists(GOOD | EVENTS | JSON, min_size=1, max_size=6))
    def test_is_answered_and_what_is_accepted_is_stored_once(self, shared_store, events):
        writer = FeedbackWriter(shared_store)
        before = shared_store.counts().events
        first = writer.run(events)
        assert [first["accepted"], first["duplicate"], first["rejected"]] == [
            sum(result["status"] == status for result in first["results"])
            for status in ("accepted", "duplicate", "rejected")
        ]
        assert len(first["results"]) == len(events)
        assert all(result["reason"] for result in first["results"] if result["status"] == "rejected")
        assert shared_store.counts().events == before + first["accepted"]
        json.dumps(first, ensure_ascii=False).encode()

        again = writer.run(events)
        assert again["accepted"] == 0
        assert again["rejected"] == first["rejected"]
        assert shared_store.counts().events == before + first["accepted"]
