import pytest

from ltrr_haystack.evaluation.report.over_time import learning, memory, savings
from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.types import ArmReport, Features


@pytest.fixture
def reading(log):
    """150 searches: first nothing is clicked, then every second search; from the 76th on one arm, without memory."""
    return Reading.of(
        log.settled(number, {"a": 2.0} if number > 75 and number % 2 else {})
        if number <= 75
        else log.settled(
            number,
            {"a": 2.0} if number % 2 else {},
            allocation={"bm25": 10, "memory": 0},
            preferred={"bm25": 10, "memory": 0},
            features=Features(history={"bm25": {"cnt": 1.0}}),
        )
        for number in range(1, 151)
    )


def test_the_learning_curve(reading):
    section = learning(reading)
    rate, reward, net, safe = section.charts
    (clicked,) = rate.curves
    assert [(point.first, point.last) for point in clicked.points] == [
        (1, 25), (26, 50), (51, 75), (76, 100), (101, 125), (126, 150),
    ]  # fmt: skip
    assert [point.estimate.value for point in clicked.points] == pytest.approx([0, 0, 0, 12 / 25, 13 / 25, 12 / 25])
    assert clicked.points[0].estimate.high == pytest.approx(3.84146 / 28.84146, abs=1e-5)
    assert [point.estimate.value for point in reward.curves[0].points][3:] == pytest.approx([0.96, 1.04, 0.96])
    assert [point.estimate.value for point in net.curves[0].points][2:4] == pytest.approx([-0.1, 0.86])
    assert [point.estimate.value for point in safe.curves[1].points] == [1, 1, 1, 0, 0, 0]


def test_the_thirds(reading):
    (thirds,) = learning(reading).grids
    assert [row[:2] for row in thirds.rows] == [("first third", "50"), ("second third", "50"), ("last third", "50")]
    assert thirds.rows[0][2].startswith("0.0% (0.0% to 7.1%)")
    assert thirds.rows[1][2].startswith("24.0%")
    assert thirds.rows[2][3].startswith("1.000 (")


def test_what_was_saved(reading):
    section = savings(reading)
    candidates, calls = section.charts[0].curves
    assert [point.estimate.value for point in candidates.points] == [0, 0, 0, 0.5, 0.5, 0.5]
    assert [point.estimate.value for point in calls.points] == [0, 0, 0, 0.5, 0.5, 0.5]
    assert section.grids[0].rows == (
        ("candidates", "15.00", "20.00", "25 % fewer"),
        ("arm calls", "1.50", "2.00", "25 % fewer"),
    )


def test_memory_coverage(reading):
    remembered, found = memory(reading).charts[0].curves
    assert [point.estimate.value for point in remembered.points] == [0, 0, 0, 1, 1, 1]
    assert [point.last for point in found.points] == [25, 50, 75]
    assert {point.estimate.value for point in found.points} == {1.0}


def test_without_a_memory_arm_there_is_one_curve(log):
    reading = Reading.of([log.settled(1, reports=[ArmReport("bm25", 10, 1, 0.1)])])
    assert [curve.name for curve in memory(reading).charts[0].curves] == ["query remembered"]
