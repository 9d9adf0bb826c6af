import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltrr_haystack.errors import LTRRError, SnapshotError
from ltrr_haystack.policy.vw_workspace import (
    MAGNITUDE_LIMIT,
    VowpalWorkspace,
    category,
    escaped,
    features_text,
    magnitude,
)

ARGUMENTS = ("--cb_adf", "--cb_type", "mtr", "-b", "12", "-q", "qa")
SHARED = "shared |q c"
LINES = ("|a a=x", "|a a=y")


@pytest.fixture
def workspace():
    workspace = VowpalWorkspace(ARGUMENTS)
    yield workspace
    workspace.close()


class TestWriting:
    @settings(deadline=None)
    @given(st.text(st.characters(), max_size=20))
    def test_nothing_that_vw_reads_as_syntax_is_left(self, text):
        assert set(escaped(text)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~%")

    def test_a_name_is_never_a_bare_number(self):
        assert category("7", "") == "7="
        assert magnitude("7", 0.5) == "7^:0.5"

    def test_texts_are_categories_and_numbers_magnitudes(self):
        assert features_text({"a b": "c|d", "n": 0.25, "i": 3}) == "a%20b=c%7Cd n^:0.25 i^:3"

    def test_what_is_not_finite_or_neither_text_nor_number_is_left_out(self):
        assert features_text({"x": math.nan, "y": math.inf, "z": None, "l": [1]}) == ""

    def test_large_numbers_are_cut(self):
        assert features_text({"x": 10**400, "y": -1e300}) == f"x^:{MAGNITUDE_LIMIT:g} y^:{-MAGNITUDE_LIMIT:g}"


class TestVowpalWorkspace:
    def test_scores_fall_with_what_is_learned(self, workspace):
        assert workspace.predict(SHARED, LINES) == [0.0, 0.0]
        for _ in range(50):
            workspace.learn(SHARED, LINES[0], -1.0)
        first, second = workspace.predict(SHARED, LINES)
        assert first < second <= 0

    @pytest.mark.parametrize("cost", [math.nan, math.inf, -math.inf])
    def test_does_not_learn_a_cost_that_is_not_finite(self, workspace, cost):
        before, _ = workspace.to_bytes((SHARED, *LINES))
        workspace.learn(SHARED, LINES[0], cost)
        assert workspace.to_bytes((SHARED, *LINES))[0] == before

    def test_survives_a_cost_beyond_all_bounds(self, workspace):
        workspace.learn(SHARED, LINES[0], 1e308)
        assert all(map(math.isfinite, workspace.predict(SHARED, LINES)))

    def test_lines_that_are_not_escaped_are_refused_and_teach_nothing(self, workspace):
        with pytest.raises(LTRRError, match="3 lines became 4 examples"):
            workspace.predict(SHARED + "\n0:-5:1.0 |a a=x", LINES)
        assert workspace.predict(SHARED, LINES) == [0.0, 0.0]

    def test_goes_on_from_its_bytes_to_the_bit(self, workspace):
        workspace.learn(SHARED, LINES[0], -1.0)
        model, scores = workspace.to_bytes((SHARED, *LINES))
        other = VowpalWorkspace.restored(ARGUMENTS, model, (SHARED, *LINES), scores)
        for one in (workspace, other):
            one.learn(SHARED, LINES[1], -0.3)
        assert other.to_bytes((SHARED, *LINES)) == workspace.to_bytes((SHARED, *LINES))
        assert other.predict(SHARED, LINES) == workspace.predict(SHARED, LINES)

    def test_once_restored_it_needs_no_file(self, workspace, tmp_path, monkeypatch):
        """The disk may be full by the time of the first search."""
        workspace.learn(SHARED, LINES[0], -1.0)
        model, scores = workspace.to_bytes((SHARED, *LINES))
        other = VowpalWorkspace.restored(ARGUMENTS, model, (SHARED, *LINES), scores)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
        assert other.predict(SHARED, LINES) == pytest.approx(scores)

    def test_a_model_that_says_something_else_is_refused(self, workspace):
        workspace.learn(SHARED, LINES[0], -1.0)
        model, scores = workspace.to_bytes((SHARED, *LINES))
        with pytest.raises(SnapshotError, match="where it scored"):
            VowpalWorkspace.restored(ARGUMENTS, model, (SHARED, *LINES), [score + 0.1 for score in scores])

    def test_what_vw_does_not_load_is_refused(self):
        with pytest.raises(SnapshotError, match="does not load"):
            VowpalWorkspace.restored(ARGUMENTS, b"no model", (SHARED, *LINES), [0.0, 0.0])

    def test_opens_again_after_it_was_closed(self, workspace):
        workspace.predict(SHARED, LINES)
        workspace.close()
        workspace.close()
        assert workspace.predict(SHARED, LINES) == [0.0, 0.0]
