"""What became of the events that a process was sent, and why some were rejected."""

from collections import Counter
from collections.abc import Iterable, Mapping
from threading import Lock

MOST_REASONS = 30
"""More reasons are not told apart: part of them may come from the sender."""

OTHER = "other"


class EventOutcomes:
    """Counts since the process started, for any number of threads."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()

    def add(self, results: Iterable[Mapping[str, str]]) -> None:
        """
        Count what became of some events.

        :param results: For each event its `status` and, where it was rejected, the `reason`.
        """
        with self._lock:
            for result in results:
                self._counts[result["status"]] += 1
                if result["status"] == "rejected":
                    field = result.get("reason", "").partition(":")[0][:80] or OTHER
                    known = field in self._reasons or len(self._reasons) < MOST_REASONS
                    self._reasons[field if known else OTHER] += 1

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """
        Give the counts.

        :returns: Status → events, and the field that was wrong → events that were rejected for it.
        """
        with self._lock:
            return dict(self._counts), dict(self._reasons)
