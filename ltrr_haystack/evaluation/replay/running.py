"""Runs the parts of a replay, in this process or in several, and keeps each as soon as it is done."""

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.replay.fixed import RRF_EQUAL, depths_of, equal_depths, fixed_names
from ltrr_haystack.evaluation.replay.outcomes import SPLITS, Part, load_part, part_file
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.stream import replay_fixed, replay_learning
from ltrr_haystack.evaluation.replay.variants import OURS, VARIANTS, Variant

Watch = Callable[[str, int, int], None]
"""Told what is done: of what, how much, of how much."""

CONFIG = "config:"
SECONDS_BETWEEN_LOOKS = 0.3


@dataclass(frozen=True)
class Replay:
    """
    All parts of a replay.

    :param benches: `ours` and `config:<name>` → the arms and settings.
    :param settings: What was replayed.
    :param parts: System → its parts, in the order of the seeds.
    """

    benches: Mapping[str, PrecomputedPipeline]
    settings: Settings
    parts: Mapping[str, Sequence[Part]]

    @property
    def bench(self) -> PrecomputedPipeline:
        """The bench of `ours`, over whose arms the fixed systems run, too."""
        return self.benches[OURS]

    @property
    def learning(self) -> list[str]:
        """The systems that learn."""
        return [*VARIANTS, *(name for name in self.benches if name != OURS)]


def replay(
    benches: Mapping[str, PrecomputedPipeline],
    settings: Settings,
    out: Path,
    *,
    processes: int = 1,
    watch: Watch | None = None,
) -> Replay:
    """
    Run every part that is not there yet.

    A part is one system under one seed, with a file of its own in `out/parts`. One that was made with other settings,
    data or code is made anew.

    :param benches: `ours`, and `config:<name>` for each configuration to compare; all of the same data set.
    :param settings: What to replay.
    :param out: The folder.
    :param processes: How many processes to use for the systems that learn.
    :param watch: Told how far each part has come; always from this thread.
    :returns: The replay.
    :raises ConfigurationError: If `ours` is missing or a configuration is of another data set.
    """
    _check(benches, processes)
    jobs = [
        _Task(seed, name, OURS if name in VARIANTS else name, VARIANTS.get(name, Variant()))
        for seed in settings.seeds
        for name in (*VARIANTS, *(name for name in benches if name != OURS))
    ]
    marks = {name: settings.fingerprint(bench.fingerprint) for name, bench in benches.items()}
    room = _Room(benches, marks, settings, out, watch or _nobody)
    missing = [job for job in jobs if room.done(job.seed, job.system, job.bench) is None]
    if processes == 1 or len(missing) < 2:
        for job in missing:
            room.work(job)
    else:
        _in_processes(room, missing, min(processes, len(missing)))
    names = [*(job.system for job in jobs if job.seed == settings.seeds[0]), *fixed_names(benches[OURS])]
    names.insert(names.index(fixed_names(benches[OURS])[0]) + 1, RRF_EQUAL)
    return Replay(benches, settings, {name: [room.part(seed, name) for seed in settings.seeds] for name in names})


@dataclass(frozen=True, slots=True)
class _Task:
    seed: int
    system: str
    bench: str
    variant: Variant


class _Room:
    """What a process needs for its jobs."""

    def __init__(
        self,
        benches: Mapping[str, PrecomputedPipeline],
        marks: Mapping[str, str],
        settings: Settings,
        out: Path,
        watch: Watch,
    ) -> None:
        self.benches = benches
        self.marks = marks
        self.settings = settings
        self.out = out
        self.watch = watch

    def done(self, seed: int, system: str, bench: str = OURS) -> Part | None:
        return load_part(part_file(self.out, seed, system), self.marks[bench])

    def work(self, job: _Task) -> None:
        label = f"{job.system}, seed {job.seed}"
        part = replay_learning(
            self.benches[job.bench],
            self.settings,
            job.system,
            job.variant,
            job.seed,
            file=self.out / "stores" / f"{job.seed}-{job.system.replace(':', '_')}.db",
            fingerprint=self.marks[job.bench],
            tell=lambda done: self.watch(label, done, self.settings.impressions),
        )
        part.save(part_file(self.out, job.seed, job.system))

    def part(self, seed: int, system: str) -> Part:
        """A part that is there, or one of a fixed system, which takes no time."""
        part = self.done(seed, system, system if system.startswith(CONFIG) else OURS)
        return part if part is not None else self._fixed(seed, system)

    def _fixed(self, seed: int, system: str) -> Part:
        bench = self.benches[OURS]
        if system == RRF_EQUAL:
            ours = self.part(seed, OURS)
            depths = {split: equal_depths(bench, ours.splits[split].mean_depths()) for split in SPLITS}
        else:
            depths = dict.fromkeys(SPLITS, depths_of(bench, system))
        part = replay_fixed(bench, self.settings, system, dict(depths), seed, fingerprint=self.marks[OURS])
        part.save(part_file(self.out, seed, system))
        return part


_room: _Room | None = None


def _enter(
    benches: Mapping[str, PrecomputedPipeline], marks: Mapping[str, str], settings: Settings, out: Path, queue: Any
) -> None:
    global _room
    _room = _Room(benches, marks, settings, out, lambda *step: queue.put(step))


def _work(job: _Task) -> None:
    if _room is None:
        raise RuntimeError("this process was not made for a replay")
    _room.work(job)


def _in_processes(room: _Room, jobs: Sequence[_Task], processes: int) -> None:
    """Forked, so that the arms' results are there without being copied."""
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    arguments = (room.benches, room.marks, room.settings, room.out, queue)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_enter, initargs=arguments) as pool:
        pending: set[Future[None]] = {pool.submit(_work, job) for job in jobs}
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


def _check(benches: Mapping[str, PrecomputedPipeline], processes: int) -> None:
    if processes < 1:
        raise ConfigurationError(f"processes must be at least 1, got {processes}")
    if OURS not in benches:
        raise ConfigurationError(f"a replay needs the bench '{OURS}', got {sorted(benches)}")
    for name, bench in benches.items():
        if name != OURS and not name.startswith(CONFIG):
            raise ConfigurationError(f"bench '{name}' must be '{OURS}' or begin with '{CONFIG}'")
        if bench.data is not benches[OURS].data:
            raise ConfigurationError(f"bench '{name}' is of another data set than '{OURS}'")


def _nobody(label: str, done: int, total: int) -> None:
    """Nobody watches."""
