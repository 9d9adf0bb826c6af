import asyncio

import pytest
from haystack.utils import Secret

from ltrr_haystack.errors import ConfigurationError, StoreError
from ltrr_haystack.store.share import DatabaseShare


@pytest.fixture
def share(sqlite_url):
    share = DatabaseShare(Secret.from_token(sqlite_url), "NORMAL")
    yield share
    share.close()


def test_opens_when_it_is_first_asked_and_once(share):
    assert not share.is_open
    database = share.database()
    assert share.is_open
    assert share.database() is asyncio.run(share.database_async()) is database


def test_is_refused_after_it_was_closed_until_it_is_opened_again(share):
    share.database()
    share.close()
    with pytest.raises(StoreError, match=r"The store LTRRStore\(.*\) is closed; warm_up\(\) opens it again"):
        share.database()
    share.reopen()
    assert share.is_open


def test_shares_of_one_url_have_one_database(share, sqlite_url):
    other = DatabaseShare(Secret.from_token(sqlite_url), "NORMAL")
    assert other.database() is share.database()
    other.close()
    assert share.is_open


def test_without_a_url_says_how_to_set_one(monkeypatch):
    monkeypatch.setenv("LTRR_STORE_URL", "")
    with pytest.raises(ConfigurationError, match=r"LTRRStore has no url: .* Set it, for example to 'sqlite"):
        DatabaseShare(Secret.from_env_var("LTRR_STORE_URL"), "NORMAL").database()


@pytest.mark.parametrize("url", ["sqlite:///ltrr.db", None, b"sqlite:///ltrr.db"])
def test_a_url_is_a_secret(url):
    with pytest.raises(ConfigurationError, match=rf"url must be a Secret, .*, got {type(url).__name__}\.$"):
        DatabaseShare(url, "NORMAL")
