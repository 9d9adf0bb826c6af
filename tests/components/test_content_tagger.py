import asyncio
import threading

import pytest
from haystack import Document, Pipeline, default_from_dict, default_to_dict
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DuplicatePolicy
from haystack.utils.filters import document_matches_filter

from ltrr_haystack import CatalogueWriter, ContentTagger, MetadataFeatures, Understanding
from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, StatisticsCollector, build, publish
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.store import LTRRStore

DECLARED = LexiconFields(
    ["meta.artist", "meta.moods", "meta.year", "meta.label.name"], category="meta.genre", popularity="meta.plays"
)


class Jazz:
    """A classifier that hears jazz in everything."""

    def __init__(self, probability=0.9):
        self.probability = probability
        self.calls = []

    def categories_of(self, text):
        return {"Jazz": self.probability}

    def warm_up(self):
        self.calls.append("warm_up")

    def close(self):
        self.calls.append("close")

    def to_dict(self):
        return default_to_dict(self, probability=self.probability)

    @classmethod
    def from_dict(cls, data):
        return default_from_dict(cls, data)


def songs(number=8):
    meta = {"artist": "Zaz", "moods": ["calm", "sad"], "year": 2010, "label": {"name": "Play On"}, "genre": "Chanson"}
    return [
        Document(id=f"s{each}", content="A calm and sad song by Zaz, Play On 2010", meta=meta) for each in range(number)
    ]


def learn(store, documents):
    words, values = StatisticsCollector(["content"]), LexiconCollector(DECLARED)
    build(documents, [words, values])
    publish(store, words.statistics(), values.counts())


@pytest.fixture
def tagger(store):
    learn(store, songs())
    return ContentTagger(store, poll_interval=0.0)


def tag(tagger, content, **meta):
    [tagged] = tagger.run([Document(id="new", content=content, meta=meta)])["documents"]
    return tagged.meta


def test_what_the_text_names_goes_into_tags_with_their_confidence(tagger):
    meta = tag(tagger, "ZAZ: calm, sad. 2010 on Play on", title="Live")
    sure = round((8 + 0.5) / (8 + 1), 4)
    assert meta == {
        "title": "Live",
        "content_tags": {
            "artist": "Zaz",
            "genre": "Chanson",
            "label": {"name": "Play On"},
            "moods": ["calm", "sad"],
            "year": 2010,
        },
        "content_tags_confidence": {
            "artist": sure,
            "genre": round(8.5 / 9 * 8 / 9, 4),
            "label": {"name": sure},
            "moods": [sure, sure],
            "year": sure,
        },
    }


def test_filters_and_features_can_use_them(tagger):
    [tagged] = tagger.run([Document(content="Zaz, 2010")])["documents"]

    def matches(field, operator, value):
        return document_matches_filter({"field": field, "operator": operator, "value": value}, tagged)

    assert matches("meta.content_tags.artist", "==", "Zaz")
    assert matches("meta.content_tags.artist", "in", ["Ann", "Zaz"])
    assert matches("meta.content_tags.year", ">=", 2000)
    assert not matches("meta.content_tags.artist", "==", "Ann")
    features = MetadataFeatures({"meta.content_tags_confidence.artist": None})
    assert features.compute(Understanding("zaz", "zaz"), [tagged])[0, 0] == pytest.approx(8.5 / 9, abs=1e-4)


def test_what_a_document_says_is_never_overwritten(tagger):
    meta = tag(tagger, "Zaz, calm", artist="Ann", genre="Pop")
    assert (meta["artist"], meta["genre"]) == ("Ann", "Pop")
    assert meta["content_tags"] == {"moods": ["calm"]}


def test_documents_are_never_changed(tagger):
    before = Document(id="new", content="Zaz", meta={"title": "Live"})
    tagger.run([before])
    assert before == Document(id="new", content="Zaz", meta={"title": "Live"})


def test_documents_without_a_tag_go_through_as_they_came(tagger):
    documents = [Document(content="nothing"), Document(content=None), *songs(1)]
    assert all(out is given for out, given in zip(tagger.run(documents)["documents"], documents, strict=True))


