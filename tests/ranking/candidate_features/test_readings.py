import math

import numpy as np
import pytest
from haystack import Document, Pipeline
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, StatisticsCollector, build, publish
from ltrr_haystack.components.content_tagger import ContentTagger
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.candidate_features import CombinedFeatures, ReadingFeatures
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import Interpretation, Understanding


def understood(*readings, intents=None):
    """A query with readings, each its slots and its probability."""
    interpretations = tuple(Interpretation(slots, "", probability) for slots, probability in readings)
    return Understanding("love", "love", ("love",), interpretations=interpretations, intents=intents or {})


def song(**meta):
    return Document(content="x", meta=meta)


def computed(understanding, *documents, category_field=None):
    """For each document its features by name, without those that are not known."""
    features = ReadingFeatures(category_field)
    rows = features.compute(understanding, documents)
    assert rows.shape == (len(documents), len(features.names))
    return [
        {name: value for name, value in zip(features.names, row, strict=True) if not math.isnan(value)}
        for row in rows.tolist()
    ]


def agrees(slots, **meta):
    return computed(understood((slots, 1.0)), song(**meta))[0]["reading.1"]


def test_readings_count_by_their_probability():
    """The first agrees in one of two slots, the second wholly, the third not at all; the fourth says nothing."""
    query = understood(
        ({"artist": "Beyoncé", "title": "Love"}, 0.5), ({"genre": "Pop"}, 0.2), ({"title": "Love"}, 0.1), ({}, 0.2)
    )
    (found,) = computed(query, song(artist="Beyoncé", title="Halo", genre="Pop"))
    assert found == {
        "reading.agreement": pytest.approx(0.2),
        "reading.slots": pytest.approx((0.5 * 0.5 + 0.2 * 1.0 + 0.1 * 0.0) / 0.8),
        "reading.1": 0.0,
        "reading.2": 1.0,
        "reading.3": 0.0,
    }


def test_a_reading_without_slots_is_neither_agreed_with_nor_not():
    (found,) = computed(understood(({}, 0.7), ({"genre": "Pop"}, 0.3)), song(genre="Pop"))
    assert found == {"reading.agreement": pytest.approx(0.3), "reading.slots": 1.0, "reading.2": 1.0}


@pytest.mark.parametrize("query", [understood(), understood(({}, 1.0))])
def test_without_readings_nothing_is_known(query):
    assert computed(query, song(genre="Pop"), song()) == [{}, {}]


@pytest.mark.parametrize(
    ("value", "has"),
    [
        ("Beyoncé", 1.0),
        ("BEYONCE", 1.0),
        ("beyoncé ", 1.0),
        (["Jay-Z", "Beyonce"], 1.0),
        (("Beyoncé",), 1.0),
        ("Beyoncé Knowles", 0.0),
        (["Jay-Z"], 0.0),
        ([["Beyoncé"]], 0.0),
        ({"name": "Beyoncé"}, 0.0),
        (None, 0.0),
        ("", 0.0),
    ],
)
def test_a_value_is_found_in_whatever_spelling_alone_or_in_a_list(value, has):
    assert agrees({"artist": "Beyoncé"}, artist=value) == has


def test_numbers_are_found_as_they_are_written():
    assert agrees({"year": "1999"}, year=1999) == 1.0
    assert agrees({"year": "1999"}, year="1999") == 1.0
    assert agrees({"year": "1999"}, year=True) == 0.0
    assert agrees({"year": "1999"}, year=1999.0) == agrees({"year": "1999.0"}, year=[1999]) == 1.0
    assert agrees({"version": "1.0"}, version="1") == 0.0


def test_nested_fields_are_found_by_their_path():
    assert agrees({"product.brand": "Acme"}, product={"brand": "ACME"}) == 1.0
    assert agrees({"product.brand": "Acme"}, product="Acme") == 0.0


def test_a_slot_is_a_field_of_the_metadata_whatever_its_name():
    assert agrees({"content": "x"}) == 0.0
    assert agrees({"content": "y"}, content="y") == 1.0


TAGGED = {
    "content_tags": {"artist": "Beyoncé", "genre": ["Pop", "R&B"], "product": {"brand": "Acme"}, "year": 2008},
    "content_tags_confidence": {"artist": 0.9, "genre": [0.5, 0.25], "product": {"brand": 0.75}, "year": 0.5},
}


