import json
import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.feedback.ubi import (
    MAX_EVENT_BYTES,
    MAX_EVENT_DEPTH,
    UBIEvent,
    UBIEventAttributes,
    UBIObject,
    UBIPosition,
    read_event,
)

CLICK = {
    "action_name": "click",
    "query_id": "q1",
    "timestamp": "2026-05-16T12:34:56.789Z",
    "client_id": "browser-1",
    "event_attributes": {"object": {"object_id": "d9"}, "position": {"ordinal": 3}},
}


def read(**changes) -> UBIEvent:
    return read_event({**CLICK, **changes})[0]


def reason(value) -> str:
    with pytest.raises(InvalidInputError) as refusal:
        read_event(value)
    return str(refusal.value)


def acting_on(**fields) -> dict:
    return {"event_attributes": {"object": fields}}


class TestWhatIsRead:
    def test_a_full_event(self):
        event = read()
        assert (event.action_name, event.query_id, event.object_id, event.ordinal) == ("click", "q1", "d9", 3)
        assert event.timestamp == datetime(2026, 5, 16, 12, 34, 56, 789_000, tzinfo=UTC)

    def test_the_least_that_an_event_needs(self):
        event, text = read_event({"action_name": "click", "query_id": "q1"})
        assert (event.timestamp, event.object_id, event.ordinal) == (None, None, None)
        assert text == '{"action_name":"click","query_id":"q1"}'

    def test_a_model_is_read_like_its_dictionary(self):
        made = UBIEvent(
            action_name="click",
            query_id="q1",
            timestamp="2026-05-16T12:34:56.789Z",
            client_id="browser-1",
            event_attributes=UBIEventAttributes(
                object=UBIObject(object_id="d9"), position=UBIPosition(ordinal=3), shelf="top"
            ),
        )
        event, text = read_event(made)
        assert event == made
        assert event.identity == read().identity
        assert json.loads(text)["event_attributes"]["shelf"] == "top"

    def test_unknown_fields_are_kept_in_the_event_and_in_its_text(self):
        event, text = read_event({**CLICK, "page_id": "/music", "trail": [1, {"a": None}]})
        assert event.model_extra == {"page_id": "/music", "trail": [1, {"a": None}]}
        assert json.loads(text) == {**CLICK, "page_id": "/music", "trail": [1, {"a": None}]}

    def test_the_text_of_the_log_reads_as_the_same_event(self):
        event, text = read_event({**CLICK, "message": "Straße\x00 \U0001f3b5"})
        assert UBIEvent.model_validate_json(text) == event


class TestTolerance:
    def test_the_official_sample(self):
        sample = {
            "action_name": "page_exit",
            "user_id": "1821196507152684",
            "query_id": "00112233-4455-6677-8899-aabbccddeeff",
            "timestamp": "2024-05-16T12:34:56.789Z",
            "message_type": "INFO",
            "event_attributes": {"position": {}, "object": {"idleTimeoutMs": 5000, "timeElapsedCallbacks": []}},
        }
        event, _ = read_event(sample)
        assert (event.object_id, event.ordinal) == (None, None)

    def test_null_and_empty_stand_for_what_is_not_known(self):
        position = {"ordinal": None, "x": None, "y": None, "xy": {"x": None, "y": None}}
        event = read(user_id="", session_id=None, message="", event_attributes={"object": None, "position": position})
        assert (event.user_id, event.session_id, event.object_id, event.ordinal) == ("", None, None, None)

    def test_a_whole_number_as_object_id_is_its_digits(self):
        assert read(**acting_on(object_id=123)).object_id == "123"

    def test_user_id_within_object(self):
        assert read(**acting_on(object_id="d9", user_id=7)).object_id == "d9"

    def test_lone_surrogates_in_free_text_are_replaced(self):
        event, text = read_event({**CLICK, "message": "a\ud800b", "user_query": "c\udfff", "page": "\ud800"})
        assert (event.message, event.user_query) == ("a?b", "c?")
        assert json.loads(text)["page"] == "?"

    @pytest.mark.parametrize("hostile", ["a|b", "a:b", "a b", "'; drop table events", "é\u2028", "\U0001f3b5"])
    def test_odd_characters_in_ids_are_only_characters(self, hostile):
        event = read(query_id=hostile, action_name=hostile, **acting_on(object_id=hostile))
        assert (event.query_id, event.action_name, event.object_id) == (hostile, hostile, hostile)

    @pytest.mark.parametrize("shown", ["https://example.org/" + "a" * 2028, "line\nbreak", "caf\x85e", "é" * 1024])
    def test_an_object_is_known_by_whatever_id_a_document_can_be_shown_under(self, shown):
        assert read(**acting_on(object_id=shown)).object_id == shown


