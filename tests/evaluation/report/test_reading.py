from dataclasses import replace

import pytest

from ltrr_haystack.evaluation.report.reading import FrequentQueries, Reading, judged_up_to
from ltrr_haystack.store import Watermark
from ltrr_haystack.types import ActionSet, Arm, ArmReport, Features


def test_sums_over_the_log(log):
    """bm25 costs .1 at ten; the baseline asks for 20 candidates from 2 arms."""
    reading = Reading.of(
        [
            log.settled(1, {"a": 1.0, "b": 2.0}),
            log.settled(
                2,
                {"a": -1.0},
                allocation={"bm25": 0, "memory": 10},
                preferred={"bm25": 0, "memory": 10},
                features=Features(history={"bm25": {"cnt": 1.0}}),
                query_type="question",
                safe_start=True,
            ),
            log.settled(3, reports=[ArmReport("bm25", 10, 2, 0.1), ArmReport("memory", 10, 0, 0.1)]),
        ]
    )
    total = reading.blocks.total()
    assert total.searches == 3
    assert total["clicked"] == 1
    assert (total["reward"], total["reward²"]) == (2.0, 10.0)
    assert (total["net"], total["net²"]) == (pytest.approx(1.8), pytest.approx(2.9**2 + 1 + 0.1**2))
    assert (total["candidates"], total["baseline candidates"]) == (50, 60)
    assert (total["calls"], total["baseline calls"]) == (5, 6)
    assert (total["remembered"], total["memory asked"], total["memory found"]) == (1, 3, 2)
    assert (total["safe start"], total["preferring"], total["agreed"]) == (1, 3, 2)
    assert (total["type", "topical"], total["type", "question"]) == (2, 1)
    assert (total["ran", "topical", "bm25"], total["ran", "question", "bm25"]) == (2, 0)
    assert reading.query_types == ["topical", "question"]
    assert (reading.oldest, reading.newest) == (log.start + 1, log.start + 3)


def test_people_are_judged_by_what_counts_and_arms_by_all_searches(log):
    reading = Reading.of(
        [
            replace(log.settled(1, {"a": 9.0, "b": 1.0}), capped={"a": 1.0}),
            replace(log.settled(2, {"a": 9.0}, query="mine"), counted=False),
            log.settled(3),
        ]
    )
    total = reading.blocks.total()
    assert (total.searches, total["clicked"], total["reward"]) == (2, 1, 2.0)
    assert (reading.read, reading.beyond, reading.log.read) == (3, 1, 2)
    assert [key for key, _, _ in reading.queries.top(5)] == ["sad songs"]
    assert reading.modes["live"] == 2
    assert reading.arms["bm25"].asked == 3
    assert reading.newest == log.start + 3


def test_a_log_can_be_judged_as_far_as_it_was_learned_from_if_it_is_at_all():
    assert judged_up_to(Watermark(settled=9, learned=4)) == 4
    assert judged_up_to(Watermark(settled=9)) == 9


def test_how_the_arms_fared(log):
    reading = Reading.of(
        [
            log.settled(1, reports=[ArmReport("bm25", 10, 4, 0.5), ArmReport("memory", 10, 0, 0.1)]),
            log.settled(2, reports=[ArmReport("bm25", 10, 0, 1.0, error="timeout")]),
            log.settled(3, reports=[ArmReport("bm25", 10, 0, 0.0, error="ValueError: of no use")]),
        ]
    )
    bm25, memory = reading.arms["bm25"], reading.arms["memory"]
    assert (bm25.asked, bm25.depth, bm25.returned, bm25.seconds, bm25.empty) == (3, 30, 4, 1.5, 0)
    assert bm25.failed == {"timeout": 1, "ValueError": 1}
    assert (memory.asked, memory.empty) == (1, 1)


def test_pages_by_ranker(log):
    reading = Reading.of([log.settled(1, {"a": 2.0}), log.settled(2, ranker_version=3), log.settled(3)])
    assert {version: (runs.searches, runs.clicked, runs.reward) for version, runs in reading.rankers.items()} == {
        0: (2, 1, 2.0),
        3: (1, 0, 0.0),
    }


def test_faults_are_counted(log):
    other = ActionSet((Arm("bm25", "lexical", (0, 10)),), 10, {"bm25": 10})
    reading = Reading.of(
        [
            log.settled(1, {"a": 1.0, "elsewhere": 1.0}),
            log.settled(2, shown=(), decided_at=log.start - 60),
            log.settled(
                3, decided_at=log.start - 60.5, actions=other, allocation={"bm25": 10}, marginals={"bm25": (0.5, 0.5)}
            ),
        ]
    )
    assert (reading.rewarded, reading.not_shown) == (2, 1)
    assert reading.empty_pages == 1
    assert reading.steps_back == 1
    assert sorted(reading.action_sets.values()) == [1, 2]


def test_frequent_queries():
    queries = FrequentQueries()
    for key, clicked in [("a", True), ("b", False), ("b", False), ("a", False), ("c", False)]:
        queries.add(key, clicked)
    assert queries.top(2) == [("a", 2, 1), ("b", 2, 0)]
    assert queries.top(5, unclicked=True) == [("b", 2, 0), ("c", 1, 0)]


def test_the_rarer_half_of_too_many_queries_is_forgotten():
    queries = FrequentQueries(most=4)
    for key in ["a", "a", "a", "b", "b", "c", "d", "e"]:
        queries.add(key, clicked=False)
    assert queries.top(9) == [("a", 3, 0), ("b", 2, 0)]
