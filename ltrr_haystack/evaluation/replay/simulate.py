"""Lets the same simulated people meet the baseline and the learning system: what `ltrr simulate` does."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ltrr_haystack.errors import ConfigurationError, LTRRError
from ltrr_haystack.evaluation.datasets import DataSet
from ltrr_haystack.evaluation.people import People, Search
from ltrr_haystack.evaluation.replay.answers import Answer, SearchSystem
from ltrr_haystack.evaluation.replay.metrics import ClickMetrics
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.evaluation.replay.server_system import ServerSystem
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.stream import Stream
from ltrr_haystack.evaluation.replay.systems import PipelineSystem
from ltrr_haystack.evaluation.replay.variants import BASELINE, Variant

SystemName = Literal["baseline", "learning", "learning_warm"]
SECONDS_BETWEEN_REPORTS = 0.25
FAILURES_TO_GIVE_UP = 20
TRAIN_AT = (0.2, 0.4, 0.6, 0.8)
TOP_K = 10


@dataclass
class Simulation:
    """
    A simulation as far as it has come.

    :param data: The data set's name.
    :param impressions: How many searches each system meets.
    :param seed: The seed.
    :param metrics: System → what it came to; those that have not been met are left out.
    :param remarks: What a reader should know of the figures.
    """

    data: str
    impressions: int
    seed: int
    metrics: dict[SystemName, ClickMetrics] = field(default_factory=dict)
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
        learning = self.metrics["learning"]
        figures: dict[str, Any] = {name: metrics.to_dict() for name, metrics in self.metrics.items()}
        return {
            "baseline": None,
            **figures,
            "arm_shares": {kind: counts.arm_shares for kind, counts in sorted(learning.kinds.items())},
            "arm_shares_last_fifth": {kind: counts.arm_shares for kind, counts in sorted(learning.last_kinds.items())},
            "safe_start_rounds": figures["learning"]["safe_start_rounds"],
            "failed_searches": sum(metrics.failed for metrics in self.metrics.values()),
            "rejected_events": sum(metrics.rejected_events for metrics in self.metrics.values()),
            "data": self.data,
            "impressions": self.impressions,
            "seed": self.seed,
            "remarks": self.remarks,
        }


Watcher = Callable[[Simulation], None]


def simulate_pipeline(
    precomputed: PrecomputedPipeline,
    folder: Path,
    *,
    impressions: int,
    seed: int,
    warm_queries: int = 0,
    watch: Watcher | None = None,
) -> Simulation:
    """
    Let the same people search with a pipeline as it is without learning, and with the pipeline as it learns.

    ### Usage example

    ```python
    from pathlib import Path
    from ltrr_haystack.evaluation.datasets import load_beir
    from ltrr_haystack.evaluation.replay.precomputed import precompute
    from ltrr_haystack.evaluation.replay.simulate import simulate_pipeline

    precomputed = precompute(load_beir("music"), Path("pipelines"), Path(".ltrr"))
    simulation = simulate_pipeline(precomputed, Path(".ltrr"), impressions=50, seed=7)
    print(simulation.to_dict()["learning"]["click_rate"])
    ```

    :param precomputed: The pipeline, with what its arms find.
    :param folder: Where the systems' stores are while they run.
    :param impressions: How many searches each system meets.
    :param seed: Where chance comes from.
    :param warm_queries: How many labelled queries a warm-started system learns from first, at most half of those that
        the data set has; with 0 there is no such system.
    :param watch: Called a few times a second with the simulation as far as it has come.
    :returns: The simulation.
    :raises ConfigurationError: If a setting cannot work, or a policy other than a VWPolicy is to be warm-started.
    :raises LTRRError: If the first searches all fail.
    """
    warm = min(warm_queries, len(precomputed.data.answerable()) // 2)

    def make_system(name: SystemName) -> SearchSystem[Answer]:
        file = folder / f"{precomputed.data.name}-{seed}-{name}.db"
        system = PipelineSystem(
            precomputed, BASELINE if name == "baseline" else Variant(), file, seed=seed, top_k=TOP_K
        )
        if name == "learning_warm":
            system.warm_start(warm)
        return system

    return simulate(precomputed.data, make_system, impressions=impressions, seed=seed, warm=warm > 0, watch=watch)


def simulate(
    data: DataSet,
    make_system: Callable[[SystemName], SearchSystem[Answer]],
    *,
    impressions: int,
    seed: int,
    warm: bool = False,
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
    :param watch: Called a few times a second with the simulation as far as it has come.
    :returns: The simulation.
    :raises ConfigurationError: If `impressions` is not positive.
    :raises LTRRError: If the first searches all fail.
    """
    settings, people = _settings(impressions, seed), People(data, seed=seed)
    simulation = Simulation(data.name, impressions, seed)
    names: tuple[SystemName, ...] = ("baseline", "learning", "learning_warm") if warm else ("baseline", "learning")
    show = _Paced(watch, simulation)
    with ExitStack() as systems:
        visits = []
        for name in names:
            system = make_system(name)
            systems.callback(system.close)
            metrics = simulation.metrics[name] = ClickMetrics(impressions)
            visits.append(_Visit(system, Stream(people, system, settings), metrics))
        for search in people.stream(impressions):
            for visit in visits:
                visit.search(search)
            show(last=search.index + 1 == impressions)
    return simulation