class TestTimestamps:
    @pytest.mark.parametrize(
        "written",
        [
            "2026-05-16T12:34:56Z",
            "2026-05-16T12:34:56",
            "2026-05-16 12:34:56",
            "2026-05-16T14:34:56+02:00",
            "20260516T123456Z",
            1_778_934_896_000,
            datetime(2026, 5, 16, 12, 34, 56, tzinfo=UTC),
            datetime(2026, 5, 16, 9, 4, 56, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
        ],
    )
    def test_ways_to_write_one_instant(self, written):
        event = read(timestamp=written)
        assert event.timestamp == datetime(2026, 5, 16, 12, 34, 56, tzinfo=UTC)
        assert event.identity == read(timestamp="2026-05-16T12:34:56.000000Z").identity

    @pytest.mark.parametrize(
        "written",
        [
            "yesterday",
            "",
            "2026-05-16",
            "2026-13-01T00:00:00Z",
            "0001-01-01T00:00:00+23:59",
            "\ud800" * 20,
            "1778934896000",
        ],
    )
    def test_text_that_is_no_time(self, written):
        assert reason({**CLICK, "timestamp": written}).startswith("timestamp: expected ISO 8601 with date and time")

    @pytest.mark.parametrize("written", [1.5, True, [], 10**30, -(10**30)])
    def test_what_is_neither_text_nor_milliseconds(self, written):
        assert reason({**CLICK, "timestamp": written}).startswith("timestamp: expected ISO 8601 with date and time")


class TestReasons:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (None, "event: expected an object, got null"),
            (3, "event: expected an object, got a number"),
            (True, "event: expected an object, got true or false"),
            ("click", "event: expected an object, got text"),
            ([], "event: expected an object, got a list"),
            (b"{}", "event: expected an object, got bytes"),
            ({}, "action_name: missing; query_id: missing"),
        ],
    )
    def test_what_is_no_event(self, value, expected):
        assert reason(value) == expected

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"action_name": 7}, "action_name: expected text, got a number"),
            ({"action_name": None}, "action_name: expected text, got null"),
            ({"action_name": ""}, "action_name: must not be empty"),
            ({"action_name": "a" * 101}, "action_name: at most 100 characters, got 101"),
            ({"action_name": "cl\nick"}, "action_name: must not hold control characters"),
            ({"query_id": 7}, "query_id: expected text, got a number"),
            ({"query_id": "q" * 257}, "query_id: at most 256 characters, got 257"),
            ({"query_id": "q\x00"}, "query_id: must not hold control characters"),
            ({"query_id": "q\x85"}, "query_id: must not hold control characters"),
            ({"query_id": "q\n"}, "query_id: must not hold control characters"),
            ({"query_id": "\ud800"}, "query_id: must be valid Unicode, without lone surrogates"),
            ({"event_id": ""}, "event_id: must not be empty"),
            ({"event_id": "e" * 257}, "event_id: at most 256 characters, got 257"),
            ({"client_id": "c\t"}, "client_id: must not hold control characters"),
            ({"message": "m" * 1025}, "message: at most 1024 characters, got 1025"),
            ({"message": 3}, "message: expected text, got a number"),
            ({"event_attributes": []}, "event_attributes: expected an object, got a list"),
            (acting_on(object_id=True), "event_attributes.object.object_id: expected text, got true or false"),
            (acting_on(object_id=1.0), "event_attributes.object.object_id: expected text, got a number"),
            (acting_on(object_id=""), "event_attributes.object.object_id: must not be empty"),
            (acting_on(object_id="d\x00"), "event_attributes.object.object_id: must not hold NUL characters"),
            (acting_on(object_id="d" * 2049), "event_attributes.object.object_id: at most 2048 characters, got 2049"),
            (
                acting_on(object_id="é" * 1025),
                f"event_attributes.object.object_id: expected at most 2048 bytes of UTF-8, got '{'é' * 60}…'",
            ),
            ({"event_attributes": {"object": "d9"}}, "event_attributes.object: expected an object, got text"),
            (
                {"event_attributes": {"position": {"ordinal": 0}}},
                "event_attributes.position.ordinal: must be at least 1, got 0",
            ),
            (
                {"event_attributes": {"position": {"ordinal": 1_000_001}}},
                "event_attributes.position.ordinal: must be at most 1000000, got 1000001",
            ),
            (
                {"event_attributes": {"position": {"ordinal": "3"}}},
                "event_attributes.position.ordinal: expected a whole number, got '3'",
            ),
            (
                {"event_attributes": {"position": {"xy": {"x": 1, "y": "2"}}}},
                "event_attributes.position.xy.y: expected a number, got text",
            ),
            ({"price": math.nan}, "price: must be finite, got nan"),
            ({"a": [{"b": -math.inf}]}, "a.0.b: must be finite, got -inf"),
            (
                {"event_attributes": {"position": {"xy": {"x": math.inf, "y": 1}}}},
                "event_attributes.position.xy.x: must be finite, got inf",
            ),
            ({"tags": {"rock"}}, "tags: set is not a JSON value"),
            ({3: "x"}, "3: field names must be text"),
            ({"\ud800": "x"}, "event: must be valid Unicode, without lone surrogates"),
            ({"n": {(1,): 1}}, "event: has a key that is not text, or a number beyond what JSON can hold"),
        ],
    )
    def test_name_the_field_and_what_was_expected(self, changes, expected):
        assert reason({**CLICK, **changes}) == expected

    def test_stay_short_however_much_is_wrong(self):
        wrong = {"action_name": 1, "query_id": 2, "event_id": 3, "client_id": 4, "user_id": 5}
        assert reason(wrong) == (
            "action_name: expected text, got a number; query_id: expected text, got a number; "
            "event_id: expected text, got a number; and 2 more"
        )

    def test_a_model_made_past_its_checks_is_checked(self):
        assert (
            reason(UBIEvent.model_construct(action_name=3, query_id="q1")) == "action_name: expected text, got a number"
        )
        assert (
            reason(UBIEvent.model_construct(action_name="click", query_id="q1", x=math.nan))
            == "x: must be finite, got nan"
        )


