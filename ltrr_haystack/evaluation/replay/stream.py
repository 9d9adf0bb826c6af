"""What follows a system's searches: clicks that arrive with a delay, and learning."""

import heapq
import math
from typing import Any, Generic

from ltrr_haystack.evaluation.people import People, Search
from ltrr_haystack.evaluation.replay.answers import AnswerT, SearchSystem, click_events
from ltrr_haystack.evaluation.replay.settings import Settings


class Stream(Generic[AnswerT]):
    """
    What follows a system's searches: people click, the clicks arrive after a delay, and the system learns.

    :param people: Who searches.
    :param system: What they search with.
    :param settings: When clicks arrive, and when the system learns.
    :ivar rejected: How many clicks the system rejected.
    :ivar trainings: What came of each training of the ranker: after how many searches, and the gate's verdict.
    """

    def __init__(self, people: People, system: SearchSystem[AnswerT], settings: Settings) -> None:
        self.rejected = 0
        self.trainings: list[dict[str, Any]] = []
        self._people = people
        self._system = system
        self._settings = settings
        self._train_at = {max(1, round(share * settings.impressions)) for share in settings.train_at}
        self._under_way: list[tuple[int, int, dict[str, Any]]] = []
        self._sent = 0
        self._examined = [0.0] * settings.top_k
        self._pages = [0] * settings.top_k

    @property
    def examined(self) -> list[float]:
        """
        How often each place was examined in truth, place 1 first: the mean probability of the people that came.

        A place counts in the searches whose page had it; 0 for one that no page had.
        """
        return [examined / pages if pages else 0.0 for examined, pages in zip(self._examined, self._pages, strict=True)]

    def click(self, search: Search, answer: AnswerT) -> bool:
        """
        Let the person of a search click, and let the clicks arrive whose time has come.

        :param search: The search.
        :param answer: Its answer.
        :returns: Whether the person clicked anything.
        """
        positions = self._people.clicks(search, answer.shown)
        for place, chance in enumerate(self._people.examined(search, answer.shown[: len(self._pages)])):
            self._examined[place] += chance
            self._pages[place] += 1
        for event, position in zip(click_events(search, answer, positions), positions, strict=True):
            number = self._people.random_number(search.index, "delay", answer.shown[position - 1])
            waits = int(-self._settings.delay * math.log(1.0 - number))
            heapq.heappush(self._under_way, (search.index + waits, self._sent, event))
            self._sent += 1
        self._arrive(search.index)
        return bool(positions)

    def learn(self, done: int) -> None:
        """
        Let the system learn and train its ranker if it is time for that.

        :param done: How many searches there have been.
        """
        if done % self._settings.learn_every == 0:
            self._system.learn(self._settings.reward_wait)
        if done == self._settings.impressions:
            self._arrive(math.inf)
            self._system.learn()
        if done in self._train_at and (report := self._system.train()) is not None:
            self.trainings.append(
                {"at": done, "passed": report.passed, "active": report.active, "reason": report.reason}
            )

    def _arrive(self, index: float) -> None:
        arrived = []
        while self._under_way and self._under_way[0][0] <= index:
            arrived.append(heapq.heappop(self._under_way)[2])
        if arrived:
            self.rejected += self._system.feedback(arrived)
