"""
API keys: what a key looks like, and what is kept of it.

A key is `ltrr_<id>_<secret>`: the id finds it, 256 random bits open. Such a secret cannot be guessed, whatever the
hash, so a plain SHA-256 is what is kept (OWASP, Password Storage Cheat Sheet, asks for slow hashes where people choose
the secret).
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
"""What a key may open; `admin` opens everything."""

ADMIN = "admin"
VARIABLE = "LTRR_API_KEYS"
FORM = f"NAME:SCOPE[,SCOPE…]:ltrr_<id>_<secret>, with scopes among {', '.join(SCOPES)}"

_KEY = re.compile(r"ltrr_([a-z0-9]{2,32})_([A-Za-z0-9_-]{32,128})")
_NAME = re.compile(r"(?!ltrr_)[\w.@-]{1,64}")
_WORD = re.compile(r"[a-z]{1,16}")
_NO_DIGEST = "0" * 64


def new_key(name: str, scopes: Iterable[str]) -> tuple[str, ApiKeyRecord]:
    """
    Make a key.

    :param name: Who or what it is for.
    :param scopes: What it opens.
    :returns: The key, which nothing can show again, and what is to be kept of it.
    :raises ConfigurationError: If a scope is unknown or none is given, or the name is not one.
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
    Say what is kept of a key.

    :param key: The key.
    :returns: 64 hexadecimal digits.
    """
    return sha256(key.encode()).hexdigest()


def id_of(key: str) -> str | None:
    """
    Say which key a text claims to be.

    :param key: What a caller sent.
    :returns: The key's id; `None` if it does not look like a key.
    """
    found = _KEY.fullmatch(key)
    return found[1] if found else None


def opens(record: ApiKeyRecord | None, key: str) -> bool:
    """
    Say whether a key is the one that is kept; it takes as long for one that is unknown.

    :param record: What is kept under the key's id, if anything is.
    :param key: What a caller sent.
    :returns: Whether it is that key, and was not revoked.
    """
    same = compare_digest(_NO_DIGEST if record is None else record.digest, digest(key))
    return record is not None and same and record.revoked_at is None


def allows(record: ApiKeyRecord, scope: str) -> bool:
    """
    Say whether a key opens something.

    :param record: The key.
    :param scope: What it is to open.
    :returns: Whether it may.
    """
    return scope in record.scopes or ADMIN in record.scopes


def keys_in(text: str) -> list[ApiKeyRecord]:
    """
    Read the keys of `LTRR_API_KEYS`.

    :param text: Entries parted by blanks or line ends, each `NAME:SCOPE[,SCOPE…]:ltrr_<id>_<secret>`; the id is 2 to
        32 small letters and digits, the secret at least 32 letters, digits, '-' and '_'.
    :returns: The keys.
    :raises ConfigurationError: If an entry is not one; the message names it without its secret.
    """
    keys: dict[str, ApiKeyRecord] = {}
    for number, entry in enumerate(text.split(), start=1):
        key = _entry(entry, f"{VARIABLE}, entry {number}")
        if key.key_id in keys:
            raise ConfigurationError(f"{VARIABLE}, entry {number}: the id '{key.key_id}' was given before")
        keys[key.key_id] = key
    return list(keys.values())


def _entry(entry: str, where: str) -> ApiKeyRecord:
    parts = entry.split(":")
    if len(parts) != 3 or _NAME.fullmatch(parts[0]) is None:
        raise ConfigurationError(f"{where}: expected {FORM}")
    name, scopes, key = parts
    key_id = id_of(key)
    if key_id is None:
        raise ConfigurationError(
            f"{where} ('{name}'): the key must be ltrr_<id>_<secret>, with an id of 2 to 32 small letters and digits "
            "and a secret of 32 to 128 letters, digits, '-' and '_'"
        )
    try:
        return ApiKeyRecord(key_id, name, digest(key), _checked(scopes.split(",")), 0.0)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where} ('{name}'): {error}") from None


def _checked(scopes: Iterable[str]) -> tuple[str, ...]:
    asked = set(scopes)
    unknown = sorted(asked.difference(SCOPES))
    if unknown or not asked:
        # What is no word may be a secret in the wrong place.
        got = ", ".join(repr(scope) for scope in unknown if _WORD.fullmatch(scope)) or "something else"
        got = f"got {got}" if unknown else "got none"
        raise ConfigurationError(f"a key needs scopes among {', '.join(SCOPES)}; {got}")
    return tuple(scope for scope in SCOPES if scope in asked)
