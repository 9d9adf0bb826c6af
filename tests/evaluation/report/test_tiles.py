from dataclasses import replace

import pytest

from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.evaluation.report.tiles import tiles


def test_without_settled_searches_nothing_else_is_known():
    assert [(tile.name, tile.value, tile.figure) for tile in tiles(Reading())] == [("settled searches", "0", 0)]


def test_figures_are_given_in_words_and_bare(log):
    """Four searches, one of them clicked; the baseline asks for 20 candidates from 2 arms."""
    reading = Reading.of(
        [
            log.settled(1, {"a": 1.0, "b": 2.0}),
            *(log.settled(number, allocation={"bm25": 0, "memory": 5}) for number in (2, 3, 4)),
        ]
    )
    found = {tile.name: tile for tile in tiles(reading)}
    assert found["settled searches"].figure == 4
    assert (found["click rate"].value, found["click rate"].figure) == ("25.0%", 0.25)
    assert found["click rate"].text == "4.6% to 69.9%"
    assert found["reward per search"].figure == pytest.approx(0.75)
    assert found["candidates"].figure == pytest.approx((20 + 3 * 5) / 80 - 1)
    assert (found["candidates"].value, found["candidates"].text) == ("56 % fewer", "than the baseline asks for")
    assert found["arm calls"].figure == pytest.approx((2 + 3) / 8 - 1)


def test_more_than_the_baseline_asks_for_is_said_to_be_more(log):
    actions = replace(log.actions, baseline={"bm25": 10})
    found = {tile.name: tile for tile in tiles(Reading.of([log.settled(1, actions=actions)]))}
    assert (found["arm calls"].value, found["candidates"].value) == ("100 % more", "100 % more")
