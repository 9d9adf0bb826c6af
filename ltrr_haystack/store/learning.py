"""What was learned: the memory and the history of query keys, moved on together with the watermark."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, not_, or_, select, text
from sqlalchemy import update as update_table

from ltrr_haystack.errors import StoreError
from ltrr_haystack.store import lease, snapshots
from ltrr_haystack.store import tables as t
from ltrr_haystack.store.checks import LONGEST_ID, finite, folded, storable
from ltrr_haystack.store.engines import upsert
from ltrr_haystack.store.records import (
    LATE,
    SECONDS_PER_DAY,
    HistoryEntry,
    LearningUpdate,
    MemoryEntry,
    ReadingClicks,
)
from ltrr_haystack.store.settlement import watermark

_MOVE = update_table(t.learner).values(learned=bindparam("to_learned"), late=bindparam("to_late"))
_MEMORY = (
    select(t.memory.c.object_id, t.memory.c.exposures, t.memory.c.successes, t.memory.c.updated_at, t.memory.c.since)
    .where(t.memory.c.query_key == bindparam("query_key"))
    .order_by(t.memory.c.object_id)
)
_CLIENT_COUNTS = {
    "sqlite": text(
        "SELECT subject, client, day, amount FROM json_each(:pairs) AS asked JOIN ltrr_client_counts "
        "ON subject = json_extract(asked.value, '$[0]') AND client = json_extract(asked.value, '$[1]') "
        "AND day >= :since"
    ),
    "postgresql": text(
        "SELECT subject, client, day, amount FROM json_array_elements(CAST(:pairs AS json)) AS asked "
        "JOIN ltrr_client_counts ON subject = asked.value ->> 0 AND client = asked.value ->> 1 AND day >= :since"
    ),
}
"""Each pair is looked up by the primary key. For pairs in a condition SQLite goes through all of the table."""

_READINGS = select(t.readings).where(
    t.readings.c.query_key.in_(bindparam("keys", expanding=True)),
    t.readings.c.reading.in_(bindparam("readings", expanding=True)),
)
"""Of a few keys with many readings: SQLite goes through the whole table for a list of pairs."""

_FORGET_CLIENT_COUNTS = delete(t.client_counts).where(
    t.client_counts.c.day < bindparam("before"),
    or_(not_(t.client_counts.c.subject.startswith(LATE)), t.client_counts.c.day < bindparam("late_before")),
)
_OLDEST = select(func.min(t.decisions.c.decided_at))
_NOT_COUNTED = (
    update_table(t.decisions).where(t.decisions.c.settled_no == bindparam("place")).values(counted=bindparam("bits"))
)
_SET_ASIDE = (
    update_table(t.decisions)
    .where(t.decisions.c.settled_no == bindparam("place"))
    .values(counted=0, fault=bindparam("reason"))
)
_HISTORY = (
    select(t.history.c.arm, t.history.c.draws, t.history.c.credit, t.history.c.returned)
    .where(t.history.c.query_key == bindparam("query_key"))
    .order_by(t.history.c.arm)
)


class LearningRows(NamedTuple):
    """
    One step of learning as it goes into the tables.

    :param memory: Rows to add to the memory.
    :param history: Rows to add to the history.
    :param readings: Rows to add to what clicks say of readings.
    :param client_counts: Rows to add to the counts of clients.
    :param counted_rewards: Rows to set of what counts of rewards.
    :param snapshot: The snapshot's row, if there is one.
    """

    memory: list[dict[str, Any]]
    history: list[dict[str, Any]]
    readings: list[dict[str, Any]]
    client_counts: list[dict[str, Any]]
    counted_rewards: list[dict[str, Any]]
    snapshot: dict[str, Any] | None


def learning_rows(update: LearningUpdate) -> LearningRows:
    """
    Write a step of learning as rows; done in the caller's thread, so that the writer only writes.

    :param update: What changed.
    :returns: The rows.
    :raises InvalidInputError: If an amount is not finite or a text cannot be kept.
    """
    updated_at = time.time() if update.updated_at is None else finite("updated_at", update.updated_at)
    memory_rows = [
        {
            "query_key": folded(query_key),
            "object_id": storable("object_id", object_id, LONGEST_ID),
            "exposures": finite("exposures", evidence.exposures),
            "successes": finite("successes", evidence.successes),
            "updated_at": updated_at,
            "since": updated_at,
        }
        for (query_key, object_id), evidence in update.memory.items()
    ]
    history_rows = [
        {
            "query_key": folded(query_key),
            "arm": storable("arm", arm, LONGEST_ID),
            "draws": finite("draws", delta.draws),
            "credit": finite("credit", delta.credit),
            "returned": finite("returned", delta.returned),
            "updated_at": updated_at,
        }
        for (query_key, arm), delta in update.history.items()
    ]
    reading_rows = [
        {
            "query_key": folded(query_key),
            "reading": storable("reading", reading, LONGEST_ID),
            "chosen": finite("chosen", clicks.chosen),
            "passed": finite("passed", clicks.passed),
        }
        for (query_key, reading), clicks in update.readings.items()
    ]
    client_rows = [
        {"subject": subject, "client": client, "day": day, "amount": finite("amount", amount)}
        for (subject, client, day), amount in update.client_counts.items()
    ]
    counted_rows = [
        {"settled_no": place, "object_id": object_id, "amount": finite("amount", amount)}
        for (place, object_id), amount in update.counted_rewards.items()
    ]
    snapshot = None if update.snapshot is None else snapshots.draft_row(update.snapshot)
    return LearningRows(memory_rows, history_rows, reading_rows, client_rows, counted_rows, snapshot)


def commit_learning(connection: Connection, update: LearningUpdate, rows: LearningRows) -> int | None:
    """
    Keep what one step of learning changed, all of it or nothing.

    :param connection: In a write transaction.
    :param update: What changed.
    :param rows: What `learning_rows` made of it.
    :returns: The version of the new snapshot, or `None` if there is none.
    :raises StoreError: If another learner holds the lease, the watermark is not where this step began, or another model
        was made active meanwhile.
    """
    lease.require(connection, update.holder)
    _same_model(connection, update)
    _move_watermark(connection, update)
    if rows.memory:
        connection.execute(upsert(connection, t.memory, add_to_memory), rows.memory)
    if rows.history:
        connection.execute(upsert(connection, t.history, add_to_history), rows.history)
    if rows.readings:
        connection.execute(upsert(connection, t.readings, add_to_readings), rows.readings)
    if rows.client_counts:
        connection.execute(upsert(connection, t.client_counts, add_to_client_counts), rows.client_counts)
    if rows.counted_rewards:
        connection.execute(upsert(connection, t.counted_rewards, set_counted_reward), rows.counted_rewards)
    if update.counted:
        connection.execute(_NOT_COUNTED, [{"place": place, "bits": bits} for place, bits in update.counted.items()])
    if update.faults:
        connection.execute(_SET_ASIDE, [{"place": place, "reason": why} for place, why in update.faults.items()])
    if update.snapshot is None or rows.snapshot is None:
        return None
    return snapshots.add(connection, rows.snapshot, activate=update.snapshot.activate)


def memory(connection: Connection, query_key: str) -> list[MemoryEntry]:
    """
    Read the memory of a query key.

    :param connection: The database.
    :param query_key: The key.
    :returns: One entry for each object that there is evidence on.
    """
    return [MemoryEntry(*row) for row in connection.execute(_MEMORY, {"query_key": folded(query_key)})]


def history(connection: Connection, query_key: str) -> dict[str, HistoryEntry]:
    """
    Read the history of a query key.

    :param connection: The database.
    :param query_key: The key.
    :returns: Arm → what is known of it.
    """
    rows = connection.execute(_HISTORY, {"query_key": folded(query_key)})
    return {arm: HistoryEntry(draws, credit, returned) for arm, draws, credit, returned in rows}


def reading_clicks(connection: Connection, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], ReadingClicks]:
    """
    Read what clicks say of readings.

    :param connection: The database.
    :param pairs: Query keys with keys of readings: few query keys, at most 400 readings.
    :returns: The pair → what clicks say; pairs of which they say nothing are left out.
    """
    kept = {(folded(query_key), reading): (query_key, reading) for query_key, reading in pairs}
    asked = {"keys": sorted({key for key, _ in kept}), "readings": sorted({reading for _, reading in kept})}
    return {
        kept[query_key, reading]: ReadingClicks(chosen, passed)
        for query_key, reading, chosen, passed in connection.execute(_READINGS, asked)
        if (query_key, reading) in kept
    }


def client_counts(
    connection: Connection, pairs: Sequence[tuple[str, str]], since: int
) -> dict[tuple[str, str, int], float]:
    """
    Read how much clients have contributed.

    :param connection: The database.
    :param pairs: Subjects with clients.
    :param since: The first day to read.
    :returns: (subject, client, day) → the count; days without one are left out.
    """
    asked = {"pairs": json.dumps(list(pairs)), "since": since}
    rows = connection.execute(_CLIENT_COUNTS[connection.dialect.name], asked)
    return {(subject, client, day): amount for subject, client, day, amount in rows}


def forget_client_counts(connection: Connection, before: int, window: int) -> None:
    """
    Remove old counts of clients, those of late rewards only if no decision is kept for which more may come.

    :param connection: In a write transaction.
    :param before: Counts of this day and later ones stay.
    :param window: On how many days, up to that of a decision, contributions are counted together.
    """
    oldest = connection.execute(_OLDEST).scalar()
    late_before = before if oldest is None else int(oldest // SECONDS_PER_DAY) - window + 1
    connection.execute(_FORGET_CLIENT_COUNTS, {"before": before, "late_before": late_before})


def add_to_client_counts(new: Any) -> Mapping[str, Any]:
    """
    What becomes of a client's count that is there already.

    :param new: The row to be added.
    :returns: Column → new value.
    """
    return {"amount": t.client_counts.c.amount + new.amount}


def set_counted_reward(new: Any) -> Mapping[str, Any]:
    """
    What becomes of what counts of an impression's rewards, if it is noted already.

    :param new: The row to be set.
    :returns: Column → new value.
    """
    return {"amount": new.amount}


def add_to_memory(new: Any) -> Mapping[str, Any]:
    """
    What becomes of a memory entry that is there already.

    :param new: The row to be added.
    :returns: Column → new value.
    """
    return {
        "exposures": t.memory.c.exposures + new.exposures,
        "successes": t.memory.c.successes + new.successes,
        "updated_at": new.updated_at,
    }


def add_to_history(new: Any) -> Mapping[str, Any]:
    """
    What becomes of a history entry that is there already.

    :param new: The row to be added.
    :returns: Column → new value.
    """
    return {
        "draws": t.history.c.draws + new.draws,
        "credit": t.history.c.credit + new.credit,
        "returned": t.history.c.returned + new.returned,
        "updated_at": new.updated_at,
    }


def add_to_readings(new: Any) -> Mapping[str, Any]:
    """
    What becomes of what clicks say of a reading that is there already.

    :param new: The row to be added.
    :returns: Column → new value.
    """
    return {"chosen": t.readings.c.chosen + new.chosen, "passed": t.readings.c.passed + new.passed}


def _same_model(connection: Connection, update: LearningUpdate) -> None:
    draft = update.snapshot
    if draft is None or draft.replaces is None:
        return
    active = snapshots.active_version(connection, draft.kind)
    if active != draft.replaces:
        raise StoreError(
            f"The learner '{update.holder}' trained {draft.kind} {draft.replaces} on, but {active} was made active "
            "meanwhile; start again from that."
        )


def _move_watermark(connection: Connection, update: LearningUpdate) -> None:
    now = watermark(connection)
    if (now.learned, now.late) != (update.since.learned, update.since.late):
        msg = (
            f"The learner '{update.holder}' started from decision {update.since.learned} and late event "
            f"{update.since.late}, but the store has learned up to {now.learned} and {now.late} meanwhile; "
            "start again from watermark()."
        )
        raise StoreError(msg)
    if not now.learned <= update.learned <= now.settled or update.late < now.late:
        msg = (
            f"The learner '{update.holder}' cannot move from {now} to learned={update.learned}, late={update.late}: "
            "learning goes forward only, and not beyond what is settled."
        )
        raise StoreError(msg)
    connection.execute(_MOVE, {"to_learned": update.learned, "to_late": update.late})
