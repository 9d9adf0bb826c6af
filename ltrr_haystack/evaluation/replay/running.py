"""Runs the parts of a replay, in this process or in several, and keeps each as soon as it is done."""

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.replay.fixed import (
    BEST_ARM,
    RRF_EQUAL,
    RRF_FULL,
    RRF_TUNED,
    depths_of,
    equal_depths,
    fixed_names,
)
from ltrr_haystack.evaluation.replay.outcomes import SPLITS, Part, Split, load_part, part_file
from ltrr_haystack.evaluation.replay.parts import replay_chosen, replay_fixed, replay_learning
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.variants import OURS, VARIANTS, Variant
from ltrr_haystack.types import Allocation

Watch = Callable[[str, int, int], None]
"""Told what is done: of what, how much, of how much."""

CONFIG = "config:"
SECONDS_BETWEEN_LOOKS = 0.3


@dataclass(frozen=True)
class Replay:
    """
    All parts of a replay.

    :param compared: `ours` and `config:<name>` → the arms and settings.
    :param settings: What was replayed.
    :param parts: System → its parts, in the order of the seeds.
    """

    compared: Mapping[str, PrecomputedPipeline]
    settings: Settings
    parts: Mapping[str, Sequence[Part]]

    @property
    def precomputed(self) -> PrecomputedPipeline:
        """The pipeline of `ours`, over whose arms the fixed systems run, too."""
        return self.compared[OURS]

    @property
    def learning(self) -> list[str]:
        """The systems that learn, of those that took part."""
        return [name for name in self.parts if name in VARIANTS or name in self.compared]


def replay(
    compared: Mapping[str, PrecomputedPipeline],
    settings: Settings,
    out: Path,
    *,
    systems: Sequence[str] = (),
    processes: int = 1,
    watch: Watch | None = None,
) -> Replay:
    """
    Run every part that is not there yet.

    A part is one system under one seed, with a file of its own in `out/parts`. One that was made with other settings,
    data or code is made anew.

    :param compared: `ours`, and `config:<name>` for each configuration to compare; all of the same data set.
    :param settings: What to replay.
    :param out: The folder.
    :param systems: Which of `VARIANTS` take part; all if none is named. Configurations to compare and systems that
        learn nothing take part in any case.
    :param processes: How many processes to use for the systems that learn.
    :param watch: Told how far each part has come; always from this thread.
    :returns: The replay.
    :raises ConfigurationError: If `ours` is missing, a configuration is of another data set, or a system is unknown.
    """
    _check(compared, processes)
    for precomputed in compared.values():
        # Counted before processes are forked, each of which would count anew.
        precomputed.statistics, precomputed.values  # noqa: B018
    names = [*chosen_variants(systems), *(name for name in compared if name != OURS)]
    tasks = [
        _Task(seed, name, OURS if name in VARIANTS else name, VARIANTS.get(name, Variant()))
        for seed in settings.seeds
        for name in names
    ]
    marks = {
        (name, seed): settings.fingerprint(precomputed.fingerprint, precomputed.found_for_paraphrases(seed))
        for name, precomputed in compared.items()
        for seed in settings.seeds
    }
    room = _Room(compared, marks, settings, out, watch or _nobody)
    missing = [task for task in tasks if room.done(task.seed, task.system, task.pipeline) is None]
    if processes == 1 or len(missing) < 2:
        for task in missing:
            room.work(task)
    else:
        _in_processes(room, missing, min(processes, len(missing)))
    fixed = fixed_names(compared[OURS])
    names += [RRF_FULL, RRF_EQUAL, RRF_TUNED, BEST_ARM, *(name for name in fixed if name != RRF_FULL)]
    return Replay(compared, settings, {name: [room.part(seed, name) for seed in settings.seeds] for name in names})


def chosen_variants(systems: Sequence[str]) -> list[str]:
    """
    Check which learning systems are to take part.

    :param systems: Their names; all if there is none.
    :returns: The names in the order of `VARIANTS`.
    :raises ConfigurationError: If one is unknown, or `ours` is missing, which all are compared with.
    """
    if unknown := sorted(set(systems) - set(VARIANTS)):
        raise ConfigurationError(f"the systems {unknown} are unknown; there are {', '.join(VARIANTS)}")
    if systems and OURS not in systems:
        raise ConfigurationError(f"'{OURS}' must be among the systems, got {', '.join(systems)}")
    return [name for name in VARIANTS if not systems or name in systems]


