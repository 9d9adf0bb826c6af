"""
The words and letters of a query as hashed n-grams.

Every n-gram becomes a number below `BUCKETS`, so that no vocabulary has to be kept (feature hashing: Weinberger,
Dasgupta, Langford, Smola and Attenberg, "Feature hashing for large scale multitask learning", ICML 2009). Letters are
taken word by word with marks for its ends (Bojanowski, Grave, Joulin and Mikolov, "Enriching word vectors with subword
information", TACL 5, 2017), so that a misspelt word shares most of its n-grams with the right one.
"""

import math
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BUCKETS = 2**20
LETTERS = (2, 3, 4)
"""Lengths of the n-grams of letters."""

MOST_WORDS = 64
LONGEST_WORD = 32
"""Words, and letters of a word, that are taken; the rest is ignored."""


def ngrams(form: str) -> list[str]:
    """
    Take a normal form apart.

    :param form: A normal form.
    :returns: Its words (`w…`), pairs of words (`p…`) and n-grams of letters (`l…`), each once, in alphabetical order.
    """
    words = [word[:LONGEST_WORD] for word in form.split()[:MOST_WORDS]]
    found = {f"w{word}" for word in words}
    found.update(f"p{first} {second}" for first, second in pairwise(words))
    for word in words:
        marked = f" {word} "
        found.update(f"l{marked[start : start + size]}" for size in LETTERS for start in range(len(marked) - size + 1))
    return sorted(found)


def buckets(form: str) -> NDArray[np.int64]:
    """
    Hash the n-grams of a normal form.

    :param form: A normal form.
    :returns: The buckets of its n-grams, each once, ascending.
    """
    hashed = {crc32(ngram.encode(errors="replace")) % BUCKETS for ngram in ngrams(form)}
    return np.array(sorted(hashed), dtype=np.int64)


def value_of_each(number: int) -> float:
    """
    Give what each n-gram of a query counts, so that all queries are vectors of length 1.

    :param number: How many different n-grams the query has.
    :returns: 1 / √number.
    """
    return 1.0 / math.sqrt(max(number, 1))
