"""
How close the learned examination curve comes to the truth, for each kind of reader.

Simulated people search a made-up catalogue through a pipeline of one arm. Its pages are in the order of what was seen
of their documents, with places 4 to 10 drawn by chance, and the page model is fitted every 2,000 searches. The model's
curve is then held against how often each place was examined in truth, relative to the first, which no component sees.

    # takes minutes
    python benchmarks/examination.py --searches 20000 --seeds 3
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from haystack import Document, Pipeline, component
from haystack.utils import Secret
from rich.console import Console
from rich.table import Table

from ltrr_haystack import FeedbackWriter, Learner, LTRRStore, StaticPolicy, UBIEvent, build_search_pipeline
from ltrr_haystack.evaluation.click_models import PageReader
from ltrr_haystack.evaluation.readers import HARD, ClickModelName, habits_of, noise_of, page_reader
from ltrr_haystack.ranking.page_fitting import keep_page_model

READERS = tuple(name for name in get_args(ClickModelName) if name != HARD)
QUERIES, DOCUMENTS, HIGHEST = 100, 30, 3
PAGE, FITTED_EVERY, LEARNED_EVERY = 10, 2_000, 250
CLOSE = 0.1
"""How far off a place may be, as a share of the truth."""


@component
class Catalogue:
    """Finds for each query its own documents, the better ones higher as a rule; a document's metadata has its grade."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.found: dict[str, list[Document]] = {}
        for query in (f"query {number}" for number in range(QUERIES)):
            grades = [rng.choices(range(HIGHEST + 1), weights=(6, 2, 1, 1))[0] for _ in range(DOCUMENTS)]
            grades.sort(key=lambda grade: grade + rng.gauss(0.0, 1.5), reverse=True)
            self.found[query] = [
                Document(id=f"{query}/{place}", content=query, meta={"grade": grade})
                for place, grade in enumerate(grades)
            ]

    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None) -> dict[str, Any]:
        """Find the documents of a query; `filters` are not looked at."""
        return {"documents": self.found[query][:top_k]}


@dataclass(frozen=True)
class Learned:
    """
    What was learned of places, beside the truth.

    :param truth: How often each place was examined, relative to the first.
    :param curve: What the page model says of it.
    :param deviations: Its standard deviations.
    """

    truth: tuple[float, ...]
    curve: tuple[float, ...]
    deviations: tuple[float, ...]

    @property
    def close(self) -> int:
        """At how many places after the first the curve is within a tenth of the truth."""
        pairs = zip(self.curve[1:], self.truth[1:], strict=True)
        return sum(abs(learned / true - 1.0) <= CLOSE for learned, true in pairs)

    @property
    def covered(self) -> int:
        """At how many of them the truth is within two standard deviations of the curve."""
        of_each = zip(self.curve[1:], self.truth[1:], self.deviations[1:], strict=True)
        return sum(abs(learned - true) <= 2.0 * deviation for learned, true, deviation in of_each)


def learned(name: ClickModelName, searches: int, seed: int, folder: Path) -> Learned:
    """
    Let people search, and hold what was learned of places against how they looked.

    :param name: How they read.
    :param searches: How often they search; each time it is somebody else.
    :param seed: Where catalogue and chance come from.
    :param folder: For the store.
    :returns: The curve beside the truth.
    """
    store = LTRRStore(Secret.from_token(f"sqlite:///{folder}/{name}-{seed}.db"))
    catalogue = Catalogue(seed)
    reader = page_reader(name, noise=noise_of(name), highest_grade=HIGHEST, habits=habits_of(name, seed))
    pipeline = build_search_pipeline(
        {"words": catalogue},
        arms={"words": {"levels": [DOCUMENTS]}},
        budget=DOCUMENTS,
        baseline={"words": DOCUMENTS},
        store=store,
        policy=StaticPolicy(),
        top_k=PAGE,
        poll_interval=0.0,
        seed=seed,
    )
    feedback, learner = FeedbackWriter(store), Learner(store, StaticPolicy(), reward_wait=0.0)
    rng, examined = random.Random(seed), np.zeros(PAGE)
    queries = rng.choices(list(catalogue.found), weights=[1 / rank for rank in range(1, QUERIES + 1)], k=searches)
    for number, query in enumerate(queries, start=1):
        examined += _searched(pipeline, feedback, reader, query, f"person {number}", rng)
        if number % LEARNED_EVERY == 0 or number == searches:
            learner.run_once(time.time() + 1.0)
        if number % FITTED_EVERY == 0 or number == searches:
            model = keep_page_model(store)
    store.close()
    curve = model.curve
    deviations = curve.deviations or (0.0,) * PAGE
    return Learned(
        tuple((examined / examined[0]).tolist()), tuple(curve.over(np.arange(1, PAGE + 1)).tolist()), deviations[:PAGE]
    )


def _searched(
    pipeline: Pipeline, feedback: FeedbackWriter, reader: PageReader, query: str, person: str, rng: random.Random
) -> np.ndarray[Any, Any]:
    """Somebody searches and clicks; how likely each place of the page was examined."""
    answer = pipeline.run({"understanding": {"query": query}, "router": {"user_id": person}})["impressions"]
    page = [(document.id, document.meta["grade"]) for document in answer["documents"]]
    numbers: dict[tuple[str, str], float] = {}
    clicks = reader.clicked(page, lambda *asked: numbers.setdefault(asked, rng.random()))
    events: list[dict[str, Any] | UBIEvent] = [
        {
            "action_name": "click",
            "query_id": answer["query_id"],
            "event_attributes": {"object": {"object_id": page[position - 1][0]}},
        }
        for position in clicks
    ]
    if events and feedback.run(events)["accepted"] != len(events):
        raise AssertionError("a click was not taken")
    return np.array(reader.examined(page))


def main(argv: Sequence[str] | None = None) -> None:
    """
    Print curves and truth.

    :param argv: The arguments; those of the command line if left out.
    """
    parser = argparse.ArgumentParser(description="How close the learned examination curve comes to the truth.")
    parser.add_argument("--searches", type=int, default=20_000, help="searches of each kind of reader and seed")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds")
    parser.add_argument("--readers", nargs="*", default=list(READERS), choices=get_args(ClickModelName))
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args(argv)
    places = [str(place) for place in range(1, PAGE + 1)]
    shown = Table("readers, seed", "", *places, "within 10 %", "within 2 deviations")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.readers:
            for seed in range(arguments.seeds):
                of = learned(name, arguments.searches, seed, Path(folder))
                shown.add_row(f"{name} {seed}", "truth", *(f"{each:.2f}" for each in of.truth), "", "")
                curve = (
                    f"{each:.2f} ± {deviation:.2f}" for each, deviation in zip(of.curve, of.deviations, strict=True)
                )
                shown.add_row("", "learned", *curve, f"{of.close} of {PAGE - 1}", f"{of.covered} of {PAGE - 1}")
                found.append({"readers": name, "seed": seed, **asdict(of)})
    Console(width=200).print(shown)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
