import ltrr_haystack.understanding
from ltrr_haystack.types import Understanding
from ltrr_haystack.understanding import QueryAnnotator


class KnowsArtists:
    def annotate(self, understanding):
        return understanding

    def to_dict(self):
        return {"type": "KnowsArtists", "init_parameters": {}}


def test_whatever_annotates_is_an_annotator():
    assert isinstance(KnowsArtists(), QueryAnnotator)
    assert not isinstance(Understanding("x", "x"), QueryAnnotator)


def test_the_exported_names_are_the_public_ones():
    assert all(hasattr(ltrr_haystack.understanding, name) for name in ltrr_haystack.understanding.__all__)
