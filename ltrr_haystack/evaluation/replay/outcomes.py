"""What came of the searches of one system: the figures that everything else is computed from."""

import gzip
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Split = Literal["stream", "seen", "paraphrased", "heldout"]
SPLITS: tuple[Split, ...] = get_args(Split)
FROZEN = SPLITS[1:]
"""What the systems are judged on once they are frozen."""

Numbers = NDArray[np.float64]


@dataclass
class Outcomes:
    """
    The searches of one system, column by column.

    :param queries: Query id of each search.
    :param kinds: Kind of each search's query.
    :param scores: Metric → its value for each search.
    :param depths: Arm → the depth it was asked for in each search.
    :param seconds: What each search took; empty where nothing was run.
    :param pages: The page of each search; kept for the frozen system only.
    :param safe_start: Whether the policy was held back in each search; empty for systems that learn nothing.
    :param forecast: Probability with which the preferred allocation would be played, in some searches of the stream.
    :param preferred: Whether it was, in the same searches.
    """

    queries: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    depths: dict[str, list[int]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    pages: list[list[str]] = field(default_factory=list)
    safe_start: list[bool] = field(default_factory=list)
    forecast: list[float] = field(default_factory=list)
    preferred: list[bool] = field(default_factory=list)

    @property
    def candidates(self) -> Numbers:
        """How many candidates each search asked for, over all arms."""
        candidates: Numbers = self._asked().sum(axis=0)
        return candidates

    @property
    def arm_calls(self) -> Numbers:
        """How many arms each search ran."""
        calls: Numbers = (self._asked() > 0).sum(axis=0).astype(np.float64)
        return calls

    def column(self, name: str) -> Numbers:
        """
        Give a metric or a count.

        :param name: A metric, `candidates_per_query` or `arm_calls_per_query`.
        :returns: One number for each search.
        """
        if name == "candidates_per_query":
            return self.candidates
        if name == "arm_calls_per_query":
            return self.arm_calls
        return np.array(self.scores[name])

    def mean_depths(self) -> dict[str, float]:
        """
        Give the mean allocation.

        :returns: Arm → mean depth.
        """
        return {arm: float(np.mean(depths)) for arm, depths in self.depths.items()}

    def _asked(self) -> Numbers:
        return np.array(list(self.depths.values()), dtype=np.float64)


def joined(stretches: Sequence[Outcomes]) -> Outcomes:
    """
    Put the searches of one system behind one another.

    :param stretches: At least one, in their order; all have the same metrics and arms.
    :returns: All searches.
    """
    columns: dict[str, Any] = {}
    for name in (column.name for column in fields(Outcomes)):
        parts = [getattr(outcomes, name) for outcomes in stretches]
        if isinstance(parts[0], dict):
            columns[name] = {key: list(chain.from_iterable(part[key] for part in parts)) for key in parts[0]}
        else:
            columns[name] = list(chain.from_iterable(parts))
    return Outcomes(**columns)


@dataclass
class Part:
    """
    One system under one seed.

    :param fingerprint: Mark of the settings, the data and the code.
    :param seed: The seed.
    :param system: The system's name.
    :param splits: `stream`, and for the frozen end state `seen` (queries that people had typed), `paraphrased` (the
        same in other words) and `heldout` (queries that nobody had typed).
    :param notes: What else is to be known: speed, trainings of the ranker, state of the safe start; how often each
        place was examined in truth, and the readers' habits; what was chosen on clicks.
    """

    fingerprint: str
    seed: int
    system: str
    splits: dict[str, Outcomes]
    notes: dict[str, Any] = field(default_factory=dict)

    def save(self, file: Path) -> None:
        """
        Write the part: whole, or not at all.

        :param file: A `.json.gz`.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f"{file.name}.{os.getpid()}")
        with gzip.open(unfinished, "wt", encoding="utf-8", compresslevel=3) as stream:
            json.dump(asdict(self), stream)
        unfinished.replace(file)


def load_part(file: Path, fingerprint: str) -> Part | None:
    """
    Read a part.

    :param file: What `Part.save` wrote.
    :param fingerprint: The mark it must bear.
    :returns: The part, or `None` if there is none, or one of other settings, data or code.
    """
    if not file.exists():
        return None
    try:
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            raw: Mapping[str, Any] = json.load(stream)
    except (OSError, EOFError, ValueError):
        return None
    if raw.get("fingerprint") != fingerprint:
        return None
    splits = {name: Outcomes(**columns) for name, columns in raw["splits"].items()}
    return Part(raw["fingerprint"], raw["seed"], raw["system"], splits, raw["notes"])


def part_file(folder: Path, seed: int, system: str) -> Path:
    """
    Name the file of a part.

    :param folder: The benchmark's folder.
    :param seed: The seed.
    :param system: The system.
    :returns: The file.
    """
    return folder / "parts" / f"{seed}-{system.replace(':', '_')}.json.gz"
