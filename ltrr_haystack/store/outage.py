"""What fails for a while."""

import time
from threading import Lock

from haystack import logging

from ltrr_haystack.errors import StoreUnavailableError, with_notes

logger = logging.getLogger(__name__)


class Outage:
    """
    Remembers that something fails, and says so in the log: once when it begins, and once when it is over.

    :param meanwhile: What is done as long as it fails, as a sentence without its full stop.

    Usage example:
    ```python
    from ltrr_haystack import StoreUnavailableError
    from ltrr_haystack.store.outage import Outage

    outage = Outage("Searches are answered without being logged")
    outage.report(StoreUnavailableError("the disk is full"))
    # Searches are answered without being logged, until this is mended: …
    outage.mended()  # Searches are answered without being logged: mended after 12 s
    ```
    """

    def __init__(self, meanwhile: str) -> None:
        self._meanwhile = meanwhile
        self._lock = Lock()
        self._since = 0.0
        self._reason: str | None = None

    @property
    def under_way(self) -> bool:
        """Whether it fails, as far as is known."""
        return self._reason is not None

    def report(self, error: Exception) -> None:
        """
        Note that it failed.

        :param error: How.
        """
        with self._lock:
            if self._reason is None:
                self._since = time.monotonic()
                logger.warning(
                    "{meanwhile}, until this is mended: {error}",
                    meanwhile=self._meanwhile,
                    error=f"{type(error).__name__}: {with_notes(error)}",
                )
            self._reason = str(error)

    def mended(self) -> None:
        """Note that it works."""
        if self._reason is None:
            return
        with self._lock:
            if self._reason is not None:
                self._reason = None
                logger.warning(
                    "{meanwhile}: mended after {seconds:.0f} s",
                    meanwhile=self._meanwhile,
                    seconds=time.monotonic() - self._since,
                )

    def refusal(self) -> StoreUnavailableError | None:
        """
        Spare somebody the wait for what is known to fail.

        :returns: While it fails, an error with the reason that was reported last.
        """
        reason = self._reason
        return None if reason is None else StoreUnavailableError(reason)
