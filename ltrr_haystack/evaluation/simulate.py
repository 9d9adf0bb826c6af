"""Lets the same simulated people meet the baseline and the learning system."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal

from ltrr_haystack.errors import ConfigurationError, LTRRError
from ltrr_haystack.evaluation.datasets import DataSet
from ltrr_haystack.evaluation.people import ClickModel, People, Search
from ltrr_haystack.evaluation.systems import SearchSystem, ServerSystem, click_events
from ltrr_haystack.evaluation.tally import Tally

SystemName = Literal["baseline", "learning", "learning_warm"]
SECONDS_BETWEEN_REPORTS = 0.25
FAILURES_TO_GIVE_UP = 20


@dataclass
class Simulation:
    """
    A simulation as far as it has come.

    :param data: The data set's name.
    :param impressions: How many searches each system meets.
    :param seed: The seed.
    :param tallies: System → what it came to; those that have not been met are left out.
    :param remarks: What a reader should know of the figures.
    """

    data: str
    impressions: int
    seed: int
    tallies: dict[SystemName, Tally] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """
        Give the figures for JSON.

        A click rate is the share of the answered searches with at least one click; candidates are the depths that the
        arms were asked for; an arm's share is the share of the answered searches of a kind in which it ran. Shares and
        rounds on the safe start are the learning system's; failed searches are those of all systems.

        :returns: `baseline`, `learning` and, where there is one, `learning_warm`; `arm_shares`,
            `arm_shares_last_fifth`, `safe_start_rounds`, `failed_searches`, and what was simulated.
        """
        learning = self.tallies["learning"]
        figures: dict[str, Any] = {name: tally.to_dict() for name, tally in self.tallies.items()}
        return {
            "baseline": None,
            **figures,
            "arm_shares": learning.arms.shares(),
            "arm_shares_last_fifth": learning.last_arms.shares(),
            "safe_start_rounds": figures["learning"]["safe_start_rounds"],
            "failed_searches": sum(tally.failed for tally in self.tallies.values()),
            "rejected_events": sum(tally.rejected_events for tally in self.tallies.values()),
            "data": self.data,
            "impressions": self.impressions,
            "seed": self.seed,
            "remarks": self.remarks,
        }


Watcher = Callable[[Simulation], None]


def simulate(
    data: DataSet,
    make_system: Callable[[SystemName], SearchSystem],
    *,
    impressions: int,
    seed: int,
    warm: bool = False,
    learn_every: int = 20,
    train_ranker_at: Collection[int] = (),
    click_model: ClickModel | None = None,
    exponent: float = 1.0,
    watch: Watcher | None = None,
) -> Simulation:
    """
    Let the same people search with the baseline and with the learning system, side by side.

    :param data: What is searched in, with the truth of what people mean.
    :param make_system: Makes the system of a name: `baseline`, `learning`, and `learning_warm` where `warm` asks for
        it. Each needs a store of its own.
    :param impressions: How many searches each system meets.
    :param seed: Where chance comes from.
    :param warm: Whether a warm-started system takes part.
    :param learn_every: Searches between two passes of the learner.
    :param train_ranker_at: After how many searches the ranker is trained.
    :param click_model: How people click.
    :param exponent: The Zipf law's of the queries.
    :param watch: Called a few times a second with the simulation as far as it has come.
    :returns: The simulation.
    :raises ValueError: If `impressions` or `learn_every` is not positive.
    :raises LTRRError: If the first searches all fail.
    """
    if impressions < 1 or learn_every < 1:
        raise ValueError(f"impressions and learn_every must be at least 1, got {impressions} and {learn_every}")
    people = People(data, seed=seed, model=click_model, exponent=exponent)
    simulation = Simulation(data.name, impressions, seed)
    names: tuple[SystemName, ...] = ("baseline", "learning", "learning_warm") if warm else ("baseline", "learning")
    systems: dict[SystemName, SearchSystem] = {}
    show = _Paced(watch, simulation)
    try:
        for name in names:
            systems[name] = make_system(name)
            simulation.tallies[name] = Tally(impressions)
        for search in people.stream(impressions):
            for name, system in systems.items():
                _meet(people, search, system, simulation.tallies[name])
            met = search.index + 1
            if met % learn_every == 0 or met == impressions:
                for system in systems.values():
                    system.learn()
            if met in train_ranker_at:
                for system in systems.values():
                    system.train_ranker()
            show(last=met == impressions)
    finally:
        for system in systems.values():
            system.close()
    return simulation


def simulate_server(
    data: DataSet,
    url: str,
    *,
    impressions: int,
    seed: int,
    top_k: int = 10,
    click_model: ClickModel | None = None,
    exponent: float = 1.0,
    watch: Watcher | None = None,
    make_system: Callable[[SystemName], SearchSystem] | None = None,
) -> Simulation:
    """
    Let the same people search through a running server: first as it is, then, if it can, in mode `baseline`.

    The baseline comes second, so that nothing the server learns from it helps the learning system.

    :param data: What the server searches in, with the truth of what people mean.
    :param url: The server's address.
    :param impressions: How many searches each of the two meets.
    :param seed: Where chance comes from.
    :param top_k: How many documents a page has.
    :param click_model: How people click.
    :param exponent: The Zipf law's of the queries.
    :param watch: Called a few times a second with the simulation as far as it has come.
    :param make_system: Makes the system of a name; by default a `ServerSystem` at `url`.
    :returns: The simulation; without a baseline, and a remark why, if the server does not answer in that mode.
    :raises ValueError: If `impressions` is not positive.
    :raises LTRRError: If the first searches all fail.
    """
    if impressions < 1:
        raise ValueError(f"impressions must be at least 1, got {impressions}")
    people = People(data, seed=seed, model=click_model, exponent=exponent)
    simulation = Simulation(data.name, impressions, seed)
    show = _Paced(watch, simulation)
    order: tuple[SystemName, ...] = ("learning", "baseline")
    for name in order:
        mode: Literal["baseline"] | None = "baseline" if name == "baseline" else None
        system = make_system(name) if make_system else ServerSystem(url, mode=mode, top_k=top_k)
        tally = simulation.tallies[name] = Tally(impressions)
        try:
            for search in people.stream(impressions):
                answered = _meet(people, search, system, tally)
                if name == "baseline" and answered not in (None, "baseline"):
                    simulation.remarks.append(f"the server answers in mode '{answered}' only: there is no baseline")
                    del simulation.tallies[name]
                    break
                show(last=search.index + 1 == impressions)
        finally:
            system.close()
    return simulation


def _meet(people: People, search: Search, system: SearchSystem, tally: Tally) -> str | None:
    """One person searches and clicks; gives the mode of the answer, or `None` if the search failed."""
    try:
        answer = system.search(search)
    except ConfigurationError:
        raise
    except Exception as error:
        tally.add_failure(error)
        if tally.failed == FAILURES_TO_GIVE_UP and not tally.whole.searches:
            raise LTRRError(
                f"the first {tally.failed} searches all failed; the first said: {tally.first_failure}"
            ) from error
        return None
    positions = people.clicks(search, answer.shown)
    tally.add(search.index, search.query.kind, answer, bool(positions))
    if positions:
        tally.rejected_events += system.feedback(click_events(search, answer, positions))
    return answer.mode


class _Paced:
    """Shows a simulation a few times a second, and at its end."""

    def __init__(self, watch: Watcher | None, simulation: Simulation) -> None:
        self._watch = watch
        self._simulation = simulation
        self._next = 0.0

    def __call__(self, *, last: bool) -> None:
        if self._watch is not None and (last or time.monotonic() >= self._next):
            self._watch(self._simulation)
            self._next = time.monotonic() + SECONDS_BETWEEN_REPORTS