def test_without_a_lexicon_documents_go_through_as_they_came(store):
    documents = songs(2)
    assert ContentTagger(store).run(documents) == {"documents": documents}


def test_tags_of_an_earlier_run_are_replaced(tagger):
    old = {"content_tags": {"artist": "Ann"}, "content_tags_confidence": {"artist": 0.9}}
    assert tag(tagger, "Zaz", genre="Pop", **old)["content_tags"] == {"artist": "Zaz"}
    assert tag(tagger, "nothing", title="Live", **old) == {"title": "Live"}


def test_only_what_is_likelier_than_asked_is_a_tag(store):
    learn(store, [*songs(), *[Document(content="calm", meta={"moods": "loud"}) for _ in range(8)]])
    # 16 texts have "calm", 8 of them by calm songs: (8 + ½) / (16 + 1) = ½.
    assert "content_tags" not in tag(ContentTagger(store), "calm")
    assert tag(ContentTagger(store, min_confidence=0.49), "calm")["content_tags"] == {"moods": ["calm"]}


def test_fields_and_the_place_of_the_tags_can_be_chosen(store):
    learn(store, songs())
    meta = tag(ContentTagger(store, fields=["meta.artist"], into="guessed"), "Zaz, calm, 2010")
    assert meta == {"guessed": {"artist": "Zaz"}, "guessed_confidence": {"artist": pytest.approx(8.5 / 9, abs=1e-4)}}


def test_a_field_that_the_lexicon_does_not_have_is_warned_of_once(store, caplog):
    learn(store, songs())
    tagger = ContentTagger(store, fields=["meta.artist", "meta.genre", "meta.label"])
    assert tag(tagger, "Zaz")["content_tags"]["artist"] == "Zaz"
    assert caplog.text.count("ContentTagger is told to take label, and") == 1


def test_a_classifier_says_the_category(store):
    learn(store, songs())
    meta = tag(ContentTagger(store, Jazz()), "saxophone")
    assert (meta["content_tags"], meta["content_tags_confidence"]) == ({"genre": "Jazz"}, {"genre": 0.9})


def test_a_newer_lexicon_is_taken_up(store, tagger):
    ann = [Document(content="by Ann", meta={"artist": "Ann"}) for _ in range(4)]
    assert tag(tagger, "Ann") == {}
    learn(store, ann)
    assert tag(tagger, "Ann")["content_tags"] == {"artist": "Ann"}


def test_fields_that_lie_within_each_other_do_not_meet(store):
    declared = LexiconFields(["meta.label", "meta.label.name"])
    documents = [Document(content="Acme by Bob", meta={"label": "Acme"}) for _ in range(4)]
    documents += [Document(content="Acme by Bob", meta={"label": {"name": "Bob"}}) for _ in range(4)]
    words, values = StatisticsCollector(["content"]), LexiconCollector(declared)
    build(documents, [words, values])
    publish(store, words.statistics(), values.counts())
    assert tag(ContentTagger(store, min_confidence=0.4), "Acme Bob")["content_tags"] == {"label": "Acme"}


@pytest.mark.parametrize(
    "meta",
    [
        {f"field{number}": number for number in range(10_000)},
        {"moods": [[["deep"]], None, {"a": "b"}], "label": ["name"], "year": float("nan")},
        {"artist": "x" * 1_000_000, "content_tags": "mine", "content_tags_confidence": None},
        {"artist": "nul\0\ud800", "genre": "", "label": {"name": {"name": 1}}},
    ],
    ids=["many fields", "nested", "megabytes", "control characters"],
)
def test_hostile_metadata_and_texts_break_nothing(tagger, meta):
    given = [Document(id="a", content="\0\ud800 zaz " * 100_000, meta=meta), Document(id="b", content="Zaz")]
    tagged = tagger.run(given)["documents"]
    assert [document.id for document in tagged] == ["a", "b"]
    assert tagged[1].meta["content_tags"]["artist"] == "Zaz"


