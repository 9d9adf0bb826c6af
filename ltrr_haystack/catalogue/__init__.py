"""What is known of the documents that are searched, taken together: collection statistics, built while indexing."""

from ltrr_haystack.catalogue.analysis import Words, analyse
from ltrr_haystack.catalogue.building import Collector, StatisticsCollector, build
from ltrr_haystack.catalogue.fields import field_text, field_value
from ltrr_haystack.catalogue.snapshots import active_statistics, publish, renew
from ltrr_haystack.catalogue.statistics import CollectionStatistics, FieldStatistics

__all__ = [
    "CollectionStatistics",
    "Collector",
    "FieldStatistics",
    "StatisticsCollector",
    "Words",
    "active_statistics",
    "analyse",
    "build",
    "field_text",
    "field_value",
    "publish",
    "renew",
]
