"""The commands that learn, and look after what was learned: `learn`, `train-ranker`, `models`, `activate`, `prune`."""

import time
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from threading import Event
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ltrr_haystack.cli.options import (
    ClientShare,
    Home,
    JsonFile,
    Pipelines,
    Store,
    name_client_share,
    open_store,
    require_place,
    require_store,
    told,
    use_store,
    write_json,
)
from ltrr_haystack.learning import Progress
from ltrr_haystack.store import LTRRStore, SpaceFreed, kinds


class Kind(Enum):
    """What there are snapshots of."""

    POLICY = kinds.POLICY
    RANKER = kinds.RANKER


def learn(
    follow: Annotated[bool, typer.Option("--follow", help="Go on until told to stop.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two passes.", min=0.05)] = 2.0,
    reward_wait: Annotated[
        float | None,
        typer.Option(
            help="Seconds that a decision waits for feedback. (default: $LTRR_REWARD_WAIT or 1800)", show_default=False
        ),
    ] = None,
    client_share: ClientShare = None,
    create: Annotated[bool, typer.Option("--create", help="Begin with an empty store where there is none.")] = False,
    pipelines: Pipelines = None,
    store: Store = None,
    home: Home = None,
) -> None:
    """
    Turn settled decisions into a better policy and a better memory.

    Of the pipelines only the router is loaded: their retrievers need not be installed.
    """
    from ltrr_haystack.learning import follow as run
    from ltrr_haystack.server.bundled import provided
    from ltrr_haystack.server.learners import learner_of

    with told():
        use_store(store, home)
        name_client_share(client_share)
        named = LTRRStore() if store is not None else None
        learner = learner_of(pipelines or provided("pipelines"), reward_wait=reward_wait, store=named)
        if not create:
            require_store(learner.store, "name the one you mean with --store or --home, or begin one with --create")
        if follow:
            typer.echo(f"Learning; a decision counts {learner.reward_wait:g} s after it was made. Ctrl-C ends it.")
            run(learner, interval, Event())
        else:
            typer.echo(_passed(learner.run_once()))


def train_ranker(
    store: Store = None,
    home: Home = None,
    min_decisions: Annotated[int, typer.Option(help="With fewer rewarded decisions nothing is trained.", min=1)] = 200,
    activate: Annotated[bool, typer.Option(help="Whether a model that passes the gate goes live.")] = True,
    seed: Annotated[int, typer.Option(help="Parts the queries for the judging.")] = 0,
    json_file: JsonFile = None,
) -> None:
    """Train the ranker on the log, judge it on queries that it has not seen, and activate it if it is better."""
    from ltrr_haystack.ranking.report import render
    from ltrr_haystack.ranking.training import train_ranker as run

    with told():
        require_place(json_file)
        report = run(open_store(store, home), min_decisions=min_decisions, activate_if_passed=activate, seed=seed)
        Console().print(render(report))
        if json_file is not None:
            write_json(json_file, {**report.to_dict(), **report.card()})


def models(store: Store = None, home: Home = None) -> None:
    """List the snapshots of policies and rankers, which are active, and what is known of them."""
    with told():
        opened = open_store(store, home)
        table = Table("kind", "version", "state", "made (UTC)", "card")
        for kind in (each.value for each in Kind):
            active, damaged = opened.active_version(kind), opened.damaged_snapshots(kind)
            for info in opened.snapshots(kind):
                marks = ["active"] * (info.version == active) + ["damaged"] * (info.version in damaged)
                table.add_row(kind, str(info.version), ", ".join(marks), _moment(info.created_at), _told_by(info.card))
        Console().print(table)


def activate(
    kind: Annotated[Kind, typer.Argument(help="Which of the two.")],
    version: Annotated[int, typer.Argument(help="A version that `ltrr models` lists; 0 for none.")],
    store: Store = None,
    home: Home = None,
) -> None:
    """Make a snapshot the active one: the way back to an earlier model."""
    with told():
        open_store(store, home).activate(kind.value, version)
        typer.echo(f"{kind.value} {version} is active")


def prune(
    older_than: Annotated[float, typer.Option("--older-than", help="Days.", min=0)] = 90.0,
    rewrite: Annotated[
        bool,
        typer.Option("--rewrite", help="Write a large store of an earlier version anew; nobody else can write then."),
    ] = False,
    store: Store = None,
    home: Home = None,
) -> None:
    """Remove old searches with their events from the log, and give their space back; what was learned stays."""
    with told():
        opened = open_store(store, home)
        removed = opened.prune(time.time() - older_than * 86_400)
        typer.echo(f"{removed:,} searches removed; those that nothing was learned from yet are kept")
        typer.echo(_told_of_space(opened.give_back(rewrite=rewrite)))


def _told_of_space(freed: SpaceFreed | None) -> str:
    if freed is None:
        return "PostgreSQL uses the space again by itself (autovacuum); only VACUUM FULL gives it back to the disk"
    given_back = f"{freed.given_back / 1e6:,.1f} MB given back to the disk"
    if freed.left < 1_000_000:
        return given_back
    return f"{given_back}; {freed.left / 1e6:,.1f} MB are left free in the file (--rewrite gives them back)"


def _passed(progress: Progress) -> str:
    """What a pass came to, in a line; whatever else it counts is told if there was any of it."""
    if progress.busy is not None:
        return "nothing learned: another learner is at it, in a server or as `ltrr learn --follow`"
    known = ("settled", "learned", "late", "version", "busy")
    others = {field.name: getattr(progress, field.name) for field in fields(progress) if field.name not in known}
    parts = [
        f"learned from {progress.learned:,} decisions and {progress.late:,} late rewards",
        f"settled up to decision {progress.settled:,}",
        f"policy version {progress.version:,}",
        *(f"{name.replace('_', ' ')}: {count}" for name, count in others.items() if count),
    ]
    return "; ".join(parts)


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _told_by(card: Mapping[str, Any]) -> str:
    """The plain figures of a card, and in lines of their own what each of a policy's gates has come to."""
    plain = {key: value for key, value in card.items() if isinstance(value, str | int | float)}
    gate = card.get("gate")
    if isinstance(gate, Mapping):
        plain["gate"] = "passed" if gate.get("passed") else "not passed"
    figures = ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in plain.items()
    )
    verdicts = [
        f"{key}{' (held back)' if part.get('safe_start') else ''}: {part['verdict']}"
        for key, part in card.items()
        if isinstance(part, Mapping) and isinstance(part.get("verdict"), str)
    ]
    return "\n".join([figures, *verdicts])
