"""The section on model versions and the gates that they passed, or did not."""

from collections.abc import Mapping, Sequence
from typing import Any

from ltrr_haystack.errors import LTRRError
from ltrr_haystack.evaluation.report.reading import RankerRuns
from ltrr_haystack.evaluation.report.values import Finding, Grid, Section, decimal, moment, percent, share_of
from ltrr_haystack.policy.new_queries import CONTEXTUAL, LEADER, MEASURED
from ltrr_haystack.policy.safe_start import SafeStartEstimate
from ltrr_haystack.policy.snapshot import snapshot_errors, unpack
from ltrr_haystack.policy.verdict import verdict
from ltrr_haystack.policy.vw import REMEMBERED, VWPolicy
from ltrr_haystack.store import POLICY, RANKER, LTRRStore, SnapshotInfo

MOST_VERSIONS = 5


def models(store: LTRRStore, rankers: Mapping[int, RankerRuns]) -> tuple[Section, tuple[Finding, ...]]:
    """
    Which versions there are, which are active, and what their gates say.

    :param store: The store with the snapshots.
    :param rankers: Ranker version → what came of its pages.
    :returns: The section, and what to know of it.
    """
    policies, trained = store.snapshots(POLICY), store.snapshots(RANKER)
    grids, findings = [], []
    try:
        grids += _gates(store)
    except LTRRError as error:
        findings.append(Finding("bad", "The active policy cannot be read", str(error)))
    grids += [_policies(policies), _rankers(trained), _pages(rankers)]
    return (
        Section(
            "models",
            "Which models are live, and what let them go live?",
            "The versions of policy and ranker, and what their gates said.",
            grids=tuple(grids),
            more="A policy goes live past its safe start: when, on the log, what it prefers is shown to be worth more "
            "than the baseline. Worth is reward less cost: pages that are as good for less open it, too, so the "
            "verdict tells the two apart. For new queries its model competes with the best allocation for all of "
            "them; of those past their safe start the one that gains more is played. As soon as allocations were "
            "measured on the log, the most valuable is played of those whose pages were shown to lose no more than a "
            "margin. For queries that were searched before, the model chooses among these, and for those that were "
            "searched often among those whose pages with memory were shown to lose no more against the baseline's with "
            "memory. A ranker goes live when, on queries that it was not trained on, its first places are "
            "shown not to be worth less than those of the union's own order, nor of the live ranker, by more than a "
            "margin. What a document is worth is judged by what was seen of it in the log. That is tested at each "
            "training; the more looks there were, the stricter each is. The command ltrr activate goes back to an "
            "earlier version.",
        ),
        tuple(findings),
    )


def _gates(store: LTRRStore) -> list[Grid]:
    """What the active policy's safe starts have come to, and what its card says of that; other policies have none."""
    snapshot = store.snapshot(POLICY)
    if snapshot is None or snapshot.card.get("policy") != VWPolicy.name:
        return []
    header, _ = unpack(snapshot.payload, VWPolicy.name)
    with snapshot_errors():
        made_with = VWPolicy(bits=header["settings"]["bits"], learning_rate=header["settings"]["learning_rate"])
    estimates = made_with.restored(snapshot.payload).estimates()
    titles = {
        REMEMBERED: "Safe start for queries searched before",
        CONTEXTUAL: "Safe start for new queries: the model",
        LEADER: "Safe start for new queries: the best allocation for all",
    }
    # The card was made with the gates' own settings, which a snapshot does not hold.
    told = {name: _inner(snapshot.card, name, "verdict") or verdict(estimate) for name, estimate in estimates.items()}
    return [
        _measured(estimate, told[name]) if name == MEASURED else _safe_start(titles[name], estimate, told[name])
        for name, estimate in estimates.items()
    ]


def _safe_start(title: str, estimate: SafeStartEstimate, told: str) -> Grid:
    return Grid(
        title,
        ("", ""),
        (
            ("verdict", told),
            ("state", _state(estimate)),
            ("settled decisions with a preference", f"{estimate.settled:,}"),
            ("preferred the baseline itself", percent(estimate.agreement)),
            ("compared with the baseline", f"{estimate.compared:,}, {estimate.rewarded:,} of them rewarded"),
            ("reward gained per search, ± standard error", _gain(estimate.reward_gain, estimate.reward_standard_error)),
            ("interval of it, with the prior loss", _interval(estimate.reward_interval)),
            ("cost saved per search", _saved(estimate)),
            ("reward less cost gained, ± standard error", _gain(estimate.gain, estimate.standard_error)),
            ("z of it, with the prior loss", decimal(estimate.z, 2)),
        ),
    )


def _measured(estimate: SafeStartEstimate, told: str) -> Grid:
    """Where allocations were measured on what is known of past queries, no decision is compared by itself."""
    shown = "to lose no more than the margin against the baseline"
    state = f"open: its pages were shown {shown}" if estimate.is_open else f"closed: no pages were shown {shown}"
    return Grid(
        "Safe start for new queries: allocations measured on the log",
        ("", ""),
        (
            ("verdict", told),
            ("state", state),
            ("queries that it was measured on", f"{estimate.settled:,}"),
            ("reward gained per search, ± standard error", _gain(estimate.reward_gain, estimate.reward_standard_error)),
            ("cost saved per search", _saved(estimate)),
            ("reward less cost gained, ± standard error", _gain(estimate.gain, estimate.standard_error)),
        ),
    )


