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
    assert found["candidates saved"].figure == pytest.approx(1 - (20 + 3 * 5) / 80)
    assert found["arm calls saved"].figure == pytest.approx(1 - (2 + 3) / 8)
