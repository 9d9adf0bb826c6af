"""
What there is to be found as a stream of searches goes on: some documents appear late, at half of it.

Until then no arm finds them. The memory cannot bring them either, and needs no rule for it: it brings what people acted
upon, and they act on nothing that no page has shown. Answers are judged against what was there when they were given. A
search that nothing of what is there answers stays in the stream, since people do search for what does not exist yet;
it counts 0 for every system, the oracle among them, as trec_eval has it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self, TypeVar

from haystack import Document

from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.evaluation.replay.settings import Settings

Met = TypeVar("Met")


def drawn(documents: Iterable[Document], share: float, seed: int) -> frozenset[str]:
    """
    Draw the documents that appear late.

    Whether a document is drawn depends on its id, the share and the seed, and on nothing else; a larger share draws
    all that a smaller one does.

    :param documents: Where from.
    :param share: The probability with which each is drawn.
    :param seed: Another seed draws others.
    :returns: Their ids.
    """
    key = f"{seed}:late".encode()
    return frozenset(document.id for document in documents if _chance(key, document.id) < share)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """
    A precomputed pipeline whose catalogue grows once.

    :param early: What there is at first.
    :param whole: What there is from `grows_at` on.
    :param grows_at: The first search that meets the whole; 0 if all do.
    """

    early: PrecomputedPipeline
    whole: PrecomputedPipeline
    grows_at: int

    @classmethod
    def of(cls, precomputed: PrecomputedPipeline, settings: Settings, seed: int) -> Self:
        """
        Give the catalogue of a stream.

        :param precomputed: The pipeline with all documents.
        :param settings: Which share of them appears late.
        :param seed: The stream's seed.
        :returns: The catalogue; without late documents it is the whole from the first search on.
        """
        if settings.late_documents == 0:
            return cls(precomputed, precomputed, 0)
        late = drawn(precomputed.data.documents, settings.late_documents, seed)
        return cls(precomputed.without(late), precomputed, settings.half_way)

    def at(self, index: int) -> PrecomputedPipeline:
        """
        Give what there is for a search.

        :param index: Its number in the stream, from 0.
        :returns: The precomputed pipeline.
        """
        return self.early if index < self.grows_at else self.whole

    def stretches(self, stream: Sequence[Met]) -> list[tuple[PrecomputedPipeline, Sequence[Met]]]:
        """
        Part a stream by what there was.

        :param stream: Something for each search, from the first on.
        :returns: What there was, with that part of the stream; no part is empty.
        """
        parts = ((self.early, stream[: self.grows_at]), (self.whole, stream[self.grows_at :]))
        return [(precomputed, met) for precomputed, met in parts if met]


def _chance(key: bytes, document_id: str) -> float:
    digest = blake2b(document_id.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") / 2**64