def _saved(estimate: SafeStartEstimate) -> str:
    share = estimate.cost_saved_share
    return f"{estimate.cost_saved:+.4f}" + (f" ({percent(share)})" if share is not None else "")


def _gain(gain: float | None, error: float | None) -> str:
    return "–" if gain is None else f"{gain:+.4f}" + (f" ± {error:.4f}" if error is not None else "")


def _interval(found: tuple[float, float] | None) -> str:
    """The verdict's interval, and why the reward gained is not its middle."""
    if found is None:
        return "– (too little was compared)"
    return f"{found[0]:+.4f} to {found[1]:+.4f}: not around what was gained, since one lost reward is counted in"


def _past(card: Mapping[str, Any]) -> str:
    """For which queries a policy is past its safe start; a card that tells of none has one verdict for all."""
    known, *new = (_inner(card, name, "safe_start") for name in (REMEMBERED, CONTEXTUAL, LEADER, MEASURED))
    new = [held_back for held_back in new if isinstance(held_back, bool)]
    if not isinstance(known, bool):
        return _said(card.get("safe_start"), "held back", "past it")
    if known == all(new):
        return "held back" if known else "past it"
    return "past it for new queries only" if known else "past it for known queries only"


def _state(estimate: SafeStartEstimate) -> str:
    if not estimate.is_open:
        return "closed: not shown to be worth more than the baseline so far"
    if estimate.z < 0:
        return "open: it was shown to be worth more than the baseline, at present it is not; it closes if shown worse"
    return "open: it was shown to be worth more than the baseline"


def _policies(snapshots: Sequence[SnapshotInfo]) -> Grid:
    return Grid(
        f"Policies: {_how_many(snapshots)}",
        ("version", "active", "made", "policy", "learned up to", "safe start", "known queries", "new queries"),
        tuple(
            (
                str(info.version),
                "active" if info.active else "",
                moment(info.created_at),
                _text(info.card.get("policy")),
                _text(info.card.get("learned")),
                _past(info.card),
                _text(_inner(info.card, REMEMBERED, "verdict")),
                _text(_inner(info.card, str(info.card.get("new_queries")), "verdict")),
            )
            for info in newest(snapshots)
        ),
    )


def _rankers(snapshots: Sequence[SnapshotInfo]) -> Grid:
    return Grid(
        f"Rankers: {_how_many(snapshots)}",
        (
            "version",
            "active",
            "made",
            "trained on",
            "gate",
            "look",
            "gain over the union's order",
            "gain over the live model",
            "what it says",
        ),
        tuple(
            (
                str(info.version),
                "active" if info.active else "",
                moment(info.created_at),
                _text(_inner(said, "rewarded" if "rewarded" in said else "decisions")),
                _said(_inner(said, "gate", "passed"), "passed", "not passed"),
                _text(_inner(said, "gate", "look") or None),
                _difference(said, "union's own order"),
                _difference(said, "live model"),
                f"{queries}{_text(_inner(said, 'gate', 'reason'))}",
            )
            for info in newest(snapshots)
            for queries, said in _models(info.card)
        ),
    )


def _pages(rankers: Mapping[int, RankerRuns]) -> Grid:
    rows = []
    for version in sorted(rankers):
        runs = rankers[version]
        rate = share_of(runs.clicked, runs.searches)
        rows.append(
            (
                str(version) if version else "the union's own order",
                f"{runs.searches:,}",
                f"{percent(rate.value)} ({percent(rate.low or 0.0)} to {percent(rate.high or 0.0)})",
                decimal(runs.reward / runs.searches),
            )
        )
    return Grid(
        "Pages by ranker: they were in charge at different times, so this is no comparison of like with like",
        ("ranker", "searches", "click rate", "reward per search"),
        tuple(rows),
    )


def _models(card: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """What a ranker's card says of its model; earlier rankers had two, for queries with memory and for new ones."""
    situations = card.get("situations")
    if not isinstance(situations, Mapping) or not situations:
        return [("", card)]
    return [
        (f"{situation} queries: ", said if isinstance(said, Mapping) else {}) for situation, said in situations.items()
    ]


def _difference(said: Mapping[str, Any], other: str) -> str:
    """By how much a model's first places are worth more than those of another order, with the bounds of the look."""
    comparisons = _inner(said, "gate", "comparisons")
    for each in comparisons if isinstance(comparisons, Sequence) else ():
        figures = [_inner(each, "difference", name) for name in ("mean", "low", "high")]
        if _inner(each, "name") == other and all(isinstance(figure, int | float) for figure in figures):
            mean, low, high = figures
            return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
    return "–"


def newest(snapshots: Sequence[SnapshotInfo], most: int = MOST_VERSIONS) -> list[SnapshotInfo]:
    """
    Give the newest versions, and the one in use.

    :param snapshots: The versions.
    :param most: How many of the newest ones.
    :returns: The versions, the newest first.
    """
    by_age = sorted(snapshots, key=lambda info: -info.version)
    return [info for place, info in enumerate(by_age) if place < most or info.active]


def _how_many(snapshots: Sequence[SnapshotInfo]) -> str:
    if not snapshots:
        return "none yet"
    newest = max(info.version for info in snapshots)
    return f"version {newest} is the newest"


def _inner(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _said(value: Any, yes: str, no: str) -> str:
    return (yes if value else no) if isinstance(value, bool) else "–"


def _text(value: Any) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
