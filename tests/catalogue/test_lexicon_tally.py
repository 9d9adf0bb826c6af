import pytest
from haystack import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from ltrr_haystack.catalogue import LexiconCounts, LexiconFields, LexiconValue
from ltrr_haystack.catalogue.lexicon_codec import from_bytes, to_bytes
from ltrr_haystack.catalogue.lexicon_counts import MOST_IDS
from ltrr_haystack.catalogue.lexicon_tally import LexiconTally

DECLARED = LexiconFields(
    ["meta.artist", "meta.year"],
    category="meta.genre",
    popularity="meta.plays",
    aliases={"meta.artist": "meta.aliases"},
)
EMPTY = LexiconCounts.empty(DECLARED)


def song(number, artist=None, content="", **meta):
    return Document(id=f"s{number}", content=content, meta={"artist": artist, **meta})


def counted(added=(), removed=(), onto=EMPTY):
    tally = LexiconTally(onto.declared)
    tally.count(added)
    tally.count(removed, -1)
    return tally.onto(onto)


def artist(counts, form):
    return counts.lexicon().lookup("artist", form)


def test_counts_documents_popularity_aliases_mentions_and_ids():
    counts = counted(
        [
            song(1, "Prince", plays=3, aliases=["TAFKAP"], content="Prince sings"),
            song(2, "PRINCE", plays="12", aliases=["TAFKAP", "The Artist"]),
            song(3, "Prince"),
            song(4),
        ]
    )
    assert artist(counts, "prince") == LexiconValue(
        field="artist",
        value="Prince",
        documents=3,
        popularity=12.0,
        aliases=("TAFKAP", "The Artist"),
        ids=("s1", "s2", "s3"),
        mentions=1,
        writings=("PRINCE",),
    )
    lexicon = counts.lexicon()
    assert (lexicon.documents, lexicon.having) == (4, {"artist": 3, "year": 0, "genre": 0})


def test_categories_are_shares_of_the_documents_in_them():
    pop = [song(number, "Taylor Swift", genre="Pop") for number in range(5)]
    both = [song(number, "Taylor Swift", genre=["pop", "Country"]) for number in range(5, 9)]
    # 9 documents are pop and 4 country; "Pop" is written so five times, "pop" four times.
    assert artist(counted([*pop, *both]), "taylor swift").categories == {"Pop": 9 / 13, "Country": 4 / 13}


def test_a_category_field_outside_of_the_fields_is_no_slot():
    lexicon = counted([song(1, "Zaz", genre="Pop")]).lexicon()
    assert lexicon.fields == ("artist", "year")
    assert lexicon.category == "genre"
    assert set(lexicon.values) == {"artist", "year"}


def test_the_most_frequent_writing_is_the_value():
    counts = counted([song(1, "BEYONCE"), song(2, "Beyoncé"), song(3, "Beyoncé")])
    assert artist(counts, "beyonce").value == "Beyoncé"
    assert artist(counted(removed=[song(2, "Beyoncé"), song(3, "Beyoncé")], onto=counts), "beyonce").value == "BEYONCE"
    assert artist(counted([song(1, "Zaz"), song(2, "ZAZ")]), "zaz").value == "ZAZ"  # the first by alphabet of equals


def test_fields_with_lists_and_numbers_are_known():
    lexicon = counted([song(1, ["a", "b"], year=1999), song(2, "a", year="2000")]).lexicon()
    assert lexicon.list_fields == {"artist"}
    assert lexicon.number_fields == {"year"}
    assert set(lexicon.values["year"]) == {"1999", "2000"}


@pytest.mark.parametrize(
    ("years", "written", "others"),
    [([2008, 2008, 2008.0], "2008", ("2008.0",)), ([2008, 2008.0, 2008.0], "2008.0", ("2008",))],
)
def test_equal_numbers_are_one_value_as_most_documents_write_it(years, written, others):
    lexicon = counted([song(number, year=year) for number, year in enumerate(years)]).lexicon()
    assert set(lexicon.values["year"]) == {"2008"}
    for form in ("2008", "2008.0"):
        value = lexicon.lookup("year", form)
        assert (value.value, value.documents, value.writings) == (written, 3, others)


def test_texts_that_look_like_equal_numbers_are_two_values():
    lexicon = counted([song(1, year="1.0"), song(2, year="1")]).lexicon()
    assert set(lexicon.values["year"]) == {"1", "1.0"}


def test_an_odd_document_does_not_make_lists_or_numbers_of_a_whole_field():
    alike = [song(number, "Zaz", year="1999") for number in range(40)]
    odd = [song(40, ["Zaz", "Adele"], year=1999), song(41, "Adele", year=2000)]
    counts = counted([*alike, *odd])
    assert (counts.lexicon().list_fields, counts.lexicon().number_fields) == (frozenset(), frozenset())
    # One of 42 and two of 42 are less than a twentieth; three of 43 are more.
    assert [counts.fields[name].odd for name in ("meta.artist", "meta.year")] == [{"lists": 1}, {"numbers": 2}]
    third = counted([song(42, year=2001)], onto=counts)
    assert third.lexicon().number_fields == {"year"}
    assert third.fields["meta.year"].odd == {}


def test_a_value_twice_in_a_document_counts_once():
    assert artist(counted([song(1, ["Zaz", "ZAZ"])]), "zaz").documents == 1


def test_what_was_removed_is_gone():
    one, two = song(1, "Zaz", plays=5), song(2, "Zaz", plays=9)
    counts = counted([one, two])
    assert artist(counted(removed=[two], onto=counts), "zaz").popularity == 5.0
    assert counted(removed=[one, two], onto=counts) == EMPTY
    assert counted(removed=[one], onto=EMPTY) == EMPTY


def test_ids_are_those_of_values_of_few_documents():
    songs = [song(number, "Zaz") for number in range(MOST_IDS + 1)]
    assert len(artist(counted(songs[:-1]), "zaz").ids) == MOST_IDS
    many = counted(songs)
    assert artist(many, "zaz").ids == ()
    assert artist(counted(removed=songs[:2], onto=many), "zaz").ids == ()


def test_nothing_counted_is_the_same_value():
    counts = counted([song(1, "Zaz")])
    assert LexiconTally(DECLARED).onto(counts) is counts


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.sampled_from(["Zaz", "zaz", "7"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)
METADATA = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["artist", "year", "genre", "plays", "aliases", "other"], ANYTHING)
)
SONGS = st.lists(METADATA, max_size=MOST_IDS).map(
    lambda metadata: [Document(id=f"d{number}", content="zaz 7", meta=meta) for number, meta in enumerate(metadata)]
)


@settings(max_examples=60)
@given(SONGS, SONGS)
def test_any_metadata_can_come_and_go_and_be_stored(before, after):
    counts = counted(before)
    assert counted(after, removed=before, onto=counts) == counted(after)
    assert counted(removed=before, onto=counts) == EMPTY
    assert from_bytes(to_bytes(counts)) == counts
    for values in counts.lexicon().values.values():
        for form, value in values.items():
            assert form
            assert 0 <= value.mentions <= value.documents == len(value.ids)
            assert value.categories == {} or sum(value.categories.values()) == pytest.approx(1.0)


def test_ten_thousand_fields_and_megabytes_are_passed_over():
    meta = {f"field{number}": "x" * 100 for number in range(10_000)}
    hostile = song(1, ["Zaz", "y" * 1_000_000, ["z"] * 100], plays="9" * 1_000_000, genre={"a": "b"}, **meta)
    assert set(counted([hostile]).lexicon().values["artist"]) == {"zaz"}
