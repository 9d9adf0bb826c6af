"""
The real server while its store fails under load: searches are answered, and no feedback is accepted and lost.

`LTRR_LOCK_SECONDS=30` keeps the store locked for longer, and `LTRR_FIGURES=file` writes down what was counted.
"""

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from serving import Load, Server, always, eventually, without_dense

pytest.importorskip("hayhooks")

if not hasattr(resource, "prlimit"):
    pytest.skip("faults are made by means of Linux", allow_module_level=True)

pytestmark = pytest.mark.security

SONGS = [{"id": f"song-{number}", "content": f"a song about love, number {number}"} for number in range(20)]
USUAL_SECONDS = 6.0
"""No search takes longer, although the store is locked for longer; generous, as the machine may be busy."""

LOCK_SECONDS = float(os.environ.get("LTRR_LOCK_SECONDS", "8"))
FAULT_SECONDS = 3.0


@pytest.fixture(scope="module")
def disk(tmp_path_factory) -> Iterator[Path]:
    """A small disk of its own, where one may be mounted; else a folder."""
    folder = tmp_path_factory.mktemp("disk")
    with suppress(OSError, subprocess.CalledProcessError):
        mount_disk(folder)
    yield folder
    if folder.is_mount():
        unmount(folder)


def mount_disk(folder: Path) -> None:
    mount("-t", "tmpfs", "-o", "size=48m", "tmpfs", folder)


def mount(*arguments: str | Path) -> None:
    subprocess.run([str(shutil.which("mount")), *arguments], capture_output=True, check=True)


def unmount(folder: Path) -> None:
    subprocess.run([str(shutil.which("umount")), "--lazy", folder], capture_output=True, check=True)


@pytest.fixture(scope="module")
def database(disk) -> Path:
    return disk / "ltrr.db"


@pytest.fixture(scope="module")
def server(tmp_path_factory, database) -> Iterator[Any]:
    pipelines = without_dense(tmp_path_factory.mktemp("lexical") / "pipelines")
    always(pipelines, "bm25")
    home = tmp_path_factory.mktemp("home")
    running = Server(pipelines, home, LTRR_STORE_URL=f"sqlite:///{database}")
    assert running.url, running.log.read_text()
    assert running.post("indexing", {"documents": SONGS}).status_code == 200
    yield running
    running.kill()


@contextmanager
def moved_away(database: Path, _server: object) -> Iterator[None]:
    elsewhere = database.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    for file in database.parent.glob("ltrr.db*"):
        file.rename(elsewhere / file.name)
    yield
    assert list(database.parent.glob("ltrr.db*")) == []
    for file in elsewhere.glob("ltrr.db*"):
        file.rename(database.parent / file.name)


