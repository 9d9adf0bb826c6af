import pytest
from haystack import Document
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.catalogue import CollectionStatistics
from ltrr_haystack.catalogue.codec import from_bytes, to_bytes
from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError

EMPTY = CollectionStatistics.empty(["content", "meta.title"], None)


@given(st.lists(st.text(max_size=30), max_size=4))
def test_what_is_read_is_what_was_written(contents):
    statistics = EMPTY.changed(added=[Document(content=content) for content in contents])
    assert from_bytes(to_bytes(statistics)) == statistics


def test_equal_statistics_are_equal_bytes():
    documents = [Document(content="b a"), Document(content="a c")]
    forwards, backwards = EMPTY.changed(added=documents), EMPTY.changed(added=documents[::-1])
    assert to_bytes(forwards) == to_bytes(backwards)


def test_damage_is_found():
    written = bytearray(to_bytes(EMPTY.changed(added=[Document(content="a song")])))
    written[-3] ^= 1
    with pytest.raises(DamagedSnapshotError, match="their checksum does not fit"):
        from_bytes(bytes(written))


@pytest.mark.parametrize("payload", [b"", b"not JSON\n", b"[]\n", b"{}\n", b"1\n"])
def test_other_bytes_are_refused(payload):
    with pytest.raises(SnapshotError, match=f"these {len(payload)} bytes are no collection statistics"):
        from_bytes(payload)


def test_another_format_is_named():
    with pytest.raises(SnapshotError, match="format 'ltrr-catalogue/9', this version reads 'ltrr-catalogue/1'"):
        from_bytes(b'{"format": "ltrr-catalogue/9", "checksum": ""}\n')
