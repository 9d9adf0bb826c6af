from ltrr_haystack.evaluation.report.queries import queries
from ltrr_haystack.evaluation.report.reading import Reading


def test_frequent_queries_and_those_without_a_click(log):
    searches = ["sad songs"] * 8 + ["brass band"] * 5 + ["rare"] * 4 + ["x" * 200]
    reading = Reading.of(
        log.settled(number, {"a": 1.0} if query == "sad songs" and number % 2 else {}, query=query)
        for number, query in enumerate(searches, start=1)
    )
    frequent, unclicked = queries(reading).grids
    assert frequent.rows[:3] == (("sad songs", "8", "50.0%"), ("brass band", "5", "0.0%"), ("rare", "4", "0.0%"))
    assert frequent.rows[3][0] == "x" * 79 + "…"
    assert unclicked.rows == (("brass band", "5"),)
