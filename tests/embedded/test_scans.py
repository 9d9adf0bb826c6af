import threading
import time

import pytest

from ltrr_haystack.deadline import within
from ltrr_haystack.embedded.scans import PAUSE, scan, turn


class TestScan:
    def test_finds_what_is_wanted_in_order(self):
        assert scan("abcabc", lambda letter: letter != "b") == [0, 2, 3, 5]

    def test_ends_when_nobody_waits_any_longer(self):
        looked_at = []

        def slow(number: int) -> bool:
            looked_at.append(number)
            time.sleep(0.001)
            return True

        with within(0.05), pytest.raises(TimeoutError, match=r"nobody waits any longer; \d+ of 10,000 documents"):
            scan(range(10_000), slow)
        assert 0 < len(looked_at) < 200

    def test_lets_others_run_every_now_and_then(self, monkeypatch):
        pauses = []
        monkeypatch.setattr(time, "sleep", pauses.append)

        def busy(_: int) -> bool:
            until = time.monotonic() + 0.0002
            while time.monotonic() < until:
                pass
            return True

        scan(range(128), busy)
        assert pauses == [PAUSE] * 3


class TestTurn:
    def test_there_is_one_scan_at_a_time(self):
        inside, most = [], []

        def scanning() -> None:
            with turn():
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.002)
                inside.pop()

        threads = [threading.Thread(target=scanning) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == [1] * 10

    def test_nobody_waits_for_a_turn_longer_than_somebody_waits_for_him(self):
        waited = []

        def waiting() -> None:
            try:
                with within(0.01), turn():
                    waited.append("scanned")
            except TimeoutError as error:
                waited.append(str(error))

        with turn():
            thread = threading.Thread(target=waiting)
            thread.start()
            thread.join()
        assert waited == ["other scans were under way until nobody waited for this one"]
        with turn():
            pass

    def test_comes_again_after_an_error(self):
        with pytest.raises(KeyError), turn():
            raise KeyError
        with within(0.1), turn():
            pass
