"""What was understood of a query, as tables for people."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ltrr_haystack.server.schemas import ReadingClicked, ReadingExplained, UnderstandingExplained

LONGEST_TEXT = 48
LONGEST_FILTERS = 400


def understanding_tables(understanding: UnderstandingExplained) -> RenderableType:
    """
    Show what was understood of a query.

    :param understanding: What was understood.
    :returns: What Rich can print: its normal form, language, type and intents, and its readings.
    """
    line = (
        f"normal form: {plain_line(understanding.normal_form)}; language: {understanding.language}; type: "
        f"{understanding.query_type}"
    )
    return Group(Text("\n".join([line, intents_line(understanding.intents)])), readings_table(understanding.readings))


def intents_line(intents: Mapping[str, float]) -> str:
    """
    Show the intents of a query.

    :param intents: Intent → probability.
    :returns: One line.
    """
    told = ", ".join([f"{plain_line(intent)} {probability:.2f}" for intent, probability in intents.items()])
    return f"intents: {told or 'none known'}"


def readings_table(readings: Sequence[ReadingExplained]) -> RenderableType:
    """
    Show what a query may mean.

    :param readings: Its readings, the likeliest first.
    :returns: A table; a sentence where there are none.
    """
    if not readings:
        return Text("readings: none, since no lexicon reads the queries of this pipeline")
    table = Table(title="Readings", title_justify="left")
    table.add_column("", justify="right")
    table.add_column("probability", justify="right")
    clicked = any(reading.clicks is not None for reading in readings)
    for title in ("slots", "left over", "filters", *(["clicks"] if clicked else [])):
        table.add_column(title)
    for place, reading in enumerate(readings, start=1):
        slots = [f"{plain_line(field)}: {plain_line(value)}" for field, value in reading.slots.items()]
        table.add_row(
            str(place),
            f"{reading.probability:.3f}",
            Text("\n".join(slots) or "–"),
            Text(plain_line(reading.leftover) or "–"),
            Text(plain_line(_written(reading.filters), LONGEST_FILTERS) or "–"),
            *([clicks_line(reading.clicks)] if clicked else []),
        )
    return table


def clicks_line(clicks: ReadingClicked | None) -> str:
    """
    Show what clicks say of a reading.

    :param clicks: The clicks.
    :returns: Clicks for and against the reading, and what they multiply its probability by; a dash where they say
        nothing.
    """
    if clicks is None:
        return "–"
    return f"{clicks.chosen:.1f} for, {clicks.passed:.1f} against: × {clicks.multiplier:.2f}"


def plain_line(text: str, longest: int = LONGEST_TEXT) -> str:
    """
    Write a text in one line, without what a terminal would take for a command.

    :param text: Any text.
    :param longest: Most characters of the line.
    :returns: The line; the end of a longer text is left out.
    """
    line = " ".join("".join([each if each.isprintable() else " " for each in text[: 4 * longest]]).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _written(filters: Mapping[str, Any]) -> str:
    """Haystack filters as people write conditions."""
    if "conditions" in filters:
        parts = [_written(each) for each in filters["conditions"]]
        return f" {filters['operator']} ".join(
            [f"({part})" if len(parts) > 1 and " OR " in part else part for part in parts]
        )
    if not filters:
        return ""
    value = json.dumps(filters.get("value"), ensure_ascii=False, default=str)
    return f"{filters.get('field')} {filters.get('operator')} {value}"
