import logging

import pytest

from ltrr_haystack.errors import StoreUnavailableError
from ltrr_haystack.store import Outage


@pytest.fixture
def clock(monkeypatch):
    seconds = [100.0]
    monkeypatch.setattr("ltrr_haystack.store.outage.time.monotonic", lambda: seconds[0])
    return seconds


class TestOutage:
    def test_is_said_once_when_it_begins_and_once_when_it_is_over(self, clock, caplog):
        outage = Outage("Searches go unlogged")
        with caplog.at_level(logging.WARNING):
            outage.mended()
            for _ in range(3):
                outage.report(StoreUnavailableError("the disk is full"))
            clock[0] = 112.4
            for _ in range(3):
                outage.mended()
            outage.report(ValueError("another one"))
        assert [record.getMessage() for record in caplog.records] == [
            "Searches go unlogged, until this is mended: StoreUnavailableError: the disk is full",
            "Searches go unlogged: mended after 12 s",
            "Searches go unlogged, until this is mended: ValueError: another one",
        ]

    def test_operators_read_the_notes_and_others_do_not(self, caplog):
        outage = Outage("Searches go unlogged")
        error = StoreUnavailableError("it is gone")
        error.add_note("/var/lib/ltrr/ltrr.db")
        with caplog.at_level(logging.WARNING):
            outage.report(error)
        assert "it is gone (/var/lib/ltrr/ltrr.db)" in caplog.text
        assert str(outage.refusal()) == "it is gone"

    def test_refuses_with_the_reason_that_came_last_while_it_is_under_way(self):
        outage = Outage("Searches go unlogged")
        assert (outage.under_way, outage.refusal()) == (False, None)
        outage.report(StoreUnavailableError("locked"))
        outage.report(StoreUnavailableError("full"))
        assert outage.under_way
        assert str(outage.refusal()) == "full"
        assert outage.refusal() is not outage.refusal()
        outage.mended()
        assert (outage.under_way, outage.refusal()) == (False, None)
