import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexicons import lexicon_of, lexicon_with, songs
from ltrr_haystack.readings.matching import MOST_FROM_A_WORD, MOST_OF_A_FIELD, MOST_WORDS, LexiconIndex
from ltrr_haystack.understanding import normal_form, tokens_of

SONGS = LexiconIndex(lexicon_of(songs()))


def words(query):
    return tokens_of(normal_form(query))


def best(query, index=SONGS):
    """The best match: the words that it takes, and the value."""
    found = max(index.matches(words(query)), key=lambda match: match.gain, default=None)
    return None if found is None else (found.start, found.end, found.field, found.value.value)


class TestMatches:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("taylor swift", (0, 2, "artist", "Taylor Swift")),
            ("TAYLOR  SWIFT!", (0, 2, "artist", "Taylor Swift")),
            ("beyonce", (0, 1, "artist", "Beyoncé")),
            ("cafe tacvba", (0, 2, "artist", "Café Tacvba")),
            ("songs by the beatles", (2, 4, "artist", "The Beatles")),
            ("beatles", (0, 1, "artist", "The Beatles")),
            ("fab four", (0, 2, "artist", "The Beatles")),
            ("utada", (0, 1, "artist", "宇多田ヒカル")),
            ("tayler swfit", (0, 2, "artist", "Taylor Swift")),
            ("daftpunk", (0, 1, "artist", "Daft Punk")),
            ("short cut tswizzle", (2, 3, "artist", "Taylor Swift")),
            ("grone meyer", (0, 2, "artist", "Herbert Grönemeyer")),
            ("fleet wood mac", (0, 3, "artist", "Fleetwood Mac")),
            ("taylo rswift", (0, 2, "artist", "Taylor Swift")),
            ("fleetw", (0, 1, "artist", "Fleetwood Mac")),
            ("here comes th", (0, 3, "title", "Here Comes the Sun")),
            ("hree comes th", (0, 3, "title", "Here Comes the Sun")),
            ("harder better", (0, 2, "title", "Harder Better Faster Stronger")),
            ("花束を君に", (0, 1, "title", "花束を君に")),
            ("🔥", (0, 1, "playlist", "🔥 Workout")),
            ("r&b", (0, 1, "genre", "r&b")),
            ("xyzzy", None),
        ],
    )
    def test_the_best_is_what_a_person_would_say(self, query, expected):
        assert best(query) == expected

    def test_tell_whole_values_from_parts(self):
        found = SONGS.matches(words("love songs"))
        assert {match.value.value for match in found if match.whole} == {"love songs"}
        assert {(match.start, match.end) for match in found if match.whole} == {(0, 2)}
        assert "Love Hits" in {match.value.value for match in found if not match.whole}

    def test_an_alias_is_the_whole_value(self):
        assert SONGS.matches(words("fab four"))[0].whole

    def test_fewer_typos_are_likelier(self):
        index = LexiconIndex(lexicon_with(artist=["Marley", "Harley"]))
        assert [match.value.value for match in index.matches(["marley"])] == ["Marley", "Harley"]

    def test_the_more_popular_of_two_comes_first(self):
        index = LexiconIndex(
            lexicon_with(title=[("Dream On", {"popularity": 1.0}), ("Dream Team", {"popularity": 9.0})])
        )
        assert [match.value.value for match in index.matches(["dream"])] == ["Dream Team", "Dream On"]

    def test_a_word_in_the_middle_is_not_taken_for_an_unfinished_one(self):
        index = LexiconIndex(lexicon_with(artist=["Fleetwood"]))
        assert best("live fleetw", index) == (1, 2, "artist", "Fleetwood")
        assert best("fleetw live", index) is None

    def test_only_the_fields_asked_for_are_looked_at(self):
        index = LexiconIndex(lexicon_of(songs()), fields=["genre", "unknown"])
        assert {match.field for match in index.matches(words("pop love taylor"))} == {"genre"}

    def test_without_fuzziness_a_typo_is_an_unknown_word(self):
        index = LexiconIndex(lexicon_of(songs()), fuzziness=0)
        assert best("tayler", index) is None

    def test_a_value_as_long_as_a_text_is_not_looked_for(self):
        text = " ".join(f"word{number}" for number in range(40))
        assert LexiconIndex(lexicon_with(title=[text])).matches(words(text)) == []

    def test_an_empty_lexicon_matches_nothing(self):
        assert LexiconIndex(lexicon_with()).matches(["love"]) == []
        assert LexiconIndex(lexicon_with(artist=[])).matches(["love"]) == []

    def test_a_part_that_begins_a_value_is_likelier_than_one_within_it(self):
        index = LexiconIndex(lexicon_with(title=["Ants Zoo", "Zoo Bears"]))
        assert [match.value.value for match in index.matches(["zoo"])] == ["Zoo Bears", "Ants Zoo"]


class TestBounds:
    def test_what_explains_words_far_worse_than_they_do_themselves_is_left_out(self):
        index = LexiconIndex(lexicon_with(title=[f"The Band {number}" for number in range(3000)]))
        assert index.matches(["the"]) == []
        assert next(match.value.value for match in index.matches(["the", "band", "7"])) == "The Band 7"

    def test_only_so_many_values_of_a_field_are_given_for_the_same_words(self):
        index = LexiconIndex(lexicon_with(title=[f"Love {letter}" for letter in "abcdefgh"]))
        assert len(index.matches(["love"])) == MOST_OF_A_FIELD

    def test_only_so_many_matches_begin_with_a_word(self):
        fields = {f"field{number}": [f"Love {letter}" for letter in "abcdefgh"] for number in range(20)}
        found = LexiconIndex(lexicon_with(**fields)).matches(["love"])
        assert 0 < len(found) <= MOST_FROM_A_WORD

    def test_words_far_behind_are_not_looked_up(self):
        query = ["xyzzy"] * MOST_WORDS + ["beyonce"]
        assert SONGS.matches(query) == []
        assert SONGS.matches(query[1:]) != []

    def test_the_last_word_that_is_looked_up_is_not_unfinished_if_others_come_after_it(self):
        query = ["xyzzy"] * (MOST_WORDS - 1) + ["fleetw"]
        assert SONGS.matches(query) != []
        assert SONGS.matches([*query, "xyzzy"]) == []


@given(st.lists(st.sampled_from(sorted({word for song in songs() for word in words(song.content)})), max_size=8))
@settings(deadline=None)
def test_lie_within_the_query_and_are_the_same_each_time(query):
    found = SONGS.matches(query)
    assert all(0 <= match.start < match.end <= len(query) for match in found)
    assert found == SONGS.matches(query) == LexiconIndex(lexicon_of(songs())).matches(query)
