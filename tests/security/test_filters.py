"""A caller's filters cannot empty other people's pages."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from serving import Server

pytest.importorskip("hayhooks")

pytestmark = pytest.mark.security

WORDS = ["love", "rain", "song", "night", "river", "blue", "train", "summer"]
DOCUMENTS = 4_000
ATTACKERS, VICTIMS = 8, 32
TRIES = 20
"""How often a victim asks again that was told to come later."""

FIELDS = ["title", "genre", "year", "a.b.c.d.e"]


@pytest.fixture(scope="module")
def server(lexical_pipelines, tmp_path_factory):
    running = Server(lexical_pipelines, tmp_path_factory.mktemp("home"))
    assert running.url, running.log.read_text()
    chance = random.Random(1)
    documents = [
        {
            "id": f"song-{number}",
            "content": " ".join(chance.choices(WORDS, k=12)),
            "meta": {"title": f"title {number}", "genre": chance.choice(["rock", "pop"]), "year": 1990 + number % 30},
        }
        for number in range(DOCUMENTS)
    ]
    for start in range(0, DOCUMENTS, 1000):
        assert running.post("indexing", {"documents": documents[start : start + 1000]}).status_code == 200
    yield running
    running.kill()


def conditions(count: int, salt: str) -> dict:
    """A filter that no document fulfils, so that each is held against every condition; never the same twice."""
    return {
        "operator": "OR",
        "conditions": [
            {"field": f"meta.{FIELDS[number % len(FIELDS)]}", "operator": "==", "value": f"{salt}-{number}"}
            for number in range(count)
        ],
    }


def dates(salt: str) -> dict:
    day = {"field": "meta.title", "operator": "<", "value": f"19{int(salt) % 90 + 10}-01-01"}
    return {"operator": "OR", "conditions": [day] * 7}


FILTERS = {
    "seventy conditions": (lambda salt: conditions(70, salt), 422),
    "as many conditions as are allowed": (lambda salt: conditions(31, salt), 200),
    "as many dates as are allowed": (dates, 200),
}


@pytest.mark.parametrize(("make", "status"), FILTERS.values(), ids=FILTERS)
def test_a_flood_of_filters_empties_no_page_of_others(server, make, status):
    stop, flooded = threading.Event(), Counter()

    def attack(number: int) -> None:
        with httpx.Client(base_url=server.url, timeout=120) as client:
            sent = 0
            while not stop.is_set():
                sent += 1
                body = {"query": "love", "filters": make(f"{number}{sent}")}
                flooded[client.post("/search/run", json=body).status_code] += 1

    def search(number: int) -> dict:
        """As clients do: one that is told to come later waits for as long as it was told, and asks again."""
        query = f"{WORDS[number % 8]} {WORDS[number * 3 % 7]}"
        for _ in range(TRIES):
            answer = httpx.post(f"{server.url}/search/run", json={"query": query}, timeout=120)
            if answer.status_code != 503:
                break
            time.sleep(int(answer.headers["retry-after"]))
        assert answer.status_code == 200, answer.text
        return answer.json()

    with ThreadPoolExecutor(ATTACKERS) as flood, ThreadPoolExecutor(4) as people:
        attacks = [flood.submit(attack, number) for number in range(ATTACKERS)]
        while sum(flooded.values()) < ATTACKERS:
            stop.wait(0.05)
        pages = list(people.map(search, range(VICTIMS)))
        stop.set()
        for attack_of_one in attacks:
            attack_of_one.result()
    assert status in flooded
    assert set(flooded) <= {status, 503}
    assert [len(page["documents"]) for page in pages] == [10] * VICTIMS


def test_a_filter_that_costs_too_much_is_refused_with_what_it_may_cost(server):
    answer = server.post("search", {"query": "love", "filters": conditions(70, "x")})
    assert answer.status_code == 422
    (mistake,) = answer.json()["detail"]
    assert mistake["loc"] == ["body", "filters"]
    assert mistake["msg"].startswith("filters: at most 32 conditions are allowed, got 71; ")


def test_a_value_that_cannot_be_compared_costs_only_its_document(server):
    odd = {"id": "undated", "content": "love of an unknown year", "meta": {"year": "unknown"}}
    assert server.post("indexing", {"documents": [odd]}).status_code == 200
    recent = {"field": "year", "operator": ">=", "value": 2019}
    found = server.search("love", filters=recent)
    assert found["missing_arms"] == []
    assert {document["meta"]["year"] for document in found["documents"]} == {2019}
    others = server.search("unknown", filters={"operator": "NOT", "conditions": [recent]})
    assert [document["id"] for document in others["documents"]][:1] == ["undated"]