class TestTags:
    """What ContentTagger found for fields that a document lacks."""

    @pytest.mark.parametrize(
        ("slots", "agreement", "share"),
        [
            ({"artist": "Beyonce"}, 0.9, 0.9),
            ({"genre": "R&B"}, 0.25, 0.25),
            ({"artist": "Beyoncé", "genre": "pop"}, 0.45, 0.7),
            ({"product.brand": "Acme"}, 0.75, 0.75),
            ({"year": "2008"}, 0.5, 0.5),
            ({"artist": "Jay-Z"}, 0.0, 0.0),
            ({"title": "Halo", "artist": "Beyoncé"}, 0.0, 0.45),
        ],
    )
    def test_count_by_their_confidence(self, slots, agreement, share):
        (found,) = computed(understood((slots, 1.0)), song(**TAGGED))
        assert found["reading.1"] == pytest.approx(agreement)
        assert found["reading.slots"] == pytest.approx(share)

    def test_count_among_the_categories(self):
        query = understood(intents={"pop": 0.6, "r&b": 0.4})
        found = computed(query, song(**TAGGED), category_field="meta.genre")
        assert found == [{"reading.intents": pytest.approx(0.6 * 0.5 + 0.4 * 0.25)}]

    def test_do_not_count_where_the_document_has_the_field(self):
        assert agrees({"artist": "Beyoncé"}, artist="Jay-Z", **TAGGED) == 0.0
        assert agrees({"artist": "Jay-Z"}, artist="Jay-Z", **TAGGED) == 1.0

    @pytest.mark.parametrize("tags", [None, "x", [], {"artist": {}}, {"artist": [["Beyoncé"]]}, {"artist": None}])
    @pytest.mark.parametrize("confidence", [None, "x", {}, {"artist": "0.5"}, {"artist": [None]}, {"artist": math.nan}])
    def test_that_are_none_do_no_harm(self, tags, confidence):
        assert agrees({"artist": "Beyoncé"}, content_tags=tags, content_tags_confidence=confidence) == 0.0

    def test_are_those_of_content_tagger(self, store):
        songs = [Document(content=f"Song {number} by Zaz", meta={"artist": "Zaz"}) for number in range(9)]
        words, values = StatisticsCollector(["content"]), LexiconCollector(LexiconFields(["meta.artist"]))
        build(songs, [words, values])
        publish(store, words.statistics(), values.counts())
        tagged = ContentTagger(store).run([Document(content="Live in Paris: ZAZ"), Document(content="Live")])
        (zaz, unknown) = computed(understood(({"artist": "Zaz"}, 1.0)), *tagged["documents"])
        assert zaz["reading.1"] == tagged["documents"][0].meta["content_tags_confidence"]["artist"] > 0.5
        assert unknown["reading.1"] == 0.0

    def test_may_have_another_name(self):
        meta = {"found": {"artist": "Beyoncé"}, "found_confidence": {"artist": 0.5}}
        features = ReadingFeatures(tags="found")
        values = features.compute(understood(({"artist": "Beyoncé"}, 1.0)), [song(**meta)])
        assert values[0].tolist()[:3] == [0.5, 0.5, 0.5]
        assert ReadingFeatures.from_dict(features.to_dict()).to_dict() == features.to_dict()


class TestIntents:
    def test_count_by_their_probability_where_they_are_among_the_categories(self):
        query = understood(intents={"song": 0.6, "Play Lists": 0.3, "artist": 0.1})
        documents = [song(kind="Song"), song(kind=["song", "play lists"]), song(kind="film"), song()]
        found = computed(query, *documents, category_field="meta.kind")
        assert found == [
            {"reading.intents": 0.6},
            {"reading.intents": pytest.approx(0.9)},
            {"reading.intents": 0.0},
            {},
        ]

    def test_are_unknown_where_there_are_none(self):
        assert computed(understood(), song(kind="song"), category_field="meta.kind") == [{}]

    def test_have_no_feature_where_no_field_is_declared(self):
        assert "reading.intents" not in ReadingFeatures().names

    @pytest.mark.parametrize("field", ["content", "kind", "meta."])
    def test_need_a_field_of_the_metadata(self, field):
        with pytest.raises(ConfigurationError, match=r"ReadingFeatures must be .*meta\.…"):
            ReadingFeatures(field)


class TestWhateverIsThere:
    HOSTILE = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.binary(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=10,
    )

    @given(
        st.dictionaries(st.sampled_from(["a", "b", "kind", "content_tags", "content_tags_confidence"]), HOSTILE),
        st.lists(
            st.tuples(st.dictionaries(st.sampled_from(["a", "b", "a.b", "", ".", "kind"]), st.text()), st.floats()),
            max_size=5,
        ),
        st.dictionaries(st.text(), st.floats()),
    )
    def test_values_are_shares_or_unknown(self, meta, readings, intents):
        values = ReadingFeatures("meta.kind").compute(understood(*readings, intents=intents), [Document(meta=meta)])
        known = values[np.isfinite(values)]
        assert not np.isinf(values).any()
        assert (known >= 0.0).all()
        # Only readings that are certain more than once come to more.
        assert known.size == 0 or known.max() <= max(1.0, len(readings))

    def test_in_ten_thousand_fields_and_in_a_text_of_a_million_letters_values_are_found(self):
        meta = {f"field {number}": "x" * 100 for number in range(10_000)}
        meta |= {"artist": ["y" * 1_000_000, "\x00", "Love"], "title": "z" * 1_000_000}
        query = understood(({"artist": "love"}, 0.5), ({"title": "z" * 1_000_000}, 0.5))
        assert computed(query, song(**meta))[0]["reading.agreement"] == 0.5

    def test_of_very_many_readings_and_slots_the_first_count(self):
        many = [({f"f{number}": "x" for number in range(1000)}, 0.01)] * 1000
        (found,) = computed(understood(*many), song(f0="x"))
        assert found["reading.slots"] == pytest.approx(1 / 8)

    def test_no_candidates_have_no_rows(self):
        assert ReadingFeatures("meta.kind").compute(understood(({"a": "b"}, 1.0)), []).shape == (0, 6)

    def test_a_document_has_the_same_features_whatever_stands_beside_it(self):
        query = understood(*[({"title": f"Song {number}"}, 0.1 + number / 7) for number in range(5)])
        documents = [song(title=f"song {number}") for number in range(37)]
        together = ReadingFeatures().compute(query, documents)
        alone = np.vstack([ReadingFeatures().compute(query, [each]) for each in documents])
        assert together.tobytes() == alone.tobytes()


def test_goes_into_yaml_with_a_ranker_and_back():
    pipeline = Pipeline()
    features = CombinedFeatures([ReadingFeatures(category_field="meta.kind")])
    pipeline.add_component("ranker", LTRRanker(LTRRStore(), features=features))
    again = Pipeline.loads(pipeline.dumps()).get_component("ranker").features
    assert again.names == features.names == (*ReadingFeatures().names, "reading.intents")
    assert again.to_dict() == features.to_dict()
