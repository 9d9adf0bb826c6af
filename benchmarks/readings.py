"""
What it costs to read queries by a lexicon of 100,000 values: latency, memory, and the time to build the index.

    python benchmarks/readings.py [--values N] [--queries N] [--seed S]

The lexicon is invented: titles, artists, albums and genres of one to four words, the words drawn by Zipf's law. So are
the queries: values, parts and beginnings of them, two values together, each also with typos; words that nobody knows;
and hostile ones of a hundred words. A whole query is measured, from its normal form to its readings: by the clock, and,
for machines that do other things at the same time, in processor time.
"""

import argparse
import gc
import string
import time
import tracemalloc
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random

import numpy as np

from ltrr_haystack.catalogue.lexicon import Lexicon, LexiconValue
from ltrr_haystack.readings.interpreting import interpret
from ltrr_haystack.readings.matching import LexiconIndex
from ltrr_haystack.understanding.normalisation import normal_form

SHARES = {"title": 0.7, "artist": 0.2, "album": 0.098, "genre": 0.002}
"""Field → its share of the values."""

HOSTILE = ("100", "one word 100")
"""What the kinds of hostile queries begin with."""

VOCABULARY = 40_000
SYLLABLES = [first + vowel + last for first in "bcdfghklmnprstvw" for vowel in "aeiou" for last in ("", "n", "r", "s")]


@dataclass(frozen=True)
class Figures:
    """
    What was measured for one kind of queries.

    :param kind: The kind.
    :param milliseconds: The time of each query by the clock.
    :param busy: The processor time of each query, in milliseconds.
    :param read: Share of the queries whose best reading has a slot.
    """

    kind: str
    milliseconds: list[float]
    busy: list[float]
    read: float

    def row(self) -> str:
        """
        Write the figures.

        :returns: A row of a table in Markdown.
        """
        times = [*np.percentile(self.milliseconds, [50, 99]), *np.percentile(self.busy, [50, 99])]
        return f"| {self.kind} | {' | '.join([f'{each:.2f}' for each in times])} | {self.read:.0%} |"


def lexicon(values: int, seed: int) -> Lexicon:
    """
    Invent a lexicon.

    :param values: How many values it has, about.
    :param seed: Seed of the random numbers.
    :returns: The lexicon.
    """
    rng = Random(seed)
    word = _zipf_words(rng)
    fields: dict[str, dict[str, LexiconValue]] = {}
    for field, share in SHARES.items():
        chosen: dict[str, LexiconValue] = {}
        while len(chosen) < values * share:
            text = " ".join([word() for _ in range(rng.choice((1, 2, 2, 2, 3, 3, 4)))])
            documents = 1 if field == "title" else 1 + int(rng.paretovariate(1.0)) % 500
            chosen.setdefault(text, LexiconValue(field, text.title(), documents, 100 * rng.random() ** 4))
        fields[field] = chosen
    return Lexicon(tuple(fields), frozenset(), values, fields)