def test_learns_from_an_indexing_pipeline_and_not_from_its_own_tags(store):
    document_store = InMemoryDocumentStore()
    pipeline = Pipeline()
    pipeline.add_component("tagger", ContentTagger(store, poll_interval=0.0))
    pipeline.add_component("catalogue", CatalogueWriter(store, document_store, lexicon=DECLARED))
    pipeline.add_component("writer", DocumentWriter(document_store, policy=DuplicatePolicy.OVERWRITE))
    pipeline.connect("tagger.documents", "catalogue.documents")
    pipeline.connect("catalogue.documents", "writer.documents")
    pipeline.run({"tagger": {"documents": songs()}})
    for _ in range(2):
        pipeline.run({"tagger": {"documents": [Document(id="new", content="Zaz in Paris")]}})
    [written] = document_store.filter_documents({"field": "id", "operator": "==", "value": "new"})
    assert written.meta["content_tags"]["artist"] == "Zaz"
    collector = LexiconCollector(DECLARED)
    build(document_store, [collector])
    assert collector.lexicon().lookup("artist", "zaz").documents == 8


async def test_many_can_be_tagged_at_the_same_time(tagger):
    contents = ["Zaz", "calm", "nothing"] * 4
    runs = [tagger.run_async([Document(content=content)]) for content in contents]
    found = [run["documents"][0].meta.get("content_tags") for run in await asyncio.gather(*runs)]
    assert found[:3] * 4 == found
    assert [None if each is None else sorted(each) for each in found[:3]] == [
        ["artist", "genre"],
        ["genre", "moods"],
        None,
    ]


def test_many_threads_can_tag_while_lexicons_are_swapped(store, tagger):
    failures = []

    def work():
        try:
            for _ in range(20):
                assert tag(tagger, "Zaz")["content_tags"]["artist"] == "Zaz"
        except Exception as failure:  # noqa: BLE001 (told below)
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(9, 13):
        learn(store, songs(number))
    for thread in threads:
        thread.join()
    assert failures == []


async def test_the_classifier_is_warmed_up_and_closed_once(store):
    jazz = Jazz()
    tagger = ContentTagger(store, jazz)
    tagger.warm_up()
    await asyncio.gather(tagger.warm_up_async(), tagger.warm_up_async())
    tagger.close()
    await tagger.close_async()
    await tagger.warm_up_async()
    await tagger.close_async()
    assert jazz.calls == ["warm_up", "close"] * 2


def test_goes_through_yaml(sqlite_url, monkeypatch):
    monkeypatch.setenv("LTRR_STORE_URL", sqlite_url)
    monkeypatch.setenv("HAYSTACK_DESERIALIZATION_ALLOWLIST", f"ltrr_haystack,{__name__}")
    pipeline = Pipeline()
    settings = {"fields": ["meta.artist"], "into": "guessed", "min_confidence": 0.7, "poll_interval": 5.0}
    pipeline.add_component("tagger", ContentTagger(LTRRStore(), Jazz(0.8), **settings))
    again = Pipeline.loads(pipeline.dumps())
    assert again.dumps() == pipeline.dumps()
    tagger = again.get_component("tagger")
    assert {name: getattr(tagger, name) for name in settings} == settings
    assert tagger.classifier.probability == 0.8
    assert ContentTagger.from_dict(tagger.to_dict()).classifier.probability == 0.8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classifier": "jazz"}, r"needs a method categories_of\(text\), str has none"),
        ({"into": ""}, "into of ContentTagger must be a name without dots, got ''"),
        ({"into": "a.b"}, "into of ContentTagger must be a name without dots, got 'a.b'"),
        ({"min_confidence": 1.1}, "min_confidence of ContentTagger must be from 0 to 1, got 1.1"),
        ({"poll_interval": -1.0}, "poll_interval must not be negative"),
    ],
)
def test_settings_that_cannot_work_are_refused(store, settings, message):
    with pytest.raises(ConfigurationError, match=message):
        ContentTagger(store, **settings)
