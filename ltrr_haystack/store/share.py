"""A store's share in the database of its url: opened when it is first needed, let go, and opened again."""

import asyncio
import os

from haystack.utils import Secret

from ltrr_haystack.errors import ConfigurationError, StoreError, StoreUnavailableError
from ltrr_haystack.store.database import Database
from ltrr_haystack.store.engines import Synchronous
from ltrr_haystack.store.registry import registry


class DatabaseShare:
    """
    A share in the open database of a url.

    :param url: The database.
    :param synchronous: When SQLite waits for the disk.
    :raises ConfigurationError: If `url` is no Secret; the message does not tell it, as it may hold a password.
    """

    def __init__(self, url: Secret, synchronous: Synchronous) -> None:
        if not isinstance(url, Secret):
            msg = f"url must be a Secret, such as Secret.from_token('sqlite:///ltrr.db'), got {type(url).__name__}."
            raise ConfigurationError(msg)
        self._url = url
        self._synchronous = synchronous
        self._opened: Database | None = None
        self._closed = False

    @property
    def is_open(self) -> bool:
        """Whether the database is open, in this process."""
        return self._opened is not None and self._opened.pid == os.getpid()

    def reopen(self) -> None:
        """
        Open the database, also after `close`. One that was open once, and cannot be opened in a forked process now, is
        no error: whatever is asked of it then is refused, until it can be opened.

        :raises ConfigurationError: If the url is missing or wrong.
        :raises StoreUnavailableError: If the database cannot be opened.
        :raises StoreError: If it was written by a newer version of this package.
        """
        self._closed = False
        try:
            self.database()
        except StoreUnavailableError:
            if self._opened is None:
                raise

    def close(self) -> None:
        """Let the database go; the last share of a url closes it."""
        self._closed = True
        self._opened = None
        registry.release(self)

    def database(self) -> Database:
        """
        Give the database, opened if it is not.

        :returns: The database.
        :raises ConfigurationError: If the url is missing or wrong.
        :raises StoreUnavailableError: If it cannot be opened.
        :raises StoreError: If the share was closed.
        """
        opened = self._opened
        if opened is not None and opened.pid == os.getpid():
            return opened
        if self._closed:
            msg = (
                f"The store LTRRStore(url={self._url!r}, synchronous={self._synchronous!r}) is closed; "
                "warm_up() opens it again."
            )
            raise StoreError(msg)
        # What was open before the process was forked is there, or is gone; a new one is not made.
        self._opened = registry.acquire(self, self._resolved_url(), self._synchronous, create=opened is None)
        return self._opened

    async def database_async(self) -> Database:
        """
        Give the database without blocking the event loop.

        :returns: As `database`.
        """
        return self.database() if self._opened is not None else await asyncio.to_thread(self.database)

    def _resolved_url(self) -> str:
        try:
            url = self._url.resolve_value()
        except ValueError as error:
            msg = f"LTRRStore has no url: {error}. Set it, for example to 'sqlite:////var/lib/ltrr/store.db'."
            raise ConfigurationError(msg) from error
        if not url:
            msg = (
                f"LTRRStore has no url: {self._url!r} is empty. Set it, for example to "
                "'sqlite:////var/lib/ltrr/store.db'."
            )
            raise ConfigurationError(msg)
        return str(url)
