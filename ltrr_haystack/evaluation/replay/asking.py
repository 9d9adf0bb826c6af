"""Asks the arms of an environment for many queries, in several processes where that takes long."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache

from ltrr_haystack.evaluation.replay.environment import Found, SearchEnvironment

Asked = Callable[[int, int], None]
"""Told after each query: how many are asked, of how many."""

PILOT = 20
"""So many queries are asked first, to see how long they take."""

WORTH_IT = 30.0
"""Seconds that asking must take for processes to be started: each loads the models and opens the stores anew."""

CHUNK = 10
"""So many queries are handed to a process at a time."""


def ask_here(environment: SearchEnvironment, queries: Sequence[str], depth: int, watch: Asked | None = None) -> None:
    """
    Ask the arms one query after the other.

    :param environment: The environment, which remembers what they find.
    :param queries: The query texts.
    :param depth: How many documents to ask for.
    :param watch: Told how far it has come.
    """
    distinct = list(dict.fromkeys(queries))
    for asked, _ in enumerate(environment.results(distinct, depth), start=1):
        if watch is not None:
            watch(asked, len(distinct))


def ask_in_processes(
    environment: SearchEnvironment,
    queries: Sequence[str],
    depth: int,
    *,
    make: Callable[[], SearchEnvironment],
    processes: int,
    watch: Asked | None = None,
) -> None:
    """
    Ask the arms, in several processes if it would take long in this one.

    :param environment: The environment, which remembers what they find.
    :param queries: The query texts.
    :param depth: How many documents to ask for.
    :param make: Makes another environment like it in another process.
    :param processes: How many processes to use.
    :param watch: Told how far it has come; always from this thread.
    """
    distinct = list(dict.fromkeys(queries))
    missing = [query for query in distinct if not environment.remembers(query, depth)]
    known = len(distinct) - len(missing)

    def tell(asked: int, _: int) -> None:
        if watch is not None:
            watch(known + asked, len(distinct))

    tell(0, 0)
    if processes == 1 or not missing:
        ask_here(environment, missing, depth, tell)
        return
    # The first query loads what all need.
    first, pilot, rest = missing[:1], missing[1 : PILOT + 1], missing[PILOT + 1 :]
    ask_here(environment, first, depth, tell)
    started = time.perf_counter()
    ask_here(environment, pilot, depth, lambda asked, _: tell(1 + asked, 0))
    each = (time.perf_counter() - started) / max(len(pilot), 1)
    done = 1 + len(pilot)
    if each * len(rest) < WORTH_IT:
        ask_here(environment, rest, depth, lambda asked, _: tell(done + asked, 0))
        return
    # Forked, a process could wait for ever for threads of the models that it does not have.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_enter, initargs=(make,)) as pool:
        chunks = [rest[start : start + CHUNK] for start in range(0, len(rest), CHUNK)]
        asking = [pool.submit(_ask, chunk, depth) for chunk in chunks]
        try:
            for answer in as_completed(asking):
                for query, found in answer.result().items():
                    environment.remember(query, depth, found)
                    done += 1
                tell(done, 0)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_make: Callable[[], SearchEnvironment] | None = None


def _enter(make: Callable[[], SearchEnvironment]) -> None:
    global _make
    _make = cache(make)


def _ask(queries: Sequence[str], depth: int) -> dict[str, Found]:
    if _make is None:
        raise RuntimeError("this process was not made to ask")
    return {
        query: {arm: [(document.id, document.score) for document in documents] for arm, documents in results.items()}
        for query, results in _make().results(queries, depth)
    }
