"""
Features of candidates: those of the project, and one of your own.

    python examples/own_features.py

A shop counts the words of its products and prints what a ranker is told of each of them for one query: how well title
and content match, how popular the product is, and, as a feature of the shop's own, whether it is in stock in a size
that the query names.
"""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from haystack import Document, default_from_dict, default_to_dict
from haystack.utils import Secret
from numpy.typing import NDArray

from ltrr_haystack import (
    CombinedFeatures,
    LTRRStore,
    MetadataFeatures,
    QueryUnderstanding,
    TextFeatures,
    Understanding,
)
from ltrr_haystack.catalogue import StatisticsCollector, build, publish

PRODUCTS = [
    Document(
        id="runner",
        content="Light running shoes for the road",
        meta={"title": "Road Runner", "sold": 950, "stock": {"41": 0, "42": 3}},
    ),
    Document(
        id="trail",
        content="Running shoes with a deep profile, for trails",
        meta={"title": "Trail running shoes", "sold": 120, "stock": {"42": 0, "43": 1}},
    ),
    Document(id="socks", content="Socks for running", meta={"title": "Running socks", "sold": 4_000}),
]


class SizeInStock:
    """
    Tells whether a product is in stock in the size that a query names: 1 or 0, unknown if it names none.

    :param field: The key of the metadata under which a product has its stock, by size.
    """

    names = ("shop.size_in_stock",)
    monotone = {"shop.size_in_stock": 1}  # noqa: RUF012 (read only)

    def __init__(self, field: str = "stock") -> None:
        self.field = field

    def compute(self, understanding: Understanding, documents: Sequence[Document]) -> NDArray[np.float64]:
        """
        Compute the feature.

        :param understanding: The query.
        :param documents: The candidates.
        :returns: One row per document, with one column.
        """
        size = re.search(r"\b(3[5-9]|4[0-9])\b", understanding.normal_form)
        if size is None:
            return np.full((len(documents), 1), np.nan)
        stocks = [document.meta.get(self.field) or {} for document in documents]
        return np.array([[float(stock.get(size[0], 0) > 0)] for stock in stocks])

    def to_dict(self) -> dict[str, Any]:
        """
        Describe the feature as Haystack writes it into YAML.

        :returns: A dictionary from which `from_dict` makes a feature like this one.
        """
        return default_to_dict(self, field=self.field)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """
        Make the feature from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The feature.
        """
        return default_from_dict(cls, data)


def main() -> None:
    """Count the products' words, and print the features of all products for a query."""
    with tempfile.TemporaryDirectory() as folder:
        store = LTRRStore(Secret.from_token(f"sqlite:///{Path(folder) / 'ltrr.db'}"))
        collector = StatisticsCollector(["content", "meta.title"], language="en")
        build(PRODUCTS, [collector])
        publish(store, collector.statistics())
        features = CombinedFeatures(
            [
                TextFeatures(store, ["content", "meta.title"], language="en"),
                MetadataFeatures({"meta.sold": {"transform": "log1p", "monotone": "increasing"}}),
                SizeInStock(),
            ]
        )
        understanding = QueryUnderstanding().run("running shoes 42")["understanding"]
        values = features.compute(understanding, PRODUCTS)
        print(f"{'':32}", *(f"{product.id:>8}" for product in PRODUCTS))
        for name, row in zip(features.names, values.T, strict=True):
            print(f"{name:32}", *(f"{value:8.3f}" for value in row))
        store.close()


if __name__ == "__main__":
    main()
