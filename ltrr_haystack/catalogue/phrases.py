"""Finds the values of a lexicon in free text."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ltrr_haystack.catalogue.analysis import folded
from ltrr_haystack.catalogue.lexicon import Lexicon, LexiconValue
from ltrr_haystack.understanding.normalisation import normal_form


class Named(NamedTuple):
    """
    A value that a phrase is a name of.

    :param value: The value.
    :param by_alias: Whether the phrase is one of its aliases.
    """

    value: LexiconValue
    by_alias: bool


@dataclass(frozen=True, slots=True)
class PhraseMatch:
    """
    A place where a text names values.

    :param start: Number of its first word in the text, from 0.
    :param words: Its words.
    :param named: The values that have it as a name, in all fields.
    """

    start: int
    words: tuple[str, ...]
    named: tuple[Named, ...]


class LexiconPhrases:
    """
    The values and aliases of a lexicon as phrases of words.

    A dictionary of phrases, looked up with each run of words of a text that is no longer than the longest phrase with
    the same first word: time grows with the text and not with the number of values.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, LexiconPhrases, folded

    collector = LexiconCollector(LexiconFields(["meta.title"]))
    collector.add([Document(content="…", meta={"title": title}) for title in ("York", "New York", "Café")])
    matches = LexiconPhrases(collector.lexicon()).find(folded("a CAFE in New York").split())
    print([match.named[0].value.value for match in matches])  # ['Café', 'New York']
    ```

    :param lexicon: The lexicon.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        names: defaultdict[str, list[Named]] = defaultdict(list)
        self._longest: dict[str, int] = {}
        for values in lexicon.values.values():
            for form, value in values.items():
                for name, by_alias in [(form, False), *((normal_form(alias), True) for alias in value.aliases)]:
                    if phrase := folded(name):
                        names[phrase].append(Named(value, by_alias))
                        first, length = phrase.partition(" ")[0], phrase.count(" ") + 1
                        self._longest[first] = max(self._longest.get(first, 0), length)
        self._names = {phrase: tuple(named) for phrase, named in names.items()}

    def find(self, words: Sequence[str]) -> list[PhraseMatch]:
        """
        Find the places where a text names values. The longest phrases win, the first of equal length; no word belongs
        to two places.

        :param words: The words of the text, as `folded` gives them.
        :returns: The places in order.
        """
        found = [
            PhraseMatch(start, run, named)
            for start, word in enumerate(words)
            for length in range(1, min(self._longest.get(word, 0), len(words) - start) + 1)
            if (named := self._names.get(" ".join(run := tuple(words[start : start + length]))))
        ]
        taken: set[int] = set()
        kept = []
        for match in sorted(found, key=lambda match: (-len(match.words), match.start)):
            places = range(match.start, match.start + len(match.words))
            if taken.isdisjoint(places):
                taken.update(places)
                kept.append(match)
        return sorted(kept, key=lambda match: match.start)
