"""Features of candidates that are computed from query and document, whichever arm found the document."""

from ltrr_haystack.ranking.candidate_features.clicks import ClickFeatures
from ltrr_haystack.ranking.candidate_features.combined import CombinedFeatures
from ltrr_haystack.ranking.candidate_features.metadata import MetadataFeatures
from ltrr_haystack.ranking.candidate_features.protocol import CandidateFeatures
from ltrr_haystack.ranking.candidate_features.readings import ReadingFeatures
from ltrr_haystack.ranking.candidate_features.text import TextFeatures

__all__ = [
    "CandidateFeatures",
    "ClickFeatures",
    "CombinedFeatures",
    "MetadataFeatures",
    "ReadingFeatures",
    "TextFeatures",
]
