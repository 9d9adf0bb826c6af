"""The examination curve by which a page was ordered: evidence from it is counted by the same curve."""

from threading import Lock

from haystack import logging

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.store import PAGE, LTRRStore

logger = logging.getLogger(__name__)


class Curves:
    """
    Gives the examination curves of page models by their versions.

    :param store: The store with the snapshots.
    """

    def __init__(self, store: LTRRStore) -> None:
        self._store = store
        self._lock = Lock()
        self._curves: dict[int, ExaminationCurve] = {0: PageModel().curve}

    def of(self, page_version: int) -> ExaminationCurve:
        """
        Give the curve of a page model.

        :param page_version: The model's version; 0 for the default one.
        :returns: Its curve; where the snapshot is no longer kept that of the nearest version, and the default one where
            there is none or it is damaged.
        """
        with self._lock:
            curve = self._curves.get(page_version)
            if curve is None:
                curve = self._curves[page_version] = self._read(page_version)
            return curve

    def learned(self) -> tuple[ExaminationCurve, int] | None:
        """
        Give the curve of the active page model.

        :returns: The curve and the model's version; `None` where no model is active, or its curve was not learned.
        """
        version = self._store.active_version(PAGE)
        curve = self.of(version)
        return (curve, version) if curve.learned else None

    def _read(self, version: int) -> ExaminationCurve:
        try:
            snapshot = self._store.snapshot(PAGE, self._nearest(version))
            if snapshot is not None:
                return PageModel.from_bytes(snapshot.payload).curve
            reason = "it is not there"
        except SnapshotError as error:
            reason = str(error)
        logger.warning(
            "Evidence from pages of the page model {version} is counted by the default curve: {reason}",
            version=version,
            reason=reason,
        )
        return self._curves[0]

    def _nearest(self, version: int) -> int:
        """The version itself, or the nearest one that was kept."""
        kept = [info.version for info in self._store.snapshots(PAGE)]
        return min(kept, key=lambda each: abs(each - version), default=version)
