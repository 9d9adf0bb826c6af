"""How good pages and candidates are, by ir-measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from ltrr_haystack.errors import MissingExtraError

RECALL = "candidate_recall"
JUDGED = "judged_nDCG@10"
PAGE = 10
DEEPEST = 1000
"""More candidates than any search has."""


@dataclass(frozen=True, slots=True)
class ToJudge:
    """
    One answer to one query.

    :param query_id: The query.
    :param page: Ids of the documents shown, from the top.
    :param candidates: Ids of all candidates, in the order in which they would follow those on the page.
    """

    query_id: str
    page: tuple[str, ...]
    candidates: tuple[str, ...]


def ir_measures() -> ModuleType:
    """
    Import ir-measures.

    :returns: The package.
    :raises MissingExtraError: If it is not installed.
    """
    try:
        return import_module("ir_measures")
    except ImportError as error:
        raise MissingExtraError(
            'a replay is judged by ir-measures; install it with: pip install "ltrr-haystack[evaluation]"'
        ) from error


def judged(answers: Sequence[ToJudge], qrels: Mapping[str, Mapping[str, int]]) -> dict[str, list[float]]:
    """
    Judge answers: nDCG@10 and RR@10 of the page, nDCG@10 of what is judged alone, recall of the candidates.

    nDCG has linear gains and takes what is not judged for irrelevant, as trec_eval has it; for RR and recall a grade
    above 0 is relevant. The same answer to the same query is judged once, however often it was given.

    A system may look good because it shows what was judged, and not because that answers better. So nDCG@10 is also
    taken of the condensed list (Sakai 2007, "Alternatives to Bpref"): the page and then the other candidates in their
    order, without the documents of which nobody said how well they answer, until ten are left. Where a system's order
    beyond its page is not known, as that of one with a ranker is, the candidates follow in the union's order. With
    judgements that have no grade 0, it only tells how the relevant documents stand among themselves.

    :param answers: The answers.
    :param qrels: Query id → document id → grade.
    :returns: `nDCG@10`, `RR@10`, `judged_nDCG@10` and `candidate_recall` → one value for each answer.
    """
    package = ir_measures()
    pages = [(answer.query_id, answer.page) for answer in answers]
    found = [(answer.query_id, _relevant(answer.candidates, qrels[answer.query_id])) for answer in answers]
    scores = _measured(package, [package.nDCG @ 10, package.RR @ 10], pages, qrels)
    recall = _measured(package, [package.R @ DEEPEST], found, qrels)
    condensed = [(answer.query_id, _condensed(answer, qrels[answer.query_id])) for answer in answers]
    (of_judged,) = _measured(package, [package.nDCG @ 10], condensed, qrels).values()
    return {**scores, JUDGED: of_judged, RECALL: recall[f"R@{DEEPEST}"]}


def _condensed(answer: ToJudge, grades: Mapping[str, int]) -> tuple[str, ...]:
    ordered = dict.fromkeys((*answer.page, *answer.candidates))
    return tuple(document for document in ordered if document in grades)[:PAGE]


def _relevant(candidates: tuple[str, ...], grades: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted({document for document in candidates if grades.get(document, 0) > 0}))


def _measured(
    package: ModuleType,
    measures: Sequence[object],
    rankings: Sequence[tuple[str, tuple[str, ...]]],
    qrels: Mapping[str, Mapping[str, int]],
) -> dict[str, list[float]]:
    """Measure → value of each ranking; ir-measures knows each distinct (query, ranking) as a query of its own."""
    names: dict[tuple[str, tuple[str, ...]], str] = {}
    for ranking in rankings:
        names.setdefault(ranking, str(len(names)))
    judgements = {name: dict(qrels[query]) for (query, _), name in names.items()}
    run = {name: {document: -float(rank) for rank, document in enumerate(ids)} for (_, ids), name in names.items()}
    values: dict[str, dict[str, float]] = {str(measure): dict.fromkeys(judgements, 0.0) for measure in measures}
    for metric in package.iter_calc(measures, judgements, run):
        values[str(metric.measure)][metric.query_id] = float(metric.value)
    return {measure: [of[names[ranking]] for ranking in rankings] for measure, of in values.items()}
