"""The log in the formats of others, so that it can be judged elsewhere."""

from ltrr_haystack.evaluation.interchange.dsjson import dsjson_events, write_dsjson
from ltrr_haystack.evaluation.interchange.export import Format, export
from ltrr_haystack.evaluation.interchange.levels import level_probabilities
from ltrr_haystack.evaluation.interchange.open_bandit import (
    bandit_feedback,
    context_vector,
    read_bandit_feedback,
    write_bandit_feedback,
)
from ltrr_haystack.evaluation.interchange.qrels import (
    LEAST_EXAMINED,
    THRESHOLDS,
    Estimator,
    Judgement,
    click_rates,
    judgements,
    write_qrels,
)
from ltrr_haystack.evaluation.interchange.trec import Per, run_lines, shown_run, text_of, trec_id, write_run

__all__ = [
    "LEAST_EXAMINED",
    "THRESHOLDS",
    "Estimator",
    "Format",
    "Judgement",
    "Per",
    "bandit_feedback",
    "click_rates",
    "context_vector",
    "dsjson_events",
    "export",
    "judgements",
    "level_probabilities",
    "read_bandit_feedback",
    "run_lines",
    "shown_run",
    "text_of",
    "trec_id",
    "write_bandit_feedback",
    "write_dsjson",
    "write_qrels",
    "write_run",
]
