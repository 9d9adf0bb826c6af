"""Replays of whole pipelines before simulated people: the benchmark and the simulation."""

from ltrr_haystack.evaluation.replay.benchmark import benchmark
from ltrr_haystack.evaluation.replay.faults import with_faults
from ltrr_haystack.evaluation.replay.figures import Figures
from ltrr_haystack.evaluation.replay.files import markdown
from ltrr_haystack.evaluation.replay.precomputed import precompute
from ltrr_haystack.evaluation.replay.progress import live_progress
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.simulate import Simulation, simulate_pipeline, simulate_server
from ltrr_haystack.evaluation.replay.tables import live_tables, simulation_tables

__all__ = [
    "Figures",
    "Settings",
    "Simulation",
    "benchmark",
    "live_progress",
    "live_tables",
    "markdown",
    "precompute",
    "simulate_pipeline",
    "simulate_server",
    "simulation_tables",
    "with_faults",
]
