import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import decision, page, unite
from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.store.orderings import Ordering, unpack_ordering
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


def there_and_back(version, shown, unshown, propensities=()):
    schema = PageSchema.of(ARMS, [*shown, *unshown], [each.features for each in (*shown, *unshown)])
    features = [each.features for each in unshown]
    ordering = Ordering(version, [each.model_place for each in shown], propensities, unshown, features)
    return unpack_ordering(ordering.pack(schema), schema, shown)


@given(st.integers(0, 10**6), st.lists(CANDIDATES, max_size=5), st.lists(CANDIDATES, max_size=5))
def test_comes_back(version, shown, unshown):
    assert there_and_back(version, shown, unshown) == (version, tuple(shown), tuple(unshown))


def test_propensities_come_back_with_what_was_shown():
    shown = [Impression(name, place, 0.5, {}, {}, place, place) for place, name in enumerate("ab", start=1)]
    _, (first, second), _ = there_and_back(3, shown, (), [[1.0, 0.0], [0.0, 0.25]])
    assert (first.propensities, second.propensities) == ((1.0, 0.0), (0.0, 0.25))


def test_a_page_of_which_nothing_is_known_takes_no_room():
    assert Ordering().pack(PageSchema(ARMS, ())) == b""
    assert Ordering(model_places=[0, 0]).pack(PageSchema(ARMS, ())) == b""
    assert unpack_ordering(None, PageSchema(ARMS, ()), ()) == (0, (), ())


def test_propensities_of_other_documents_than_are_shown_are_refused():
    with pytest.raises(InvalidInputError, match="A page of 2 documents has the propensities of 1"):
        Ordering(1, [1, 2], [[1.0, 0.0]]).pack(PageSchema(ARMS, ()))


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
        propensities=((1.0, 0.0), (0.0, 0.5)),
        unshown=(unshown,),
        unshown_features=({"x": 3.0, "y": 0.5},),
    )
    store.record_search(ranking)
    store.settle(ranking.decision.decided_at + 1)
    (settled,) = store.settled(0, 10)
    assert settled.page_version == 7
    assert settled.impressions == ranking.impressions()
    assert settled.unshown == ranking.unshown_impressions()
    assert store.searches(["q1"])["q1"].ordinals == {"b": 1, "a": 2}
