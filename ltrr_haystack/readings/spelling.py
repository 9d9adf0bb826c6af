"""
Words that differ from a typed one by an edit or two, found without a look at all words.

Symmetric deletion: two words are at most k edits apart only if a common rest remains when up to k letters are deleted
from each. All rests of all words are kept as hashes in one sorted array, so that a word's neighbours are found by
searching for its own rests; what shares a rest is then measured by RapidFuzz. Mor and Fraenkel 1982, "A hash code
method for detecting and correcting spelling errors", Communications of the ACM 25(12).
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

HASHED_LETTERS = 8
"""Letters of a word whose rests are kept. The rests of two words' beginnings meet whenever those of the words do."""

MOST_IN_BUCKET = 128
"""Words with the same rest that are measured; a vocabulary of words that are all alike cannot make a query slow."""

MOST_NEIGHBOURS = 8

Hashes = NDArray[np.uint64]

_BASE = 0x9E3779B97F4A7C15


def most_edits(letters: int) -> int:
    """
    Tell how many edits are taken for a typo, so that short words are not taken for one another.

    :param letters: Letters of the shorter word.
    :returns: 0 below three letters, 1 below seven, 2 from there on.
    """
    return 0 if letters < 3 else 1 if letters < 7 else 2


class Spelling:
    """
    Finds the words of a vocabulary that a typed word may be a typo of.

    An edit is a letter too many, too few, another one, or two neighbours that changed places (optimal string
    alignment). Words with a digit are no typos of each other: `wh1000xm4` is not `wh1000xm3`.
    """

    def __init__(self, words: Sequence[str], fuzziness: int = 2) -> None:
        """
        Build the index.

        :param words: The vocabulary, without duplicates, what is meant more often first.
        :param fuzziness: Most edits in one word, 0 to 2.
        """
        self._words = words
        self._fuzziness = fuzziness
        by_length: dict[int, list[int]] = {}
        for row, word in enumerate(words):
            if self._edits(word):
                by_length.setdefault(len(word), []).append(row)
        hashes, rows = [], []
        for length, members in by_length.items():
            rests = _rests(length, min(fuzziness, most_edits(length)))
            found = _letters([words[row] for row in members]) @ rests.T
            hashes.append(found.ravel())
            rows.append(np.repeat(np.array(members, dtype=np.int32), len(rests)))
        all_hashes = np.concatenate(hashes) if hashes else np.empty(0, dtype=np.uint64)
        all_rows = np.concatenate(rows) if rows else np.empty(0, dtype=np.int32)
        order = np.lexsort((all_rows, all_hashes))
        self._hashes: Hashes = all_hashes[order]
        self._rows = all_rows[order]

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self._hashes.nbytes + self._rows.nbytes

    def neighbours(self, word: str) -> list[tuple[str, int]]:
        """
        Give the words that a word may be a typo of.

        :param word: The word as it was typed, in normal form.
        :returns: Words other than this one with the number of edits; fewest edits first, then in the order of the
            vocabulary; `MOST_NEIGHBOURS` at most.
        """
        edits = self._edits(word)
        if not edits:
            return []
        rests = (_letters([word]) @ _rests(len(word), edits).T).ravel()
        first, last = self._hashes.searchsorted(rests, "left"), self._hashes.searchsorted(rests, "right")
        rows: set[int] = set()
        for start, end in zip(first.tolist(), last.tolist(), strict=True):
            if start < end:
                rows.update(self._rows[start : min(end, start + MOST_IN_BUCKET)].tolist())
        found = []
        for row in rows:
            other = self._words[row]
            most = min(edits, most_edits(len(other)))
            distance = OSA.distance(word, other, score_cutoff=most)
            if 0 < distance <= most:
                found.append((distance, row))
        return [(self._words[row], distance) for distance, row in sorted(found)[:MOST_NEIGHBOURS]]

    def _edits(self, word: str) -> int:
        if any(map(str.isdigit, word)):
            return 0
        return min(self._fuzziness, most_edits(len(word)))


def _letters(words: Sequence[str]) -> Hashes:
    """The first letters of words of one length, words × letters."""
    heads = [word[:HASHED_LETTERS] for word in words]
    codes = np.frombuffer("".join(heads).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return codes.reshape(len(words), -1).astype(np.uint64)


@lru_cache(maxsize=64)
def _rests_of(letters: int, edits: int) -> Hashes:
    kept = [rest for deleted in range(edits + 1) for rest in combinations(range(letters), letters - deleted)]
    weights = np.zeros((len(kept), letters), dtype=np.uint64)
    for row, rest in enumerate(kept):
        for place, letter in enumerate(rest):
            weights[row, letter] = pow(_BASE, place + 1, 2**64)
    return weights


def _rests(length: int, edits: int) -> Hashes:
    """
    Weights by which the letters of a word make the hashes of its rests, rests × letters.

    A rest's hash is a polynomial in its letters, modulo 2**64.
    """
    return _rests_of(min(length, HASHED_LETTERS), edits)
