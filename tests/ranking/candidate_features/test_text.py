import logging
import math

import numpy as np
import pytest
from haystack import Document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories import Unreachable
from ltrr_haystack.catalogue import CollectionStatistics, publish
from ltrr_haystack.errors import ConfigurationError, SnapshotError
from ltrr_haystack.ranking.candidate_features import CombinedFeatures, TextFeatures
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.types import Understanding
from ltrr_haystack.understanding.normalisation import normal_form, tokens_of

SEA = Document(id="sea", content="Songs of the sea, and of the sea again", meta={"title": "Sea Songs"})
RAIN = Document(id="rain", content="A song in the rain", meta={"title": "Rain"})
PLAIN = Document(id="plain", content="nothing here")
OTHERS = [Document(id="o1", content="the moon"), Document(id="o2", content="stars and moons")]


def understood(query):
    form = normal_form(query)
    return Understanding(query, form, tokens_of(form))


def row(features, query, document):
    values = features.compute(understood(query), [document])[0]
    return dict(zip(features.names, values.tolist(), strict=True))


@pytest.fixture
def features(store):
    return TextFeatures(store, ["content", "meta.title"], poll_interval=0.0)


@pytest.fixture
def counted(store, features):
    statistics = CollectionStatistics.empty(["content", "meta.title"], "en")
    publish(store, statistics.changed(added=[SEA, RAIN, PLAIN, *OTHERS]))
    return features


class TestWithStatistics:
    def test_bm25_by_hand(self, counted):
        # 5 documents with content of 9, 5, 2, 2 and 3 words, 4.2 in the mean; "song" in two of them, "sea" in one
        song, sea = math.log(1 + 3.5 / 2.5), math.log(1 + 4.5 / 1.5)
        norm = 1.2 * (0.25 + 0.75 * 9 / 4.2)
        expected = song * 2.2 / (1 + norm) + sea * 4.4 / (2 + norm)
        found = row(counted, "sea songs", SEA)
        assert found["text.content.bm25"] == pytest.approx(expected)
        assert found["text.content.bm25_share"] == pytest.approx(expected / (2.2 * (song + sea)))
        assert found["text.content.idf_coverage"] == pytest.approx(1.0)
        assert row(counted, "sea songs", RAIN)["text.content.idf_coverage"] == pytest.approx(song / (song + sea))
        # two titles, of 2 words and 1
        norm = 1.2 * (0.25 + 0.75 * 2 / 1.5)
        assert found["text.meta.title.bm25"] == pytest.approx(2 * math.log(2) * 2.2 / (1 + norm))

    def test_newer_statistics_are_taken_up(self, counted, store):
        before = row(counted, "sea", SEA)["text.content.bm25"]
        publish(store, CollectionStatistics.empty(["content", "meta.title"], "en").changed(added=[SEA, SEA, SEA]))
        assert row(counted, "sea", SEA)["text.content.bm25"] < before

    def test_a_field_that_was_not_counted_is_reported_once(self, store, features, caplog):
        publish(store, CollectionStatistics.empty(["content"], "en").changed(added=[SEA]))
        with caplog.at_level(logging.WARNING):
            found = [row(features, "sea", SEA) for _ in range(3)][-1]
        assert found["text.content.bm25"] > 0.0
        assert math.isnan(found["text.meta.title.bm25"])
        assert found["text.meta.title.coverage"] == 1.0
        assert [each.getMessage() for each in caplog.records if "ltrr catalogue build" in each.getMessage()] != []
        assert len(caplog.records) == 1

    def test_statistics_of_other_stems_are_not_used(self, store, features):
        publish(store, CollectionStatistics.empty(["content", "meta.title"], None).changed(added=[SEA]))
        assert math.isnan(row(features, "sea", SEA)["text.content.bm25"])

    def test_while_the_store_cannot_be_reached_the_statistics_at_hand_stay_in_use(self, counted, store):
        gone = Unreachable(store)
        features = TextFeatures(gone, ["content", "meta.title"], poll_interval=0.0)
        before = row(features, "sea", SEA)
        gone.gone = True
        assert row(features, "sea", SEA) == before
        never = TextFeatures(gone, ["content"])
        assert math.isnan(row(never, "sea", SEA)["text.content.bm25"])
        assert row(never, "sea", SEA)["text.content.coverage"] == 1.0


