"""The commands for learning and for the store: `learn`, `train-ranker`, `models`, `activate`, `prune`."""

import time
from collections.abc import Mapping
from dataclasses import fields
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
    configure_store,
    open_store,
    report_errors,
    require_store,
    require_writable,
    set_client_share,
    utc,
    write_json,
)
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.learning import Progress
from ltrr_haystack.ranking.place_prior import PlacePrior
from ltrr_haystack.store import LTRRStore, SpaceFreed, kinds

OLDEST = 100_000
"""Days; a log is not that old."""


class Kind(Enum):
    """Kinds of models."""

    POLICY = kinds.POLICY
    RANKER = kinds.RANKER
    PAGE = kinds.PAGE
    CLICKS = kinds.CLICKS
    ALLOCATIONS = kinds.ALLOCATIONS
    CATALOGUE = kinds.CATALOGUE
    LEXICON = kinds.LEXICON
    INTENTS = kinds.INTENTS


def learn(
    follow: Annotated[bool, typer.Option("--follow", help="Keep learning until interrupted.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two passes.", min=0.05)] = 2.0,
    reward_wait: Annotated[
        float | None,
        typer.Option(
            help="Seconds that a decision waits for feedback. (default: $LTRR_REWARD_WAIT or 1800)", show_default=False
        ),
    ] = None,
    client_share: ClientShare = None,
    create: Annotated[
        bool, typer.Option("--create", help="Create the store if there is none, also in a database with other tables.")
    ] = False,
    pipelines: Pipelines = None,
    store: Store = None,
    home: Home = None,
) -> None:
    """
    Update the policy and the memory index from settled decisions.

    Only the router of the pipelines is loaded, so their retrievers need not be installed.
    """
    from ltrr_haystack.learning import follow as run
    from ltrr_haystack.server.bundled import bundled_folder
    from ltrr_haystack.server.learners import load_learner, training_schedule

    with report_errors():
        configure_store(store, home, create=create)
        set_client_share(client_share)
        named = LTRRStore() if store is not None else None
        learner = load_learner(pipelines or bundled_folder("pipelines"), reward_wait=reward_wait, store=named)
        if not create:
            require_store(learner.store, "set another one with --store or --home, or create one with --create")
        if follow:
            typer.echo(f"Learning from decisions {learner.reward_wait:g} s after they were made. Press Ctrl-C to stop.")
            training = training_schedule(learner.store)
            try:
                run(learner, interval, Event(), None if training is None else lambda _: training.look())
            finally:
                if training is not None:
                    training.stop()
        else:
            typer.echo(_progress_text(learner.run_once()))


def train_ranker(
    store: Store = None,
    home: Home = None,
    min_decisions: Annotated[int, typer.Option(help="Minimum number of rewarded decisions to train on.", min=1)] = 200,
    activate: Annotated[
        bool, typer.Option(help="Whether to activate what is learned, the ranker only if it passes the gate.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Seed of the split into training and test queries.")] = 0,
    json_file: JsonFile = None,
) -> None:
    """Fit the page model to the log; train a ranker, and activate it if it is not worse than what is live."""
    from ltrr_haystack.ranking.report import render
    from ltrr_haystack.ranking.training import train_page

    with report_errors():
        require_writable(json_file)
        opened = open_store(store, home)
        before = opened.active_version(kinds.PAGE)
        report = train_page(opened, min_decisions=min_decisions, activate_if_passed=activate, seed=seed)
        Console().print(render(report))
        Console().print(_page_model_text(opened, before), highlight=False, soft_wrap=True)
        if json_file is not None:
            write_json(json_file, report.to_dict())


def models(store: Store = None, home: Home = None) -> None:
    """List the snapshots of all models and of what is known of the documents, and which are active."""
    with report_errors():
        opened = open_store(store, home)
        table = Table("kind", "version", "state", "created (UTC)", "card")
        for kind in (each.value for each in Kind):
            active, damaged = opened.active_version(kind), opened.damaged_snapshots(kind)
            for info in opened.snapshots(kind):
                marks = ["active"] * (info.version == active) + ["damaged"] * (info.version in damaged)
                table.add_row(kind, str(info.version), ", ".join(marks), utc(info.created_at), _card_text(info.card))
        Console().print(table)


