"""Decisions of a log as arrays, some at a time."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.evaluation.joints import Depths, Joints, depths_of
from ltrr_haystack.evaluation.off_policy.decisions import LoggedDecision
from ltrr_haystack.evaluation.off_policy.positions import Kept

MOST = 500
"""Decisions of one page at most."""

Rows = NDArray[np.bool_]


class Page:
    """
    Decisions that follow one another in the log and had the same to choose from.

    :ivar logged: The decisions.
    :ivar joints: The distributions that they were drawn from.
    :ivar actions: What there was to choose from.
    :ivar drawn: What was drawn.
    :ivar rewards: One row for each decision, one column for each position: what was earned there.
    :ivar shown: How many documents each decision showed.
    """

    def __init__(self, logged: Sequence[LoggedDecision]) -> None:
        """
        Write decisions as arrays.

        :param logged: The decisions, at least one, all with equal action sets.
        """
        self.logged = logged
        self.joints = Joints([each.joint for each in logged])
        self.actions = self.joints.actions
        self.drawn = depths_of([each.decision.allocation for each in logged], self.actions)
        self.shown = np.array([len(each.page) for each in logged])
        columns = {arm: column for column, arm in enumerate(self.actions.names)}
        self.rewards = np.zeros((len(logged), int(self.shown.max())))
        self._ranks = np.full((*self.rewards.shape, len(columns)), np.inf)
        for row, each in enumerate(logged):
            for place, (reward, ranks) in enumerate(each.page):
                self.rewards[row, place] = reward
                for arm, rank in ranks.items():
                    if arm in columns:
                        self._ranks[row, place, columns[arm]] = rank

    def __len__(self) -> int:
        return len(self.logged)

    def kept(self, depths: Depths, reached: Rows) -> Kept:
        """
        Say what would still have been on the pages under shallower allocations.

        :param depths: The allocations.
        :param reached: The decisions of which that is known: those that drew every arm at least as deep.
        :returns: What stays; nothing of the other decisions.
        """
        stays = (self._ranks <= depths[:, None, :]).any(axis=2) & reached[:, None]
        moved_to = stays.cumsum(axis=1)
        rows, places = np.nonzero(stays & (self.rewards != 0))
        return Kept(
            rows=rows,
            rewards=self.rewards[rows, places],
            ordinals=places + 1,
            moved_to=moved_to[rows, places],
            stay=stays.sum(axis=1),
            shown=np.where(reached, self.shown, 0),
        )


def paged(log: Iterable[LoggedDecision]) -> Iterator[Page]:
    """
    Go through a log page by page.

    :param log: The decisions, in the order of the log.
    :returns: The pages; another one begins where there is something else to choose from.
    """
    pending: list[LoggedDecision] = []
    for logged in log:
        if pending and (len(pending) == MOST or logged.joint.actions != pending[0].joint.actions):
            yield Page(pending)
            pending = []
        pending.append(logged)
    if pending:
        yield Page(pending)
