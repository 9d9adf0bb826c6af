import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import decision, page, settled, unite
from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.ranking.click_prior import (
    HALF_LIFE,
    MOST_QUERIES,
    ClickCounter,
    ClickPrior,
    DocumentClicks,
    digest_of,
)
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import PlacePrior

NOW = 1_700_000_000.0
DAY = 86_400.0
MODEL = PageModel(ExaminationCurve(eta=1.0), calibrated=PlacePrior((0.5, 0.4, 0.2)))
"""At position k it is looked with the probability 1 / k."""


def search(query, shown, clicked=(), *, days_ago=0.0):
    """A page on which a is the first of the model's order, b the second and c the third."""
    made = replace(decision(query_id=f"{query}-{days_ago}", query=query), decided_at=NOW - days_ago * DAY)
    candidates = unite(made, {"bm25": ["a", "b", "c"]})
    placed = tuple(replace(each, model_place=each.place) for each in candidates.candidates)
    return settled(page(replace(candidates, candidates=placed), shown), dict.fromkeys(clicked, 1.0))


def counted(*searches):
    counter = ClickCounter(MODEL, NOW)
    for each in searches:
        counter.add(each)
    return counter.prior()


class TestByHand:
    def test_clicks_over_those_that_are_to_be_expected_where_a_document_stood(self):
        """b stood second, looked at with 1/2, at a place of the model's with the click rate .4: .2 was expected."""
        prior = counted(search("love", ["a", "b"], ["b"]))
        assert prior.over_expected("b", "rain") == pytest.approx((1 + 2) / (0.2 + 2))
        assert prior.over_expected("a", "rain") == pytest.approx((0 + 2) / (0.5 + 2))

    def test_a_document_shown_low_loses_less_where_it_is_passed_by(self):
        first = counted(search("love", ["c", "a"])).over_expected("c", "rain")
        second = counted(search("love", ["a", "c"])).over_expected("c", "rain")
        assert first == pytest.approx(2 / 2.2)
        assert second == pytest.approx(2 / 2.1)

    def test_a_query_on_which_a_document_was_passed_over_often_has_no_more_say_than_one_on_which_it_was_clicked(self):
        """A click in forty searches, of which twenty were to be expected: both are cut to a quarter, five expected."""
        prior = counted(search("love", ["a"], ["a"]), *[search("love", ["a"]) for _ in range(39)])
        assert prior.over_expected("a", "rain") == pytest.approx((0.25 + 2) / (5 + 2))

    def test_less_is_expected_of_what_stood_below_a_click(self):
        """b was looked at with 1/10 where a was clicked, and with 8/10 where it was not; its place has .4."""
        curve = ExaminationCurve(learned=(1.0, 0.5), before_click=(1.0, 0.8), after_click=(1.0, 0.1))
        for clicked, looked in ((["a"], 0.1), ([], 0.8)):
            counter = ClickCounter(replace(MODEL, curve=curve), NOW)
            counter.add(search("love", ["a", "b"], clicked))
            assert counter.prior().over_expected("b", "rain") == pytest.approx(2 / (looked * 0.4 + 2))

    def test_the_query_itself_is_left_out(self):
        prior = counted(search("love", ["a"], ["a"]), search("rain", ["a"]))
        assert prior.over_expected("a", "love") == pytest.approx(2 / 2.5)
        assert prior.over_expected("a", "rain") == pytest.approx(3 / 2.5)
        assert prior.over_expected("a", "snow") == pytest.approx(3 / 3)

    def test_what_was_shown_for_no_other_query_is_unknown(self):
        prior = counted(search("love", ["a"], ["a"]))
        assert math.isnan(prior.over_expected("a", "love"))
        assert math.isnan(prior.over_expected("z", "love"))

    def test_old_clicks_and_looks_count_half(self):
        prior = counted(search("love", ["a"], ["a"], days_ago=HALF_LIFE))
        assert prior.over_expected("a", "rain") == pytest.approx((0.5 + 2) / (0.25 + 2), abs=1e-4)

    def test_one_query_counts_for_five_clicks_at_most(self):
        """Ten clicks where five were expected are taken as five of two and a half."""
        prior = counted(*[search("love", ["a"], ["a"]) for _ in range(10)])
        assert prior.over_expected("a", "rain") == pytest.approx((5 + 2) / (2.5 + 2))

    def test_what_is_to_be_expected_is_told_by_the_models_order_and_not_by_the_unions(self):
        """The model put c first, which the union has third: .5 is expected of it at the first place, not .2."""
        of_union = search("love", ["c", "a"])
        placed = [replace(each, model_place=1 if each.object_id == "c" else 2) for each in of_union.impressions]
        assert counted(replace(of_union, impressions=tuple(placed))).over_expected("c", "rain") == pytest.approx(
            2 / 2.5
        )

    def test_a_click_of_which_a_quarter_counts_is_a_quarter_of_a_look(self):
        prior = counted(replace(search("love", ["a"], ["a"]), capped={"a": 0.25}))
        assert prior.over_expected("a", "rain") == pytest.approx((0.25 + 2) / (0.125 + 2))

    def test_a_dislike_is_no_click(self):
        disliked = replace(search("love", ["a"]), rewards={"a": -1.0})
        assert counted(disliked).over_expected("a", "rain") == pytest.approx(2 / 2.5)


