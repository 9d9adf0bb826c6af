"""
How far one click moves a document: the table of README.md.

    python benchmarks/one_click.py

A document stands on place 10 of the ranking model's order. It was shown there in so many searches without a click, and
then it is clicked once. Two worlds: what stands around it was clicked as often as its place lets expect, or nothing was
clicked at all. The page model is the one before anything was learned.
"""

import argparse

import numpy as np

from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.page_order import expected_attraction

EARLIER = (0, 1, 3, 10, 100)
PLACE, DOCUMENTS = 10, 100

Evidence = dict[int, tuple[float, float]]
"""Place in the ranking model's order → looks and successes, as the memory keeps them."""


def evidence(model: PageModel, earlier: int, others_clicked: bool, page: int = 10) -> Evidence:
    """
    Give what is remembered after the click.

    :param model: The page model, by whose curve looks are counted.
    :param earlier: Searches that showed the page before the one with the click.
    :param others_clicked: Whether the other documents of the page were clicked as often as their places let expect.
    :param page: Places of the page.
    :returns: The evidence of each place of the page.
    """
    places = np.arange(1, page + 1)
    looks = (earlier + 1) * model.curve.over(places)
    successes = looks * model.ordering.expected(places) if others_clicked else np.zeros(page)
    successes[PLACE - 1] = 1.0
    return {
        int(place): (look, success)
        for place, look, success in zip(places, looks.tolist(), successes.tolist(), strict=True)
    }


def place_after(model: PageModel, remembered: Evidence, documents: int = DOCUMENTS) -> int:
    """
    Tell where the clicked document comes to.

    :param model: The page model.
    :param remembered: What is remembered of the documents.
    :param documents: Documents of the union.
    :returns: Its place in the order of expected click rates, from 1.
    """
    places = np.arange(1, documents + 1)
    looks, successes = np.array([remembered.get(int(place), (0.0, 0.0)) for place in places]).T
    means = expected_attraction(model.ordering.posteriors(places, successes, looks))
    return 1 + int((means > means[PLACE - 1]).sum())


def table(model: PageModel | None = None) -> str:
    """
    Write the table.

    :param model: The page model; the one before anything was learned if left out.
    :returns: A table in Markdown.
    """
    model = model or PageModel()
    lines = [["searches without a click on it", "its place if others were clicked as usual", "if nothing was clicked"]]
    for earlier in EARLIER:
        after = [place_after(model, evidence(model, earlier, clicked)) for clicked in (True, False)]
        lines.append([str(number) for number in (earlier, *after)])
    head, *rows = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([head, "|---|---|---|", *rows])


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(table())
