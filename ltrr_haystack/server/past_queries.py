"""
Which past queries may be shown to others.

A query is somebody's own until several clients, who share no user, session, client or address, have searched for it
without filters and chosen something they found (k-anonymity: Sweeney, "k-anonymity: a model for protecting privacy",
2002). So nobody reads what one person typed, and one client cannot plant a text, however many user ids it makes up, as
long as anything else of it is known. How often a query was chosen is what counts for learning, of which one client has
a bounded share.
"""

import re
import unicodedata
from dataclasses import dataclass, field

from ltrr_haystack.learning.clients import clients_of
from ltrr_haystack.types import SettledDecision
from ltrr_haystack.understanding import normal_form

LEAST_CLIENTS = 5
"""Clients that must have chosen something for a query before it is shown to others."""

MOST_QUERIES = 20_000
"""Queries that are counted at a time; the least known are forgotten first."""

LONGEST = 80
"""Longest text that is shown to others, in characters."""

_PERSONAL = re.compile(r"\w@\w|\d{7,}")
"""Addresses and long numbers, such as those of telephones and cards."""


def is_showable(form: str) -> bool:
    """
    Tell whether a text can be shown to others at all.

    :param form: The normal form of a query.
    :returns: Whether it is a normal form in truth, of visible characters alone, not long, and without e-mail addresses
        and long numbers.
    """
    return (
        0 < len(form) <= LONGEST
        and form == normal_form(form)
        and not any(unicodedata.category(character)[0] == "C" for character in form)
        and not _PERSONAL.search(form)
    )


@dataclass(slots=True)
class _Tally:
    """
    What is known of one query.

    :param chosen: How often something was chosen, in units of a click.
    :param clients: Clients that have nothing in common.
    :param known: Who they are, as long as there are too few of them.
    """

    chosen: float = 0.0
    clients: int = 0
    known: set[str] = field(default_factory=set)


class PastQueries:
    """
    Counts who chose something for which query.

    :param least_clients: Clients that must have chosen something before a query is shown to others.
    :param most: Queries that are counted at a time.
    """

    def __init__(self, least_clients: int = LEAST_CLIENTS, most: int = MOST_QUERIES) -> None:
        self._least_clients = least_clients
        self._most = most
        self._tallies: dict[str, _Tally] = {}

    def add(self, settled: SettledDecision) -> None:
        """
        Count a search; one with filters, without a click that counts, or whose text cannot be shown does not count.

        :param settled: The search, after a learner has been through.
        """
        form = settled.decision.understanding.normal_form
        chosen = sum(reward for reward in settled.counted_rewards.values() if reward > 0)
        if settled.decision.filters or not chosen or not is_showable(form):
            return
        tally = self._tallies.setdefault(form, _Tally())
        tally.chosen += chosen
        clients = clients_of(settled.decision)
        if tally.clients < self._least_clients and tally.known.isdisjoint(clients):
            tally.clients += 1
            tally.known.update(clients)
        if tally.clients >= self._least_clients:
            tally.known.clear()
        if len(self._tallies) > self._most:
            kept = sorted(self._tallies.items(), key=lambda each: (-each[1].clients, -each[1].chosen))
            self._tallies = dict(kept[: self._most // 2])

    def showable(self) -> list[str]:
        """
        Give the queries that may be shown to others.

        :returns: Their normal forms, the most chosen first.
        """
        known = [(form, each.chosen) for form, each in self._tallies.items() if each.clients >= self._least_clients]
        return [form for form, _ in sorted(known, key=lambda each: (-each[1], each[0]))]
