"""The section on what people search for."""

from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.evaluation.report.values import Grid, Section, percent

MOST = 15
LEAST_SEARCHES = 5
"""So often must a query have been searched to stand among those without a click."""

LONGEST = 80


def queries(reading: Reading) -> Section:
    """
    Frequent queries, and those that nobody clicks on.

    :param reading: The sums over the log.
    :returns: The section.
    """
    top = reading.queries.top(MOST)
    unclicked = [row for row in reading.queries.top(MOST, unclicked=True) if row[1] >= LEAST_SEARCHES]
    return Section(
        "queries",
        "What do people search for?",
        "The most frequent queries, and those of them that nobody clicks on.",
        grids=(
            Grid(
                "Most frequent",
                ("query", "searches", "click rate"),
                tuple((_short(key), f"{searches:,}", percent(clicked / searches)) for key, searches, clicked in top),
            ),
            Grid(
                "Most frequent without a click",
                ("query", "searches"),
                tuple((_short(key), f"{searches:,}") for key, searches, _ in unclicked),
            ),
        ),
        more="Queries that are searched often and never clicked on are where a catalogue, or an arm, is wanting. The "
        f"list has those with at least {LEAST_SEARCHES} searches.",
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
