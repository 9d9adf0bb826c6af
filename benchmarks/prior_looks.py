"""
How much the place of a document in the model's order should be worth against what was seen of it.

Simulated people search a data set through the whole pipeline, as in `ltrr benchmark`. Then the pages of the queries
that they typed are judged with priors that are worth a multiple of the looks with which clicks are predicted best (see
`place_prior_fitting.CAUTION`). People met the pages of the multiple that is in use, so it has a small advantage. It is
another one than `CAUTION` where a single click would turn pages over (see `looks_against_a_click`).

    # takes minutes, and needs the public data sets
    python benchmarks/prior_looks.py --data ../shared/data/medquad --impressions 5000 --hard
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from rich.console import Console
from rich.table import Table
from searched import Searched, hybrid, options, searched, settings_of

from ltrr_haystack.evaluation.datasets import load_beir
from ltrr_haystack.evaluation.replay.parts import frozen_outcomes
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import DEFAULT_LOOKS
from ltrr_haystack.store import PAGE

MULTIPLES = (1.0, 2.0, 4.0, 8.0, 16.0)


def fitted(left: Searched) -> PageModel:
    """
    Give the page model that was learned.

    :param left: The system that has learned.
    :returns: The page model.
    :raises ValueError: If it was not learned how many looks predict clicks best.
    """
    active = left.system.store.snapshot(PAGE)
    model = PageModel() if active is None else PageModel.from_bytes(active.payload)
    if model.calibrated.looks == DEFAULT_LOOKS:
        raise ValueError("how many looks predict clicks best was not learned: there were too few searches")
    return model


def worth(left: Searched, multiples: Sequence[float], after: int) -> Iterator[tuple[float, float, float]]:
    """
    Judge the pages by priors of different worth; in the end the learned page model is active again.

    :param left: The system that has learned, and what is to be judged.
    :param multiples: As how many times the looks that predict clicks best a prior counts.
    :param after: How many searches there were.
    :returns: For each the multiple, its prior looks and the mean nDCG@10 of the queries that people typed.
    :raises ValueError: If it was not learned how many looks predict clicks best.
    """
    store, model = left.system.store, fitted(left)
    active = store.active_version(PAGE)
    try:
        for multiple in multiples:
            ordering = replace(model.ordering, looks=multiple * model.calibrated.looks)
            store.add_snapshot(PAGE, replace(model, ordering=ordering).to_bytes(), {}, activate=True)
            outcomes = frozen_outcomes(left.precomputed, left.system.frozen(), left.seen, after)
            yield multiple, ordering.looks, fmean(outcomes.scores["nDCG@10"])
    finally:
        store.activate(PAGE, active)


def main(argv: Sequence[str] | None = None) -> None:
    """
    Print what priors of different worth make of the pages.

    :param argv: The arguments; those of the command line if left out.
    """
    parser = options("How much a document's place in the model's order should be worth.")
    arguments = parser.parse_args(argv)
    settings = settings_of(arguments)
    table = Table("multiple", "prior looks", "nDCG@10, seen", title=arguments.data.name)
    with searched(hybrid(load_beir(arguments.data), settings, arguments.home), settings) as left:
        try:
            model = fitted(left)
            in_use = model.ordering.looks / model.calibrated.looks
            for multiple, looks, score in worth(left, sorted({*MULTIPLES, in_use}), arguments.impressions):
                used = ", in use" if multiple == in_use else ""
                table.add_row(f"{multiple:.3g}{used}", f"{looks:.1f}", f"{score:.3f}")
        except ValueError as error:
            parser.error(f"{error}; raise --impressions")
    Console().print(table)


if __name__ == "__main__":
    main()
