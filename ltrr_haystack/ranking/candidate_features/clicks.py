"""How documents fared for other queries."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from haystack import Document, default_from_dict, default_to_dict
from numpy.typing import NDArray

from ltrr_haystack.memory.fetch import DOCUMENT_ID, check_key, object_id_of
from ltrr_haystack.ranking.click_prior import ClickPrior
from ltrr_haystack.store import CLICKS, ActiveModel, LTRRStore
from ltrr_haystack.types import Understanding


class ClickFeatures:
    """
    Tells how much more a document is clicked than is to be expected where it stands, over all queries but this one.

    `clicks.over_expected`: the clicks that the document got over those to be expected, both with 2 added, so that it is
    1 for what is clicked as often as others at its places. Older clicks count less, by half after 30 days. Unknown as
    long as no ranker was trained, and for documents that were shown for no other query. See `ranking.click_prior`.

    :param store: Where the counts are kept; training a ranker renews them.
    :param poll_interval: Seconds between two checks for newer counts, which are read beside the searches; 0 checks each
        time, and waits.
    :param key: What feedback knows documents by: `id`, or a place in the metadata such as `meta.sku`. The same as that
        of the UnionJoiner.
    :raises ConfigurationError: If `key` is neither.
    """

    names = ("clicks.over_expected",)

    def __init__(self, store: LTRRStore, poll_interval: float = 1.0, key: str = DOCUMENT_ID) -> None:
        self.store = store
        self.poll_interval = poll_interval
        self.key = check_key(key, "ClickFeatures")
        self._active: ActiveModel[ClickPrior] = ActiveModel(
            store,
            CLICKS,
            load=lambda snapshot: ClickPrior.from_bytes(snapshot.payload),
            default=ClickPrior(),
            poll_interval=poll_interval,
            wait=False,
        )

    def warm_up(self) -> None:
        """Open the store and load the counts."""
        self.store.warm_up()
        self._active.current()

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    def compute(self, understanding: Understanding, documents: Sequence[Document]) -> NDArray[np.float64]:
        """
        Compute the feature.

        :param understanding: The query.
        :param documents: The candidates.
        :returns: One row per document, one column; NaN for what is not known.
        """
        prior, _ = self._active.current()
        form = understanding.normal_form
        known_as = [object_id_of(document, self.key) for document in documents]
        return np.array([prior.over_expected(object_id, form) for object_id in known_as]).reshape(-1, 1)

    def to_dict(self) -> dict[str, Any]:
        """
        Describe the features as Haystack writes them into YAML.

        :returns: A dictionary from which `from_dict` makes features like these.
        """
        return default_to_dict(self, store=self.store, poll_interval=self.poll_interval, key=self.key)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ClickFeatures":
        """
        Make features from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The features.
        """
        return default_from_dict(cls, data)
