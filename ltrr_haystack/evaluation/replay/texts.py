"""The texts of candidates that a ranker reads: in which fields words are counted, and rankers that do not read them."""

from dataclasses import dataclass

from ltrr_haystack.catalogue.analysis import DEFAULT_LANGUAGE
from ltrr_haystack.catalogue.fields import DEFAULT_FIELDS
from ltrr_haystack.ranking.candidate_features import CandidateFeatures, CombinedFeatures, TextFeatures


@dataclass(frozen=True, slots=True)
class Texts:
    """
    In what the words of documents are counted for collection statistics.

    :param fields: The fields: `content`, `meta.title` …
    :param language: ISO 639-1 code of the language to stem in; `None` for no stemming.
    """

    fields: tuple[str, ...]
    language: str | None


DEFAULT_TEXTS = Texts(DEFAULT_FIELDS, DEFAULT_LANGUAGE)
"""What `TextFeatures` compare by default."""


def text_parts(features: CandidateFeatures | None) -> list[TextFeatures]:
    """
    Find the features of texts among others.

    :param features: The features of a ranker.
    :returns: Those of texts, in their order; none where nothing is said.
    """
    if isinstance(features, CombinedFeatures):
        return [text for part in features.parts for text in text_parts(part)]
    return [features] if isinstance(features, TextFeatures) else []


def without_texts(features: CandidateFeatures) -> CandidateFeatures:
    """
    Take the features of texts out of others.

    :param features: The features of a ranker.
    :returns: What is left, `CombinedFeatures([])` if that is nothing.
    """
    if isinstance(features, TextFeatures):
        return CombinedFeatures([])
    if isinstance(features, CombinedFeatures):
        return CombinedFeatures([without_texts(part) for part in features.parts if not isinstance(part, TextFeatures)])
    return features
