"""The exceptions of `ltrr_haystack`: one tree, and every message names the offender and how to mend it."""

from haystack.document_stores.errors import DocumentStoreError


class LTRRError(Exception):
    """Root of all errors that this package raises on purpose."""


class ConfigurationError(LTRRError, ValueError):
    """A component, a policy or a pipeline was given settings that cannot work."""


class InvalidInputError(LTRRError, ValueError):
    """A search or an event is not what was agreed; the caller can mend it."""


class StoreError(LTRRError):
    """The store cannot do what was asked of it."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached, read or written now; the same may succeed later. Its notes are for operators."""


class SupersededError(StoreError):
    """A model was made to replace a version that is not the active one any more; somebody activated another one."""


class IndexLockedError(LTRRError, DocumentStoreError):
    """Another process writes into the embedded index, and has not finished in time; a later write may succeed."""


class SnapshotError(LTRRError):
    """A model snapshot is damaged, or was made for other features than the ones in use."""


class DamagedSnapshotError(SnapshotError):
    """A model snapshot is not what was stored; another version of it may be good."""


class OutdatedSnapshotError(SnapshotError):
    """An earlier version made the model snapshot, in a form that cannot be learned on from: learning begins anew."""


class MissingExtraError(LTRRError, ImportError):
    """An optional package is needed and not installed; the message says which extra brings it."""


def find_cause(error: BaseException | None) -> LTRRError | None:
    """
    Find the error of this package that another one, such as Haystack while it loads a pipeline, has wrapped.

    :param error: What was caught.
    :returns: The error itself if it is one of ours, else the first of those that led to it; `None` if there is none.
    """
    while error is not None and not isinstance(error, LTRRError):
        error = error.__cause__ or error.__context__
    return error


def with_notes(error: BaseException) -> str:
    """
    Write an error for operators.

    :param error: The error. Its message may be shown to anybody; its notes say where it happened.
    :returns: The message, and the notes in brackets.
    """
    notes: list[str] = getattr(error, "__notes__", [])
    return f"{error} ({'; '.join(notes)})" if notes else str(error)
