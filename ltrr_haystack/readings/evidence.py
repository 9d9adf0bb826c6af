"""How clicks move the probabilities of readings."""

from collections.abc import Sequence
from dataclasses import dataclass

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.readings.keys import KINDS, reading_key, reading_kind
from ltrr_haystack.store import LTRRStore, Outage, ReadingClicks
from ltrr_haystack.types import Interpretation

MOST_READINGS = 100
"""Readings of one query that evidence is looked up for; the others keep their probability."""

NO_CLICKS = ReadingClicks(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class ReadingSupport(FrozenValue):
    """
    What speaks for one reading of a query: why its probability is what it is.

    :param kind: The kind of the reading: its fields.
    :param chosen: Clicks that speak for it, for this query; see `readings/clicks.py`.
    :param passed: Clicks that speak against it, for this query.
    :param kind_chosen: Clicks that speak for its kind, over all queries.
    :param kind_passed: Clicks that speak against its kind, over all queries.
    :param kind_multiplier: How many times as often documents of such readings are chosen as others.
    :param multiplier: How many times as often documents of this reading are chosen as others: what its prior
        probability is multiplied by, before all are scaled to their sum.
    """

    kind: str
    chosen: float = 0.0
    passed: float = 0.0
    kind_chosen: float = 0.0
    kind_passed: float = 0.0
    kind_multiplier: float = 1.0
    multiplier: float = 1.0


class ReadingEvidence:
    """
    Says how much likelier clicks make each reading of a query.

    A reading's multiplier is how many times as often its documents are chosen as others on the same pages, estimated
    as the ratio of two sums of clicks (see `readings/clicks.py`), each with a few clicks added that nobody made:

        kind    = (chosen by kind + k) / (passed by kind + k)       with k = `kind_prior`
        reading = (chosen + q · kind) / (passed + q)                with q = `query_prior`

    both held within 1 / `most` … `most`. So a reading without clicks of its own has the multiplier of its kind, and a
    kind without clicks has 1; with clicks, their own ratio takes over. It is the ratio of the posterior means of two
    Poisson rates under gamma priors (Gelman et al., "Bayesian Data Analysis", 3rd edition, section 2.6). A click for a
    reading never makes it less likely, nor does one against it make it likelier.

    A reading without slots says nothing of a document's metadata, so nothing is learned of it; it loses what others
    gain, and gains what they lose.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import Interpretation, LTRRStore
    from ltrr_haystack.readings.evidence import ReadingEvidence

    evidence = ReadingEvidence(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")))
    readings = [Interpretation({"title": "Love"}, "", 0.6), Interpretation({"genre": "love songs"}, "", 0.4)]
    evidence.multipliers("love", readings)  # (1.0, 1.0) as long as nobody has clicked
    ```

    :param store: Where what clicks say is kept.
    :param query_prior: Clicks that count against those for a query's reading, above 0.
    :param kind_prior: Clicks that count against those for a kind of readings, above 0.
    :param most: The largest multiplier; the smallest is its reciprocal. At least 1.
    :raises ConfigurationError: If a number is out of its range.
    """

    def __init__(
        self, store: LTRRStore, *, query_prior: float = 2.0, kind_prior: float = 20.0, most: float = 8.0
    ) -> None:
        for name, number in (("query_prior", query_prior), ("kind_prior", kind_prior)):
            if not 0.0 < number < float("inf"):
                raise ConfigurationError(f"{name} of ReadingEvidence must be a positive number of clicks, got {number}")
        if not 1.0 <= most < float("inf"):
            raise ConfigurationError(f"most of ReadingEvidence must be at least 1, got {most}")
        self._store = store
        self._query_prior = query_prior
        self._kind_prior = kind_prior
        self._most = most
        self._outage = Outage("Readings are weighed without what was clicked")

    def multipliers(self, normal_form: str, readings: Sequence[Interpretation]) -> tuple[float, ...]:
        """
        Say how much likelier clicks make each reading of a query.

        :param normal_form: The query's normal form.
        :param readings: The query's readings.
        :returns: For each of them what its prior probability is to be multiplied by, between 1 / `most` and `most`;
            1 for all where the store cannot be read.
        """
        return tuple([each.multiplier for each in self.support(normal_form, readings)])

    def support(self, normal_form: str, readings: Sequence[Interpretation]) -> tuple[ReadingSupport, ...]:
        """
        Say what speaks for each reading of a query; the store is read once.

        :param normal_form: The query's normal form.
        :param readings: The query's readings.
        :returns: For each of them the clicks and what they come to; no clicks where the store cannot be read.
        """
        asked = readings[:MOST_READINGS]
        keys = [
            ((normal_form, reading_key(each)), (KINDS, reading_kind(each))) if each.slots else None for each in asked
        ]
        known = self._known([pair for pairs in keys if pairs is not None for pair in pairs])
        found = [
            ReadingSupport(reading_kind(reading))
            if pairs is None
            else self._weighed(pairs[1][1], known.get(pairs[0], NO_CLICKS), known.get(pairs[1], NO_CLICKS))
            for reading, pairs in zip(asked, keys, strict=True)
        ]
        return (*found, *[ReadingSupport(reading_kind(each)) for each in readings[MOST_READINGS:]])

    def _known(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], ReadingClicks]:
        if not pairs:
            return {}
        try:
            known = self._store.reading_clicks(list(dict.fromkeys(pairs)))
        except Exception as error:  # noqa: BLE001 (without what was clicked a reading is still a reading)
            self._outage.report(error)
            return {}
        self._outage.mended()
        return known

    def _weighed(self, kind: str, own: ReadingClicks, of_kind: ReadingClicks) -> ReadingSupport:
        kind_multiplier = self._ratio(of_kind, self._kind_prior, 1.0)
        return ReadingSupport(
            kind,
            own.chosen,
            own.passed,
            of_kind.chosen,
            of_kind.passed,
            kind_multiplier,
            self._ratio(own, self._query_prior, kind_multiplier),
        )

    def _ratio(self, clicks: ReadingClicks, prior: float, expected: float) -> float:
        # What a client takes back late may exceed what counted of it in time.
        ratio = (max(0.0, clicks.chosen) + prior * expected) / (max(0.0, clicks.passed) + prior)
        return min(self._most, max(1.0 / self._most, ratio))
