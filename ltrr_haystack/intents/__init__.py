"""What queries are after: a classifier over the categories of the catalogue's entities, trained on labels or clicks."""

from ltrr_haystack.intents.annotator import QueryIntents
from ltrr_haystack.intents.classifier import IntentClassifier
from ltrr_haystack.intents.clicks import labels_from_clicks
from ltrr_haystack.intents.labels import IntentLabels, read_labels
from ltrr_haystack.intents.report import IntentReport
from ltrr_haystack.intents.training import train_understanding

__all__ = [
    "IntentClassifier",
    "IntentLabels",
    "IntentReport",
    "QueryIntents",
    "labels_from_clicks",
    "read_labels",
    "train_understanding",
]
