import pytest

from ltrr_haystack.errors import InvalidInputError, StoreError
from ltrr_haystack.store import ApiKeyRecord

SHOP = ApiKeyRecord("shop1", "The shop", "ab" * 32, ("search", "feedback"), created_at=100.0)
OPERATIONS = ApiKeyRecord("ops1", "Operations", "cd" * 32, ("admin",), created_at=50.0)


class TestApiKeys:
    def test_are_listed_oldest_first(self, store):
        store.add_api_key(SHOP)
        store.add_api_key(OPERATIONS)
        assert store.api_keys() == [OPERATIONS, SHOP]

    def test_one_that_is_revoked_stays_listed_with_the_time_of_it(self, store):
        store.add_api_key(SHOP)
        store.revoke_api_key("shop1")
        [revoked] = store.api_keys()
        assert revoked.revoked_at > 1e9
        store.revoke_api_key("shop1")
        assert store.api_keys() == [revoked]

    def test_one_that_is_not_there_is_named_with_those_that_are(self, store):
        with pytest.raises(StoreError, match="There is no key 'x'; there are none"):
            store.revoke_api_key("x")
        store.add_api_key(SHOP)
        with pytest.raises(StoreError, match="There is no key 'x'; there are shop1"):
            store.revoke_api_key("x")

    def test_two_of_one_id_are_refused(self, store):
        store.add_api_key(SHOP)
        with pytest.raises(StoreError):
            store.add_api_key(SHOP)

    def test_a_name_that_no_database_keeps_is_refused(self, store):
        with pytest.raises(InvalidInputError, match="name"):
            store.add_api_key(ApiKeyRecord("a", "\0", "", (), 0.0))

    def test_the_digest_is_not_shown(self):
        assert SHOP.digest not in repr(SHOP)
