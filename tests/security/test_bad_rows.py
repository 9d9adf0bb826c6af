"""One search with a wrong clock, or with a row that is damaged, costs what was learned from it, and nothing else."""

import sqlite3
from contextlib import closing

import pytest

pytest.importorskip("hayhooks")

from serving import Server, always, click, eventually

pytestmark = pytest.mark.security

SONGS = [{"id": f"song-{number}", "content": f"a song about love, number {number}"} for number in range(20)]
A_DAY = 86_400.0
OTHERS = 5


class Attacked:
    """A server and its store; each test has a query of its own, and what is clicked there is found in the memory."""

    def __init__(self, server, query):
        self.server = server
        self.query = query

    def execute(self, statement, *values):
        with closing(sqlite3.connect(self.server.log.parent / "ltrr.db", timeout=10)) as connection, connection:
            found = connection.execute(statement, values)
            return found.fetchall() or found.rowcount

    def search(self, person):
        found = self.server.search(self.query, user_id=person)
        assert found["logged"]
        return found

    def click(self, found, object_id):
        return self.server.post("feedback", {"events": [click(found, object_id)]})

    def others_click(self, object_id):
        for person in range(OTHERS):
            assert self.click(self.search(f"{self.query} {person}"), object_id).status_code == 200

    def eventually_has(self, object_id, successes):
        statement = "SELECT successes FROM ltrr_memory WHERE query_key = ? AND object_id = ?"
        return eventually(lambda: self.execute(statement, self.query, object_id) == [(successes,)])


@pytest.fixture(scope="module")
def server(lexical_pipelines, tmp_path_factory):
    """There is time to damage a search before it is settled."""
    always(lexical_pipelines, "bm25")
    running = Server(lexical_pipelines, tmp_path_factory.mktemp("home"), LTRR_REWARD_WAIT="3")
    assert running.url, running.log.read_text()
    assert running.post("indexing", {"documents": SONGS}).json() == {"written": len(SONGS)}
    yield running
    running.kill()


class TestClocks:
    def test_a_search_whose_clock_is_a_day_ahead_delays_itself_alone(self, server):
        attacked = Attacked(server, "love")
        ahead = attacked.search("ahead")
        moved = "UPDATE ltrr_decisions SET decided_at = decided_at + ? WHERE query_id = ? AND settled_no IS NULL"
        assert attacked.execute(moved, A_DAY, ahead["query_id"]) == 1
        assert attacked.click(ahead, "song-1").status_code == 200
        attacked.others_click("song-2")
        assert attacked.eventually_has("song-2", OTHERS)
        assert attacked.execute("SELECT settled_no FROM ltrr_decisions WHERE query_id = ?", ahead["query_id"]) == [
            (None,)
        ]
        # A day later, what was clicked there counts.
        assert attacked.execute(moved, -A_DAY, ahead["query_id"]) == 1
        assert attacked.eventually_has("song-1", 1)


class TestDamagedRows:
    @pytest.mark.parametrize(
        ("query", "column", "garbage"),
        [("song", "payload", b"\x01garbage"), ("number", "shown", b"\x02"), ("about", "actions", b"garbage")],
    )
    def test_are_set_aside_and_learning_goes_on(self, server, query, column, garbage):
        attacked = Attacked(server, query)
        damaged = attacked.search("damaged")
        update = f"UPDATE ltrr_decisions SET {column} = ? WHERE query_id = ? AND settled_no IS NULL"  # noqa: S608
        assert attacked.execute(update, garbage, damaged["query_id"]) == 1
        assert attacked.click(damaged, "song-1").status_code in (200, 422)
        attacked.others_click("song-2")
        assert attacked.eventually_has("song-2", OTHERS)
        ((fault,),) = attacked.execute("SELECT fault FROM ltrr_decisions WHERE query_id = ?", damaged["query_id"])
        assert fault.startswith("it cannot be read: ")
        assert attacked.click(damaged, "song-1").status_code in (200, 422)
        assert attacked.search("after")["documents"]
        assert server.client.get("/ready").status_code == 200