def queries(of: Lexicon, count: int, seed: int) -> Iterator[tuple[str, list[str]]]:
    """
    Invent queries.

    :param of: The lexicon that they refer to.
    :param count: How many of each kind.
    :param seed: Seed of the random numbers.
    :returns: Kind and texts.
    """
    rng = Random(seed)
    forms = [form for values in of.values.values() for form in values]

    def many(one: Callable[[], str]) -> list[str]:
        return [one() for _ in range(count)]

    yield "one value", many(lambda: rng.choice(forms))
    yield "one value with a typo", many(lambda: typo(rng.choice(forms), rng))
    yield "the beginning of a value", many(lambda: _beginning(rng.choice(forms), rng))
    yield "one word of a value", many(lambda: rng.choice(rng.choice(forms).split()))
    yield "two values", many(lambda: f"{rng.choice(forms)} {rng.choice(forms)}")
    yield "two values with typos", many(lambda: f"{typo(rng.choice(forms), rng)} {typo(rng.choice(forms), rng)}")
    yield "unknown words", many(lambda: " ".join(_noise(rng) for _ in range(rng.randint(1, 6))))
    words = [word for form in forms[:5000] for word in form.split()]
    yield "100 words of values", [" ".join(rng.choices(words, k=100)) for _ in range(count // 10)]
    yield "100 typos", [" ".join(typo(word, rng) for word in rng.choices(words, k=100)) for _ in range(count // 10)]
    common = max(set(words), key=words.count)
    yield "one word 100 times", [" ".join([common] * 100)] * (count // 10)


def typo(text: str, rng: Random) -> str:
    """
    Make one typing error.

    :param text: The text.
    :param rng: Random numbers.
    :returns: The text with a letter left out, doubled, replaced, or swapped with its neighbour.
    """
    place = rng.randrange(len(text))
    return rng.choice(
        [
            text[:place] + text[place + 1 :],
            text[:place] + text[place] + text[place:],
            text[:place] + rng.choice(string.ascii_lowercase) + text[place + 1 :],
            text[:place] + text[place + 1 : place + 2] + text[place : place + 1] + text[place + 2 :],
        ]
    )


def measure(index: LexiconIndex, kind: str, texts: list[str]) -> Figures:
    """
    Read queries.

    :param index: The index.
    :param kind: Their kind.
    :param texts: The queries.
    :returns: How long each took.
    """
    times, busy, read = [], [], 0
    for text in texts:
        began, was_busy = time.perf_counter(), time.thread_time()
        readings = interpret(index, normal_form(text))
        busy.append(1000 * (time.thread_time() - was_busy))
        times.append(1000 * (time.perf_counter() - began))
        read += bool(readings[0].matches)
    return Figures(kind, times, busy, read / len(texts))


def main(values: int, count: int, seed: int) -> None:
    """
    Measure, and print a table.

    :param values: Values of the lexicon.
    :param count: Queries of each kind.
    :param seed: Seed of the random numbers.
    """
    made = lexicon(values, seed)
    gc.collect()
    began, was_busy = time.perf_counter(), time.process_time()
    index = LexiconIndex(made)
    seconds, busy = time.perf_counter() - began, time.process_time() - was_busy
    figures = [measure(index, kind, texts) for kind, texts in queries(made, count, seed + 1)]
    people = [row for row in figures if not row.kind.startswith(HOSTILE)]
    tracemalloc.start()
    index = LexiconIndex(made)
    gc.collect()
    megabytes = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    print(
        f"{len(made):,} values; built in {seconds:.1f} s ({busy:.1f} s busy); {megabytes:.0f} MB beside the lexicon\n"
    )
    print("| queries | p50, ms | p99, ms | p50, ms busy | p99, ms busy | with a slot |\n|---|---:|---:|---:|---:|---:|")
    print(_together(people).row())
    for row in figures:
        print(row.row())


def _together(rows: list[Figures]) -> Figures:
    times = [each for row in rows for each in row.milliseconds]
    busy = [each for row in rows for each in row.busy]
    return Figures("all but the hostile ones", times, busy, sum(row.read for row in rows) / len(rows))


def _zipf_words(rng: Random) -> Callable[[], str]:
    vocabulary: dict[str, None] = {}
    while len(vocabulary) < VOCABULARY:
        vocabulary.setdefault("".join(rng.choices(SYLLABLES, k=rng.choice((1, 2, 2, 3, 3, 4)))))
    words = list(vocabulary)
    until = list(accumulate(1 / (rank + 5) for rank in range(len(words))))
    return lambda: words[bisect(until, rng.random() * until[-1]) % len(words)]


def _beginning(form: str, rng: Random) -> str:
    return form[: rng.randint(min(3, len(form)), len(form))]


def _noise(rng: Random) -> str:
    return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 12)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500, help="queries of each kind")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    main(arguments.values, arguments.queries, arguments.seed)
