"""The component that takes in what people did."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from haystack import component, logging

from ltrr_haystack.components.settings import check_number, check_store, check_whole
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.feedback.outcomes import EventOutcomes
from ltrr_haystack.feedback.rewards import RewardModel
from ltrr_haystack.feedback.ubi import UBIEvent, excerpt, kind_of, read_event
from ltrr_haystack.store import EventRecord, LTRRStore, SearchRecord
from ltrr_haystack.store.event_budget import MOST_BYTES, MOST_EVENTS_PER_SEARCH
from ltrr_haystack.store.records import EventStatus

if TYPE_CHECKING:
    from ltrr_haystack.learning.learner import Learner

logger = logging.getLogger(__name__)

MOST_BYTES_WITHOUT_REWARD = 4_096
"""Longest event without a reward that is taken, as JSON in UTF-8: enough for the ids of a page."""

NEUTRAL = {"impression", "view"}
"""Actions that UBI names and that are worth nothing on purpose."""


@component
class FeedbackWriter:
    """
    Takes UBI events, says of each what became of it, and answers once those it accepted are safely in the log.

    An event is accepted if it belongs to a search of the store and, where it names an object, the search showed that
    object. An event that bears a reward must name one. Sent again, an event is a duplicate and counts once. A bad event
    is rejected with the field and the reason, and does no harm to the others; so is one of a search that has its most
    events already, or as many bytes of them. Events with a reward and events without are counted each by themselves,
    so that none without takes the place of one with a reward; an event without may also be less long.

    Where an event gives another position than the log, the event is taken and the log's own position is learned from.
    An event without a `timestamp` is taken to have happened on arrival.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack.components.feedback_writer import FeedbackWriter
    from ltrr_haystack.store import LTRRStore

    writer = FeedbackWriter(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), rewards={"click": 1.0, "purchase": 10.0})
    writer.run([
        {
            "action_name": "click",
            "query_id": "5e3b2a1c",
            "event_attributes": {"object": {"object_id": "song-7"}, "position": {"ordinal": 1}},
        }
    ])
    # {'accepted': 1, 'duplicate': 0, 'rejected': 0, 'results': [{'status': 'accepted'}]}
    ```
    """

    def __init__(
        self,
        store: LTRRStore,
        rewards: dict[str, float] | RewardModel | None = None,
        learn: Literal["deferred", "inline"] = "deferred",
        learner: "Learner | None" = None,
        max_events: int = 1000,
        clock_skew: float = 300.0,
        max_events_per_search: int = MOST_EVENTS_PER_SEARCH,
    ) -> None:
        """
        Create a FeedbackWriter.

        :param store: The store that holds the log.
        :param rewards: What each action is worth: action name → reward, in the place of RewardModel's defaults. An
            action that is not named is logged and worth 0.
        :param learn: `deferred` leaves learning to a learner elsewhere; `inline` lets `learner` learn what is due after
            each call, before it answers.
        :param learner: The learner for `inline`.
        :param max_events: Most events in one call.
        :param clock_skew: Seconds that a sender's clock may be off: so much before its search, or after the present,
            an event may lie.
        :param max_events_per_search: Most events with a reward that are kept of one search, and without.
        :raises ConfigurationError: If a setting cannot work.
        """
        if learn not in ("deferred", "inline"):
            raise ConfigurationError(f"learn of FeedbackWriter must be 'deferred' or 'inline', got {learn!r}")
        if learn == "inline" and learner is None:
            raise ConfigurationError("FeedbackWriter with learn='inline' needs a learner; give it one as learner=")
        check_store("FeedbackWriter", store)
        check_whole("max_events of FeedbackWriter", max_events)
        check_whole("max_events_per_search of FeedbackWriter", max_events_per_search)
        check_number("clock_skew of FeedbackWriter", clock_skew, 0)
        self.store = store
        self.rewards = rewards
        self.learn = learn
        self.learner = learner
        self.max_events = max_events
        self.clock_skew = clock_skew
        self.max_events_per_search = max_events_per_search
        self.outcomes = EventOutcomes()
        self._worth = rewards if isinstance(rewards, RewardModel) else _reward_model(rewards)

    def warm_up(self) -> None:
        """Open the store, and the one that the learner uses."""
        self.store.warm_up()
        if self.learner is not None:
            self.learner.store.warm_up()

    async def warm_up_async(self) -> None:
        """Open the store, and the one that the learner uses, without blocking the event loop."""
        await self.store.warm_up_async()
        if self.learner is not None:
            await self.learner.store.warm_up_async()

    def close(self) -> None:
        """Release the store, and the one that the learner uses."""
        self.store.close()
        if self.learner is not None:
            self.learner.store.close()

    async def close_async(self) -> None:
        """Release the store, and the one that the learner uses, without blocking the event loop."""
        await asyncio.to_thread(self.close)

    @component.output_types(accepted=int, duplicate=int, rejected=int, results=list[dict[str, str]])
    def run(self, events: list[dict[str, Any] | UBIEvent]) -> dict[str, Any]:
        """
        Take in events.

        :param events: UBI events, as dictionaries or as UBIEvent.
        :returns: A dictionary with the counts `accepted`, `duplicate` and `rejected`, and `results`: for each event, in
            order, its `status` and, where it was rejected or is worth nothing, the `reason`.
        :raises InvalidInputError: If `events` is not a list, is empty, or is longer than `max_events`.
        :raises StoreError: If the events could not be logged; none of them is then.
        """
        outcomes = self._read(events)
        records = [outcome for outcome in outcomes if isinstance(outcome, EventRecord)]
        statuses = self.store.record_events(records, self.max_events_per_search)
        if records and self.learn == "inline":
            self._learn_now()
        return self._answer(outcomes, statuses)

    @component.output_types(accepted=int, duplicate=int, rejected=int, results=list[dict[str, str]])
    async def run_async(self, events: list[dict[str, Any] | UBIEvent]) -> dict[str, Any]:
        """
        Take in events without blocking the event loop while they are committed.

        :param events: UBI events, as dictionaries or as UBIEvent.
        :returns: A dictionary with the counts `accepted`, `duplicate` and `rejected`, and `results`: for each event, in
            order, its `status` and, where it was rejected, the `reason`.
        :raises InvalidInputError: If `events` is not a list, is empty, or is longer than `max_events`.
        :raises StoreError: If the events could not be logged; none of them is then.
        """
        outcomes = await asyncio.to_thread(self._read, events)
        records = [outcome for outcome in outcomes if isinstance(outcome, EventRecord)]
        statuses = await self.store.record_events_async(records, self.max_events_per_search)
        if records and self.learn == "inline":
            await asyncio.to_thread(self._learn_now)
        return self._answer(outcomes, statuses)

    def _read(self, events: object) -> list[EventRecord | str]:
        """For each event its record for the log, or the reason why it is rejected."""
        if not isinstance(events, list):
            raise InvalidInputError(f"events: expected a list of UBI events, got {kind_of(events)}")
        if not 1 <= len(events) <= self.max_events:
            raise InvalidInputError(f"events: expected 1 to {self.max_events} events in one call, got {len(events)}")
        received_at = time.time()
        read = [_read_or_reason(event) for event in events]
        query_ids = {event.query_id for event, _ in read if event is not None}
        searches = self.store.searches(query_ids) if query_ids else {}
        return [text if event is None else self._record(event, text, searches, received_at) for event, text in read]

    def _record(
        self, event: UBIEvent, payload: str, searches: Mapping[str, SearchRecord], received_at: float
    ) -> EventRecord | str:
        search = searches.get(event.query_id)
        if search is None:
            return f"query_id: {excerpt(event.query_id)} is not a search of this store"
        reward = self._worth(event.action_name)
        return (
            _misplaced(event, search, reward)
            or self._mistimed(event, search, received_at)
            or _oversized(event, payload, reward)
            or EventRecord(
                event_id=event.identity,
                query_id=event.query_id,
                object_id=event.object_id,
                action_name=event.action_name,
                timestamp=received_at if event.timestamp is None else event.timestamp.timestamp(),
                received_at=received_at,
                reward=reward,
                payload=payload,
            )
        )

    def _mistimed(self, event: UBIEvent, search: SearchRecord, received_at: float) -> str | None:
        """Why the event cannot have happened when it says, if so."""
        if event.timestamp is None:
            return None
        if event.timestamp.timestamp() < search.decided_at - self.clock_skew:
            searched = _iso(datetime.fromtimestamp(search.decided_at, UTC))
            return f"timestamp: {_iso(event.timestamp)} lies before the search it refers to ({searched})"
        if event.timestamp.timestamp() > received_at + self.clock_skew:
            now = _iso(datetime.fromtimestamp(received_at, UTC))
            return f"timestamp: {_iso(event.timestamp)} lies in the future (it is {now})"
        return None

    def _answer(self, outcomes: Sequence[EventRecord | str], statuses: Sequence[EventStatus]) -> dict[str, Any]:
        """Counts and results; `statuses` says of each record, in order, what became of it."""
        logged = iter(statuses)
        results = [
            {"status": "rejected", "reason": outcome}
            if isinstance(outcome, str)
            else self._result(outcome, next(logged))
            for outcome in outcomes
        ]
        self.outcomes.add(results)
        named = [result["status"] for result in results]
        counts = {status: named.count(status) for status in ("accepted", "duplicate", "rejected")}
        return {**counts, "results": results}

    def _result(self, event: EventRecord, status: EventStatus) -> dict[str, str]:
        if status == "duplicate":
            return {"status": "duplicate"}
        kind = "with a reward" if event.reward else "without a reward"
        if status == "excess":
            reason = (
                f"query_id: {excerpt(event.query_id)} has {self.max_events_per_search} events already, "
                f"the most of those {kind}"
            )
            return {"status": "rejected", "reason": reason}
        if status == "full":
            reason = (
                f"event: its {len(event.payload.encode())} bytes as JSON are more than is left of the "
                f"{MOST_BYTES[event.reward != 0]} bytes for events {kind} of the search {excerpt(event.query_id)}"
            )
            return {"status": "rejected", "reason": reason}
        return self._kept(event)

    def _kept(self, event: EventRecord) -> dict[str, str]:
        """An action that is logged and teaches nothing is not an error, but often a typing error."""
        if event.action_name in self._worth.weights or event.action_name in NEUTRAL:
            return {"status": "accepted"}
        known = ", ".join(self._worth.weights)
        return {
            "status": "accepted",
            "reason": f"action_name: {excerpt(event.action_name)} is logged and worth nothing; rewarded are {known}",
        }

    def _learn_now(self) -> None:
        try:
            if self.learner is not None:
                self.learner.run_once()
        except Exception as error:  # noqa: BLE001 (the events are committed; learning is made up for later)
            reason = f"{type(error).__name__}: {error}"
            logger.warning("The events are in the log, but learning from them failed: {reason}", reason=reason)


def _reward_model(rewards: dict[str, float] | None) -> RewardModel:
    return RewardModel() if rewards is None else RewardModel(rewards)


def _read_or_reason(event: object) -> tuple[UBIEvent | None, str]:
    """The event with its JSON text, or nothing with the reason."""
    try:
        return read_event(event)
    except InvalidInputError as error:
        return None, str(error)


def _misplaced(event: UBIEvent, search: SearchRecord, reward: float) -> str | None:
    """Why the event's object cannot be what the person acted on, if so."""
    if event.object_id is None:
        return (
            f"event_attributes.object.object_id: missing, and {excerpt(event.action_name)} bears a reward: "
            "expected one of the objects shown for this query"
            if reward
            else None
        )
    if event.object_id not in search.ordinals:
        return f"event_attributes.object.object_id: {excerpt(event.object_id)} was not shown for this query"
    return None


def _oversized(event: UBIEvent, payload: str, reward: float) -> str | None:
    """Why the event is too long for what it can teach, if so."""
    if reward or (size := len(payload.encode())) <= MOST_BYTES_WITHOUT_REWARD:
        return None
    return (
        f"event: at most {MOST_BYTES_WITHOUT_REWARD} bytes as JSON for {excerpt(event.action_name)}, which is worth "
        f"nothing, got {size}"
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
