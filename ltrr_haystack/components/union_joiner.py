import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict

from ltrr_haystack.components.fallback import Fallback, arms_of
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.settings import check_document_key, check_number, check_positive
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.fusion import EXACT_DIGITS
from ltrr_haystack.memory.fetch import object_id_of
from ltrr_haystack.reasons import MEMORY_REASON, READING_REASON, RELATED_REASON, with_reasons
from ltrr_haystack.types import MEMORY, Allocation, ArmReport, ArmResult, Candidate, CandidateSet, Decision, Provenance

NO_RESULT = "no result"
RESERVED = ("decision", "self")

SAID = {MEMORY: MEMORY_REASON, "structured": READING_REASON, "related": RELATED_REASON}
"""Kind of an arm → the metadata field in which it says why it brought a document."""

_Named = tuple[str, Document]
"""A document with what it is known by."""


@dataclass(slots=True)
class _Entry:
    """One document while it is being gathered."""

    document: Document
    best_rank: int
    arms: dict[str, Provenance]
    score: float


@component
class UnionJoiner:
    """
    Unites what the arms brought: each document once, with the rank and the score that every arm gave it.

    The order is weighted reciprocal rank fusion by the arms' names (Cormack, Clarke and Büttcher: Reciprocal rank
    fusion outperforms Condorcet and individual rank learning methods, SIGIR 2009): a document's score is the sum of
    `weight / (rrf_k + rank)` over the arms that found it. Ties go to the document that the first of the arms, in their
    order here, found, then to the better rank there; so the order does not depend on which arm answered first, and
    without memory it is the order of Haystack's DocumentJoiner over the same results, but for equal scores.

    What a memory arm brings counts in proportion to its evidence: there a document's weight is the arm's weight times
    the document's score, which MemoryIndexRetriever sets from 0 to 1.

    What an arm of kind `memory`, `structured` or `related` says of a document (in `meta["ltrr_memory"]`,
    `meta["ltrr_reading"]` and `meta["ltrr_related"]`) stays with the document, whichever arm's copy is taken. What
    else stands there is no reason of this search, and is left out.

    Each arm counts down to the depth that the decision gave it, and an arm that was not asked does not count.
    The joiner has one input for each arm, by the arm's name. Connect `decision` too: it tells which arms to wait for.

    Where none of the arms that were asked brought a document, the joiner itself asks those of `fallback` that belong to
    the baseline and were not asked. Only if these bring nothing either, there are no candidates.

    ### Usage example

    ```python
    from haystack import Pipeline
    from ltrr_haystack import UnionJoiner

    pipeline = Pipeline()
    pipeline.add_component("joiner", UnionJoiner(["bm25", "dense"], weights={"dense": 1.5}))
    # pipeline.connect("router.decision", "joiner.decision")
    # pipeline.connect("bm25.result", "joiner.bm25")
    # pipeline.connect("dense.result", "joiner.dense")
    ```
    """

    def __init__(
        self,
        arms: list[str],
        weights: dict[str, float] | None = None,
        key: str = "id",
        rrf_k: float = 60,
        *,
        fallback: dict[str, RetrievalArm] | None = None,
        fallback_timeout: float = 2.0,
    ) -> None:
        """
        Create a UnionJoiner.

        :param arms: The arms' names; each becomes an input.
        :param weights: Arm → its weight in the fusion; 1 for arms that are left out.
        :param key: What a document is known by in feedback and memory: `id`, or a place in its metadata such as
            `meta.sku` or `meta.product.ean`. A document that has no text or whole number there is known by its id.
        :param rrf_k: How flat the fusion is: the higher, the less the first ranks stand out.
        :param fallback: Arm → the arm itself, to be asked where those that the decision drew brought nothing.
        :param fallback_timeout: Seconds after the decision within which they must answer.
        :raises ConfigurationError: If arms are missing, named twice or named as no input can be, if a weight or a
            fallback is of an unknown arm, a weight is negative, `key` is neither, or a number is not positive.
        """
        _check_arms(arms)
        _check_weights(arms, weights or {})
        check_positive("rrf_k of UnionJoiner", rrf_k)
        check_positive("fallback_timeout of UnionJoiner", fallback_timeout)
        if unknown := sorted(set(fallback or {}) - set(arms)):
            raise ConfigurationError(f"fallback of UnionJoiner names the unknown arms {unknown}; its arms are {arms}")
        self.arms = arms
        self.weights = weights
        self.key = check_document_key("UnionJoiner", key)
        self.rrf_k = rrf_k
        self.fallback = fallback
        self.fallback_timeout = fallback_timeout
        self._fallback = Fallback(fallback or {}, fallback_timeout)
        for arm in arms:
            component.set_input_type(self, arm, ArmResult, None)

    def warm_up(self) -> None:
        """Warm up the fallback's arms."""
        self._fallback.warm_up()

    async def warm_up_async(self) -> None:
        """Warm up the fallback's arms for the running event loop."""
        await self._fallback.warm_up_async()

    def close(self) -> None:
        """Close the fallback's arms."""
        self._fallback.close()

    async def close_async(self) -> None:
        """Close the fallback's arms without blocking the event loop."""
        await self._fallback.close_async()

    def to_dict(self) -> dict[str, Any]:
        """
        Turn the component into a dictionary.

        :returns: `type` and `init_parameters`.
        """
        return default_to_dict(
            self,
            arms=self.arms,
            weights=self.weights,
            key=self.key,
            rrf_k=self.rrf_k,
            fallback=None if self.fallback is None else self._fallback.to_dict(),
            fallback_timeout=self.fallback_timeout,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "UnionJoiner":
        """
        Make the component from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The component.
        """
        parameters = dict(data["init_parameters"])
        parameters["fallback"] = arms_of(parameters.get("fallback"))
        return default_from_dict(cls, {**data, "init_parameters": parameters})

    @component.output_types(candidates=CandidateSet)
    def run(self, decision: Decision, **results: ArmResult | None) -> dict[str, CandidateSet]:
        """
        Unite the results of one search.

        :param decision: What was asked of which arm.
        :param results: Arm → what it brought; arms that did not run are left out or `None`.
        :returns: A dictionary with `candidates`, best first, and a report for each arm that was asked.
        :raises ConfigurationError: If an input is fed by another arm than the one it is named for.
        """
        drawn = self._drawn(decision.allocation, results)
        instead = {} if any(drawn.values()) else self._fallback.ask(decision)
        return {"candidates": self._candidates(decision, results, drawn, instead)}

    @component.output_types(candidates=CandidateSet)
    async def run_async(self, decision: Decision, **results: ArmResult | None) -> dict[str, CandidateSet]:
        """
        Unite the results of one search; but for the fallback, the work is too short to leave the event loop for.

        :param decision: What was asked of which arm.
        :param results: Arm → what it brought; arms that did not run are left out or `None`.
        :returns: A dictionary with `candidates`, best first, and a report for each arm that was asked.
        :raises ConfigurationError: If an input is fed by another arm than the one it is named for.
        """
        drawn = self._drawn(decision.allocation, results)
        instead = {} if any(drawn.values()) else await self._fallback.ask_async(decision)
        return {"candidates": self._candidates(decision, results, drawn, instead)}

    def _drawn(self, depths: Allocation, results: Mapping[str, ArmResult | None]) -> dict[str, list[_Named]]:
        return {
            arm: [(object_id_of(document, self.key), document) for document in result.documents[:depth]]
            for arm in self.arms
            if (depth := depths.get(arm, 0)) > 0 and (result := _result_of(arm, results)) is not None
        }

    def _candidates(
        self,
        decision: Decision,
        results: Mapping[str, ArmResult | None],
        drawn: Mapping[str, Sequence[_Named]],
        instead: Mapping[str, ArmResult],
    ) -> CandidateSet:
        baseline = decision.actions.baseline
        drawn = {**drawn, **self._drawn(baseline, instead)}
        memories = decision.actions.memory_arms
        scales = {arm: [_share(document.score) for _, document in drawn[arm]] for arm in memories if arm in drawn}
        kinds = {arm.name: arm.kind for arm in decision.actions.arms}
        candidates = self._united(drawn, scales, kinds)
        places = {candidate.object_id: candidate.place for candidate in candidates}
        reports = [
            self._report(arm, depth, results.get(arm), drawn.get(arm, ()), places, scales.get(arm, ()))
            for arm, depth in decision.allocation.items()
            if depth > 0
        ]
        reports += [
            replace(self._report(arm, baseline[arm], result, drawn.get(arm, ()), places, ()), fallback=True)
            for arm, result in instead.items()
        ]
        return CandidateSet(decision, candidates, tuple(reports))

    def _united(
        self, drawn: Mapping[str, Sequence[_Named]], scales: Mapping[str, Sequence[float]], kinds: Mapping[str, str]
    ) -> tuple[Candidate, ...]:
        entries: dict[str, _Entry] = {}
        said: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for arm, named in drawn.items():
            key = SAID.get(kinds.get(arm, ""))
            for object_id, document in named if key is not None else ():
                if key in document.meta:
                    said[object_id].setdefault(key, document.meta[key])
        for arm, named in drawn.items():
            weight, scale = self._weight(arm), scales.get(arm)
            scores = [_finite(document.score) for _, document in named]
            scaled = normalised(scores)
            for rank, (object_id, document) in enumerate(named, start=1):
                entry = entries.get(object_id)
                if entry is None:
                    entry = entries[object_id] = _Entry(document, rank, {}, 0.0)
                elif arm in entry.arms:
                    continue
                elif rank < entry.best_rank:
                    entry.document, entry.best_rank = document, rank
                entry.arms[arm] = Provenance(rank, scores[rank - 1], scaled[rank - 1])
                entry.score += (weight if scale is None else weight * scale[rank - 1]) / (self.rrf_k + rank)
        # Entries stand in the order of the arms, and a stable sort leaves ties as they are.
        ordered = sorted(entries.items(), key=lambda item: -round(item[1].score, EXACT_DIGITS))
        return tuple(
            Candidate(object_id, _with_said(entry.document, said.get(object_id, {})), entry.arms, entry.score, place)
            for place, (object_id, entry) in enumerate(ordered, start=1)
        )

    def _report(
        self,
        arm: str,
        depth: int,
        result: ArmResult | None,
        drawn: Sequence[_Named],
        places: Mapping[str, int],
        scales: Sequence[float],
    ) -> ArmReport:
        if result is None:
            return ArmReport(arm, depth, 0, 0.0, error=NO_RESULT)
        return ArmReport(
            arm=arm,
            depth=depth,
            returned=len(drawn),
            seconds=result.seconds,
            top_score=_finite(drawn[0][1].score) if drawn else None,
            error=result.error,
            found=tuple([places[object_id] for object_id, _ in drawn]),
            weight=self._weight(arm),
            rrf_k=self.rrf_k,
            scales=tuple(scales),
            left_out=result.left_out,
        )

    def _weight(self, arm: str) -> float:
        return 1.0 if self.weights is None else self.weights.get(arm, 1.0)


def _with_said(document: Document, said: Mapping[str, Any]) -> Document:
    meta = with_reasons(document.meta, said)
    return document if meta == document.meta else replace(document, meta=meta)


def normalised(scores: Sequence[float | None]) -> list[float]:
    """
    Scale the scores of one result to 0 … 1.

    By minimum and maximum; scores that are all equal are 1. Where a score is missing, or the span between the scores is
    not a finite number, the ranks are scaled in the place of the scores: 1 for the first, 0 for the last.

    :param scores: Finite scores in the order of the result; `None` for what has no score.
    :returns: The scaled scores in the same order.
    """
    known = [score for score in scores if score is not None]
    if len(known) < len(scores) or not scores or math.isinf(max(known) - min(known)):
        last = max(len(scores) - 1, 1)
        return [1.0 - place / last for place in range(len(scores))]
    low = min(known)
    span = max(known) - low
    return [(score - low) / span for score in known] if span else [1.0] * len(known)


def _finite(score: Any) -> float | None:
    if type(score) is float:
        return score if math.isfinite(score) else None
    try:
        number = float(score)
    except Exception:  # noqa: BLE001 (a score may be of any class, and raise anything)
        return None
    return number if math.isfinite(number) else None


def _share(score: Any) -> float:
    """A score as a share of 1; a memory that gives none speaks with all its weight."""
    share = _finite(score)
    return 1.0 if share is None else min(1.0, max(0.0, share))


def _result_of(arm: str, results: Mapping[str, ArmResult | None]) -> ArmResult | None:
    result = results.get(arm)
    if result is not None and result.arm != arm:
        raise ConfigurationError(
            f"input '{arm}' of UnionJoiner got the result of arm '{result.arm}'; "
            "connect each arm to the input of its name"
        )
    return result


def _check_arms(arms: list[str]) -> None:
    if not arms or not isinstance(arms, list):
        raise ConfigurationError(f"arms of UnionJoiner must be a list of at least one name, got {arms!r}")
    for arm in arms:
        if not isinstance(arm, str) or not arm or "." in arm or arm in RESERVED:
            raise ConfigurationError(
                f"arm {arm!r} of UnionJoiner cannot be the name of an input; "
                f"take a text without a dot that is not among {RESERVED}"
            )
    twice = sorted({arm for arm in arms if arms.count(arm) > 1})
    if twice:
        raise ConfigurationError(f"arms of UnionJoiner must have different names, got {twice} more than once")


def _check_weights(arms: list[str], weights: Mapping[str, float]) -> None:
    unknown = sorted(set(weights) - set(arms))
    if unknown:
        raise ConfigurationError(f"weights of UnionJoiner name the unknown arms {unknown}; its arms are {arms}")
    for arm, weight in weights.items():
        check_number(f"weight of arm '{arm}' in UnionJoiner", weight, 0)
