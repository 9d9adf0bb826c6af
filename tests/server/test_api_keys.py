from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.server.api_keys import SCOPES, allows, digest, is_valid, key_id_of, new_key, parse_keys

SECRET = "s3cr3t-" * 6
SHOP = f"ltrr_shop1_{SECRET}"


class TestNewKey:
    def test_carries_its_id_and_256_random_bits_and_only_its_digest_is_kept(self):
        key, record = new_key("shop", ["feedback", "search"])
        prefix, key_id, secret = key.split("_", 2)
        assert (prefix, key_id) == ("ltrr", record.key_id)
        # 32 bytes are 43 characters of base64.
        assert len(secret) == 43
        assert record.digest == sha256(key.encode()).hexdigest() == digest(key)
        assert record.scopes == ("search", "feedback")
        assert secret not in repr(record)
        assert key_id_of(key) == record.key_id

    def test_no_two_are_alike(self):
        assert len({new_key("shop", ["search"])[0] for _ in range(100)}) == 100

    @pytest.mark.parametrize("scopes", [[], ["serach"], ["search", ""]])
    def test_needs_known_scopes(self, scopes):
        with pytest.raises(ConfigurationError, match="a key needs scopes among search, feedback, index, admin"):
            new_key("shop", scopes)

    @pytest.mark.parametrize("name", ["", "a b", "a:b", "x" * 65, "a\n"])
    def test_needs_a_plain_name(self, name):
        with pytest.raises(ConfigurationError, match="the name of a key is up to 64 letters"):
            new_key(name, ["search"])


class TestIsValid:
    def test_only_the_whole_key_opens(self):
        key, record = new_key("shop", ["search"])
        other, _ = new_key("shop", ["search"])
        assert is_valid(record, key)
        assert not is_valid(record, other)
        assert not is_valid(record, key[:-1])
        assert not is_valid(None, key)

    def test_a_revoked_one_does_not(self):
        key, record = new_key("shop", ["search"])
        assert not is_valid(replace(record, revoked_at=1.0), key)


class TestAllows:
    @pytest.mark.parametrize("scope", SCOPES)
    def test_admin_opens_everything(self, scope):
        assert allows(new_key("boss", ["admin"])[1], scope)

    def test_any_other_scope_opens_itself(self):
        _, record = new_key("shop", ["search", "feedback"])
        assert [scope for scope in SCOPES if allows(record, scope)] == ["search", "feedback"]


class TestKeyIdOf:
    @given(st.text(max_size=100))
    def test_of_any_other_text_there_is_none(self, text):
        assert key_id_of(text) is None

    @pytest.mark.parametrize(
        "text", ["ltrr_shop1_short", f"ltrr_SHOP_{SECRET}", f"ltrr_{SECRET}", f"{SHOP}\n", f" {SHOP}"]
    )
    def test_of_what_almost_looks_like_a_key_there_is_none(self, text):
        assert key_id_of(text) is None


class TestParseKeys:
    def test_reads_entries_parted_by_blanks_and_lines(self):
        shop, boss = parse_keys(f" shop:feedback,search:{SHOP}\n boss@home:admin:ltrr_boss_{SECRET}\n")
        assert (shop.key_id, shop.name, shop.scopes, shop.digest) == (
            "shop1",
            "shop",
            ("search", "feedback"),
            digest(SHOP),
        )
        assert (boss.key_id, boss.name, boss.scopes) == ("boss", "boss@home", ("admin",))

    def test_nothing_is_no_key(self):
        assert parse_keys("") == parse_keys(" \n") == []

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (SHOP, "LTRR_API_KEYS, entry 1: expected NAME:SCOPE"),
            (f"a:search:{SHOP} b:{SHOP}", "LTRR_API_KEYS, entry 2: expected NAME:SCOPE"),
            (f"shop:serach:{SHOP}", r"LTRR_API_KEYS, entry 1 \('shop'\): a key needs scopes among .* got 'serach'"),
            ("shop:search:s3cr3t-s3cr3t", r"LTRR_API_KEYS, entry 1 \('shop'\): the key must be ltrr_<id>_<secret>"),
            (f"a:search:{SHOP} b:admin:{SHOP}", "LTRR_API_KEYS, entry 2: an earlier entry has the same id 'shop1'"),
            (f"shop:{SECRET}:{SHOP}", r"LTRR_API_KEYS, entry 1 \('shop'\): a key needs scopes .* got something else"),
            (f"shop:{SHOP}:search", r"LTRR_API_KEYS, entry 1 \('shop'\): the key must be"),
            (f"{SHOP}:search:{SHOP}", "LTRR_API_KEYS, entry 1: expected NAME:SCOPE"),
        ],
    )
    def test_a_mistake_is_named_without_the_secret(self, text, told):
        with pytest.raises(ConfigurationError, match=told) as raised:
            parse_keys(text)
        assert "s3cr3t" not in str(raised.value)
