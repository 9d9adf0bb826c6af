import re

import pytest
from haystack.utils import Secret
from typer.testing import CliRunner

from ltrr_haystack import LTRRStore
from ltrr_haystack.cli import app


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """Runs `ltrr keys …` on a store that is not there yet."""
    for name in ("LTRR_STORE_URL", "LTRR_HOME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return lambda *arguments: CliRunner().invoke(app, ["keys", *arguments, "--home", str(tmp_path)])


@pytest.fixture
def kept(tmp_path):
    """What the store holds of the keys."""
    store = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/ltrr.db"))
    yield store.api_keys
    store.close()


class TestKeys:
    def test_a_key_is_shown_once_and_never_stored(self, keys, kept, tmp_path):
        added = keys("add", "shop", "--scope", "search", "--scope", "feedback")
        assert added.exit_code == 0
        key = added.stdout.strip()
        assert re.fullmatch(r"ltrr_[0-9a-f]{12}_[\w-]{43}", key)
        [record] = kept()
        assert (record.name, record.scopes) == ("shop", ("search", "feedback"))
        secret = key.rpartition(record.key_id)[2].encode()
        assert not any(secret in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert secret.decode() not in keys("list").output

    def test_which_store_it_is_of_is_said_and_whether_that_is_new(self, keys, tmp_path):
        """A key in a store that no server uses opens nothing, so a mistyped path has to be noticed."""
        new, known = [" ".join(keys("add", "shop", "--scope", "search").stderr.split()) for _ in range(2)]
        assert f"The key 'shop' of the new store at '{tmp_path}/ltrr.db' gives access to search." in new
        assert f"The key 'shop' of the store at '{tmp_path}/ltrr.db' gives access to search." in known

    def test_lists_and_revokes_by_id(self, keys, kept):
        keys("add", "shop", "--scope", "search")
        keys("add", "robot", "--scope", "admin")
        [record, _] = kept()
        assert record.key_id in keys("list").output
        assert keys("revoke", record.key_id).output == f"The key {record.key_id} is revoked.\n"
        assert [each.revoked_at is None for each in kept()] == [False, True]

    def test_says_what_it_means_when_the_last_one_goes(self, keys, kept):
        for name in ("shop", "robot"):
            keys("add", name, "--scope", "search")
        first, last = [keys("revoke", record.key_id) for record in kept()]
        assert (first.exit_code, last.exit_code) == (0, 0)
        assert first.stderr == ""
        assert last.stdout == f"The key {kept()[1].key_id} is revoked.\n"
        assert "No key is left" in last.stderr
        assert "ltrr keys add NAME --scope admin" in " ".join(last.stderr.split())

    def test_an_unknown_id_is_an_error_that_names_those_that_are_there(self, keys, kept):
        keys("add", "shop", "--scope", "search")
        refused = keys("revoke", "nobody")
        assert refused.exit_code == 1
        assert f"There is no key 'nobody'; there are {kept()[0].key_id}." in " ".join(refused.stderr.split())

    @pytest.mark.parametrize("arguments", [("add", "shop"), ("add", "shop", "--scope", "serach")])
    def test_a_key_needs_a_scope(self, keys, arguments):
        assert keys(*arguments).exit_code == 2

    def test_where_there_is_no_store_nothing_is_listed_and_none_is_made(self, keys, tmp_path):
        assert keys("list").exit_code == 1
        assert list(tmp_path.glob("*.db")) == []
