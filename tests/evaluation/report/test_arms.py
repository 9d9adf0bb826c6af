from ltrr_haystack.evaluation.report.arms import arms
from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.types import ArmReport

BM25 = {"bm25": 10, "memory": 0}


def test_arm_shares_by_query_type(log):
    reading = Reading.of(
        [log.settled(number, allocation=BM25, query_type="question") for number in range(1, 21)]
        + [log.settled(number) for number in range(21, 51)]
    )
    section = arms(reading)
    topical, question = section.charts
    assert (topical.title, question.title) == ("topical: 30 searches", "question: 20 searches")
    bm25, memory = question.curves
    assert [(point.first, point.last, point.estimate.value) for point in bm25.points] == [(1, 25, 1.0)]
    assert [(point.first, point.last, point.estimate.value) for point in memory.points] == [(1, 25, 0.0)]
    assert section.grids[0].columns == ("query type", "searches", "bm25", "memory")
    assert section.grids[0].rows == (("topical", "30", "100.0%", "100.0%"), ("question", "20", "100.0%", "0.0%"))


def test_how_they_fared(log):
    failure = ArmReport("bm25", 10, 0, 0.03, error="timeout")
    reading = Reading.of(
        [
            log.settled(1, reports=[ArmReport("bm25", 10, 4, 0.01)]),
            log.settled(2, reports=[failure]),
            log.settled(3, reports=[ArmReport("bm25", 10, 0, 0.02)]),
            log.settled(4, reports=[ArmReport("bm25", 30, 4, 0.02)]),
        ]
    )
    assert arms(reading).grids[1].rows == (
        ("bm25", "4", "25.0% (timeout 1)", "25.0%", "15.0", "2.0", "20.0"),
        ("memory", "0", "0", "–", "–", "–", "–"),
    )
