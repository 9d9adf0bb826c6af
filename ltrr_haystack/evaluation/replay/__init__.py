"""The replay of whole pipelines before simulated people."""

from ltrr_haystack.evaluation.replay.benchmarking import benchmark
from ltrr_haystack.evaluation.replay.figures import Figures
from ltrr_haystack.evaluation.replay.files import markdown
from ltrr_haystack.evaluation.replay.progress import live_progress
from ltrr_haystack.evaluation.replay.settings import Settings

__all__ = ["Figures", "Settings", "benchmark", "live_progress", "markdown"]
