import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import decision, page, unite, unshown_impressions
from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.store.orderings import Ordering, ReadOrdering, unpack_ordering
from ltrr_haystack.store.pages import PageSchema
from ltrr_haystack.types import Impression, Provenance

ARMS = ("bm25", "dense")
CANDIDATES = st.builds(
    Impression,
    object_id=st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"), min_size=1),
    ordinal=st.just(0),
    score=st.floats(0, 1),
    arms=st.dictionaries(st.sampled_from(ARMS), st.builds(Provenance, st.integers(1, 99), st.none(), st.floats(0, 1))),
    features=st.dictionaries(st.sampled_from("abc"), st.floats(0, 1)),
    place=st.integers(0, 400),
    model_place=st.integers(0, 400),
)


def there_and_back(version, shown, unshown, propensities=(), places=(), expected=()):
    schema = PageSchema.of(ARMS, [*shown, *unshown], [each.features for each in (*shown, *unshown)])
    features = [each.features for each in unshown]
    shown_places = [each.model_place for each in shown]
    ordering = Ordering(version, shown_places, propensities, unshown, features, places, expected)
    return unpack_ordering(ordering.pack(schema), schema, shown)


@given(st.integers(0, 10**6), st.lists(CANDIDATES, max_size=5), st.lists(CANDIDATES, max_size=5))
def test_comes_back(version, shown, unshown):
    assert there_and_back(version, shown, unshown) == ReadOrdering(version, tuple(shown), tuple(unshown))


def test_propensities_come_back_with_what_was_shown():
    shown = [Impression(name, place, 0.5, {}, {}, place, place) for place, name in enumerate("ab", start=1)]
    first, second = there_and_back(3, shown, (), [(1.0, 1.0), (0.25, 0.75)]).impressions
    assert (first.propensity, first.page_propensity) == (1.0, 1.0)
    assert (second.propensity, second.page_propensity) == pytest.approx((0.25, 0.75), abs=1 / 65_535)


@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0, 1)), max_size=60))
def test_model_places_and_expected_click_rates_of_the_union_come_back(ranked):
    places, rates = [place for place, _ in ranked], [rate for _, rate in ranked]
    read = there_and_back(1, [], [], places=places, expected=rates)
    assert read.model_places == tuple(places)
    assert read.expected == pytest.approx(rates, abs=1 / 65_535)
    assert all(back > 0 for back, rate in zip(read.expected, rates, strict=True) if rate > 0)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(InvalidInputError, match="must be a number from 0 to 1, got"):
        Ordering(1, model_places=[1], expected=[rate]).pack(PageSchema(ARMS, ()))


def test_as_many_rates_as_places_are_needed():
    with pytest.raises(InvalidInputError, match="2 documents have a model place and 1 an expected click rate"):
        Ordering(1, model_places=[1, 2], expected=[0.5]).pack(PageSchema(ARMS, ()))


def test_a_page_of_which_nothing_is_known_takes_no_room():
    assert Ordering().pack(PageSchema(ARMS, ())) == b""
    assert Ordering(shown_places=[0, 0]).pack(PageSchema(ARMS, ())) == b""
    assert unpack_ordering(None, PageSchema(ARMS, ()), ()) == ReadOrdering(0, ())


def test_propensities_of_other_documents_than_are_shown_are_refused():
    with pytest.raises(InvalidInputError, match="A page of 2 documents has the propensities of 1"):
        Ordering(1, [1, 2], [(1.0, 1.0)]).pack(PageSchema(ARMS, ()))


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b[:5], lambda b: b + b"\0", lambda b: b[12:]])
def test_damaged_bytes_are_a_value_error(change):
    shown = [Impression("a", 1, 0.5, {}, {}, 1, 1)]
    packed = Ordering(1, [1]).pack(PageSchema(ARMS, ()))
    with pytest.raises(ValueError, match=r"ordering of a page|packed"):
        unpack_ordering(change(packed), PageSchema(ARMS, ()), shown)


def test_the_store_gives_back_how_a_page_got_its_order(store):
    union = unite(decision("q1"), {"bm25": ["a", "b", "c"]})
    unshown = union.candidates[2]
    ranking = page(
        union,
        ["b", "a"],
        features=[{"x": 1.0}, {"x": 2.0}],
        page_version=7,
        propensities=((1.0, 1.0), (0.4, 0.6)),
        unshown=(unshown,),
        unshown_features=({"x": 3.0, "y": 0.5},),
        model_places=(2, 1, 3),
        expected=(0.4, 0.6, 0.2),
    )
    store.record_search(ranking)
    store.settle(ranking.decision.decided_at + 1)
    (settled,) = store.settled(0, 10)
    assert settled.page_version == 7
    assert settled.impressions == ranking.impressions()
    assert settled.model_places == (2, 1, 3)
    assert settled.expected == pytest.approx((0.4, 0.6, 0.2), abs=1 / 65_535)
    assert settled.unshown == unshown_impressions(ranking)
    assert store.searches(["q1"])["q1"].ordinals == {"b": 1, "a": 2}
