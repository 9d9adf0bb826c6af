import logging

import pytest

from ltrr_haystack.errors import StoreError
from ltrr_haystack.ranking.going_live import go_live
from ltrr_haystack.store import RANKER


class TestGoLive:
    @pytest.fixture(autouse=True)
    def _versions(self, store):
        for payload in (b"one", b"two", b"three"):
            store.add_snapshot(RANKER, payload, {}, activate=False)

    def test_what_was_active_makes_way(self, store):
        assert go_live(store, RANKER, 1, replaces=0)
        assert go_live(store, RANKER, 3, replaces=1)
        assert store.active_version(RANKER) == 3

    def test_a_version_that_somebody_chose_meanwhile_stays(self, store, caplog):
        store.activate(RANKER, 2)
        with caplog.at_level(logging.WARNING):
            assert not go_live(store, RANKER, 3, replaces=1)
        assert store.active_version(RANKER) == 2
        assert "ranker 3 is kept and not in use: The 'ranker' snapshot was made to replace version 1" in caplog.text

    def test_whatever_else_the_store_refuses_is_an_error(self, store):
        with pytest.raises(StoreError, match="no version 4 of 'ranker'"):
            go_live(store, RANKER, 4, replaces=0)
