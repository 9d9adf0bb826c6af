"""What a policy sees of a query before it decides."""

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

from ltrr_haystack.types import Features, Interpretation, Understanding

MOST_CONTEXT = 32
"""How many entries of a caller's context are taken."""

LONGEST_TEXT = 64
"""How many characters of a text are taken."""

_LARGEST_COUNT = 4.0
_COUNT_SCALE = 5.0
_MOST_INTENTS = 8
_MOST_READINGS = 10
_LARGEST = 1e4


class ArmHistory(Protocol):
    """
    What is known of an arm for one query key.

    :param draws: How often the arm ran.
    :param credit: Sum of its credits.
    :param returned: How many candidates it brought in all.
    """

    @property
    def draws(self) -> float:
        """How often the arm ran."""

    @property
    def credit(self) -> float:
        """Sum of its credits."""

    @property
    def returned(self) -> float:
        """How many candidates it brought in all."""


def features_of(
    understanding: Understanding,
    user_id: str | None = None,
    session_id: str | None = None,
    context: Mapping[str, Any] | None = None,
    history: Mapping[str, ArmHistory] | None = None,
    *,
    filtered: bool = False,
) -> Features:
    """
    Gather the features of one search.

    All numbers are finite and of the order of 1, all texts are short, and there is a limit to how many there are,
    whatever a caller sends. Who searches is told as known or unknown, not by name.

    :param understanding: What was understood of the query.
    :param user_id: Who searches, if known.
    :param session_id: The session, if known.
    :param context: What the caller knows of user and situation: texts and booleans become categories, numbers
        magnitudes on a logarithmic scale; anything else is left out.
    :param history: Arm → what is known of it for this query key.
    :param filtered: Whether the search is filtered: what arms are worth then has something to do with the filters.
    :returns: The features.
    """
    query: dict[str, str | float] = {
        "type": understanding.query_type,
        "language": _short(understanding.language),
        "length": _length(len(understanding.tokens)),
        "digits": _yes_or_no(understanding.has_digits),
        "user": "known" if user_id else "unknown",
        "session": "known" if session_id else "unknown",
    }
    if filtered:
        query["filters"] = "yes"
    for intent, probability in islice(understanding.intents.items(), _MOST_INTENTS):
        if math.isfinite(probability):
            query[f"intent.{_short(intent)}"] = _bounded(float(probability), 1.0)
    if understanding.interpretations:
        query["readings.entropy"] = _entropy(understanding.interpretations[:_MOST_READINGS])
        for slot in islice(understanding.interpretations[0].slots, _MOST_INTENTS):
            query[f"slot.{_short(slot)}"] = "yes"
    for key, value in islice((context or {}).items(), MOST_CONTEXT):
        taken = _context_value(value)
        if taken is not None:
            query[f"context.{_short(str(key))}"] = taken
    time: dict[str, str | float] = {
        "weekday": str(understanding.weekday),
        "day_part": understanding.day_part,
        "weekend": _yes_or_no(understanding.weekend),
    }
    if understanding.holiday is not None:
        time |= {"holiday": "yes", "holiday.name": _short(understanding.holiday)}
    return Features(
        query=query,
        time=time,
        history={arm: _history(entry) for arm, entry in (history or {}).items() if entry.draws > 0},
    )


def searched_before(features: Features) -> float:
    """
    Give how often a query was searched before, as far as the features tell.

    :param features: The features.
    :returns: The number of settled searches, 0 for a new query; a count that is negative or not finite is none.
    """
    counts = [_bounded(known.get("cnt", 0.0), _LARGEST_COUNT) for known in features.history.values()]
    return math.expm1(_COUNT_SCALE * max([0.0, *counts]))


def _entropy(readings: Sequence[Interpretation]) -> float:
    """
    Tell how undecided the readings are: their entropy (Shannon 1948), as a share of what ten readings can have.

    :param readings: At most `_MOST_READINGS` of them, whose probabilities are scaled to the sum 1.
    :returns: 0 where one reading has all of the probability, up to 1.
    """
    weights = [each.probability for each in readings if 0.0 < each.probability <= 1.0]
    shares = [weight / sum(weights) for weight in weights]
    return _bounded(sum([-share * math.log(share) for share in shares if share]) / math.log(_MOST_READINGS), 1.0)


def _length(words: int) -> str:
    return str(words) if words < 3 else ("3-4" if words < 5 else "5+")


def _history(entry: ArmHistory) -> dict[str, float]:
    return {
        "cnt": _bounded(math.log1p(entry.draws) / _COUNT_SCALE, _LARGEST_COUNT),
        "ctr": _bounded(entry.credit / entry.draws, 10.0),
        "ret": _bounded(entry.returned / entry.draws / 100, 10.0),
    }


def _bounded(value: float, limit: float) -> float:
    return max(-limit, min(limit, value)) if math.isfinite(value) else 0.0


def _context_value(value: Any) -> str | float | None:
    if isinstance(value, bool):
        return _yes_or_no(value)
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, int | float) and -math.inf < value < math.inf:
        cut = max(-_LARGEST, min(_LARGEST, value))
        return math.copysign(math.log1p(abs(cut)), cut)
    return None


def _short(text: str) -> str:
    """The beginning of a text, such that it goes into JSON and back: lone surrogates become question marks."""
    return text[:LONGEST_TEXT].encode(errors="replace").decode()


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"
