import io

import pytest
from rich.console import Console

from ltrr_haystack.evaluation.replay import live_progress, progress


class TestOnATerminal:
    def test_each_part_has_a_bar(self):
        screen = io.StringIO()
        with live_progress(Console(file=screen, force_terminal=True, width=100)) as watch:
            watch("ours, seed 0", 50, 200)
            watch("ours-memory, seed 0", 10, 200)
            watch("ours, seed 0", 200, 200)
        assert "ours, seed 0" in screen.getvalue()
        assert "200/200" in screen.getvalue()
        assert "10/200" in screen.getvalue()


class TestInALogFile:
    @pytest.fixture
    def clock(self, monkeypatch):
        times = {"now": 100.0}
        monkeypatch.setattr(progress.time, "monotonic", lambda: times["now"])
        return times

    def test_a_line_is_written_at_the_beginning_now_and_then_and_at_the_end(self, clock):
        log = io.StringIO()
        with live_progress(Console(file=log, width=100)) as watch:
            for done in range(0, 5_001, 100):
                watch("arms of ours", done, 5_000)
                clock["now"] += 0.6
        assert log.getvalue().splitlines() == [
            "      0 s  arms of ours: 0 of 5,000",
            "     10 s  arms of ours: 1,700 of 5,000",
            "     20 s  arms of ours: 3,400 of 5,000",
            "     30 s  arms of ours: 5,000 of 5,000",
        ]

    def test_each_part_has_its_own_lines(self, clock):
        log = io.StringIO()
        with live_progress(Console(file=log, width=100)) as watch:
            watch("ours, seed 0", 50, 200)
            watch("ours, seed 1", 50, 200)
            watch("ours, seed 0", 100, 200)
        assert log.getvalue().count("\n") == 2
