"""What was drawn in many decisions, as numbers."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.evaluation.off_policy.intervals import Column

Term = tuple[str, int]
"""Arm and level."""


class Terms:
    """
    For each arm and level, and each decision, the probability of drawing at least as deep.

    ### Usage example

    ```python
    import numpy as np
    from ltrr_haystack.evaluation.off_policy.terms import Terms

    terms = Terms()
    terms.add(2, {("bm25", 10): np.array([1.0, 0.0])})
    ```
    """

    def __init__(self) -> None:
        """Begin without decisions."""
        self._size = 0
        self._parts: dict[Term, list[tuple[int, Column]]] = {}

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Term]:
        return iter(sorted(self._parts))

    def add(self, size: int, columns: Mapping[Term, Column]) -> None:
        """
        Take in some decisions.

        :param size: How many there are.
        :param columns: For each term its probabilities in them; those of a term that is left out are 0.
        """
        for term, column in columns.items():
            self._parts.setdefault(term, []).append((self._size, column))
        self._size += size

    def matrix(self, terms: Sequence[Term]) -> NDArray[np.float64]:
        """
        Give the probabilities.

        :param terms: Of which terms.
        :returns: One row for each decision, one column for each of the terms.
        """
        matrix = np.zeros((self._size, len(terms)))
        for place, term in enumerate(terms):
            for start, column in self._parts.get(term, ()):
                matrix[start : start + len(column), place] = column
        return matrix
