"""The log in equal blocks, without knowing beforehand how long it is."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from ltrr_haystack.evaluation.report.values import Curve, Point, ReportFigure


@dataclass(slots=True)
class Block:
    """
    Sums over some searches that follow one another.

    :param first: Number of the first search, from 1.
    :param last: Number of the last search.
    :param until: When the last search was.
    :param sums: What was summed → its sum; what is not there is 0.
    """

    first: int
    last: int
    until: float
    sums: dict[Hashable, float] = field(default_factory=dict)

    @property
    def searches(self) -> int:
        """How many searches it has."""
        return self.last - self.first + 1

    def __getitem__(self, key: Hashable) -> float:
        return self.sums.get(key, 0.0)

    def add(self, other: "Block") -> None:
        """
        Take in the block that follows.

        :param other: The block.
        """
        self.last, self.until = other.last, other.until
        for key, amount in other.sums.items():
            self.sums[key] = self.sums.get(key, 0.0) + amount


class Blocks:
    """
    Sums over blocks of searches. When there are too many blocks, each two become one, so that any log comes to half as
    many blocks as are allowed, or more, and none is held in memory whole.
    """

    def __init__(self, most: int = 40, least: int = 25) -> None:
        """
        Make no blocks yet.

        :param most: Most blocks.
        :param least: Searches of a block at first.
        """
        self._most = most
        self._size = least
        self._blocks: list[Block] = []
        self.searches = 0

    def add(self, until: float, amounts: Mapping[Hashable, float]) -> None:
        """
        Add a search.

        :param until: When it was.
        :param amounts: What is to be summed.
        """
        self.searches += 1
        block = Block(self.searches, self.searches, until, dict(amounts))
        if self._blocks and self._blocks[-1].searches < self._size:
            self._blocks[-1].add(block)
            return
        if len(self._blocks) == self._most:
            self._halve()
            if self._blocks[-1].searches < self._size:
                self._blocks[-1].add(block)
                return
        self._blocks.append(block)

    def blocks(self, at_most: int | None = None) -> list[Block]:
        """
        Give the blocks.

        :param at_most: How many at most; as many as there are if left out.
        :returns: The blocks, in the order of the log. What is less than half a block at the end goes to the last one.
        """
        whole = [Block(one.first, one.last, one.until, dict(one.sums)) for one in self._blocks]
        if len(whole) > 1 and whole[-1].searches < whole[0].searches / 2:
            whole[-2].add(whole.pop())
        together = max(1, -(-len(whole) // at_most)) if at_most else 1
        return [_joined(whole[start : start + together]) for start in range(0, len(whole), together)]

    def total(self) -> Block:
        """
        Sum over the whole log.

        :returns: One block; without searches if there were none.
        """
        return _joined(self.blocks()) if self._blocks else Block(1, 0, 0.0)

    def _halve(self) -> None:
        self._size *= 2
        self._blocks = [_joined(self._blocks[start : start + 2]) for start in range(0, len(self._blocks), 2)]


def curve(name: str, blocks: Iterable[Block], figure: Callable[[Block], ReportFigure]) -> Curve:
    """
    Draw a figure over the log.

    :param name: What it is a figure of.
    :param blocks: The blocks.
    :param figure: The figure of a block.
    :returns: The curve, without the blocks for which the figure is not known.
    """
    points = (Point(block.first, block.last, block.until, figure(block)) for block in blocks)
    return Curve(name, tuple(point for point in points if point.estimate.value == point.estimate.value))


def _joined(blocks: list[Block]) -> Block:
    first = Block(blocks[0].first, blocks[0].last, blocks[0].until, dict(blocks[0].sums))
    for block in blocks[1:]:
        first.add(block)
    return first
