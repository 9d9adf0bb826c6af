"""
API keys: their form, and what is stored of them.

A key is `ltrr_<id>_<secret>`: the id is used to look it up, and the secret has 256 random bits. Since such a secret
cannot be guessed, a plain SHA-256 digest is stored (the slow hashes of OWASP's Password Storage Cheat Sheet are for
secrets that people choose).
"""

import re
import secrets
import time
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.store import ApiKeyRecord

SCOPES = ("search", "feedback", "index", "admin")
"""What a key can give access to; `admin` gives access to everything."""

ADMIN = "admin"
VARIABLE = "LTRR_API_KEYS"
FORM = f"NAME:SCOPE[,SCOPE…]:ltrr_<id>_<secret>, with scopes among {', '.join(SCOPES)}"

_KEY = re.compile(r"ltrr_([a-z0-9]{2,32})_([A-Za-z0-9_-]{32,128})")
_NAME = re.compile(r"(?!ltrr_)[\w.@-]{1,64}")
_WORD = re.compile(r"[a-z]{1,16}")
_NO_DIGEST = "0" * 64


def new_key(name: str, scopes: Iterable[str]) -> tuple[str, ApiKeyRecord]:
    """
    Generate a key.

    :param name: Who or what it is for.
    :param scopes: What it gives access to.
    :returns: The key, which cannot be recovered later, and the record to store.
    :raises ConfigurationError: If the name is invalid, a scope is unknown, or there is none.
    """
    if _NAME.fullmatch(name) is None:
        raise ConfigurationError(
            f"the name of a key is up to 64 letters, digits, '.', '_', '-' and '@', such as 'web-shop'; got {name!r}"
        )
    key_id = secrets.token_hex(6)
    key = f"ltrr_{key_id}_{secrets.token_urlsafe(32)}"
    return key, ApiKeyRecord(key_id, name, digest(key), _checked(scopes), time.time())


def digest(key: str) -> str:
    """
    Compute the digest that is stored of a key.

    :param key: The key.
    :returns: 64 hexadecimal digits.
    """
    return sha256(key.encode()).hexdigest()


def key_id_of(key: str) -> str | None:
    """
    Get the id of a key.

    :param key: A text that a caller sent as a key.
    :returns: The key's id; `None` if the text does not have the form of a key.
    """
    found = _KEY.fullmatch(key)
    return found[1] if found else None


def is_valid(record: ApiKeyRecord | None, key: str) -> bool:
    """
    Check a key against the stored record. The time that it takes does not depend on whether there is a record.

    :param record: The record with the key's id, if there is one.
    :param key: The key that a caller sent.
    :returns: Whether the key matches the record and was not revoked.
    """
    same = compare_digest(_NO_DIGEST if record is None else record.digest, digest(key))
    return record is not None and same and record.revoked_at is None


def allows(record: ApiKeyRecord, scope: str) -> bool:
    """
    Check whether a key has a scope.

    :param record: The key.
    :param scope: The scope.
    :returns: Whether the key has the scope or `admin`.
    """
    return scope in record.scopes or ADMIN in record.scopes


def parse_keys(text: str) -> list[ApiKeyRecord]:
    """
    Parse the value of `LTRR_API_KEYS`.

    :param text: Entries separated by white space, each `NAME:SCOPE[,SCOPE…]:ltrr_<id>_<secret>`. The id has 2 to 32
        lower-case letters and digits, the secret at least 32 letters, digits, '-' and '_'.
    :returns: The keys.
    :raises ConfigurationError: If an entry is invalid. The message names the entry without its secret.
    """
    keys: dict[str, ApiKeyRecord] = {}
    for number, entry in enumerate(text.split(), start=1):
        key = _entry(entry, f"{VARIABLE}, entry {number}")
        if key.key_id in keys:
            raise ConfigurationError(f"{VARIABLE}, entry {number}: an earlier entry has the same id '{key.key_id}'")
        keys[key.key_id] = key
    return list(keys.values())


def _entry(entry: str, where: str) -> ApiKeyRecord:
    parts = entry.split(":")
    if len(parts) != 3 or _NAME.fullmatch(parts[0]) is None:
        raise ConfigurationError(f"{where}: expected {FORM}")
    name, scopes, key = parts
    key_id = key_id_of(key)
    if key_id is None:
        raise ConfigurationError(
            f"{where} ('{name}'): the key must be ltrr_<id>_<secret>, with an id of 2 to 32 lower-case letters and "
            "digits and a secret of 32 to 128 letters, digits, '-' and '_'"
        )
    try:
        return ApiKeyRecord(key_id, name, digest(key), _checked(scopes.split(",")), 0.0)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where} ('{name}'): {error}") from None


def _checked(scopes: Iterable[str]) -> tuple[str, ...]:
    asked = set(scopes)
    unknown = sorted(asked.difference(SCOPES))
    if unknown or not asked:
        # Anything but a short word may be a secret in the wrong place, so it is not repeated.
        got = ", ".join(repr(scope) for scope in unknown if _WORD.fullmatch(scope)) or "something else"
        got = f"got {got}" if unknown else "got none"
        raise ConfigurationError(f"a key needs scopes among {', '.join(SCOPES)}; {got}")
    return tuple(scope for scope in SCOPES if scope in asked)
