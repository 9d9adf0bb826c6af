"""What was shown, as a TREC run: `topic Q0 document rank score tag`."""

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import quote, unquote

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.interchange.files import replacing
from ltrr_haystack.store import LTRRStore, read_log
from ltrr_haystack.types import SettledDecision

Per = Literal["query", "search"]
"""What a topic is: a query key with the last page it got, or every single search."""

TAG = "ltrr"
_EMPTY = "%"


def trec_id(text: str) -> str:
    """
    Write a query key or an object id so that it is one word of a TREC file.

    White space, control characters and `%` are percent-escaped; everything else stays as it is. Different texts stay
    different.

    :param text: The text.
    :returns: The word.
    """
    if not text:
        return _EMPTY
    return "".join(quote(letter, safe="", errors="replace") if _splits(letter) else letter for letter in text)


def text_of(word: str) -> str:
    """
    Read what `trec_id` wrote.

    :param word: The word.
    :returns: The text.
    """
    return "" if word == _EMPTY else unquote(word)


def run_lines(settled: SettledDecision, topic: str, tag: str = TAG) -> list[str]:
    """
    Write the page of one search.

    Tools for TREC files order by the score and not by the rank, and the scores of different models cannot be compared.
    So the score is 1 / position: it gives back the order that was shown, whatever put it there.

    :param settled: The search.
    :param topic: The topic's id.
    :param tag: The run's name.
    :returns: A line for each document; one that was shown twice counts where it was shown first.
    """
    first: dict[str, int] = {}
    for impression in settled.impressions:
        first.setdefault(impression.object_id, impression.ordinal)
    return [
        f"{trec_id(topic)} Q0 {trec_id(object_id)} {rank} {1 / ordinal:.9f} {trec_id(tag)}\n"
        for rank, (object_id, ordinal) in enumerate(first.items(), start=1)
    ]


def shown_run(log: Iterable[SettledDecision], per: Per = "query", tag: str = TAG) -> Iterator[str]:
    """
    Write the lines of a run.

    :param log: The searches.
    :param per: `query`: each query key is a topic, with the page that it got last, under the id that `qrels` gives it.
        `search`: each search is a topic under its query id.
    :param tag: The run's name.
    :returns: The lines. Per query, the last page of every query key is held in memory.
    :raises ConfigurationError: If `per` is neither.
    """
    if per not in get_args(Per):
        raise ConfigurationError(f"the topics of a run must be per 'query' or 'search', got {per!r}")
    if per == "search":
        for settled in log:
            yield from run_lines(settled, settled.decision.query_id, tag)
        return
    last: dict[str, list[str]] = {}
    for settled in log:
        key = settled.decision.understanding.normal_form
        last[key] = run_lines(settled, key, tag)
    for key in sorted(last):
        yield from last[key]


def write_run(store: LTRRStore, out: Path, per: Per = "query", tag: str = TAG) -> int:
    """
    Write what was shown in the settled searches of a store as a TREC run.

    :param store: The store with the log.
    :param out: The file.
    :param per: `query` or `search`, as `shown_run` has it.
    :param tag: The run's name.
    :returns: How many lines were written.
    :raises ConfigurationError: If the file cannot be written, or `per` is unknown.
    """
    lines = 0
    with replacing(out) as file:
        for line in shown_run(read_log(store), per, tag):
            file.write(line)
            lines += 1
    return lines


def _splits(letter: str) -> bool:
    return letter == "%" or letter.isspace() or unicodedata.category(letter)[0] == "C"
