import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.catalogue.packing import packed, unpacked
from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n")), min_size=1))
def test_lines_are_read_as_they_were_written(lines):
    assert [line.decode() for line in unpacked(packed("x/1", lines), "x/1", "things")] == lines


def test_damaged_foreign_and_other_bytes_are_refused():
    written = packed("x/1", ["a line"])
    with pytest.raises(DamagedSnapshotError, match="the things are damaged"):
        unpacked(written[:-1], "x/1", "things")
    with pytest.raises(SnapshotError, match="the things have format 'x/1', this version reads 'x/2'"):
        unpacked(written, "x/2", "things")
    with pytest.raises(SnapshotError, match="these 3 bytes are no things"):
        unpacked(b"abc", "x/1", "things")
