"""
What is known of the documents that are searched, taken together: collection statistics and the lexicon of their
metadata's values, built in one pass or while indexing.
"""

from ltrr_haystack.catalogue.analysis import Words, analyse, folded
from ltrr_haystack.catalogue.building import Collector, LexiconCollector, StatisticsCollector, build
from ltrr_haystack.catalogue.fields import field_text, field_value
from ltrr_haystack.catalogue.lexicon import Lexicon, LexiconValue
from ltrr_haystack.catalogue.lexicon_counts import LexiconCounts
from ltrr_haystack.catalogue.lexicon_fields import LexiconFields
from ltrr_haystack.catalogue.phrases import LexiconPhrases, PhraseMatch
from ltrr_haystack.catalogue.renewal import CatalogueCounts, CatalogueRenewal
from ltrr_haystack.catalogue.snapshots import active_lexicon, active_statistics, load_lexicon, publish
from ltrr_haystack.catalogue.statistics import CollectionStatistics, FieldStatistics
from ltrr_haystack.catalogue.tagging import CategoryClassifier, LexiconTags

__all__ = [
    "CatalogueCounts",
    "CatalogueRenewal",
    "CategoryClassifier",
    "CollectionStatistics",
    "Collector",
    "FieldStatistics",
    "Lexicon",
    "LexiconCollector",
    "LexiconCounts",
    "LexiconFields",
    "LexiconPhrases",
    "LexiconTags",
    "LexiconValue",
    "PhraseMatch",
    "StatisticsCollector",
    "Words",
    "active_lexicon",
    "active_statistics",
    "analyse",
    "build",
    "field_text",
    "field_value",
    "folded",
    "load_lexicon",
    "publish",
]
