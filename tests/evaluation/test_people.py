from collections import Counter

import pytest
from haystack import Document
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.evaluation.click_models import CascadeModel
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.people import ClickModel, People, Search, labelled_sample

QUERIES = [Query(f"q{number}", f"query {number}", "topical") for number in range(10)]
DATA = DataSet(
    "ten",
    [Document(id=f"d{number}", content="x") for number in range(10)],
    QUERIES,
    {query.id: {"d0": 3, "d1": 1} for query in QUERIES},
)


def click_rates(people, shown, searches=20_000, query=QUERIES[0], user="u"):
    counts = Counter()
    for index in range(searches):
        counts.update(people.clicks(Search(index, query, user, "s"), shown))
    return [counts[position] / searches for position in range(1, len(shown) + 1)]


class TestClickModel:
    def test_attention_falls_with_the_position(self):
        assert [ClickModel().examination(position) for position in (1, 2, 4)] == [1.0, 0.5, 0.25]
        assert ClickModel(eta=0.5).examination(4) == 0.5

    def test_attraction_grows_with_the_grade_from_noise_to_certainty(self):
        model = ClickModel(noise=0.1)
        # 0.1 + 0.9 · (0, 1, 3, 7) / 7
        assert [model.attraction(grade) for grade in range(4)] == pytest.approx(
            [0.1, 0.228571, 0.485714, 1.0], abs=1e-6
        )
        assert model.attraction(9) == 1.0

    @pytest.mark.parametrize("settings", [{"eta": -1.0}, {"noise": 1.0}, {"noise": -0.1}, {"highest_grade": 0}])
    def test_refuses_what_gives_no_probabilities(self, settings):
        with pytest.raises(ValueError, match="a click model needs"):
            ClickModel(**settings)


class TestClicks:
    def test_come_as_often_as_the_model_says(self):
        people = People(DATA, seed=1, model=ClickModel(noise=0.1))
        # position 1, grade 3: 1 · 1; position 2, grade 1: 1/2 · 0.2286; position 3, grade 0: 1/3 · 0.1
        assert click_rates(people, ["d0", "d1", "d5"]) == pytest.approx([1.0, 0.1143, 0.0333], abs=0.006)

    @given(st.permutations([f"d{number}" for number in range(10)]), st.integers(0, 1000))
    def test_whoever_looks_at_a_place_clicks_by_the_document_alone(self, shown, index):
        people = People(DATA, seed=3, model=ClickModel(eta=0.0))
        search = Search(index, QUERIES[0], "u", "s")
        liked = {f"d{number}" for number in range(10) if people.clicks(search, [f"d{number}"])}
        assert {shown[position - 1] for position in people.clicks(search, shown)} == liked

    def test_what_is_examined_depends_on_what_a_person_likes_of_the_page(self):
        people = People(DATA, seed=1, model=CascadeModel(noise=0.1))
        search = Search(0, QUERIES[0], "u", "s")
        # grades 0, 1 and 3: attraction 0.1 and then 0.1 + 0.9 · 1/7
        assert people.examined(search, ["d5", "d1", "d0"]) == pytest.approx([1, 0.9, 0.9 * 0.771429], abs=1e-6)

    def test_another_system_meets_the_same_person(self):
        first, second = People(DATA, seed=5), People(DATA, seed=5)
        searches = list(first.stream(300))
        for search in searches:
            second.clicks(search, ["d7", "d8"])  # what was shown before changes nothing
        shown = ["d3", "d0", "d1"]
        assert [first.clicks(search, shown) for search in searches] == [
            second.clicks(search, shown) for search in searches
        ]

    def test_another_seed_is_other_people(self):
        search = Search(0, QUERIES[0], "u", "s")
        pages = [["d1", f"d{number}"] for number in range(2, 10)]
        clicks = {tuple(tuple(People(DATA, seed=seed).clicks(search, page)) for page in pages) for seed in range(20)}
        assert len(clicks) > 1

    def test_for_an_ambiguous_query_taste_moves_a_grade_up_or_down(self):
        documents = [
            Document(id="jazz", content="x", meta={"genre": "jazz"}),
            Document(id="punk", content="x", meta={"genre": "punk"}),
        ]
        ambiguous, topical = Query("a", "love", "ambiguous"), Query("t", "loud", "topical")
        grades = {"jazz": 2, "punk": 2}
        data = DataSet("taste", documents, [ambiguous, topical], {"a": grades, "t": grades}, {"ann": {"jazz": 1.0}})
        people = People(data, seed=2, model=ClickModel(noise=0.0, eta=0.0))
        # grades 2 and 2: 3/7 each; with taste 3 and 1: 7/7 and 1/7
        assert click_rates(people, ["jazz", "punk"], query=topical, user="ann") == pytest.approx(
            [3 / 7, 3 / 7], abs=0.015
        )
        assert click_rates(people, ["jazz", "punk"], query=ambiguous, user="ann") == pytest.approx(
            [1, 1 / 7], abs=0.015
        )


class TestStream:
    def test_is_the_same_whenever_it_is_asked_for(self):
        people = People(DATA, seed=7)
        assert list(people.stream(50)) == list(people.stream(50)) == list(People(DATA, seed=7).stream(80))[:50]

    def test_queries_follow_zipfs_law(self):
        counts = Counter(search.query.id for search in People(DATA, seed=7).stream(30_000))
        # 1 + 1/2 + … + 1/10 = 2.929
        shares = [count / 30_000 for _, count in counts.most_common()]
        assert shares[:3] == pytest.approx([1 / 2.929, 1 / 2 / 2.929, 1 / 3 / 2.929], abs=0.01)
        assert counts.most_common(1)[0][0] == People(DATA, seed=7).queries[0].id

    def test_a_session_is_of_one_person_and_holds_two_or_three_searches(self):
        searches = list(People(DATA, seed=7).stream(10_000))
        users = {}
        for search in searches:
            users.setdefault(search.session_id, set()).add(search.user_id)
        assert all(len(of_session) == 1 for of_session in users.values())
        assert len(searches) / len(users) == pytest.approx(2.5, abs=0.1)

    def test_known_people_are_the_ones_who_search(self):
        data = DataSet("known", DATA.documents, QUERIES, DATA.qrels, {"ann": {}, "bob": {}})
        assert {search.user_id for search in People(data, seed=1).stream(100)} == {"ann", "bob"}

    def test_nobody_asks_what_nothing_answers(self):
        with pytest.raises(ValueError, match="data set 'empty' has no query with a judged document"):
            People(DataSet("empty", [], QUERIES, {"q0": {"d0": 0}}), seed=1)


class TestLabelledSample:
    def test_gives_each_query_once_with_its_grades(self):
        sample = labelled_sample(DATA, 4, seed=1)
        assert len({query.id for query, _ in sample}) == 4
        assert all(grades == {"d0": 3, "d1": 1} for _, grades in sample)
        assert labelled_sample(DATA, 4, seed=1) == sample

    def test_gives_all_where_there_are_fewer(self):
        assert len(labelled_sample(DATA, 300, seed=1)) == 10
