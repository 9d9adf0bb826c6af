"""Arms are asked for every query once, in this process or in others, and whoever waits is told."""

import os

import pytest
from haystack import Document

from ltrr_haystack.evaluation.replay import asking

QUERIES = [f"query {number}" for number in range(60)]
DEPTH = 3


class Arms:
    """Stands in for an environment; says which process asked."""

    def __init__(self, known=()):
        self.known = {query: {"a": []} for query in known}
        self.asked = []

    def remembers(self, query, depth):
        return query in self.known

    def remember(self, query, depth, found):
        assert depth == DEPTH
        self.known[query] = found

    def results(self, queries, depth):
        for query in queries:
            if query not in self.known:
                self.asked.append(query)
                self.known[query] = {"a": [(f"{os.getpid()}", 0.5)]}
            yield query, {"a": [Document(id=document_id, score=score) for document_id, score in self.known[query]["a"]]}


class Failing(Arms):
    def results(self, queries, depth):
        raise ConnectionError("no route to the index")


@pytest.fixture
def told():
    return []


@pytest.fixture
def ask(told):
    def asked(environment, processes=1, make=Arms):
        asking.ask_in_processes(
            environment, QUERIES, DEPTH, make=make, processes=processes, watch=lambda *step: told.append(step)
        )

    return asked


def test_one_process_asks_one_after_the_other(ask, told):
    environment = Arms()
    ask(environment)
    assert environment.asked == QUERIES
    assert told == [(asked, 60) for asked in range(61)]


def test_what_is_known_is_not_asked_again_and_counts_as_done(ask, told):
    environment = Arms(known=QUERIES[:50])
    ask(environment)
    assert environment.asked == QUERIES[50:]
    assert told == [(asked, 60) for asked in range(50, 61)]


def test_a_query_that_comes_twice_is_asked_once(told):
    environment = Arms()
    asking.ask_in_processes(
        environment, ["a", "b", "a"], DEPTH, make=Arms, processes=1, watch=lambda *s: told.append(s)
    )
    assert environment.asked == ["a", "b"]
    assert told[-1] == (2, 2)


def test_where_it_takes_no_time_no_process_is_started(ask, told):
    environment = Arms()
    ask(environment, processes=2)
    assert environment.asked == QUERIES
    assert told == [(asked, 60) for asked in range(61)]


class TestProcesses:
    @pytest.fixture(autouse=True)
    def _always_worth_it(self, monkeypatch):
        monkeypatch.setattr(asking, "WORTH_IT", -1.0)
        monkeypatch.setattr(asking, "PILOT", 4)

    def test_ask_what_is_left_after_the_first_few(self, ask, told):
        environment = Arms()
        ask(environment, processes=2)
        assert environment.asked == QUERIES[:5]
        assert list(environment.known) != QUERIES[:5]
        assert set(environment.known) == set(QUERIES)
        elsewhere = {found["a"][0][0] for query, found in environment.known.items() if query not in QUERIES[:5]}
        assert f"{os.getpid()}" not in elsewhere
        assert 1 <= len(elsewhere) <= 2
        assert told[-1] == (60, 60)
        assert told == sorted(told)

    def test_an_error_in_one_of_them_is_told(self, ask):
        with pytest.raises(ConnectionError, match="no route to the index"):
            ask(Arms(), processes=2, make=Failing)

    def test_with_everything_known_none_is_started(self, ask, told):
        ask(Arms(known=QUERIES), processes=2, make=Failing)
        assert told == [(60, 60)]
