"""What tantivy raises, as errors of a document store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from haystack.document_stores.errors import DocumentStoreError


@contextmanager
def no_panic(what: str) -> Iterator[None]:
    """
    Turn what tantivy raises where it should not have failed at all into an error; by itself it is none that is caught.

    :param what: What is being done.
    :raises DocumentStoreError: If it happens.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise DocumentStoreError(f"{what}: {error}") from error


@contextmanager
def failures(what: str, explained: Callable[[str], str] = str) -> Iterator[None]:
    """
    Turn what tantivy raises, which is a ValueError for whatever fails, into an error of a document store.

    :param what: What cannot be done if it fails.
    :param explained: Says in other words what tantivy says.
    :raises DocumentStoreError: If it fails.
    """
    try:
        with no_panic(what):
            yield
    except Exception as error:
        # Not one of its subclasses: those are ours, and Haystack's.
        if type(error) is not ValueError:
            raise
        raise DocumentStoreError(f"{what}: {explained(str(error))}") from error