class TestBounds:
    def test_an_event_has_a_longest_size(self):
        assert reason({**CLICK, "user_query": "x" * 1_000_000}).startswith(f"event: at most {MAX_EVENT_BYTES} bytes")
        _, text = read_event({**CLICK, "user_query": "x" * (MAX_EVENT_BYTES - 500)})
        assert len(text) <= MAX_EVENT_BYTES

    @pytest.mark.parametrize("levels", [MAX_EVENT_DEPTH + 1, 900, 5000])
    def test_an_event_has_a_deepest_nesting(self, levels):
        assert reason({**CLICK, "deep": nested(levels)}) == "deep: nested deeper than 32 levels"

    def test_nesting_within_the_bound_is_taken(self):
        _, text = read_event({**CLICK, "deep": nested(MAX_EVENT_DEPTH - 1)})
        assert text.count("[") == MAX_EVENT_DEPTH - 1

    def test_many_lists_side_by_side_are_not_deep(self):
        assert read(wide=[[] for _ in range(200)]).model_extra == {"wide": [[]] * 200}

    def test_an_event_that_holds_itself(self):
        event = dict(CLICK)
        event["self"] = event
        assert reason(event) == "self: nested deeper than 32 levels"


def nested(levels: int) -> list:
    value: list = []
    for _ in range(levels - 1):
        value = [value]
    return value


PARTS = st.tuples(
    st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=6),
    st.sampled_from(["click", "1:c", "-"]),
    st.none() | st.sampled_from(["-", "d", "1:d", "4:null", "-1:3"]),
    st.none() | st.integers(1, 99),
    st.none() | st.datetimes(min_value=datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (hypothesis wants it naive)
    st.none() | st.sampled_from(["", "-", "c", "1:c"]),
)


def event_of(parts) -> UBIEvent:
    query_id, action_name, object_id, ordinal, timestamp, client_id = parts
    return UBIEvent(
        query_id=query_id,
        action_name=action_name,
        timestamp=timestamp,
        client_id=client_id,
        event_attributes=UBIEventAttributes(
            object=UBIObject(object_id=object_id), position=UBIPosition(ordinal=ordinal)
        ),
    )


class TestIdentity:
    def test_is_the_senders_where_it_gives_one(self):
        one = read(event_id="e-1")
        assert one.identity == read(event_id="e-1", action_name="like").identity
        assert one.identity != read(event_id="e-2").identity
        assert one.identity != read(event_id="e-1", query_id="another").identity

    def test_is_the_same_in_every_process(self):
        program = (
            "from ltrr_haystack.feedback.ubi import read_event; import json, sys; "
            "print(read_event(json.loads(sys.argv[1]))[0].identity)"
        )
        other = subprocess.run(
            [sys.executable, "-c", program, json.dumps(CLICK)], capture_output=True, text=True, check=True
        )
        assert other.stdout.strip() == read().identity == "ubi-20440056be4e1f9180beee257879fdc2"

    @pytest.mark.parametrize(
        "changes",
        [
            {"query_id": "q2"},
            {"action_name": "purchase"},
            {"timestamp": "2026-05-16T12:34:56.789001Z"},
            {"timestamp": None},
            {"client_id": "browser-2"},
            {"client_id": None},
            {"event_attributes": {"object": {"object_id": "d8"}, "position": {"ordinal": 3}}},
            {"event_attributes": {"object": {"object_id": "d9"}, "position": {"ordinal": 4}}},
            {"event_attributes": {"object": {"object_id": "d9"}}},
        ],
    )
    def test_changes_with_each_of_its_parts(self, changes):
        assert read(**changes).identity != read().identity

    @pytest.mark.parametrize("changes", [{"user_id": "u"}, {"message": "m"}, {"page": 1}, {"session_id": "s"}])
    def test_does_not_depend_on_the_rest(self, changes):
        assert read(**changes).identity == read().identity

    @given(PARTS, PARTS)
    def test_two_events_share_it_only_if_all_parts_are_equal(self, one, other):
        assert (event_of(one).identity == event_of(other).identity) == (one == other)