class TestMatches:
    def test_without_statistics_only_what_needs_them_is_unknown(self, features):
        found = row(features, "sea songs", SEA)
        assert {name for name, value in found.items() if math.isnan(value)} == {
            f"text.{field}.{name}"
            for field in ("content", "meta.title")
            for name in ("bm25", "bm25_share", "idf_coverage")
        }

    @pytest.mark.parametrize(
        ("query", "exact", "prefix", "phrase", "ordered", "coverage"),
        [
            ("sea songs", 1, 1, 1, 1, 1),
            ("Sea  SONGS!", 1, 1, 1, 1, 1),
            ("sea song", 0, 1, 0, 1, 1),
            ("sea", 0, 1, 1, 1, 1),
            ("songs", 0, 0, 1, 1, 1),
            ("songs sea", 0, 0, 0, 0.5, 1),
            ("sea songs live", 0, 0, 0, 2 / 3, 2 / 3),
            ("moon", 0, 0, 0, 0, 0),
        ],
    )
    def test_of_a_title(self, features, query, exact, prefix, phrase, ordered, coverage):
        found = row(features, query, SEA)
        values = [found[f"text.meta.title.{name}"] for name in ("exact", "prefix", "phrase", "ordered", "coverage")]
        assert values == pytest.approx([exact, prefix, phrase, ordered, coverage])

    def test_a_word_that_is_asked_for_twice_counts_once(self, features):
        found = row(features, "sea sea moon", SEA)
        assert found["text.content.coverage"] == 0.5
        assert found["text.content.ordered"] == pytest.approx(2 / 3)

    def test_misspelt_words_are_similar(self, features):
        # "sae songs" and "sea songs": 16 of 18 letters in common, in order
        assert row(features, "sae songs", SEA)["text.meta.title.fuzzy_whole"] == pytest.approx(16 / 18)
        assert row(features, "songs sea", SEA)["text.meta.title.fuzzy_words"] == 1.0
        assert row(features, "sea song", SEA)["text.meta.title.fuzzy_part"] == 1.0
        assert row(features, "qxz", SEA)["text.meta.title.fuzzy_whole"] == 0.0

    def test_lengths(self, features):
        found = row(features, "sea", SEA)
        assert found["text.content.length"] == pytest.approx(math.log(10))
        assert found["text.meta.title.length"] == pytest.approx(math.log(3))

    def test_of_a_field_that_is_missing_nothing_but_the_length_is_known(self, counted):
        found = row(counted, "nothing", PLAIN)
        assert found["text.content.coverage"] == 1.0
        assert found["text.meta.title.length"] == 0.0
        assert all(math.isnan(found[name]) for name in found if "title" in name and "length" not in name)

    @pytest.mark.parametrize("query", ["", "!!!", "…"])
    def test_of_a_query_without_words_nothing_but_the_lengths_is_known(self, counted, query):
        found = row(counted, query, SEA)
        assert all(math.isnan(value) for name, value in found.items() if not name.endswith(".length"))

    def test_no_candidates_have_no_rows(self, counted):
        assert counted.compute(understood("sea"), []).shape == (0, 24)


WORDS = st.lists(st.sampled_from(["sea", "song", "the", "moon", "rain", "c++", "été"]), max_size=8).map(" ".join)
CONTENTS = st.one_of(st.none(), WORDS, st.text(max_size=30))
VALUES = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_values_are_finite_or_unknown_and_depend_on_no_other_candidate(counted, data):
    query = data.draw(st.one_of(WORDS, st.text(max_size=30)))
    made = [
        Document(id=str(number), content=data.draw(CONTENTS), meta={"title": data.draw(VALUES)})
        for number in range(data.draw(st.integers(1, 4)))
    ]
    combined = CombinedFeatures([counted])
    together = combined.compute(understood(query), made)
    assert np.isfinite(together[~np.isnan(together)]).all()
    assert (together[~np.isnan(together)] >= 0.0).all()
    np.testing.assert_array_equal(together[::-1], combined.compute(understood(query), made[::-1]))
    for number, document in enumerate(made):
        np.testing.assert_array_equal(together[number : number + 1], combined.compute(understood(query), [document]))


