"""Features that compare the words of a query with the words of a document."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from haystack import Document, default_from_dict, default_to_dict, logging
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from ltrr_haystack.catalogue.analysis import DEFAULT_LANGUAGE, Words, analyse, require_language
from ltrr_haystack.catalogue.fields import DEFAULT_FIELDS, require_fields
from ltrr_haystack.catalogue.snapshots import active_statistics
from ltrr_haystack.catalogue.statistics import CollectionStatistics, FieldStatistics
from ltrr_haystack.ranking.candidate_features.documents import FieldWords, shared_documents
from ltrr_haystack.ranking.candidate_features.matching import (
    K1,
    bm25_gains,
    coverage,
    has_phrase,
    ordered,
    weighted_sums,
)
from ltrr_haystack.ranking.candidate_features.protocol import name_part
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import Understanding

logger = logging.getLogger(__name__)

MOST_QUERY_WORDS = 64
"""Words of a query that are compared; the rest is ignored."""

UNSTEMMED = "unstemmed"
"""What names of features say where nothing is stemmed; they leave the default language out."""

OF_FIELD = (
    "bm25",
    "bm25_share",
    "coverage",
    "idf_coverage",
    "exact",
    "prefix",
    "phrase",
    "ordered",
    "fuzzy_words",
    "fuzzy_part",
    "fuzzy_whole",
    "length",
)
_COLUMNS = {feature: column for column, feature in enumerate(OF_FIELD)}
_SCORERS = {"fuzzy_words": fuzz.token_set_ratio, "fuzzy_part": fuzz.partial_ratio, "fuzzy_whole": fuzz.ratio}
Array = NDArray[np.float64]


class TextFeatures:
    """
    Tells how well a query's words match each declared field of a document.

    For each field, under names such as `text.content.bm25`, or `text.de.content.bm25` and `text.unstemmed.content.bm25`
    where the language is not English, so that a model never takes one for another:

    - `bm25`: BM25 with the statistics of the collection; `bm25_share`: the same as a share of the most that is possible
      for the query;
    - `coverage`, `idf_coverage`: the share of the query's stems that occur, and of their inverse document frequencies;
    - `exact`, `prefix`, `phrase`: whether the field is the query, begins with it (its last word may go on), has its
      words next to each other;
    - `ordered`: the longest common subsequence of stems, as a share of the query;
    - `fuzzy_words`, `fuzzy_part`, `fuzzy_whole`: RapidFuzz's `token_set_ratio`, `partial_ratio` and `ratio` of the
      query's words and the field's first 200 characters, from 0 to 1;
    - `length`: log(1 + words).

    A document without the field has a `length` of 0 there and nothing else. As long as there are no statistics for the
    field in the store (`CatalogueWriter`, `ltrr catalogue build`), what is made of them is unknown, too: `bm25`,
    `bm25_share` and `idf_coverage`.

    Of a query the first 64 words are compared, of a field the first 20,000 characters.
    """

    def __init__(
        self,
        store: LTRRStore,
        fields: Sequence[str] = DEFAULT_FIELDS,
        language: str | None = DEFAULT_LANGUAGE,
        poll_interval: float = 1.0,
    ) -> None:
        """
        Create TextFeatures; nothing is opened yet.

        :param store: Where the collection statistics are kept.
        :param fields: The fields to compare: `content`, `meta.title`, any place in the metadata.
        :param language: ISO 639-1 code of the language to stem in, the same as that of the statistics; `None` for no
            stemming.
        :param poll_interval: Seconds between two checks for newer statistics; 0 checks each time.
        :raises ConfigurationError: If a name is no field, there is no stemmer for the language, or `poll_interval` is
            negative.
        """
        self.store = store
        self.fields = list(require_fields(fields, "TextFeatures"))
        self.language = require_language(language)
        self.poll_interval = poll_interval
        stemmed = "text" if language == DEFAULT_LANGUAGE else f"text.{language or UNSTEMMED}"
        self.names = tuple(f"{stemmed}.{name_part(field)}.{feature}" for field in self.fields for feature in OF_FIELD)
        self._documents = shared_documents(tuple(self.fields), language)
        self._active = active_statistics(store, poll_interval)
        self._reported = 0

    def warm_up(self) -> None:
        """Open the store and load the statistics."""
        self.store.warm_up()
        self._active.current()

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    def to_dict(self) -> dict[str, Any]:
        """
        Describe the features as Haystack writes them into YAML.

        :returns: A dictionary from which `from_dict` makes features like these.
        """
        return default_to_dict(
            self, store=self.store, fields=self.fields, language=self.language, poll_interval=self.poll_interval
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TextFeatures":
        """
        Make features from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The features.
        """
        return default_from_dict(cls, data)

    def compute(self, understanding: Understanding, documents: Sequence[Document]) -> Array:
        """
        Compute the features.

        :param understanding: The query.
        :param documents: The candidates.
        :returns: One row per document and one column per name; NaN for what is not known.
        """
        whole = analyse(understanding.normal_form, self.language)
        query = Words(whole.words[:MOST_QUERY_WORDS], whole.stems[:MOST_QUERY_WORDS])
        statistics = self._statistics()
        analysed = self._documents.of(documents)
        values = np.full((len(documents), len(self.names)), np.nan)
        for number, field in enumerate(self.fields):
            own = None if statistics is None else statistics.fields.get(field)
            columns = values[:, number * len(OF_FIELD) : (number + 1) * len(OF_FIELD)]
            _fill(columns, query, [words[number] for words in analysed], own)
        return values

    def _statistics(self) -> CollectionStatistics | None:
        statistics, version = self._active.current()
        if statistics is None or statistics.covers(self.fields, self.language):
            return statistics
        if self._reported != version:
            self._reported = version
            logger.warning(
                "The collection statistics are of the fields {has} in language {language}, and TextFeatures needs "
                "{needs} in {own}: features that need what is not there are unknown. Give CatalogueWriter the same "
                "settings and run: ltrr catalogue build",
                has=", ".join(statistics.fields),
                language=str(statistics.language),
                needs=", ".join(self.fields),
                own=str(self.language),
            )
        return statistics if statistics.language == self.language else None


def _fill(columns: Array, query: Words, documents: Sequence[FieldWords], statistics: FieldStatistics | None) -> None:
    """Write the features of one field into its columns."""
    lengths = np.array([len(words.stems) for words in documents], dtype=np.float64)
    columns[:, _COLUMNS["length"]] = np.log1p(lengths)
    rows = np.flatnonzero(lengths)
    if len(query) and len(rows):
        having = [documents[row] for row in rows.tolist()]
        for name, values in _matches(query, having, lengths[rows], statistics).items():
            columns[rows, _COLUMNS[name]] = values


def _matches(
    query: Words, documents: Sequence[FieldWords], lengths: Array, statistics: FieldStatistics | None
) -> dict[str, Any]:
    """Feature → its value for each document, all of which have words in the field."""
    text, stems = " ".join(query.words), tuple(dict.fromkeys(query.stems))
    wanted = frozenset(stems)
    found = [tuple(filter(wanted.__contains__, words.stems)) for words in documents]
    counts = np.array([[hits.count(stem) for stem in stems] for hits in found], dtype=np.float64)
    heads = [words.head for words in documents]
    values: dict[str, Any] = {
        "coverage": coverage(counts, np.ones(len(stems))),
        "exact": [words.text == text for words in documents],
        "prefix": [words.text.startswith(text) for words in documents],
        "phrase": [has_phrase(text, words.text) for words in documents],
        "ordered": [ordered(query.stems, hits) for hits in found],
    }
    for name, scorer in _SCORERS.items():
        values[name] = process.cdist([text], heads, scorer=scorer, dtype=np.float64)[0] / 100.0
    if statistics is not None and statistics.documents:
        idf = np.array([statistics.idf(stem) for stem in stems])
        values["bm25"] = weighted_sums(bm25_gains(counts, lengths, statistics.mean_words), idf)
        values["bm25_share"] = values["bm25"] / ((K1 + 1.0) * idf.sum())
        values["idf_coverage"] = coverage(counts, idf)
    return values
