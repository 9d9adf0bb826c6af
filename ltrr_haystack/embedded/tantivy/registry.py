"""The indexes that this process has open: one for each folder, and one for each name in memory."""

from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from ltrr_haystack.embedded.tantivy.fields import Fields
from ltrr_haystack.embedded.tantivy.index import SharedIndex
from ltrr_haystack.errors import ConfigurationError

_OPEN: WeakValueDictionary[Path | str, SharedIndex] = WeakValueDictionary()
_KEPT: dict[str, SharedIndex] = {}
"""Indexes in memory with a name that the user gave; they live as long as the process."""

_LOCK = Lock()


def get_index(fields: Fields, location: Path | str, *, keep: bool) -> SharedIndex:
    """
    Get the index at a location, and open it if no store uses it yet.

    :param fields: The fields of the index.
    :param location: A folder, or the name of an index in memory.
    :param keep: Whether an index in memory outlives its stores.
    :returns: The index.
    :raises ConfigurationError: If the index cannot be opened, or is in use with other fields.
    """
    folder = location if isinstance(location, Path) else None
    with _LOCK:
        index = _OPEN.get(location)
        if index is None:
            index = SharedIndex(fields, folder)
            _OPEN[location] = index
        elif index.fields != fields:
            raise ConfigurationError(
                f"the index '{location}' is in use with other settings: {index.fields}; all stores of one index must "
                "have the same text_fields, keyword_fields, number_fields, language and stop_words"
            )
        if folder is None and keep:
            _KEPT[str(location)] = index
        return index