@pytest.mark.parametrize(
    "document",
    [
        Document(id="none", content=None, meta={}),
        Document(id="odd", content="x", meta={"title": {"a": object()}}),
        Document(id="list", content="x", meta={"title": [1, [2], None, float("nan")]}),
        Document(id="long", content="sea ' \" & " * 100_000, meta={"title": "x" * 1_000_000}),
        Document(id="surrogate", content="sea \ud800 song", meta={"title": "\0"}),
    ],
    ids=lambda document: document.id,
)
def test_no_document_is_too_bad(counted, document):
    for query in ("sea song", "x" * 10_000, "sea " * 10_000, "\ud800"):
        values = counted.compute(understood(query), [document])
        assert not np.isinf(values).any()


def test_any_place_in_the_metadata_can_be_a_field(store):
    features = TextFeatures(store, ["meta.shop.bränd name"])
    assert features.names[2] == "text.meta.shop.br%C3%A4nd%20name.coverage"
    document = Document(content="", meta={"shop": {"bränd name": ["Acme", "Sea Songs"]}})
    assert row(features, "sea songs", document)["text.meta.shop.br%C3%A4nd%20name.phrase"] == 1.0


def test_goes_through_yaml(store, sqlite_url, monkeypatch):
    monkeypatch.setenv("LTRR_STORE_URL", sqlite_url)
    from ltrr_haystack import LTRRStore

    features = TextFeatures(LTRRStore(), ["meta.title"], None, 5.0)
    again = TextFeatures.from_dict(features.to_dict())
    assert again.to_dict() == features.to_dict()
    assert (again.fields, again.language, again.poll_interval) == (["meta.title"], None, 5.0)
    assert again.names == features.names


def test_refuses_unknown_fields_and_languages(store):
    with pytest.raises(ConfigurationError, match="fields of TextFeatures"):
        TextFeatures(store, ["title"])
    with pytest.raises(ConfigurationError, match="language must be"):
        TextFeatures(store, language="xx")
    with pytest.raises(ConfigurationError, match="poll_interval must not be negative"):
        TextFeatures(store, poll_interval=-1)


class TestSchema:
    def test_comes_after_the_features_of_the_arms(self, features):
        schema = FeatureSchema.of_pipeline(["bm25"], features.names)
        assert schema.names == (*FeatureSchema.of_arms(["bm25"]).names, *features.names)
        assert FeatureSchema.of_pipeline(["bm25"]) == FeatureSchema.of_arms(["bm25"])

    def test_a_mismatch_names_both_sides(self, store, features):
        model = FeatureSchema.of_pipeline(["bm25"], features.names)
        pipeline = FeatureSchema.of_pipeline(["bm25"], TextFeatures(store, ["content", "meta.artist"]).names)
        with pytest.raises(
            SnapshotError, match=r"only the model has text\.meta\.title\.bm25.* only the pipeline has .*"
        ):
            model.columns_in(pipeline)

    def test_names_of_the_arms_cannot_be_taken(self):
        with pytest.raises(
            ConfigurationError, match=r"the names arms, query\.tokens are those of features of the arms"
        ):
            FeatureSchema.of_pipeline(["bm25"], ["query.tokens", "mine", "arms"])


@pytest.mark.parametrize(("language", "start"), [("en", "text."), ("de", "text.de."), (None, "text.unstemmed.")])
def test_names_tell_the_language_so_that_a_model_of_another_one_does_not_fit(store, language, start):
    names = TextFeatures(store, ["content"], language).names
    assert names[0] == f"{start}content.bm25"
    here = FeatureSchema.of_pipeline(["bm25"], names)
    english = FeatureSchema.of_pipeline(["bm25"], TextFeatures(store, ["content"]).names)
    if language == "en":
        assert english.columns_in(here) == list(range(len(here.names)))
    else:
        with pytest.raises(SnapshotError, match=r"text\.content\.bm25"):
            english.columns_in(here)
