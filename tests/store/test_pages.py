from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.store.packing import pack_numbers, unpack_numbers
from ltrr_haystack.store.pages import PageSchema, pack_page, unpack_page
from ltrr_haystack.types import ArmReport, Impression, Provenance

ARMS = ("bm25", "dense", "memory")
FINITE = st.floats(allow_nan=False, allow_infinity=False)
REPORTS = st.builds(
    ArmReport,
    arm=st.sampled_from([*ARMS, "other"]),
    depth=st.just(30),
    returned=st.just(3),
    seconds=st.just(0.1),
    top_score=st.none() | FINITE,
    found=st.lists(st.integers(1, 400), max_size=5).map(tuple),
    scales=st.lists(FINITE, max_size=5).map(tuple),
)
IMPRESSIONS = st.lists(
    st.builds(
        Impression,
        object_id=st.text(),
        ordinal=st.just(0),
        score=FINITE,
        arms=st.dictionaries(
            st.sampled_from([*ARMS, "x"]), st.builds(Provenance, st.integers(1, 70_000), st.none() | FINITE, FINITE)
        ),
        features=st.dictionaries(st.sampled_from("abcdef"), FINITE | st.sampled_from([0.0, 1.0, 0.5])),
        place=st.integers(0, 400),
    ),
    max_size=6,
)


def packed(impressions, reports=(), others=(), arms=ARMS):
    """
    Pack a page.

    :param others: Documents beside the page, whose features the schema has, too.
    :param arms: The arms of the pipeline, beside those that brought something.
    """
    features = [impression.features for impression in impressions]
    schema = PageSchema.of(arms, [*impressions, *others], [*features, *[each.features for each in others]])
    return schema, pack_page(schema, impressions, features, reports)


def shown(score=0.5, *, ordinal=1, rank=2, arm_score=3.0, scaled=0.25, place=1, **features):
    return Impression("a", ordinal, score, {"bm25": Provenance(rank, arm_score, scaled)}, features, place)


class TestPage:
    @given(IMPRESSIONS, st.lists(REPORTS, max_size=4), IMPRESSIONS, st.sampled_from([ARMS, ()]))
    def test_comes_back(self, impressions, reports, others, arms):
        schema, page = packed(impressions, reports, others, arms)
        ids = [impression.object_id for impression in impressions]
        bare = [ArmReport(each.arm, 30, 3, 0.1, each.top_score) for each in reports]
        got, whole = unpack_page(page, PageSchema.from_json(schema.to_json()), ids, bare)
        assert [each.ordinal for each in got] == [*range(1, len(impressions) + 1)]
        assert [(each.object_id, each.score, each.arms, each.features, each.place) for each in got] == [
            (each.object_id, each.score, each.arms, each.features, each.place) for each in impressions
        ]
        assert whole == tuple(reports)

    def test_features_that_restate_what_is_logged_take_no_numbers(self):
        report = ArmReport("bm25", 10, 2, 0.1, top_score=4.0)
        page = [
            shown(0.5, rank=1, arm_score=4.0, scaled=1.0),
            Impression("b", 2, 0.4, {"bm25": Provenance(3, 3.0, 0.7), "dense": Provenance(1, 8.0, 1.0)}, {}, 2),
        ]
        without = unpack_numbers(packed(page, [report])[1])
        said = {
            "fused": (0.5, 0.4),
            "arms": (1.0, 2.0),
            "arm.dense.present": (0.0, 1.0),
            "arm.bm25.reciprocal_rank": (1.0, 1 / 3),
            "arm.bm25.normalised": (1.0, 0.7),
            "arm.bm25.of_top_score": (1.0, 0.75),
        }
        featured = [
            Impression(
                each.object_id, each.ordinal, each.score, each.arms, {n: v[row] for n, v in said.items()}, row + 1
            )
            for row, each in enumerate(page)
        ]
        schema, with_features = packed(featured, [report])
        assert unpack_numbers(with_features)[1] == without[1]
        got, _ = unpack_page(with_features, schema, ["a", "b"], [report])
        assert got == tuple(featured)

    def test_what_is_the_same_for_all_is_written_once(self):
        page = [shown(0.5, words=3.0, other=0.1), shown(0.4, words=3.0, other=0.2), shown(0.3, words=3.0, other=0.3)]
        _, numbers = unpack_numbers(packed(page)[1])
        assert numbers.count(3.0) == 1 + 3  # Once for the feature, and the score of the arm for each.

    def test_a_feature_that_only_what_is_beside_the_page_has_is_none_of_the_page(self):
        """Whatever the arms say of the page: no column that a feature may restate lacks all values here."""
        page = [shown(0.5, words=3.0), shown(0.4, words=3.0)]
        for each in page:
            each.arms.update({arm: Provenance(2, 3.0, 0.25) for arm in ARMS})
        tops = [ArmReport(arm, 10, 2, 0.1, top_score=4.0) for arm in ARMS]
        schema, packed_page = packed(page, tops, [shown(seen=5.0)])
        assert schema.features == ("seen", "words")
        got, _ = unpack_page(packed_page, schema, ["a", "a"], tops)
        assert [each.features for each in got] == [{"words": 3.0}] * 2

    def test_the_schema_is_the_same_whatever_comes_first(self):
        one, other = shown(a=1.0, b=2.0), shown(b=1.0, c=2.0)
        assert packed([one, other])[0] == packed([other, one])[0] == PageSchema(ARMS, ("a", "b", "c"))


class TestRefused:
    @pytest.mark.parametrize(
        ("impression", "told"),
        [
            (shown(nan), "score of the impression of 'a' is nan"),
            (shown(arm_score=inf), r"arms\.bm25\.score of the impression of 'a' is inf"),
            (shown(scaled=nan), r"arms\.bm25\.normalised of the impression of 'a' is nan"),
            (shown(odd=-inf), r"features\.odd of the impression of 'a' is -inf"),
            (shown(rank=0), "the first rank is 1"),
            (shown(place=-1), "the first rank is 1"),
        ],
    )
    def test_what_could_not_be_given_back_is_named(self, impression, told):
        with pytest.raises(InvalidInputError, match=told):
            packed([shown(), impression])

    def test_a_share_that_no_number_can_hold(self):
        report = ArmReport("bm25", 10, 2, 0.1, top_score=1e-300)
        with pytest.raises(InvalidInputError, match=r"features\.share .* is inf"):
            packed([shown(arm_score=1e300, share=inf)], [report])

    def test_features_of_fewer_than_are_shown(self):
        with pytest.raises(InvalidInputError, match="shows 2 documents and has the features of 1"):
            pack_page(PageSchema(ARMS, ()), [shown(), shown()], [{}], [])

    def test_a_scale(self):
        with pytest.raises(InvalidInputError, match="A scale in the report of arm 'memory' is nan"):
            packed([], [ArmReport("memory", 10, 1, 0.1, scales=(nan,))])


class TestDamage:
    @pytest.mark.parametrize("numbers", [([], []), ([1] * 9, [0.5] * 9), ([2, 0, 0, 1, 99], [0.5, 3.0, 0.25])])
    def test_numbers_that_do_not_fit_the_schema_are_a_value_error(self, numbers):
        schema, _ = packed([shown(a=1.5)])
        with pytest.raises(ValueError, match="a page has"):
            unpack_page(pack_numbers(*numbers), schema, ["a"], [])