@contextmanager
def full(database: Path, server: Any) -> Iterator[None]:
    if not database.parent.is_mount():
        with no_file_may_grow(database, server):
            yield
        return
    # An empty log has no room that could be used again.
    with closing(sqlite3.connect(database)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    filler = database.parent / "filler"
    try:
        with filler.open("wb", buffering=0) as writing, suppress(OSError):
            while writing.write(b"x" * 4096):
                pass
        assert shutil.disk_usage(database.parent).free == 0
        yield
    finally:
        filler.unlink()


@contextmanager
def no_file_may_grow(_store: Path, server: Any) -> Iterator[None]:
    """Every write of the server fails, into files that are open too."""
    soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only(database: Path, _server: object) -> Iterator[None]:
    """
    The disk goes, and comes back to be read only.

    Linux mounts no disk to be read only while a file on it is open for writing, not even for root. So what comes back
    is another disk, with a copy of all that had been committed when the first one went.
    """
    disk = database.parent
    before, anew = disk.with_name("before"), disk.with_name("anew")
    if not disk.is_mount():
        pytest.skip("no disk can be mounted here")
    for folder in (before, anew):
        folder.mkdir()
    mount("--bind", disk, before)
    mount_disk(anew)
    try:
        unmount(disk)
        with (
            closing(sqlite3.connect(before / database.name)) as committed,
            closing(sqlite3.connect(anew / database.name)) as copy,
        ):
            committed.backup(copy)
        mount("-o", "remount,ro", anew)
        mount("--bind", anew, disk)
        with pytest.raises(OSError, match="Read-only"):
            (disk / "file").touch()
        yield
        mount("-o", "remount,rw", disk)
    finally:
        unmount(before)
        unmount(anew)


@contextmanager
def locked(database: Path, _server: object) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def without_its_log(database: Path, _server: object) -> Iterator[None]:
    Path(f"{database}-wal").unlink()
    yield


def count(name: str, before: float, fault: float, over: float, load: Any) -> None:
    """What the test saw, for whoever wants figures."""
    if (file := os.environ.get("LTRR_FIGURES")) is None:
        return
    during = load.since(fault, over)
    seconds = sorted(search["seconds"] for search in during)
    usual = sorted(search["seconds"] for search in load.since(before, fault))
    figures = {
        "fault": name,
        "searches": len(during),
        "answered": sum(search["status"] == 200 for search in during),
        "logged": sum(bool(search.get("logged")) for search in during),
        "median_ms": round(1000 * seconds[len(seconds) // 2]),
        "p95_ms": round(1000 * seconds[int(len(seconds) * 0.95)]),
        "slowest_ms": round(1000 * seconds[-1]),
        "usual_median_ms": round(1000 * usual[len(usual) // 2]),
        "usual_p95_ms": round(1000 * usual[int(len(usual) * 0.95)]),
        "feedback": len(load.sent_since(fault, over)),
        "feedback_accepted": sum(sent["accepted"] for sent in load.sent_since(fault, over)),
        "unanswered": len(load.failures),
    }
    with Path(file).open("a") as out:
        out.write(json.dumps(figures) + "\n")


def held(database: Path) -> tuple[set[str], list[str]]:
    """Query ids and event ids, as another process finds them."""
    with closing(sqlite3.connect(database)) as connection:
        searches = {query_id for (query_id,) in connection.execute("SELECT query_id FROM ltrr_decisions")}
        payloads = connection.execute("SELECT payload FROM ltrr_events").fetchall()
    return searches, [json.loads(payload)["event_id"] for (payload,) in payloads]


@pytest.mark.parametrize(
    ("fault", "seconds", "lasts"),
    [
        (moved_away, FAULT_SECONDS, True),
        (full, FAULT_SECONDS, True),
        (no_file_may_grow, FAULT_SECONDS, True),
        (locked, LOCK_SECONDS, True),
        (without_its_log, FAULT_SECONDS, False),
        (read_only, FAULT_SECONDS, True),
    ],
)
def test_searches_are_answered_and_nothing_acknowledged_is_lost(server, database, fault, seconds, lasts):
    with Load(server.url) as load:
        before = time.monotonic()
        assert eventually(lambda: sum(sent["accepted"] for sent in load.feedback) > 20)
        with fault(database, server):
            began = time.monotonic()
            time.sleep(seconds)
            over = time.monotonic()
        assert eventually(lambda: any(search.get("logged") for search in load.since(over)))
        mended = time.monotonic()
        assert eventually(lambda: any(sent["accepted"] for sent in load.sent_since(mended)))
    count(fault.__name__, before, began, over, load)

    assert load.failures == []
    assert {search["status"] for search in load.searches} == {200}, server.log.read_text()[-10_000:]
    assert max(search["seconds"] for search in load.searches) < USUAL_SECONDS
    assert all(search["documents"] for search in load.searches)

    # While the fault lasts, every search says that it is not logged, and no feedback is accepted.
    assert load.since(began, over)
    if lasts:
        assert not any(search["logged"] for search in load.since(began, over))
        assert not any(sent["accepted"] for sent in load.sent_since(began, over))
    refused = [sent for sent in load.feedback if not sent["accepted"]]
    assert {(sent["status"], sent["headers"].get("retry-after")) for sent in refused} <= {(503, "5")}
    assert refused or not lasts
    assert not any(str(database.parent) in sent["text"] for sent in refused)

    searches, events = held(database)
    assert {search["query_id"] for search in load.searches if search["logged"]} <= searches
    accepted = {sent["event"]["event_id"] for sent in load.feedback if sent["accepted"]}
    assert accepted <= set(events)
    assert len(events) == len(set(events))

    # What was refused may be sent again, and counts once.
    again = server.post("feedback", {"events": [sent["event"] for sent in refused]}).json() if refused else None
    if again is not None:
        kept = {search["query_id"] for search in load.searches if search["logged"]}
        known = [sent for sent in refused if sent["event"]["query_id"] in kept]
        assert again["accepted"] + again["duplicate"] >= len(known)
        _, events = held(database)
        assert {sent["event"]["event_id"] for sent in known} <= set(events)
        assert len(events) == len(set(events))
