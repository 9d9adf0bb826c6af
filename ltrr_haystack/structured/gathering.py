"""What the searches of several readings bring, gathered into one result."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from haystack import Document

from ltrr_haystack.reasons import READING_REASON, with_reasons
from ltrr_haystack.structured.agreement import Agreement
from ltrr_haystack.structured.searches import ReadingSearch, relaxations
from ltrr_haystack.structured.shares import shares
from ltrr_haystack.types import Interpretation

Found = Sequence[Sequence[Document]]
"""What each of the searches that were asked for brought, best first."""


def _agreed(_: Interpretation, __: Sequence[Document]) -> float:
    return 1.0


@dataclass(slots=True)
class _Brought:
    """A document while results are gathered: its score, and the search that contributed most to it."""

    document: Document
    search: ReadingSearch
    score: float = 0.0
    highest: float = 0.0

    def add(self, search: ReadingSearch, score: float) -> None:
        self.score += score
        if score > self.highest:
            self.search, self.highest = search, score


@dataclass(slots=True)
class _Quest:
    """One reading on its way from its strict search to its relaxed ones."""

    weight: float
    share: int
    strict: Sequence[Document]
    relaxed: Iterator[ReadingSearch]
    taken: int = 0


@dataclass(slots=True)
class _Gathered:
    """What was brought so far, and which of it is taken, in the order in which it was."""

    entries: dict[str, _Brought] = field(default_factory=dict)
    taken: dict[str, None] = field(default_factory=dict)

    def note(self, search: ReadingSearch, documents: Sequence[Document]) -> None:
        for document in documents:
            self.entries.setdefault(document.id, _Brought(document, search))

    def score(
        self,
        search: ReadingSearch,
        documents: Sequence[Document],
        weight: float,
        rrf_k: float,
        before: Sequence[Document] = (),
    ) -> None:
        """Score documents by their ranks, which follow those of documents that are scored already."""
        scored = {document.id for document in before}
        new = dict.fromkeys(document.id for document in documents if document.id not in scored)
        for rank, document_id in enumerate(new, start=1 + len(scored)):
            self.entries[document_id].add(search, weight / (rrf_k + rank))

    def bring(self, quest: _Quest, search: ReadingSearch, documents: Sequence[Document], rrf_k: float) -> None:
        """Note what a search brought after the strict one; score it if that has all that the query says."""
        self.note(search, documents)
        if search.whole:
            self.score(search, documents, quest.weight, rrf_k, quest.strict)

    def take(self, documents: Sequence[Document], most: int) -> int:
        """Take the first documents that were not taken before, and say how many those are."""
        new = dict.fromkeys(document.id for document in documents if document.id not in self.taken)
        before = len(self.taken)
        self.taken.update(islice(new.items(), max(most, 0)))
        return len(self.taken) - before

    def ordered(self) -> list[Document]:
        taken = [self.entries[document_id] for document_id in self.taken]
        fused = sorted((each for each in taken if each.score), key=lambda each: -each.score)
        lowest = fused[-1].score if fused else 1.0
        relaxed = [each for each in taken if not each.score]
        for place, entry in enumerate(relaxed, start=1):
            entry.score = lowest / (1 + place)
        return [_explained(entry) for entry in chain(fused, relaxed)]


def gather(
    strict: Sequence[ReadingSearch], depth: int, rrf_k: float, *, browse: bool = False, agreement: Agreement = _agreed
) -> Generator[Sequence[ReadingSearch], Found, list[Document]]:
    """
    Gather what the readings of a query bring; ask for searches, and be sent what they brought.

    A reading weighs its probability, times its agreement with what the query brings as it was typed. The depth is
    shared among the readings by their weights (largest remainder). One that brings fewer documents than its share is
    relaxed until it has its share or no slot is left. What then is missing is taken from the query as it was typed, and
    at last from whatever the searches and their relaxed forms bring. So there never are fewer documents than any of the
    searches brings by itself, up to the depth.

    Documents that have all that a reading says stand in the order of weighted reciprocal rank fusion: the score of one
    is the sum of `weight / (rrf_k + rank)` over the readings that brought it. A reading's ranks are those of its strict
    search; where the query only names its values, those of whatever matches its filters follow. What only a relaxed
    search brought comes last, in the order in which it was brought.

    :param strict: The searches of the readings, the likeliest first, and at the end the one without slots.
    :param depth: The most documents.
    :param rrf_k: How flat the fusion is: the lower, the more the readings take turns.
    :param browse: See `relaxations`.
    :param agreement: How far what the query brings as it was typed agrees with a reading, above 0 and at most 1.
    :returns: A generator that asks for searches, each to be answered with at most `depth` documents. It returns new
        documents, each once, best first; `meta["ltrr_reading"]` says which reading brought it.
    """
    plain = strict[-1]
    if not plain.text.strip() and not browse:
        return []
    readings = [search.reading for search in strict]
    seen = {search.key for search in strict}
    found = yield strict
    weights = [search.reading.probability * agreement(search.reading, found[-1]) for search in strict]
    gathered = _Gathered()
    quests: list[_Quest] = []
    for search, documents, weight, share in zip(strict, found, weights, shares(depth, weights), strict=True):
        gathered.note(search, documents)
        gathered.score(search, documents, weight, rrf_k)
        if search is not plain:
            relaxed = _unseen(relaxations(search, readings, browse=browse), seen)
            quests.append(_Quest(weight, share, documents, relaxed, gathered.take(documents, share)))
    brought = [found[-1], *found]
    while short := [
        (quest, search) for quest in quests if quest.taken < quest.share for search in islice(quest.relaxed, 1)
    ]:
        answers = yield [search for _, search in short]
        for (quest, search), documents in zip(short, answers, strict=True):
            gathered.bring(quest, search, documents, rrf_k)
            quest.taken += gathered.take(documents, quest.share - quest.taken)
        brought += answers
    for documents in brought:
        gathered.take(documents, depth - len(gathered.taken))
    left = ((quest, search) for quest in quests for search in quest.relaxed)
    while len(gathered.taken) < depth and (following := next(left, None)) is not None:
        quest, search = following
        (documents,) = yield [search]
        gathered.bring(quest, search, documents, rrf_k)
        gathered.take(documents, depth - len(gathered.taken))
    return gathered.ordered()


def _unseen(
    searches: Iterator[ReadingSearch], seen: set[tuple[frozenset[tuple[str, str]], str]]
) -> Iterator[ReadingSearch]:
    for search in searches:
        if search.key not in seen:
            seen.add(search.key)
            yield search


def _explained(entry: _Brought) -> Document:
    meta = with_reasons(entry.document.meta, {READING_REASON: entry.search.explained()})
    return replace(entry.document, score=entry.score, meta=meta)
