import pytest

from lexicons import lexicon_of, lexicon_with, songs
from ltrr_haystack.readings.interpreting import interpret
from ltrr_haystack.readings.matching import LexiconIndex
from ltrr_haystack.readings.query_types import query_type_of
from ltrr_haystack.understanding import normal_form, query_type, tokens_of

SONGS = lexicon_of(songs())
LARGE = lexicon_with(
    10_000,
    title=["Halo", "Yesterday", *(f"Song Number {number}" for number in range(3000))],
    artist=[
        ("Samsung", {"documents": 900}),
        ("Zaz", {"documents": 12}),
        *((name, {"documents": 60}) for name in ("Queen", "Pink Floyd")),
        *(f"Band {number}" for number in range(200)),
    ],
)


def told(query, lexicon=SONGS):
    form = normal_form(query)
    by_form = query_type(query, tokens_of(form))
    return by_form, query_type_of(interpret(LexiconIndex(lexicon), form), lexicon, by_form)


class TestQueryType:
    @pytest.mark.parametrize("query", ["beyonce", "shake it off", "shake it off taylor swift", "fleetwod mac"])
    def test_who_names_one_thing_navigates(self, query):
        by_form, by_readings = told(query)
        assert by_form != "navigational"
        assert by_readings == "navigational"

    def test_a_category_is_broad_however_many_words_it_has(self):
        assert told("love songs") == ("topical", "broad")
        assert told("rock") == ("broad", "broad")

    def test_a_value_of_many_documents_is_broad_and_one_of_few_is_sought_itself(self):
        assert told("samsung", LARGE)[1] == "broad"
        assert told("zaz", LARGE)[1] == "navigational"
        assert told("halo", LARGE)[1] == "navigational"
        assert told("queen", LARGE) == ("broad", "broad")
        assert told("pink floyd", LARGE) == ("topical", "topical")

    def test_two_wide_values_are_a_topic(self):
        lexicon = lexicon_with(
            10_000, brand=[("Samsung", {"documents": 900})], category=[("Smart Phones", {"documents": 700})]
        )
        assert told("samsung smart phones", lexicon)[1] == "topical"

    @pytest.mark.parametrize("query", ["fleetwood", "harder better"])
    def test_a_part_of_a_name_may_be_that_of_others_too(self, query):
        by_form, by_readings = told(query)
        assert interpret(LexiconIndex(SONGS), query)[0].matches
        assert by_readings == by_form

    def test_a_name_with_something_else_is_a_topic(self):
        assert told("tayler love")[1] == "topical"

    def test_what_may_mean_many_things_is_broad(self):
        lexicon = lexicon_with(100, title=["Blue Moon"], album=["Blue Moon"], artist=["Blue Moon"], label=["Blue Moon"])
        assert told("blue moon", lexicon) == ("topical", "broad")

    @pytest.mark.parametrize("query", ["who sang halo?", "where is the love by taylor swift"])
    def test_a_question_stays_a_question(self, query):
        assert told(query) == ("question", "question")

    @pytest.mark.parametrize("query", ["wh1000xm4", "xyzzy", "three unknown words here", '"an unknown thing"'])
    def test_its_form_decides_where_the_catalogue_knows_nothing(self, query):
        by_form, by_readings = told(query)
        assert by_readings == by_form
