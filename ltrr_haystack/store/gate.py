"""A gate that many may pass at once, and that can be shut."""

from threading import Condition, Lock
from types import TracebackType


class Gate:
    """
    Counts who is inside. Shutting it waits until nobody is, and keeps newcomers waiting until it is opened again.

    Usage example:
    ```python
    from ltrr_haystack.store.gate import Gate

    gate = Gate()
    with gate:
        print("inside")
    gate.shut()
    gate.open()
    ```
    """

    def __init__(self) -> None:
        self._changed = Condition(Lock())
        self._inside = 0
        self._is_shut = False

    def __enter__(self) -> None:
        with self._changed:
            while self._is_shut:
                self._changed.wait()
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._changed:
            self._inside -= 1
            if self._is_shut and self._inside == 0:
                self._changed.notify_all()

    def shut(self) -> None:
        """Let nobody in any more, and wait until all are out."""
        with self._changed:
            self._is_shut = True
            while self._inside > 0:
                self._changed.wait()

    def open(self) -> None:
        """Let everybody in again."""
        with self._changed:
            self._is_shut = False
            self._changed.notify_all()
