"""What the learning dashboard shows, from the sums over the log and from the store."""

from collections.abc import Mapping

from haystack import Pipeline
from pydantic import BaseModel

from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.evaluation.report.arms import arms
from ltrr_haystack.evaluation.report.exploration import exploration
from ltrr_haystack.evaluation.report.health import health, health_section
from ltrr_haystack.evaluation.report.looks import looks
from ltrr_haystack.evaluation.report.markup import contents
from ltrr_haystack.evaluation.report.models import models, newest
from ltrr_haystack.evaluation.report.over_time import learning, memory, savings
from ltrr_haystack.evaluation.report.queries import queries
from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.evaluation.report.report import with_points
from ltrr_haystack.evaluation.report.tiles import Tile, tiles
from ltrr_haystack.evaluation.report.values import Grid, Section, decimal, moment
from ltrr_haystack.evaluation.report.verdict import verdict
from ltrr_haystack.policy.vw import REMEMBERED
from ltrr_haystack.store import PAGE, POLICY, RANKER, Counts, LTRRStore

MOST_VERSIONS = 8
REMEMBERED_QUERIES = 5
REMEMBERED_DOCUMENTS = 3

AT_ONCE = "The learned policy is played at once: this server was started without a safe start."


class ShownSection(BaseModel):
    """
    A section.

    :param key: Its anchor.
    :param title: The question that it answers.
    :param markup: HTML in which every text is escaped.
    """

    key: str
    title: str
    markup: str


class ModelVersion(BaseModel):
    """
    A version of a model.

    :param kind: Kind of model.
    :param version: Its version.
    :param active: Whether it is in use.
    :param made: When it was made.
    :param gate: What its gate says.
    """

    kind: str
    version: int
    active: bool
    made: str
    gate: str


class DashboardData(BaseModel):
    """
    What the dashboard shows.

    :param made_at: When it was made, in seconds since 1970, UTC.
    :param reached: The share of the log that was read so far, from 0 to 1.
    :param searches: Settled searches in the range.
    :param verdict: What the policy is worth, in a sentence or two.
    :param following: What to do next.
    :param safe_start: How far the policy is let loose.
    :param tiles: The figures to be seen first.
    :param sections: The sections.
    :param models: The newest versions of each model, and those in use.
    """

    made_at: float
    reached: float
    searches: int
    verdict: str
    following: str
    safe_start: str
    tiles: list[Tile]
    sections: list[ShownSection]
    models: list[ModelVersion]


def dashboard_data(
    store: LTRRStore,
    reading: Reading,
    pipelines: Mapping[str, Pipeline],
    now: float,
    reached: float,
    *,
    starts_safely: bool = True,
) -> DashboardData:
    """
    Make the dashboard's data.

    :param store: The store with the log.
    :param reading: The sums over the searches in the range.
    :param pipelines: The pipelines, whose FeedbackWriters count what they reject.
    :param now: The time, in seconds since 1970.
    :param reached: The share of the log that `reading` has.
    :param starts_safely: Whether the server plays the baseline until the log speaks for the policy.
    :returns: The data.
    :raises StoreError: If the store cannot be read.
    """
    counts = store.counts()
    said, following = verdict(reading)
    versions, on_versions = models(store, reading.rankers)
    sections = (
        reading.apart.section() if reading.blocks.searches else None,
        learning(reading),
        savings(reading),
        arms(reading),
        exploration(reading),
        looks(store),
        _with_entries(memory(reading), store, reading),
        versions,
        _feedback(counts, pipelines),
        queries(reading),
        health_section((*health(reading, counts, store.watermark(), now), *on_versions)),
    )
    return DashboardData(
        made_at=now,
        reached=reached,
        searches=reading.blocks.searches,
        verdict=said,
        following=following,
        safe_start=_safe_start(store) if starts_safely else AT_ONCE,
        tiles=list(tiles(reading)),
        sections=[
            ShownSection(key=each.key, title=each.title, markup=contents(with_points(each)))
            for each in sections
            if each is not None
        ],
        models=_models(store),
    )


def _safe_start(store: LTRRStore) -> str:
    """The active policy's verdict, and since when it is past its safe start."""
    policies = sorted(store.snapshots(POLICY), key=lambda info: -info.version)
    active = next((info for info in policies if info.active), None)
    if active is None:
        return "No policy has been learned yet: the baseline is played."
    if active.card.get("safe_start") is not False:
        return (
            "The safe start holds: the baseline is played, for queries searched before with or without memory, until "
            f"the log speaks for the policy. {_told(active.card)}"
        )
    since = active.created_at
    for info in (each for each in policies if each.version < active.version):
        if info.card.get("safe_start") is not False:
            break
        since = info.created_at
    return f"The policy is past its safe start, since {moment(since)} UTC or before. {_told(active.card)}"


def _told(card: Mapping[str, object]) -> str:
    part = card.get(REMEMBERED)
    told = part.get("verdict") if isinstance(part, Mapping) else None
    return f"For queries searched before: {told}." if isinstance(told, str) else ""


def _with_entries(section: Section, store: LTRRStore, reading: Reading) -> Section:
    rows = []
    for key, _, _ in reading.queries.top(REMEMBERED_QUERIES):
        entries = sorted(store.memory(key), key=lambda entry: -entry.successes)[:REMEMBERED_DOCUMENTS]
        rows += [(key, one.object_id, decimal(one.exposures, 1), decimal(one.successes, 1)) for one in entries]
    grid = Grid(
        "What is remembered for the most frequent queries", ("query", "document", "looks", "successes"), tuple(rows)
    )
    return Section(section.key, section.title, section.text, section.charts, (*section.grids, grid), (), section.more)


def _feedback(counts: Counts, pipelines: Mapping[str, Pipeline]) -> Section:
    statuses: dict[str, int] = {}
    reasons: dict[str, int] = {}
    writers = (part for pipeline in pipelines.values() for _, part in pipeline.walk())
    for writer in writers:
        if isinstance(writer, FeedbackWriter):
            for sums, new in zip((statuses, reasons), writer.outcomes.counts(), strict=True):
                for key, count in new.items():
                    sums[key] = sums.get(key, 0) + count
    since = tuple((status, f"{statuses.get(status, 0):,}") for status in ("accepted", "duplicate", "rejected"))
    wrong = tuple((reason, f"{count:,}") for reason, count in sorted(reasons.items(), key=lambda each: -each[1]))
    return Section(
        "feedback",
        "Does feedback arrive?",
        f"The store holds {counts.events:,} events, {counts.late_events:,} of which came after the reward wait.",
        grids=(
            Grid("Since this server process started", ("events", "number"), since),
            Grid("Rejected, by the field that was wrong", ("field", "events"), wrong),
        ),
    )


def _models(store: LTRRStore) -> list[ModelVersion]:
    found = []
    for kind in (POLICY, RANKER, PAGE):
        found += [
            ModelVersion(
                kind=kind,
                version=info.version,
                active=info.active,
                made=f"{moment(info.created_at)} UTC",
                gate=_gate(info.card),
            )
            for info in newest(store.snapshots(kind), MOST_VERSIONS)
        ]
    return found


def _gate(card: Mapping[str, object]) -> str:
    gate = card.get("gate")
    if isinstance(gate, Mapping):
        return f"{'passed' if gate.get('passed') else 'not passed'}: {gate.get('reason', '')}".rstrip(": ")
    if "safe_start" in card:
        return "past its safe start" if card["safe_start"] is False else "held back by the safe start"
    return ""