@given(
    st.lists(st.tuples(st.sampled_from(["love", "rain", "snow"]), st.sampled_from([(), ("a",), ("b",)])), max_size=6)
)
def test_a_click_for_another_query_raises_and_a_look_lowers(searches):
    before = counted(search("other", ["a"]), *[search(query, ["a", "b"], clicked) for query, clicked in searches])
    clicked, passed = (
        counted(
            search("other", ["a"]),
            *[search(query, ["a", "b"], of) for query, of in searches],
            search("another", ["a"], more),
        )
        for more in (["a"], [])
    )
    assert passed.over_expected("a", "new") < before.over_expected("a", "new") + 1e-9
    assert passed.over_expected("a", "new") < clicked.over_expected("a", "new")


class TestSnapshot:
    def test_comes_back(self):
        prior = counted(search("love", ["a", "b"], ["b"]), search("lövé 🎵", ["c"], ["c"]))
        draft = prior.draft()
        assert ClickPrior.from_bytes(draft.payload) == prior
        assert draft.card == {"documents": 3}
        assert counted(search("love", ["a", "b"], ["b"]), search("lövé 🎵", ["c"], ["c"])).draft() == draft

    def test_keeps_a_bounded_number_of_queries_apart(self):
        prior = counted(*[search(f"query {number}", ["a"], ["a"]) for number in range(20)])
        assert len(prior.documents["a"].queries) == MOST_QUERIES
        assert prior.documents["a"].clicks == 20

    def test_leaves_out_of_a_query_that_is_not_kept_apart_what_it_can_have_at_most(self):
        """The query's own clicks never speak for its document: of twelve queries with a click each, eleven are left."""
        queries = [f"query {number}" for number in range(12)]
        prior = counted(*[search(query, ["a"], ["a"]) for query in queries])
        kept = [query for query in queries if digest_of(query) in prior.documents["a"].queries]
        values = {query: prior.over_expected("a", query) for query in queries}
        assert len(kept) == MOST_QUERIES
        for query, value in values.items():
            assert value == pytest.approx((11 + 2) / ((5.5 if query in kept else 6) + 2))

    @pytest.mark.parametrize("payload", [b"", b"{}\n", b"\x00"])
    def test_other_bytes_are_refused(self, payload):
        with pytest.raises(SnapshotError, match="clicks of documents"):
            ClickPrior.from_bytes(payload)

    def test_an_empty_one_knows_nothing(self):
        assert ClickPrior.from_bytes(ClickPrior().draft().payload) == ClickPrior()


def test_digests_tell_queries_apart():
    assert digest_of("love") != digest_of("rain")
    assert ClickPrior({"a": DocumentClicks(1.0, 0.5, {digest_of("love"): (1.0, 0.5)})}).over_expected("a", "rain") > 1