def activate(
    kind: Annotated[Kind, typer.Argument(help="Kind of model.")],
    version: Annotated[
        int, typer.Argument(help="A version that `ltrr models` lists; 0 deactivates all versions.", min=0)
    ],
    store: Store = None,
    home: Home = None,
) -> None:
    """Activate a snapshot, for example to roll back to an earlier model."""
    with report_errors():
        open_store(store, home).activate(kind.value, version)
        typer.echo(f"{kind.value} {version} is active" if version else f"no {kind.value} is active")


def prune(
    older_than: Annotated[float, typer.Option("--older-than", help="Minimum age in days.", min=0)] = 90.0,
    rewrite: Annotated[
        bool,
        typer.Option(
            "--rewrite", help="Rewrite a large store of an earlier version; no process can write to it meanwhile."
        ),
    ] = False,
    store: Store = None,
    home: Home = None,
) -> None:
    """
    Remove old searches with their events from the log, and release their disk space.

    Learned models are kept; what was never chosen for queries that are no longer searched is forgotten.
    """
    with report_errors():
        if not 0 <= older_than <= OLDEST:
            raise ConfigurationError(f"--older-than must be a number of days from 0 to {OLDEST:,}, got {older_than}")
        opened = open_store(store, home)
        removed = opened.prune(time.time() - older_than * 86_400)
        typer.echo(f"{removed:,} searches removed; searches that were not learned from yet are kept")
        typer.echo(_space_text(opened.give_back(rewrite=rewrite)))


def _space_text(freed: SpaceFreed | None) -> str:
    if freed is None:
        return "PostgreSQL reuses the space (autovacuum); VACUUM FULL would return it to the file system"
    released = f"{freed.given_back / 1e6:,.1f} MB of disk space released"
    if freed.left < 1_000_000:
        return released
    return f"{released}; {freed.left / 1e6:,.1f} MB in the file are unused (--rewrite releases them)"


def _progress_text(progress: Progress) -> str:
    """Summarise a pass in a line; further counts are added if they are not 0."""
    if progress.busy is not None:
        return "nothing learned: another learner is active, in a server or as `ltrr learn --follow`"
    known = ("settled", "learned", "late", "version", "busy")
    others = {field.name: getattr(progress, field.name) for field in fields(progress) if field.name not in known}
    parts = [
        f"learned from {progress.learned:,} decisions and {progress.late:,} late rewards",
        f"settled up to decision {progress.settled:,}",
        f"policy version {progress.version:,}",
        *(f"{name.replace('_', ' ')}: {count}" for name, count in others.items() if count),
    ]
    return "; ".join(parts)


def _card_text(card: Mapping[str, Any]) -> str:
    """Write a card: its plain values in one line, then the verdict of each gate of a policy in a line of its own."""
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


def _page_model_text(store: LTRRStore, before: int) -> str:
    """What became of the page model that was fitted last, beside the one that was live before."""
    cards = {info.version: info.card for info in store.snapshots(kinds.PAGE)}
    newest = max(cards, default=0)
    if not newest:
        return "No page model was fitted: there is nothing to learn from."
    active = store.active_version(kinds.PAGE)
    live = f"version {active}" if active else "the default one"
    state = "it is live" if active == newest else f"it is not live, {live} is"
    lines = [f"The page model was fitted: version {newest}, {state}.", f"  {_prior_text(newest, cards)}"]
    if before != newest:
        lines.append(f"  {_prior_text(before, cards)}")
    if active == newest != before:
        lines.append(f"To go back: ltrr activate page {before}")
    return "\n".join(lines)


def _prior_text(version: int, cards: Mapping[int, Mapping[str, Any]]) -> str:
    """What a page model expects of documents of which nothing was seen, and how much that counts."""
    default = PlacePrior()
    card: Mapping[str, Any]
    card = cards.get(version, {}) if version else {"click_rates": list(default.rates), "prior_looks": default.looks}
    name = f"version {version}" if version else "the default one"
    try:
        looks = float(card["prior_looks"])
        first, tenth = PlacePrior(tuple(card["click_rates"]), looks).expected([1, 10]).tolist()
    except (KeyError, TypeError, ValueError):
        return f"{name}: its card does not say what it expects"
    return f"{name}: click rate {first:.3f} at place 1, {tenth:.3f} at place 10, worth {looks:.4g} looks"
