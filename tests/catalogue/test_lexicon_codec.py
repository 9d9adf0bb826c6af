import pytest
from haystack import Document

from ltrr_haystack.catalogue import LexiconCollector, LexiconFields
from ltrr_haystack.catalogue.lexicon_codec import VALUES_IN_LINE, from_bytes, to_bytes
from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError

DECLARED = LexiconFields(["meta.title"], category="meta.genre")


def counts(*titles):
    collector = LexiconCollector(DECLARED)
    collector.add([Document(id=f"d-{title}", content=title, meta={"title": title, "genre": "Pop"}) for title in titles])
    return collector.counts()


@pytest.mark.parametrize("number", [0, 1, VALUES_IN_LINE, 2 * VALUES_IN_LINE + 1])
def test_what_is_read_is_what_was_written(number):
    written = counts(*(f"Título {each}" for each in range(number)))
    assert len(written.lexicon()) == number
    assert from_bytes(to_bytes(written)) == written


def test_equal_counts_are_equal_bytes():
    assert to_bytes(counts("a", "b", "A")) == to_bytes(counts("A", "b", "a"))


def test_damage_is_found():
    written = bytearray(to_bytes(counts("a song")))
    written[-3] ^= 1
    with pytest.raises(DamagedSnapshotError, match="values of a lexicon are damaged"):
        from_bytes(bytes(written))


def test_another_format_is_named():
    with pytest.raises(SnapshotError, match="format 'ltrr-catalogue/1', this version reads 'ltrr-lexicon/1'"):
        from_bytes(b'{"format": "ltrr-catalogue/1", "checksum": ""}\n')
