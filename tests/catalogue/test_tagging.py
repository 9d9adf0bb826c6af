import pytest
from haystack import Document

from ltrr_haystack.catalogue import CollectionStatistics, LexiconCollector, LexiconFields, LexiconTags
from ltrr_haystack.catalogue.phrases import Named
from ltrr_haystack.catalogue.tagging import mention_confidence

DECLARED = LexiconFields(["meta.artist"], category="meta.genre", aliases={"meta.artist": "meta.aliases"})
NUMBER = iter(range(10**6))


def song(content="", **meta):
    return Document(id=f"s{next(NUMBER)}", content=content, meta=meta)


def known(documents, declared=DECLARED, language="en"):
    collector = LexiconCollector(declared)
    collector.add(documents)
    statistics = CollectionStatistics.empty(declared.texts, language).changed(added=documents)
    return LexiconTags(collector.lexicon()), statistics


SONGS = [
    *[song("a song by Zaz", artist="Zaz", genre="Chanson", aliases=["Isabelle G"]) for _ in range(4)],
    *[song("love", artist="Love", genre="Rock")],
    *[song("a love song", artist="Ann", genre="Pop") for _ in range(5)],
]
TAGS, STATISTICS = known(SONGS)


def confidence(form, words, by_alias=False):
    value = TAGS.lexicon.lookup("artist", form)
    return mention_confidence(Named(value, by_alias), words, TAGS.lexicon, STATISTICS)


def test_a_name_is_worth_the_share_of_its_mentions_that_mean_the_value():
    assert confidence("zaz", ["zaz"]) == pytest.approx((4 + 0.5) / (4 + 1))  # 4 texts name Zaz, all 4 of that artist
    assert confidence("love", ["love"]) == pytest.approx((1 + 0.5) / (6 + 1))  # 6 texts have "love", 1 by Love
    assert confidence("ann", ["ann"]) == pytest.approx(0.5)  # nobody has named Ann yet


def test_documents_without_the_field_say_nothing_against_a_value():
    tags, statistics = known([*SONGS, *[song("more of Zaz") for _ in range(10)]])
    named = Named(tags.lexicon.lookup("artist", "zaz"), False)
    # Of 20 documents 10 have the field: of the 14 that name Zaz, 7 are expected to have it.
    assert mention_confidence(named, ["zaz"], tags.lexicon, statistics) == pytest.approx((4 + 0.5) / (7 + 1))


def test_an_alias_is_no_more_reliable_than_the_value_and_than_its_own_frequency_allows():
    assert confidence("zaz", ["isabelle", "g"], by_alias=True) == pytest.approx(0.5)  # never seen in a text
    documents = [song(f"the song {number} of Zaz", artist="Zaz", aliases=["The"]) for number in range(2)]
    documents += [song("the rain", artist="Ann") for _ in range(8)]
    tags, statistics = known(documents)
    named = Named(tags.lexicon.lookup("artist", "zaz"), True)
    # "the" is in 10 texts, and 2 documents have the artist.
    assert mention_confidence(named, ["the"], tags.lexicon, statistics) == pytest.approx((2 + 0.5) / (10 + 1))


def test_what_a_document_lacks_is_found_in_its_text():
    tags = TAGS.find(song("Live in Paris: ZAZ", genre="Chanson"), STATISTICS)
    assert tags == {"artist": {"Zaz": pytest.approx(0.9)}}


@pytest.mark.parametrize("artist", ["Ann", 7, True, ["Ann"], {"name": "x"}, "x" * 1_000])
def test_a_field_that_says_anything_is_left_alone(artist):
    assert "artist" not in TAGS.find(song("Live in Paris: ZAZ", artist=artist), STATISTICS)


@pytest.mark.parametrize("artist", [None, "", " \t", [], [None, ""]])
def test_a_field_that_says_nothing_is_lacking(artist):
    assert "artist" in TAGS.find(song("Live in Paris: ZAZ", artist=artist), STATISTICS)


def test_categories_follow_from_the_values_that_are_there_and_from_those_that_are_named():
    own = TAGS.find(song("x", artist="Zaz"), STATISTICS)
    assert own == {"genre": {"Chanson": pytest.approx(4 / 5)}}  # all of 4 documents; 4 / (4 + 1) as they are few
    named = TAGS.find(song("by Zaz"), STATISTICS)
    assert named["genre"] == {"Chanson": pytest.approx(0.9 * 4 / 5)}


def test_a_classifier_tells_categories_too_and_the_largest_confidence_counts():
    class Classifier:
        def __init__(self):
            self.texts = []

        def categories_of(self, text):
            self.texts.append(text)
            return {"Chanson": 0.3, "Jazz": 0.95}

    classifier = Classifier()
    tags = TAGS.find(song("x", artist="Zaz"), STATISTICS, classifier)
    assert tags == {"genre": {"Chanson": pytest.approx(0.8), "Jazz": 0.95}}
    assert TAGS.find(song("x", artist="Zaz", genre="Rock"), STATISTICS, classifier) == {}
    TAGS.find(song(None, artist="Zaz"), STATISTICS, classifier)
    assert classifier.texts == ["x"]


@pytest.mark.parametrize("statistics", [None, CollectionStatistics.empty(["meta.title"], "en")], ids=["none", "others"])
def test_without_statistics_of_the_texts_nothing_is_found_in_them(statistics):
    assert TAGS.find(song("by Zaz"), statistics) == {}
    assert TAGS.find(song("by Zaz", artist="Zaz"), statistics) == {"genre": {"Chanson": pytest.approx(0.8)}}


def test_all_texts_are_read_and_none_across_their_ends():
    declared = LexiconFields(["meta.artist"], texts=["content", "meta.title"])
    documents = [song("x", title=f"New York {number}", artist="New York") for number in range(4)]
    tags, statistics = known(documents, declared, None)
    assert tags.find(song("x", title="in new york"), statistics) == {"artist": {"New York": pytest.approx(4.5 / 5)}}
    assert tags.find(song("new", title="york"), statistics) == {}
