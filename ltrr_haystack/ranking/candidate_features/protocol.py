"""What features of candidates are, so that a pipeline can have its own."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote

import numpy as np
from haystack import Document
from numpy.typing import NDArray

from ltrr_haystack.types import Understanding

LARGEST = float(np.finfo(np.float16).max)
"""The largest value of a feature, 65,504; larger ones count as this."""

_SUFFIXES = {1: ".increasing", -1: ".decreasing"}


class CandidateFeatures(Protocol):
    """
    Features of candidates.

    A feature of a document may depend on the query, and on whatever the object has loaded, but not on the other
    documents or on their order. A feature's name is never used again for another meaning.

    A class may have `warm_up` and `close` besides, and `monotone`: feature → 1 if a document cannot be ranked lower for
    a larger value, −1 if it cannot be ranked higher; features that are left out are free.

    ### Usage example

    ```python
    import numpy as np
    from haystack import Document, default_from_dict, default_to_dict
    from ltrr_haystack import Understanding

    class InStock:
        names = ("shop.in_stock",)
        monotone = {"shop.in_stock": 1}

        def compute(self, understanding, documents):
            return np.array([[document.meta.get("stock", 0) > 0] for document in documents], dtype=np.float64)

        def to_dict(self):
            return default_to_dict(self)

        @classmethod
        def from_dict(cls, data):
            return default_from_dict(cls, data)

    InStock().compute(Understanding("red shoes", "red shoes"), [Document(content="shoes", meta={"stock": 3})])  # [[1.]]
    ```
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names, in the order of the columns; printable ASCII without spaces."""

    def compute(self, understanding: Understanding, documents: Sequence[Document]) -> NDArray[np.float64]:
        """
        Compute the features; called by several threads at a time.

        :param understanding: The query.
        :param documents: The candidates.
        :returns: One row per document and one column per name; NaN for what is not known.
        """

    def to_dict(self) -> dict[str, Any]:
        """
        Describe the object as Haystack writes it into YAML.

        :returns: `type` and `init_parameters`, from which `from_dict` of the class makes an object like this one.
        """


def monotone_of(features: CandidateFeatures) -> dict[str, int]:
    """
    Give the constraints that features declare.

    :param features: The features.
    :returns: Feature → 1 or −1.
    """
    declared: Mapping[str, int] = getattr(features, "monotone", {})
    return {name: sign for name, sign in declared.items() if sign}


def logged_name(name: str, sign: int) -> str:
    """
    Write into the name of a feature how it may be used, so that whoever trains on the log knows.

    :param name: The feature's own name.
    :param sign: 1 if a document cannot be ranked lower for a larger value, -1 if not higher, 0 if it is free.
    :returns: The name under which it is logged.
    """
    return f"{name}{_SUFFIXES.get(sign, '')}"


def signs_of(names: Iterable[str]) -> dict[str, int]:
    """
    Read what `logged_name` wrote.

    :param names: Names of features.
    :returns: Feature → 1 or -1, for those that are monotone.
    """
    return {name: sign for name in names for sign, suffix in _SUFFIXES.items() if name.endswith(suffix)}


def as_logged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Round features to what the log keeps of them, so that a model is asked what it was trained on.

    :param values: Any values.
    :returns: The values in half precision (11 significant bits), between −65,504 and 65,504; NaN where they are NaN.
    """
    rounded: NDArray[np.float64] = np.clip(values, -LARGEST, LARGEST).astype(np.float16).astype(np.float64)
    return rounded


def name_part(field: str) -> str:
    """
    Write the name of a field as part of a feature's name.

    :param field: Any text.
    :returns: The text with whatever neither the log nor LightGBM holds in names written as in a url: `meta.a%20b`.
    """
    return quote(field, safe="", errors="surrogatepass")