@dataclass(frozen=True, slots=True)
class _Task:
    seed: int
    system: str
    pipeline: str
    variant: Variant


class _Room:
    """What a process needs for its tasks."""

    def __init__(
        self,
        compared: Mapping[str, PrecomputedPipeline],
        marks: Mapping[tuple[str, int], str],
        settings: Settings,
        out: Path,
        watch: Watch,
    ) -> None:
        self.compared = compared
        self.marks = marks
        self.settings = settings
        self.out = out
        self.watch = watch

    def done(self, seed: int, system: str, pipeline: str = OURS) -> Part | None:
        return load_part(part_file(self.out, seed, system), self.marks[pipeline, seed])

    def work(self, task: _Task) -> None:
        label = f"{task.system}, seed {task.seed}"
        part = replay_learning(
            self.compared[task.pipeline],
            self.settings,
            task.system,
            task.variant,
            task.seed,
            file=self.out / "stores" / f"{task.seed}-{task.system.replace(':', '_')}.db",
            fingerprint=self.marks[task.pipeline, task.seed],
            tell=lambda done: self.watch(label, done, self.settings.impressions),
        )
        part.save(part_file(self.out, task.seed, task.system))

    def part(self, seed: int, system: str) -> Part:
        """A part that is there, or one of a fixed system, which takes no time."""
        part = self.done(seed, system, system if system.startswith(CONFIG) else OURS)
        return part if part is not None else self._fixed(seed, system)

    def _fixed(self, seed: int, system: str) -> Part:
        precomputed, mark = self.compared[OURS], self.marks[OURS, seed]
        if system in (RRF_TUNED, BEST_ARM):
            part = replay_chosen(precomputed, self.settings, system, seed, fingerprint=mark)
        else:
            depths: dict[Split, Allocation] = {}
            if system == RRF_EQUAL:
                ours = self.part(seed, OURS).splits
                depths |= {split: equal_depths(precomputed, ours[split].mean_depths()) for split in SPLITS}
            else:
                depths |= dict.fromkeys(SPLITS, depths_of(precomputed, system))
            part = replay_fixed(precomputed, self.settings, system, depths, seed, fingerprint=mark)
        part.save(part_file(self.out, seed, system))
        return part


_room: _Room | None = None


def _enter(
    compared: Mapping[str, PrecomputedPipeline],
    marks: Mapping[tuple[str, int], str],
    settings: Settings,
    out: Path,
    queue: Any,
) -> None:
    global _room
    _room = _Room(compared, marks, settings, out, lambda *step: queue.put(step))


def _work(task: _Task) -> None:
    if _room is None:
        raise RuntimeError("this process was not made for a replay")
    _room.work(task)


def _in_processes(room: _Room, tasks: Sequence[_Task], processes: int) -> None:
    """Forked, so that the arms' results are there without being copied."""
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    arguments = (room.compared, room.marks, room.settings, room.out, queue)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_enter, initargs=arguments) as pool:
        pending: set[Future[None]] = {pool.submit(_work, task) for task in tasks}
        try:
            while pending:
                done, pending = wait(pending, timeout=SECONDS_BETWEEN_LOOKS)
                while not queue.empty():
                    room.watch(*queue.get())
                for future in done:
                    future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _check(compared: Mapping[str, PrecomputedPipeline], processes: int) -> None:
    if processes < 1:
        raise ConfigurationError(f"processes must be at least 1, got {processes}")
    if OURS not in compared:
        raise ConfigurationError(f"a replay needs the pipeline '{OURS}', got {sorted(compared)}")
    for name, precomputed in compared.items():
        if name != OURS and not name.startswith(CONFIG):
            raise ConfigurationError(f"pipeline '{name}' must be '{OURS}' or begin with '{CONFIG}'")
        if precomputed.data is not compared[OURS].data:
            raise ConfigurationError(f"pipeline '{name}' is of another data set than '{OURS}'")


def _nobody(label: str, done: int, total: int) -> None:
    """Nobody watches."""
