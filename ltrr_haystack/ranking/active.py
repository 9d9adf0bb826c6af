"""The ranking model that is active in the store, held for as long as the store says so."""

import time
from threading import Lock

from haystack import logging

from ltrr_haystack.ranking.model import RANKER, RankingModel
from ltrr_haystack.store import LTRRStore

logger = logging.getLogger(__name__)


class ActiveRanker:
    """
    Holds the ranking model that is active in the store, and looks now and then for another one.

    Models are swapped in whole: whoever asks gets one model together with its version. When the store or a snapshot
    fails, the model at hand stays in use, and that is logged once until it is mended.

    :param store: The store with the snapshots; first read by `current`.
    :param poll_interval: Seconds between two looks; 0 looks each time.
    """

    def __init__(self, store: LTRRStore, poll_interval: float = 1.0) -> None:
        self._store = store
        self._poll_interval = poll_interval
        self._lock = Lock()
        self._held: tuple[RankingModel | None, int] = (None, 0)
        self._seen = 0
        self._looked = False
        self._next_look = float("-inf")
        self._failing = False

    def current(self) -> tuple[RankingModel | None, int]:
        """
        Give the model to rank with.

        :returns: The model and the version of its snapshot; `None` and 0 while no model is active.
        """
        if time.monotonic() < self._next_look:
            return self._held
        # While one thread looks, the others go on with what they have, unless nobody has seen the store yet.
        if self._lock.acquire(blocking=not self._looked):
            try:
                if time.monotonic() >= self._next_look:
                    self._look()
            finally:
                self._lock.release()
        return self._held

    def _look(self) -> None:
        try:
            version = self._store.active_version(RANKER)
            if version != self._seen:
                self._held = self._load(version)
                self._seen = version
            self._failing = False
        except Exception as error:  # noqa: BLE001 (whatever fails, the model at hand ranks)
            self._report(error)
        self._looked = True
        self._next_look = time.monotonic() + self._poll_interval

    def _load(self, version: int) -> tuple[RankingModel | None, int]:
        snapshot = self._store.snapshot(RANKER, version) if version else None
        return (None, 0) if snapshot is None else (RankingModel.from_bytes(snapshot.payload), snapshot.version)

    def _report(self, error: Exception) -> None:
        if not self._failing:
            logger.warning(
                "No newer ranking model could be loaded, version {version} stays in use: {error}",
                version=self._held[1],
                error=f"{type(error).__name__}: {error}",
            )
        self._failing = True
