"""The figures that are to be seen first."""

from dataclasses import dataclass

from ltrr_haystack.evaluation.report.over_time import against_baseline, saved
from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.evaluation.report.values import ReportFigure, decimal, percent, share_of

NEWEST = 5
"""Of as many parts of the log the last one is told apart."""


@dataclass(frozen=True, slots=True)
class Tile:
    """
    A figure to be seen first.

    :param name: What it is.
    :param value: The figure in words.
    :param text: What it means.
    :param figure: The bare figure; `None` if it is not known.
    """

    name: str
    value: str
    text: str
    figure: float | None


def tiles(reading: Reading) -> tuple[Tile, ...]:
    """
    Give the figures to be seen first.

    :param reading: The sums over the log.
    :returns: The figures; of a log without settled searches only that.
    """
    total, searches = reading.blocks.total(), reading.blocks.searches
    if not searches:
        return (Tile("settled searches", "0", f"none yet{beyond(reading)}", 0),)
    last = reading.blocks.blocks(NEWEST)[-1]
    clicked, newest = share_of(total["clicked"], searches), share_of(last["clicked"], last.searches)
    reward, drawn = total["reward"] / searches, total["drawn"] / searches
    remembered = last["remembered"] / last.searches
    return (
        Tile("settled searches", f"{searches:,}", f"whose reward wait is over{beyond(reading)}", searches),
        Tile("click rate", percent(clicked.value), _interval(clicked, share=True), clicked.value),
        Tile(f"click rate, last {last.searches:,}", percent(newest.value), _interval(newest, share=True), newest.value),
        Tile("reward per search", decimal(reward), "in units of a click", reward),
        *_compared(reading),
        _asked("candidates", saved(total, "candidates").value),
        _asked("arm calls", saved(total, "calls").value),
        Tile(f"queries remembered, last {last.searches:,}", percent(remembered), "of the searches", remembered),
        Tile("explored", percent(drawn), "of the pages, lower places", drawn),
    )


def beyond(reading: Reading) -> str:
    """
    Say how many searches are in none of the figures, since they are beyond their client's share.

    :param reading: The sums over the log.
    :returns: The end of a sentence; empty where there are none.
    """
    if not reading.beyond:
        return ""
    return f"; {reading.beyond:,} more {'is' if reading.beyond == 1 else 'are'} beyond their client's share"


def _compared(reading: Reading) -> list[Tile]:
    found = []
    for measure, share in (("reward per search", False), ("click rate", True)):
        compared = reading.apart.comparison(measure)
        if compared is not None:
            one = compared.difference
            written = percent(one.value) if share else decimal(one.value)
            value = f"+{written}" if one.value > 0 else written
            found.append(Tile(f"{measure}, against the baseline", value, _interval(one, share=share), one.value))
    return found


def _asked(name: str, saving: float) -> Tile:
    return Tile(name, against_baseline(saving), "than the baseline asks for", -saving if saving == saving else None)


def _interval(one: ReportFigure, *, share: bool) -> str:
    write = percent if share else decimal
    return "" if one.low is None or one.high is None else f"{write(one.low)} to {write(one.high)}"
