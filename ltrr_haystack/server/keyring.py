"""The API keys that a server accepts, kept up to date."""

import asyncio
import os
from collections.abc import Iterable

from haystack import logging

from ltrr_haystack.server.api_keys import VARIABLE, is_valid, key_id_of, parse_keys
from ltrr_haystack.store import ApiKeyRecord, LTRRStore

logger = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two checks for keys that were added or revoked."""


class Keyring:
    """
    Finds the API key that a caller sent, among the keys of the store and of the environment.

    While the store fails, the keys that were read last stay valid. Once there has been a key, callers need a key until
    the server is restarted: revoking the last key does not make the server accessible without one.
    """

    def __init__(self, store: LTRRStore, fixed: Iterable[ApiKeyRecord] = ()) -> None:
        """
        Create a Keyring and read the keys.

        :param store: The store in which keys are added and revoked.
        :param fixed: Keys that are valid for as long as the server runs.
        :raises StoreError: If the store cannot be read.
        """
        self._store = store
        self._fixed = {key.key_id: key for key in fixed}
        self._known: dict[str, ApiKeyRecord] = {}
        self._needed = False
        self._failing = False
        self.refresh()

    @property
    def needed(self) -> bool:
        """Whether callers need a key."""
        return self._needed

    @property
    def count(self) -> int:
        """The number of valid keys."""
        return len(self._known)

    def find(self, key: str) -> ApiKeyRecord | None:
        """
        Find the key that a caller sent.

        :param key: The text that was sent as a key.
        :returns: The key's record, or `None` if the key is not valid.
        """
        known = self._known.get(key_id_of(key) or "")
        return known if is_valid(known, key) else None

    def refresh(self) -> None:
        """
        Read the keys of the store again.

        :raises StoreError: If the store cannot be read. The keys that were read before stay valid.
        """
        kept = {key.key_id: key for key in self._store.api_keys() if key.revoked_at is None}
        self._known = kept | self._fixed
        self._needed = self._needed or bool(self._known)

    async def follow(self, interval: float = INTERVAL) -> None:
        """
        Read the keys periodically, until cancelled.

        :param interval: Seconds between two reads.
        """
        while True:
            await asyncio.sleep(interval)
            try:
                await asyncio.to_thread(self.refresh)
                self._failing = False
            except Exception:
                if not self._failing:
                    logger.exception("The API keys cannot be read from the store; those read last stay valid")
                self._failing = True

    def close(self) -> None:
        """Release the store; the keys that were read last stay valid."""
        self._store.close()


def configured_keyring() -> Keyring:
    """
    Make the keyring from the environment: with the keys of the store `LTRR_STORE_URL`, and those of `LTRR_API_KEYS`.

    :returns: The keyring.
    :raises ConfigurationError: If `LTRR_API_KEYS` or the store's URL is invalid.
    :raises StoreError: If the store cannot be read.
    """
    return Keyring(LTRRStore(), parse_keys(os.environ.get(VARIABLE, "")))
