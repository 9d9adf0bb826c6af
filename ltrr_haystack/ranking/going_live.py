"""Puts a model in use, unless somebody chose another version while it was trained."""

from haystack import logging

from ltrr_haystack.errors import SupersededError
from ltrr_haystack.store import LTRRStore

logger = logging.getLogger(__name__)


def go_live(store: LTRRStore, kind: str, version: int, *, replaces: int) -> bool:
    """
    Activate a snapshot if the version that was active when its training began still is.

    Training takes minutes. A model that was taken back meanwhile must not return with it, and what the new one was
    compared with is not in use any more.

    :param store: The store.
    :param kind: The kind of the snapshot.
    :param version: Its version.
    :param replaces: The version that was active when the training began, 0 for none.
    :returns: Whether it is active now.
    """
    try:
        store.activate(kind, version, replaces=replaces)
    except SupersededError as error:
        logger.warning("{kind} {version} is kept and not in use: {error}", kind=kind, version=version, error=str(error))
        return False
    return True