def simulate_server(
    data: DataSet,
    url: str,
    *,
    impressions: int,
    seed: int,
    watch: Watcher | None = None,
    make_system: Callable[[SystemName], SearchSystem[Answer]] | None = None,
) -> Simulation:
    """
    Let the same people search through a running server: first as it is, then, if it can, in mode `baseline`.

    The baseline comes second, so that nothing the server learns from it helps the learning system.

    :param data: What the server searches in, with the truth of what people mean.
    :param url: The server's address.
    :param impressions: How many searches each of the two meets.
    :param seed: Where chance comes from.
    :param watch: Called a few times a second with the simulation as far as it has come.
    :param make_system: Makes the system of a name; by default a `ServerSystem` at `url`.
    :returns: The simulation; without a baseline, and a remark why, if the server does not answer in that mode.
    :raises ConfigurationError: If `impressions` is not positive.
    :raises LTRRError: If the first searches all fail.
    """
    settings, people = _settings(impressions, seed), People(data, seed=seed)
    simulation = Simulation(data.name, impressions, seed)
    show = _Paced(watch, simulation)
    order: tuple[SystemName, ...] = ("learning", "baseline")
    for name in order:
        mode: Literal["baseline"] | None = "baseline" if name == "baseline" else None
        system = make_system(name) if make_system else ServerSystem(url, mode=mode, top_k=TOP_K)
        metrics = simulation.metrics[name] = ClickMetrics(impressions)
        with closing(system):
            visit = _Visit(system, Stream(people, system, settings), metrics)
            for search in people.stream(impressions):
                answered = visit.search(search)
                if name == "baseline" and answered not in (None, "baseline"):
                    simulation.remarks.append(f"the server answers in mode '{answered}' only: there is no baseline")
                    del simulation.metrics[name]
                    break
                show(last=search.index + 1 == impressions)
    return simulation


def _settings(impressions: int, seed: int) -> Settings:
    """Clicks arrive at once, and everything is settled when the learner passes."""
    return Settings(
        impressions, (seed,), click_model="position", delay=0.0, reward_wait=0, train_at=TRAIN_AT, top_k=TOP_K
    )


@dataclass
class _Visit:
    """The searches of one system, those among them that fail included."""

    system: SearchSystem[Answer]
    stream: Stream[Answer]
    metrics: ClickMetrics

    def search(self, search: Search) -> str | None:
        """One person searches and clicks; gives the mode of the answer, or `None` if the search failed."""
        metrics = self.metrics
        mode = None
        try:
            answer = self.system.search(search)
        except ConfigurationError:
            raise
        except Exception as error:
            metrics.add_failure(error)
            if metrics.failed == FAILURES_TO_GIVE_UP and not metrics.whole.searches:
                raise LTRRError(
                    f"the first {metrics.failed} searches all failed; the first said: {metrics.first_failure}"
                ) from error
        else:
            metrics.add(search.index, search.query.kind, answer, self.stream.click(search, answer))
            metrics.rejected_events = self.stream.rejected
            mode = answer.mode
        self.stream.learn(search.index + 1)
        return mode


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
