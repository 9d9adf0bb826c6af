import asyncio
from contextlib import suppress

import pytest

from ltrr_haystack.errors import ConfigurationError, StoreError
from ltrr_haystack.server.api_keys import new_key
from ltrr_haystack.server.keyring import Keyring, configured_keyring


@pytest.fixture
def add(store):
    def add(*scopes: str) -> str:
        key, record = new_key("shop", scopes or ("search",))
        store.add_api_key(record)
        return key

    return add


class TestKeyring:
    def test_without_keys_none_is_needed(self, store):
        assert not Keyring(store).needed

    def test_finds_a_key_by_its_id_and_secret(self, store, add):
        key, other = add("search"), add("index")
        keyring = Keyring(store)
        assert keyring.needed
        assert keyring.count == 2
        assert keyring.find(key).scopes == ("search",)
        assert keyring.find(other).scopes == ("index",)
        assert keyring.find(f"{key}x") is None
        assert keyring.find("anything") is None

    def test_knows_what_was_added_and_revoked_after_the_next_look(self, store, add):
        keyring = Keyring(store)
        key = add()
        assert keyring.find(key) is None
        keyring.refresh()
        assert keyring.find(key) is not None
        store.revoke_api_key(keyring.find(key).key_id)
        keyring.refresh()
        assert keyring.find(key) is None

    def test_revoking_the_last_key_opens_nothing(self, store, add):
        keyring = Keyring(store)
        key = add()
        keyring.refresh()
        store.revoke_api_key(keyring.find(key).key_id)
        keyring.refresh()
        assert keyring.count == 0
        assert keyring.needed

    def test_keys_of_the_environment_are_good_without_the_store(self, store, monkeypatch):
        key, record = new_key("container", ["admin"])
        keyring = Keyring(store, [record])
        assert keyring.needed
        keyring.refresh()
        assert keyring.find(key) == record


class TestFollow:
    async def test_goes_on_with_the_keys_it_knows_while_the_store_fails(self, store, add, monkeypatch, caplog):
        key = add()
        keyring = Keyring(store)
        real = store.api_keys

        def failing():
            raise StoreError("locked")

        monkeypatch.setattr(store, "api_keys", failing)
        following = asyncio.create_task(keyring.follow(0.01))
        await asyncio.sleep(0.1)
        assert keyring.find(key) is not None
        assert caplog.text.count("The API keys cannot be read") == 1
        monkeypatch.setattr(store, "api_keys", real)
        later = add()
        await asyncio.sleep(0.1)
        assert keyring.find(later) is not None
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


class TestConfiguredKeyring:
    def test_takes_the_keys_of_store_and_variable(self, store, add, tmp_path, monkeypatch):
        kept = add()
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        monkeypatch.setenv("LTRR_API_KEYS", f"ops:admin:ltrr_ops_{'x' * 40}")
        keyring = configured_keyring()
        assert keyring.find(kept).name == "shop"
        assert keyring.find(f"ltrr_ops_{'x' * 40}").name == "ops"
        keyring.close()

    def test_a_variable_that_holds_something_else_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        monkeypatch.setenv("LTRR_API_KEYS", "password")
        with pytest.raises(ConfigurationError, match="LTRR_API_KEYS, entry 1"):
            configured_keyring()
