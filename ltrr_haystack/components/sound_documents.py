"""Documents that a search can carry: through Haystack's deep copies, into the log, and out as JSON."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import chain
from threading import Lock
from typing import Any

from haystack import Document, logging

from ltrr_haystack.store.checks import LONGEST_ID, is_storable_id

logger = logging.getLogger(__name__)

DEEPEST = 50
"""Deepest nesting of metadata: deep copies and JSON writers run out of stack beyond some hundred levels."""

MOST_VALUES = 20_000
"""Most values in the metadata of a document; lists within lists can hold more than any memory."""

LARGEST = 2**1024
"""What no double can reach. Python itself refuses to write whole numbers of more than 4,300 digits."""

_EASY = frozenset((str, float, bool, type(None)))
_NESTS = (dict, list, tuple, set, frozenset)


def fault_of(document: Document) -> str | None:
    """
    Say why a document cannot be carried.

    Numbers that are not finite, dates, and whatever else has a text can be: the answer shows them as JSON has them.

    :param document: Any document.
    :returns: The reason; `None` if there is none.
    """
    try:
        object_id, content, meta = document.id, document.content, document.meta
        if (
            type(object_id) is str
            and object_id.isascii()
            and 0 < len(object_id) <= LONGEST_ID
            and "\0" not in object_id
            and (content is None or type(content) is str)
            and type(meta) is dict
            and _is_flat(meta)
        ):
            return None
        return _fault_of_id(object_id) or _fault_of_content(content) or _fault_of_meta(meta)
    except Exception:  # noqa: BLE001 (a document's parts may be of classes that raise anything)
        return "it cannot be read"


def _is_flat(meta: Mapping[Any, Any]) -> bool:
    """Most metadata is: texts, numbers and lists of texts. Looking at it takes less than a microsecond."""
    for key, value in meta.items():
        if type(key) is not str:
            return False
        kind = type(value)
        if kind is str or kind is float:
            continue
        if kind is int and -LARGEST < value < LARGEST:
            continue
        if kind not in _EASY and not (kind is list and _EASY.issuperset(map(type, value))):
            return False
    return True


def _fault_of_id(given: Any) -> str | None:
    if not isinstance(given, str):
        return "its id is no text"
    if not given or not is_storable_id(given):
        return f"its id is empty, longer than {LONGEST_ID} bytes, or holds NUL or half of a surrogate pair"
    return None


def _fault_of_content(content: Any) -> str | None:
    return None if content is None or isinstance(content, str) else "its content is no text"


def _fault_of_meta(meta: Any) -> str | None:
    return _fault_within(meta) if isinstance(meta, dict) else "its metadata is no dictionary"


def _fault_within(meta: Mapping[Any, Any]) -> str | None:
    level: list[Any] = [meta]
    seen = 0
    for _ in range(DEEPEST):
        if any(not isinstance(key, str) for each in level if isinstance(each, dict) for key in each):
            return "its metadata has a key that is no text"
        seen += sum(map(len, level))
        if seen > MOST_VALUES:
            return f"its metadata holds more than {MOST_VALUES:,} values"
        values = [*chain.from_iterable(each.values() if isinstance(each, dict) else each for each in level)]
        level = []
        for value in values:
            if isinstance(value, _NESTS):
                level.append(value)
            elif isinstance(value, int):
                if not -LARGEST < value < LARGEST:
                    return "its metadata holds a whole number that no double can reach"
            elif type(value) not in _EASY:
                level.append(_parts_of(value))
        if not any(level):
            return None
    return f"its metadata is nested deeper than {DEEPEST} levels, or holds itself"


def _parts_of(value: Any) -> list[Any]:
    """What is written for a value of another class: NumPy's say what they hold, all others have a text."""
    if callable(getattr(value, "tolist", None)):
        return [value.tolist()]
    str(value)
    return []


class LeftOut:
    """
    Tells of documents that were left out: at once for the first, then once a minute with how many there were.

    :param arm: The arm whose documents they are.
    :param pause: Seconds between two lines of one reason.
    :param clock: What tells the time in seconds.
    """

    def __init__(self, arm: str, pause: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._arm = arm
        self._pause = pause
        self._clock = clock
        self._lock = Lock()
        self._since: Counter[str] = Counter()
        self._next: dict[str, float] = {}

    def note(self, reasons: Mapping[str, int]) -> None:
        """
        Count what one search left out, and log it if it is time to.

        :param reasons: Reason → how many documents.
        """
        due: dict[str, int] = {}
        with self._lock:
            now = self._clock()
            for reason, count in reasons.items():
                self._since[reason] += count
                if self._next.get(reason, now) <= now:
                    due[reason] = self._since.pop(reason)
                    self._next[reason] = now + self._pause
        for reason, count in due.items():
            logger.warning(
                "Arm '{arm}' left {count} documents out of its results: of each, {reason}",
                arm=self._arm,
                count=count,
                reason=reason,
            )
