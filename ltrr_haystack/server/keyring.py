"""The keys that a server knows, kept up to date."""

import asyncio
import os
from collections.abc import Iterable

from haystack import logging

from ltrr_haystack.server.api_keys import VARIABLE, id_of, keys_in, opens
from ltrr_haystack.store import ApiKeyRecord, LTRRStore

logger = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two looks for keys that were added or revoked."""


class Keyring:
    """
    Finds the key that a caller sent, among those of the store and of the environment.

    While the store fails, the keys that are known stay good, and no other. Once there was a key, keys are needed until
    the server starts again: revoking the last one opens nothing.
    """

    def __init__(self, store: LTRRStore, fixed: Iterable[ApiKeyRecord] = ()) -> None:
        """
        Create a Keyring and read the keys.

        :param store: Where keys are added and revoked.
        :param fixed: Keys that hold for as long as the server runs.
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
        """Whether a caller needs a key."""
        return self._needed

    @property
    def count(self) -> int:
        """How many keys are good."""
        return len(self._known)

    def find(self, key: str) -> ApiKeyRecord | None:
        """
        Find the key that a caller sent.

        :param key: What was sent.
        :returns: The key, if it is good.
        """
        known = self._known.get(id_of(key) or "")
        return known if opens(known, key) else None

    def refresh(self) -> None:
        """
        Read the keys of the store again.

        :raises StoreError: If it cannot be read; the keys that are known stay.
        """
        kept = {key.key_id: key for key in self._store.api_keys() if key.revoked_at is None}
        self._known = kept | self._fixed
        self._needed = self._needed or bool(self._known)

    async def follow(self, interval: float = INTERVAL) -> None:
        """
        Go on reading the keys, until cancelled.

        :param interval: Seconds between two looks.
        """
        while True:
            await asyncio.sleep(interval)
            try:
                await asyncio.to_thread(self.refresh)
                self._failing = False
            except Exception:
                if not self._failing:
                    logger.exception("The keys cannot be read; those that are known stay good")
                self._failing = True

    def close(self) -> None:
        """Let the store go; the keys that are known stay."""
        self._store.close()


def configured_keyring() -> Keyring:
    """
    Read the keys that the environment names: those of the store `LTRR_STORE_URL`, and those of `LTRR_API_KEYS`.

    :returns: The keys.
    :raises ConfigurationError: If `LTRR_API_KEYS` holds something else than keys, or the store's url is wrong.
    :raises StoreError: If the store cannot be read.
    """
    return Keyring(LTRRStore(), keys_in(os.environ.get(VARIABLE, "")))
