"""Weighted reciprocal rank fusion: the one order of the union, for the joiner and for the warm start."""

from collections.abc import Mapping, Sequence

RRF_K = 60.0

EXACT_DIGITS = 12
"""Scores that agree to this many decimals are equal: the same numbers, added up in another order."""


def fuse(
    ranked_lists: Mapping[str, Sequence[str]],
    weights: Mapping[str, float] | None = None,
    rrf_k: float = RRF_K,
    scales: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, float]:
    """
    Fuse ranked lists: a document scores the sum of `weight / (rrf_k + rank)` over the lists that contain it.

    Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
    SIGIR 2009. Ties are broken by the order of the lists, then by rank, so the result does not depend on which list
    arrived first. If a list contains a document twice, the better rank counts.

    ### Usage example

    ```python
    from ltrr_haystack.fusion import fuse

    assert list(fuse({"bm25": ["a", "b"], "dense": ["c", "a"]})) == ["a", "c", "b"]
    assert list(fuse({"bm25": ["a", "b"], "dense": ["c", "a"]}, weights={"bm25": 3.0})) == ["a", "b", "c"]
    ```

    :param ranked_lists: Arm → object ids, best first.
    :param weights: Arm → its weight; 1 for arms that are left out.
    :param rrf_k: The higher, the less the first ranks stand out.
    :param scales: Arm → a factor of its weight for each of its ranks; 1 for arms that are left out.
    :returns: Object id → score, best first.
    """
    scores: dict[str, float] = {}
    for arm, object_ids in ranked_lists.items():
        weight = 1.0 if weights is None else weights.get(arm, 1.0)
        scale = (scales or {}).get(arm)
        counted: set[str] = set()
        for rank, object_id in enumerate(object_ids, start=1):
            if object_id not in counted:
                counted.add(object_id)
                added = (weight if scale is None else weight * scale[rank - 1]) / (rrf_k + rank)
                scores[object_id] = scores.get(object_id, 0.0) + added
    # The sort is stable: documents with equal scores stay in the order in which the lists introduced them.
    return dict(sorted(scores.items(), key=lambda item: -round(item[1], EXACT_DIGITS)))
