"""The systems that learn nothing: what they show for a query never changes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from haystack import Document
from haystack.components.joiners import DocumentJoiner

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import Query
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.fusion import fuse
from ltrr_haystack.types import Allocation

RRF_FULL, RRF_EQUAL, ORACLE, ARM = "rrf_full", "rrf_equal", "oracle", "arm:"
RRF_TUNED, BEST_ARM = "rrf_tuned", "best_arm"


@dataclass(frozen=True, slots=True)
class Shown:
    """
    What a fixed system answers to a query.

    :param page: Ids of the documents on the page, from the top.
    :param candidates: Ids of all candidates, in the system's order.
    """

    page: tuple[str, ...]
    candidates: tuple[str, ...]


def fixed_names(precomputed: PrecomputedPipeline) -> list[str]:
    """
    Name the systems that learn nothing, but for those that depend on others: `rrf_equal`, `rrf_tuned`, `best_arm`.

    :param precomputed: The pipeline.
    :returns: The names.
    """
    return [RRF_FULL, *(f"{ARM}{arm}" for arm in precomputed.searching), ORACLE]


def depths_of(precomputed: PrecomputedPipeline, system: str) -> dict[str, int]:
    """
    Say how deep a fixed system asks its arms.

    :param precomputed: The pipeline.
    :param system: One of `fixed_names`.
    :returns: Arm → depth. An arm alone has the candidates of all arms.
    :raises ConfigurationError: If there is no such system.
    """
    full = precomputed.full_depths
    if system in (RRF_FULL, ORACLE):
        return full
    arm = system.removeprefix(ARM)
    if system.startswith(ARM) and arm in full:
        return {name: sum(full.values()) if name == arm else 0 for name in full}
    raise ConfigurationError(f"system '{system}' is unknown; there are {', '.join(fixed_names(precomputed))}")


def equal_depths(precomputed: PrecomputedPipeline, used: Mapping[str, float]) -> dict[str, int]:
    """
    Give reciprocal rank fusion the candidates that another system used.

    :param precomputed: The pipeline.
    :param used: Arm → mean depth of the other system. What went to memory arms goes to the others in proportion.
    :returns: Arm → depth, rounded; an arm that rounds to 0 does not run, the most used one always does.
    """
    own = {arm: used.get(arm, 0.0) for arm in precomputed.searching}
    most = max(own, key=lambda arm: own[arm])
    searched = sum(own.values())
    if searched <= 0:
        return {arm: int(arm == most) for arm in own}
    scale = sum(used.values()) / searched
    depths = {arm: round(depth * scale) for arm, depth in own.items()}
    return depths | {most: max(depths[most], 1)}


def answers(
    precomputed: PrecomputedPipeline,
    system: str,
    depths: Allocation,
    queries: Iterable[Query],
    top_k: int,
    *,
    weights: Mapping[str, float] | None = None,
) -> dict[str, Shown]:
    """
    Answer queries by a fixed system.

    :param precomputed: What the arms found.
    :param system: Its name; all but `oracle` fuse what the arms found, which leaves the order of a single arm alone.
    :param depths: Arm → depth.
    :param queries: The queries.
    :param top_k: How many documents a page has.
    :param weights: Arm → its weight in the fusion; all alike if left out.
    :returns: Query id → answer.
    """
    joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion")
    shown = {}
    for query in queries:
        text = precomputed.text(query)
        lists = {arm: list(precomputed.found[arm][text][:depth]) for arm, depth in depths.items() if depth > 0}
        if weights is not None:
            ordered = list(fuse({arm: [document.id for document in of] for arm, of in lists.items()}, weights))
        else:
            fused: list[Document] = joiner.run(documents=[*lists.values()])["documents"] if any(lists.values()) else []
            ordered = [document.id for document in fused]
        if system == ORACLE:
            ordered.sort(key=_by_grade(precomputed, query))
        shown[query.id] = Shown(tuple(ordered[:top_k]), tuple(ordered))
    return shown


def _by_grade(precomputed: PrecomputedPipeline, query: Query) -> Callable[[str], int]:
    grades = precomputed.data.qrels[query.id]
    return lambda document_id: -grades.get(document_id, 0)
