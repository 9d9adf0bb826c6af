"""Whether the arms of a benchmark find anything at all."""

from pathlib import Path

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline


def require_found(precomputed: PrecomputedPipeline, pipelines: Path, search: Path | None) -> None:
    """
    Make sure that every arm found something for at least one query; a memory begins empty, and is not asked.

    An arm that finds nothing for any query does not search what was indexed. Compared all the same, it would look like
    a retriever that is of no use, and where that goes for all arms every system scores 0. An arm of kind `related` may
    find nothing: in many data sets no document names another.

    :param precomputed: What the arms found.
    :param pipelines: The folder whose indexing pipeline took in the documents.
    :param search: The search pipeline, where it is not that folder's own.
    :raises ConfigurationError: If an arm found nothing; the message names all that did, and what is probably wrong.
    """
    empty = [
        arm
        for arm, found in precomputed.found.items()
        if found and not any(found.values()) and precomputed.arms[arm].get("kind") != "related"
    ]
    if not empty:
        return
    arms = f"arm {empty[0]}" if len(empty) == 1 else f"arms {', '.join(empty)}"
    queries = len(precomputed.found[empty[0]])
    where = pipelines / "search" / "search.yml" if search is None else search
    cause = (
        f"the documents were indexed by {pipelines / 'indexing' / 'indexing.yml'}: see that it writes into the stores "
        "that the retrievers search"
    )
    if search is not None:
        cause += "; --config changes the search pipeline alone, --pipelines names a folder with both"
    raise ConfigurationError(
        f"the {arms} of {where} found nothing for any of the {queries:,} queries of '{precomputed.data.name}'; {cause}"
    )
