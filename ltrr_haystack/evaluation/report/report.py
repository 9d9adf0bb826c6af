"""The report of a running system: what it learned, what it saves, and whether its figures can be believed."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ltrr_haystack.evaluation.interchange.files import replacing
from ltrr_haystack.evaluation.report.arms import arms
from ltrr_haystack.evaluation.report.exploration import exploration
from ltrr_haystack.evaluation.report.health import health, health_section, ordered
from ltrr_haystack.evaluation.report.looks import looks
from ltrr_haystack.evaluation.report.models import models
from ltrr_haystack.evaluation.report.over_time import learning, memory, savings
from ltrr_haystack.evaluation.report.page import render
from ltrr_haystack.evaluation.report.queries import queries
from ltrr_haystack.evaluation.report.reading import Reading, judged_up_to
from ltrr_haystack.evaluation.report.tiles import beyond, tiles
from ltrr_haystack.evaluation.report.trust import Alternatives, reliability
from ltrr_haystack.evaluation.report.values import CurveChart, ReportPage, Section, moment
from ltrr_haystack.evaluation.report.verdict import verdict
from ltrr_haystack.store import LTRRStore, read_log


def report(store: LTRRStore, out: Path, *, pipelines: Path | None = None, now: float | None = None) -> ReportPage:
    """
    Write a report on the log of a store as one HTML file, which needs nothing else to be read.

    ### Usage example

    ```python
    from pathlib import Path
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.evaluation.report import report

    report(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), Path("report.html"))
    ```

    :param store: The store with the log.
    :param out: The file.
    :param pipelines: The search pipeline, or a folder with it, whose policy settings belong to the snapshots; a
        `VWPolicy` with its defaults if left out.
    :param now: Seconds since 1970 at which the report is made; the clock's time if left out.
    :returns: What the report says, before it became a page.
    :raises ConfigurationError: If the file cannot be written.
    """
    page = gather(store, time.time() if now is None else now, pipelines)
    with replacing(out) as file:
        file.write(render(page))
    return page


def gather(store: LTRRStore, now: float, pipelines: Path | None = None) -> ReportPage:
    """
    Read a log and say what there is to say of it.

    :param store: The store with the log.
    :param now: The time, in seconds since 1970.
    :param pipelines: Where the policy's settings are.
    :returns: The report as plain values.
    """
    watermark, counts = store.watermark(), store.counts()
    others = Alternatives(store, pipelines)
    reading = Reading.of(read_log(store, judged_up_to(watermark)), others.add)
    estimates, on_estimates = others.section(reading.log)
    versions, on_versions = models(store, reading.rankers)
    findings = health(reading, counts, watermark, now)
    if on_estimates or on_versions:
        found = [finding for finding in findings if finding.severity != "good"]
        findings = ordered([*found, *(on_estimates if reading.blocks.searches else ()), *on_versions])
    sections = (
        reading.apart.section(),
        learning(reading),
        savings(reading),
        arms(reading),
        memory(reading),
        looks(store),
        exploration(reading),
        reliability(reading),
        estimates,
        versions,
        queries(reading),
        health_section(findings),
    )
    if any(finding.severity == "bad" for finding in findings):
        sections = (sections[-1], *sections[:-1])
    searches = reading.blocks.searches
    when = f"{moment(reading.oldest)} to {moment(reading.newest)} UTC" if searches else "nothing settled yet"
    subtitle = (
        f"{searches:,} settled searches, {when}{beyond(reading)}. {counts.decisions:,} decisions and "
        f"{counts.events:,} events in the store. Made {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC."
    )
    said, following = verdict(reading)
    return ReportPage(
        "What the search has learned",
        subtitle,
        {tile.name: tile.value for tile in tiles(reading)},
        tuple(map(with_points, sections)),
        said,
        following,
    )


def with_points(section: Section) -> Section:
    """
    Leave out charts in which there is nothing to draw.

    :param section: A section.
    :returns: The section without them.
    """
    charts = (
        chart
        for chart in section.charts
        if not isinstance(chart, CurveChart) or any(curve.points for curve in chart.curves)
    )
    return replace(section, charts=tuple(charts))
