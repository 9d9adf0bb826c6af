"""
How often the reading that a person expects is among the best three, for two lists of queries over the music service.

The first list is one of the tests, and may have been looked at while the code was written; the second is for the README
alone. Both were written from the catalogue. A reading is right if it has exactly the expected slots, in normal form.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haystack.utils import Secret

from ltrr_haystack import CatalogueReadings, LTRRStore, QueryUnderstanding
from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, StatisticsCollector, build, publish
from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.evaluation.datasets import load_beir
from ltrr_haystack.server.bundled import music
from ltrr_haystack.understanding import normal_form

LISTS = Path(__file__).parent / "expected_readings"
FIELDS = ("meta.title", "meta.artist", "meta.genre", "meta.moods", "meta.topics", "meta.type")
BEST = 3


@dataclass(frozen=True)
class Judged:
    """
    A query with what was made of it.

    :param query: The query.
    :param kind: What sort of query it is.
    :param place: Place of the expected reading, from 1; 0 if it is not among the readings.
    :param found: The slots of the readings, best first.
    """

    query: str
    kind: str
    place: int
    found: tuple[Mapping[str, str], ...]


def understanding(folder: Path) -> QueryUnderstanding:
    """
    Understand queries by the catalogue of the music service, as its pipelines do.

    :param folder: Where catalogue and store are made.
    :returns: The component, with its annotator.
    """
    store = LTRRStore(Secret.from_token(f"sqlite:///{folder / 'readings.db'}"))
    lexicon = LexiconCollector(LexiconFields(FIELDS, category="meta.type", popularity="meta.popularity"))
    statistics = StatisticsCollector(["content", "meta.title"])
    build(load_beir(music(folder)).documents, [lexicon, statistics])
    publish(store, statistics.statistics(), lexicon.counts())
    return QueryUnderstanding(annotators=[CatalogueReadings(store, poll_interval=0.0)])


def judge(component: QueryUnderstanding, lines: Iterable[str]) -> Iterator[Judged]:
    """
    Compare readings with what is expected.

    :param component: What understands queries.
    :param lines: Lines of JSON: `query`, `kind`, and `expected`: slots, a list of alternatives, or `null` for a query
        that cannot be searched.
    :returns: Each query with what was made of it.
    """
    for line in lines:
        asked: dict[str, Any] = json.loads(line)
        expected = asked["expected"]
        try:
            readings = component.run(asked["query"])["understanding"].interpretations
        except InvalidInputError:
            yield Judged(asked["query"], asked["kind"], int(expected is None), ())
            continue
        alternatives = expected if isinstance(expected, list) else [] if expected is None else [expected]
        wanted = [_folded(each) for each in alternatives]
        slots = tuple([reading.slots for reading in readings])
        places = [place for place, each in enumerate(slots, start=1) if _folded(each) in wanted]
        yield Judged(asked["query"], asked["kind"], min(places, default=0), slots)


def main() -> None:
    """Print the shares by kind of query."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--wrong", action="store_true", help="print the queries that are read otherwise, too")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        component = understanding(Path(folder))
        component.warm_up()
        for name in ("first", "second"):
            judged = list(judge(component, (LISTS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()))
            kinds: dict[str, list[Judged]] = defaultdict(list)
            for each in judged:
                kinds[each.kind].append(each)
            print(f"{name} list: {_shares(judged)}")
            for kind, of in sorted(kinds.items()):
                print(f"  {kind}: {_shares(of)}")
            for each in judged:
                if wanted.wrong and not 0 < each.place <= BEST:
                    print(f"  {each.query!r} ({each.kind}) is read as {[*map(dict, each.found[:BEST])]}")
        component.close()


def _shares(judged: list[Judged]) -> str:
    first = sum(each.place == 1 for each in judged)
    best = sum(0 < each.place <= BEST for each in judged)
    return f"{best} of {len(judged)} among the best {BEST} ({best / len(judged):.0%}), {first} the best itself"


def _folded(slots: Mapping[str, str]) -> dict[str, str]:
    return {field: normal_form(value) for field, value in slots.items()}


if __name__ == "__main__":
    main()
