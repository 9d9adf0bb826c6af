"""The order of a page: by expected attraction, with a few places drawn by chance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import ConfigurationError

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Exploration:
    """
    Which places of a page are drawn by chance.

    The documents that the posterior puts on the places `first` to `last` are put into the order of one draw from each
    one's posterior (Thompson sampling: Chapelle and Li, "An empirical evaluation of Thompson sampling", NIPS 2011). In
    a share of the searches the best draw among the documents below the page, down to rank `deepest`, competes with them
    for these places, where the page ends with them: nobody loses a document of a longer page. All other places never
    move by chance.

    :param first: The first place that is drawn, from 1.
    :param last: The last place that is drawn, `first` or more; on a shorter page, that is its end.
    :param deep_share: Share of the searches in which a document from below the page may come onto it, 0 to 1.
    :param deepest: The lowest rank of such a document.
    :param draws: How often the page is drawn to tell how likely each document is at each place; one of the draws is the
        page that is shown, so no probability of what is shown is 0.
    :raises ConfigurationError: If a setting is out of its range.
    """

    first: int = 4
    last: int = 10
    deep_share: float = 0.5
    deepest: int = 50
    draws: int = 64

    def __post_init__(self) -> None:
        if self.first < 1 or self.deepest < 1 or self.draws < 1:
            raise ConfigurationError(
                "first, deepest and draws of Exploration must be at least 1, "
                f"got first={self.first}, deepest={self.deepest}, draws={self.draws}"
            )
        if self.last < self.first:
            raise ConfigurationError(
                f"last of Exploration must be first or more, got first={self.first}, last={self.last}"
            )
        if not 0 <= self.deep_share <= 1:
            raise ConfigurationError(f"deep_share of Exploration must be a share from 0 to 1, got {self.deep_share}")

    def draw(
        self, order: Rows, posteriors: tuple[Numbers, Numbers], page: int, rng: np.random.Generator
    ) -> tuple[Rows, Numbers] | None:
        """
        Draw a page.

        :param order: Rows of the documents, best first.
        :param posteriors: For each row both parameters of its Beta posterior.
        :param page: Number of places of the page.
        :param rng: Where chance comes from.
        :returns: The rows on the page in order, and for each of them the probability of its place, and that of being on
            the page at all; `None` if fewer than two documents can be drawn.
        """
        fixed = min(self.first - 1, page, len(order))
        block, rest = order[fixed : min(self.last, page)], order[self.last : page]
        deep = order[page : self.deepest if page <= self.last else page]
        if len(block) + len(deep) < 2 or not len(block):
            return None
        alpha, beta = posteriors
        rivals = np.full((self.draws, len(block) + 1), -1.0)
        rows = np.full((self.draws, len(block) + 1), -1, dtype=np.intp)
        rivals[:, :-1] = rng.beta(alpha[block], beta[block], size=(self.draws, len(block)))
        rows[:, :-1] = block
        come = np.flatnonzero(rng.random(self.draws) < self.deep_share) if len(deep) else np.empty(0, np.intp)
        if len(come):
            drawn = rng.beta(alpha[deep], beta[deep], size=(len(come), len(deep)))
            best = drawn.argmax(axis=1)
            rivals[come, -1] = drawn[np.arange(len(come)), best]
            rows[come, -1] = deep[best]
        winners = np.argsort(-rivals, axis=1, kind="stable")[:, : len(block)]
        pages = np.take_along_axis(rows, winners, axis=1)
        shown = np.concatenate([order[:fixed], pages[0], rest])
        propensities = np.ones((len(shown), 2))
        drawn_places = slice(fixed, fixed + len(block))
        propensities[drawn_places, 0] = (pages == pages[0]).mean(axis=0)
        propensities[drawn_places, 1] = (pages[:, None, :] == pages[0][:, None]).any(axis=2).mean(axis=0)
        return shown, propensities


def expected_attraction(posteriors: tuple[Numbers, Numbers]) -> Numbers:
    """
    Give the mean of each document's posterior.

    :param posteriors: For each row both parameters of its Beta posterior.
    :returns: A probability for each row.
    """
    alpha, beta = posteriors
    means: Numbers = alpha / (alpha + beta)
    return means


def by_expected_attraction(posteriors: tuple[Numbers, Numbers], places: Rows) -> tuple[Rows, Numbers]:
    """
    Order documents by the mean of their posteriors.

    :param posteriors: For each row both parameters of its Beta posterior.
    :param places: For each row its place in the model's order, which decides between equal means.
    :returns: The rows, best first, and the mean of each row.
    """
    means = expected_attraction(posteriors)
    return np.lexsort((places, -means)), means
