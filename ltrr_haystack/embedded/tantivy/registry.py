"""Which indexes this process has open: one for each folder, and one for each name in memory."""

from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from ltrr_haystack.embedded.tantivy.fields import Fields
from ltrr_haystack.embedded.tantivy.index import SharedIndex
from ltrr_haystack.errors import ConfigurationError

_OPEN: WeakValueDictionary[Path | str, SharedIndex] = WeakValueDictionary()
_KEPT: dict[str, SharedIndex] = {}
"""What lies in memory under a name somebody gave stays for as long as the process lives."""

_LOCK = Lock()


def shared(fields: Fields, place: Path | str, *, keep: bool) -> SharedIndex:
    """
    Give the index of a place; it is opened for its first user.

    :param fields: What the index must know.
    :param place: A folder, or the name of an index in memory.
    :param keep: Whether an index in memory outlives its users.
    :returns: The index.
    :raises ConfigurationError: If it cannot be opened, or is in use with other fields.
    """
    folder = place if isinstance(place, Path) else None
    with _LOCK:
        index = _OPEN.get(place)
        if index is None:
            index = SharedIndex(fields, folder)
            _OPEN[place] = index
        elif index.fields != fields:
            raise ConfigurationError(
                f"the index '{place}' is in use with other fields, or for another language, than are asked for now: "
                f"{index.fields}; all stores of one index must have the same text_fields, keyword_fields, "
                "number_fields, language and stop_words"
            )
        if folder is None and keep:
            _KEPT[str(place)] = index
        return index
