"""Gains of allocations, on unions as the joiner makes them and by hand."""

from dataclasses import replace

import numpy as np
import pytest

from factories import action_set, decision, page, settled, unite
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.policy.experts import expert_key
from ltrr_haystack.ranking import allocation_gains as module
from ltrr_haystack.ranking.allocation_gains import allocation_gains
from ltrr_haystack.ranking.features import FeatureSchema, compute
from ltrr_haystack.ranking.judged_queries import EvidenceCollector
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import PlacePrior
from ltrr_haystack.types import evidence_key

ACTIONS = action_set(bm25=(0, 2, 4), dense=(0, 2, 4))
JOINER = UnionJoiner(list(ACTIONS.names))
FUSION = {"bm25": (1.0, 60.0), "dense": (1.0, 60.0)}
CURVE = ExaminationCurve(learned=(1.0, 0.5), deviations=(0.0, 0.0))
MODEL = PageModel(CURVE, calibrated=PlacePrior((0.2, 0.1), 1.0))
SCHEMA = FeatureSchema.of_arms(ACTIONS.names)
FOUND = {"bm25": ["a", "b", "c", "d"], "dense": ["c", "e", "a", "f"]}


def search(query="love", found=None, clicked=("e",), shown=None):
    """One search whose page is in the union's own order, with all that was not shown logged."""
    union = unite(decision(f"q {query} {found}", query, actions=ACTIONS), found or FOUND, JOINER)
    rows = SCHEMA.mappings(compute(SCHEMA, union.candidates, union.reports, union.decision, {}))
    ids = [each.object_id for each in union.candidates]
    on = ids if shown is None else list(shown)
    off = [each for each in union.candidates if each.object_id not in on]
    ranking = page(
        union,
        on,
        [rows[ids.index(name)] for name in on],
        unshown=tuple(off),
        unshown_features=tuple(rows[ids.index(each.object_id)] for each in off),
    )
    return settled(ranking, dict.fromkeys(clicked, 1.0))


def known(*searches):
    collector = EvidenceCollector(SCHEMA, MODEL)
    for each in searches:
        collector.add(each)
    return collector.queries()


def measured(queries, **changes):
    return allocation_gains(queries, SCHEMA, ACTIONS, FUSION, MODEL, page=2, **changes)


def gain(gains, **allocation):
    return gains.of[expert_key(allocation)].clicks


def test_the_page_of_an_allocation_is_in_the_order_of_its_own_union():
    """
    Two places, looked at with probability 1 and .5. Both arms give c (1/63 + 1/61) and a (1/61 + 1/63), of equal score,
    in the order of the union; bm25 alone gives a, b; dense alone c, e.
    """
    queries = known(search(), search("peace"))
    worth = dict(zip([each.object_id for each in search().impressions], queries[0].attractions, strict=True))
    gains = measured(queries)
    first, second = (each.object_id for each in search().impressions[:2])
    today = worth[first] + 0.5 * worth[second]
    assert gains.baseline == pytest.approx(today)
    assert gain(gains, bm25=4, dense=4) == pytest.approx(0.0)
    assert gain(gains, bm25=4) == pytest.approx(worth["a"] + 0.5 * worth["b"] - today)
    assert gain(gains, dense=2) == pytest.approx(worth["c"] + 0.5 * worth["e"] - today)


def test_the_ranking_model_orders_the_page_and_the_baseline_stays_in_the_unions_order():
    """By what dense ranks best, c and e; with bm25 alone nothing is known of that, and the union's order is left."""
    column = SCHEMA.columns["arm.dense.reciprocal_rank"]

    def likes_dense(union):
        return np.nan_to_num(union.features[:, column]) - 0.001 * union.places

    queries = known(search(), search("peace"))
    worth = dict(zip([each.object_id for each in search().impressions], queries[0].attractions, strict=True))
    gains = measured(queries, scorer=likes_dense)
    today = measured(queries).baseline
    assert gains.baseline == today
    assert gain(gains, bm25=4, dense=4) == pytest.approx(worth["c"] + 0.5 * worth["e"] - today)
    assert gain(gains, bm25=4, dense=2) == gain(gains, bm25=4, dense=4)
    assert gain(gains, bm25=4) == pytest.approx(worth["a"] + 0.5 * worth["b"] - today)


def test_the_model_is_asked_by_the_features_that_the_allocation_would_have_given():
    """What the real component would have logged for the shallower search, told from the deeper one."""
    (query,) = known(search(clicked=("a",)))
    asked = []

    def note(union):
        asked.append(union)
        return -union.places

    measured([query, query], scorer=note)
    experts = module.experts_of(ACTIONS)
    place = experts.keys.index(expert_key({"bm25": 2, "dense": 2}))
    rows = asked[0].features.reshape(len(experts.keys), len(query.places), -1)[place]
    shallow = search(found={"bm25": ["a", "b"], "dense": ["c", "e"]})
    names = [each.object_id for each in search().impressions]
    for name in ("present", "reciprocal_rank"):
        for arm in ("bm25", "dense"):
            column = SCHEMA.columns[f"arm.{arm}.{name}"]
            for each in shallow.impressions:
                expected = each.features.get(f"arm.{arm}.{name}", np.nan)
                np.testing.assert_equal(rows[names.index(each.object_id), column], expected)
    for each in shallow.impressions:
        found = rows[names.index(each.object_id), SCHEMA.columns["fused.searched"]]
        assert found == pytest.approx(each.features["fused.searched"])


def test_ranks_may_be_known_from_searches_of_one_arm_each():
    """Never were both asked; what both together would have shown is known all the same."""
    bm25, dense = ({arm: FOUND[arm]} for arm in ("bm25", "dense"))
    apart = known(search(found=bm25, clicked=("a",)), search(found=dense, clicked=("e",)))
    places = []
    measured([*apart, *apart], scorer=lambda union: places.append(union.places) or -union.places)
    experts = module.experts_of(ACTIONS)
    both = places[0].reshape(len(experts.keys), -1)[experts.keys.index(experts.baseline_key)]
    names = ["a", "b", "c", "d", "e", "f"]
    assert dict(zip(names, both, strict=True)) == {"a": 1, "c": 2, "b": 3, "e": 4, "d": 5, "f": 6}


def test_the_baseline_in_the_unions_order_gains_nothing_however_its_clicks_add_up():
    """Sums of the same numbers in another order differ by 1e-16 here."""
    worth = np.random.default_rng(0).random(6)
    queries = [replace(query, attractions=worth) for query in known(search(), search("peace"))]
    gains = allocation_gains(queries, SCHEMA, ACTIONS, FUSION, PageModel(ExaminationCurve(0.7)), page=6)
    baseline = gains.of[expert_key({"bm25": 4, "dense": 4})]
    assert (baseline.clicks, baseline.error, baseline.behind_model) == (0.0, 0.0, 0.0)


def test_the_error_is_that_of_a_mean_over_queries():
    """Of bm25 alone: for one query it loses e's click, for the others it loses nothing."""
    queries = known(search(clicked=("c",)), search("peace", clicked=("a",)), search("hope", clicked=("a",)))
    each = [gain(measured([query, replace(query, query_key="another")]), dense=2) for query in queries]
    of = measured(queries).of[expert_key({"dense": 2})]
    assert of.clicks == pytest.approx(np.mean(each))
    assert of.error == pytest.approx(np.std(each, ddof=1) / np.sqrt(3))


def test_a_query_with_other_filters_is_no_other_query():
    """As sure as three queries, not five: the searches of one are the mean of what they tell."""
    peace, hope, love = known(search("peace", clicked=("a",)), search("hope", clicked=("c",)), search(clicked=("e",)))
    filtered = [
        replace(peace, query_key=evidence_key("peace", {"field": "meta.year", "value": year})) for year in (1, 2)
    ]
    of = measured([peace, *filtered, hope, love])
    alone = measured([peace, hope, love])
    key = expert_key({"dense": 2})
    assert (of.of[key].clicks, of.of[key].error) == (alone.of[key].clicks, alone.of[key].error)
    assert (of.queries, of.of[key].queries) == (3, 3)
    assert (of.baseline, of.unordered, of.margin) == (alone.baseline, alone.unordered, alone.margin)
    assert measured([peace, *filtered]) is None, "one query"


def test_each_is_held_against_the_best():
    """Both arms make the best page, c and e or a; bm25 alone never brings e, which was clicked for two of three."""
    queries = known(search(), search("peace"), search("hope", clicked=("a",)))
    gains = measured(queries, scorer=lambda union: np.where(np.isfinite(union.places), union.attractions, 0.0))
    best, bm25 = gains.of[gains.against], gains.of[expert_key({"bm25": 2})]
    assert (best.behind_best, best.behind_best_error) == (0.0, 0.0)
    worth = [dict(zip("acbedf", query.attractions.tolist(), strict=True)) for query in queries]
    pages = [sorted(of.values(), reverse=True)[:2] for of in worth]
    behind = [
        sum(np.multiply(two, (1.0, 0.5))) - max(of["a"], of["b"]) - 0.5 * min(of["a"], of["b"])
        for two, of in zip(pages, worth, strict=True)
    ]
    assert bm25.behind_best == pytest.approx(np.mean(behind))
    assert bm25.behind_best_error == pytest.approx(np.std(behind, ddof=1) / np.sqrt(3))


def test_each_is_held_against_the_baselines_candidates_in_the_models_order():
    """The model puts first what is clicked, the union what both arms found."""
    queries = known(search(), search("peace"), search("hope", clicked=("a",)))
    gains = measured(queries, scorer=lambda union: np.where(np.isfinite(union.places), union.attractions, 0.0))
    baseline, bm25 = gains.of[gains.against], gains.of[expert_key({"bm25": 2})]
    assert (baseline.behind_model, baseline.behind_model_error) == (0.0, 0.0)
    assert baseline.clicks > 0
    assert bm25.behind_model == pytest.approx(baseline.clicks - bm25.clicks) == pytest.approx(bm25.behind_best)
    assert bm25.behind_model_error == pytest.approx(bm25.behind_best_error)
    unranked = measured(queries).of[expert_key({"bm25": 2})]
    assert unranked.behind_model == pytest.approx(-unranked.clicks)


def test_a_baseline_that_no_policy_may_draw_is_held_against_too():
    """Both always run, and the baseline asks bm25 alone."""
    actions = action_set(baseline={"bm25": 2}, bm25=(2, 4), dense=(2, 4))
    gains = allocation_gains(known(search(), search("peace")), SCHEMA, actions, FUSION, MODEL, page=2)
    assert gains.against not in gains.of
    assert all(of.behind_model == pytest.approx(-of.clicks) for of in gains.of.values())


def test_the_best_is_one_allocation_and_not_the_best_page_of_each_query():
    """Of love bm25 alone brings what is clicked, of peace dense alone: each is best for one, none for both."""
    queries = known(search(clicked=("b",)), search("peace", clicked=("e",)))
    gains = measured(queries)
    most = max(of.clicks for of in gains.of.values())
    assert all(of.behind_best == pytest.approx(most - of.clicks) for of in gains.of.values())
    assert gain(gains, bm25=2) != gain(gains, dense=2)


def test_random_order_is_worth_what_the_candidates_are_in_the_mean():
    """Two places of which the second is looked at half as often; a query with a single candidate has the first only."""
    queries = known(search(), search("peace"))
    assert measured(queries).unordered == pytest.approx(1.5 * np.mean(queries[0].attractions))
    deeper = type(ACTIONS)(ACTIONS.arms, ACTIONS.budget, {"bm25": 2})
    of_baseline = allocation_gains(queries, SCHEMA, deeper, FUSION, MODEL, page=2)
    worth = dict(zip([each.object_id for each in search().impressions], queries[0].attractions, strict=True))
    assert of_baseline.unordered == pytest.approx(1.5 * np.mean([worth["a"], worth["b"]])), "not of what others bring"
    alone = replace(
        queries[0],
        features=queries[0].features[:1],
        places=queries[0].places[:1],
        attractions=queries[0].attractions[:1],
        clicks=queries[0].clicks[:1],
        looks=queries[0].looks[:1],
        attractions_elsewhere=queries[0].attractions_elsewhere[:1],
        grades=queries[0].grades[:1],
        shown=queries[0].shown[:1],
    )
    assert measured([alone, replace(alone, query_key="another")]).unordered == pytest.approx(queries[0].attractions[0])


def test_of_many_queries_some_are_drawn(monkeypatch):
    queries = known(*(search(f"song {number}") for number in range(30)))
    monkeypatch.setattr(module, "MOST_QUERIES", 12)
    assert measured(queries).queries == 12
    assert measured(queries, seed=3) == measured(queries, seed=3)


def test_costs_are_those_of_the_allocations():
    actions = action_set(bm25=(0, 2), dense=(0, 2))
    priced = type(actions)(
        tuple(type(arm)(arm.name, arm.kind, arm.levels, 0.03, 0.001) for arm in actions.arms),
        actions.budget,
        actions.baseline,
    )
    gains = allocation_gains(known(search(), search("peace")), SCHEMA, priced, FUSION, MODEL, page=2)
    assert gains.baseline_cost == pytest.approx(2 * 0.032)
    assert gains.of[expert_key({"bm25": 2})].saved == pytest.approx(0.032)


def test_only_queries_whose_baseline_is_known_are_measured():
    """Of love bm25 alone was ever asked, so that its baseline's page is not known; peace and hope are left."""
    asked = search(found={"bm25": FOUND["bm25"]}, clicked=("a",))
    bm25 = replace(asked, reports=tuple(each for each in asked.reports if each.arm == "bm25"))
    queries = known(bm25, search("peace"), search("hope"))
    assert measured(queries).queries == 2
    assert measured(queries, min_queries=3) is None
    assert measured(known(bm25, search("peace"))) is None


def test_an_arm_that_failed_is_not_known():
    failed = search("peace")
    reports = tuple(replace(each, error="timeout") if each.arm == "dense" else each for each in failed.reports)
    queries = known(search(), search("hope"), replace(failed, reports=reports))
    assert [query.drawn for query in queries][2] == {"bm25": 4}
    assert measured(queries).queries == 2


def test_where_nothing_is_expected_of_the_baseline_nothing_is_measured():
    """No arm's part in the union is known: its page would be empty, and any other as good."""
    assert allocation_gains(known(search(), search("peace")), SCHEMA, ACTIONS, {}, MODEL) is None


class TestQueriesThatWereSearchedBefore:
    """
    Each search is made twice, so that those that make a page and those that judge it tell the same. What is clicked is
    e, which dense alone finds, unless a test says otherwise; by bm25 alone a, b, c, d are found.
    """

    ACTIONS = action_set(bm25=(0, 2, 4), dense=(0, 2, 4), memory=(0, 1, 2), baseline={"bm25": 4, "dense": 4})
    PRIOR = PlacePrior((0.4, 0.2, 0.1), 1.0)
    PAGE = replace(MODEL, ordering=PRIOR)

    def measured(self, *searches, actions=ACTIONS, **changes):
        twice = [each for each in searches for _ in range(2)]
        return allocation_gains(known(*twice), SCHEMA, actions, FUSION, self.PAGE, page=2, **changes).repeated

    def worth(self, *searches):
        (query,) = known(*[each for each in searches for _ in range(2)])
        names = [each.object_id for each in (*searches[0].impressions, *searches[0].unshown)]
        means = [
            (1.0 + clicks) / (20.0 + max(clicks, looks))
            for clicks, looks in zip(query.clicks.tolist(), query.looks.tolist(), strict=True)
        ]
        return dict(zip(names, query.attractions_elsewhere.tolist(), strict=True)), dict(zip(names, means, strict=True))

    def test_memory_brings_what_was_chosen_whatever_finds_it(self):
        """e comes onto the page of bm25 alone, first of all: two clicks in two looks at most."""
        searches = [search(), search(), search("peace"), search("peace")]
        worth, means = self.worth(*searches[:2])
        assert max(means, key=means.get) == "e"
        gains = self.measured(*searches)
        assert gains.least_searched == 4
        baseline = gains.of[expert_key({"bm25": 4, "dense": 4, "memory": 0})]
        assert (baseline.clicks, baseline.error, baseline.behind_model, baseline.behind_best) == (0.0, 0.0, 0.0, 0.0)
        of_bm25 = gains.of[expert_key({"bm25": 4, "memory": 0})]
        assert gains.baseline == pytest.approx(worth["e"] + 0.5 * worth[self.second(searches[0])])
        assert of_bm25.clicks == pytest.approx(0.5 * (worth["a"] - worth[self.second(searches[0])]))
        assert of_bm25.behind_model == pytest.approx(-of_bm25.clicks)
        without = self.measured(*searches, actions=ACTIONS).of[expert_key({"bm25": 4})]
        assert without.clicks == pytest.approx(worth["a"] + 0.5 * worth["b"] - gains.baseline)

    def second(self, searched):
        """The first of the union's order: nothing but e was clicked, and all were looked at alike but for the place."""
        return searched.impressions[0].object_id

    def test_memory_brings_as_many_as_its_deepest_level(self):
        """e was clicked twice and f once: with one place in memory f does not come to bm25's page, with two it does."""
        clicked = [search(clicked=("e", "f")), search(clicked=("e",))]
        searches = [*clicked, *[search("peace", clicked=each) for each in (("e", "f"), ("e",))]]
        one = replace(self.ACTIONS, arms=(*self.ACTIONS.arms[:2], replace(self.ACTIONS.arms[2], levels=(0, 1))))
        bm25 = expert_key({"bm25": 4, "memory": 0})
        worth, means = self.worth(*clicked)
        assert sorted(means, key=means.get)[-2:] == ["f", "e"]
        deep, shallow = (self.measured(*searches, actions=actions) for actions in (self.ACTIONS, one))
        assert deep.of[bm25].clicks == 0.0
        assert shallow.baseline == deep.baseline == pytest.approx(worth["e"] + 0.5 * worth["f"])
        assert shallow.of[bm25].clicks == pytest.approx(0.5 * (worth["a"] - worth["f"]))

    def test_what_was_passed_over_falls_below_what_nobody_has_seen(self):
        """
        Ten people saw four and clicked nothing, so the second place is d's now. Shallower searches do not find it:
        there it is that of a, first of their union, with .4 clicks in 7 looks against .2 in 13 of c, prior included.
        """
        passed = [
            search(query, clicked=(), shown=("c", "a", "b", "e")) for query in ("love", "peace") for _ in range(10)
        ]
        chosen = [search(query, shown=("c", "a", "b", "e")) for query in ("love", "love", "peace", "peace")]
        worth, _ = self.worth(*passed[:10], *chosen[:2])
        gains = self.measured(*passed, *chosen)
        assert gains.baseline == pytest.approx(worth["e"] + 0.5 * worth["d"])
        shallow = gains.of[expert_key({"bm25": 2, "dense": 2, "memory": 0})]
        assert shallow.clicks == pytest.approx(0.5 * (worth["a"] - worth["d"]))

    def test_the_margin_is_of_what_the_order_with_memory_is_worth(self):
        """More than the candidates of the baseline in random order, without what memory brings."""
        gains = self.measured(search(), search(), search("peace"), search("peace"))
        worth, _ = self.worth(search(), search())
        assert gains.unordered == pytest.approx(1.5 * np.mean(list(worth.values())))
        assert gains.margin == pytest.approx(0.03 * (gains.baseline - gains.unordered))
        assert (gains.queries, gains.against) == (2, expert_key({"bm25": 4, "dense": 4}))

    def test_the_least_searched_quarter_is_not_said_to_be_like_the_others(self):
        """Each search is made twice: once for love and peace in all, twice for hope and rain, five times for snow."""
        times = {"love": 1, "peace": 1, "hope": 2, "rain": 2, "snow": 5}
        searches = [search(query) for query, often in times.items() for _ in range(often)]
        assert self.measured(*searches).least_searched == 2
        assert (
            self.measured(*[each for each in searches if each.decision.understanding.query != "love"]).least_searched
            == 2
        )
        assert self.measured(*searches[2:]).least_searched == 4

    def test_what_has_no_room_beside_memory_is_left_out(self):
        """With a budget of eight both arms at their deepest fit in, and memory beside them does not."""
        tight = replace(self.ACTIONS, budget=8)
        gains = self.measured(search(), search(), search("peace"), search("peace"), actions=tight)
        wide = self.measured(search(), search(), search("peace"), search("peace"))
        assert set(wide.of) - set(gains.of) == {expert_key(each) for each in ({"bm25": 4, "dense": 4},)}

    def test_queries_that_never_asked_an_arm_tell_nothing_of_it(self):
        """bm25 alone was asked for two of four queries, and is the baseline; what dense adds is told by the others."""
        beside = replace(self.ACTIONS, baseline={"bm25": 4})
        of_bm25 = TestAnArmBesideTheBaseline().of_bm25
        searches = [of_bm25(query) for query in ("rain", "rain", "snow", "snow")]
        searches += [search(), search(), search("peace"), search("peace")]
        gains = self.measured(*searches, actions=beside)
        both, alone = expert_key({"bm25": 4, "dense": 4}), expert_key({"bm25": 2})
        assert (gains.of[both].queries, gains.of[alone].queries) == (2, 4)

    def test_queries_with_one_rewarded_search_do_not_tell(self):
        def measured(*searches):
            gains = allocation_gains(known(*searches), SCHEMA, self.ACTIONS, FUSION, self.PAGE, page=2)
            return gains.repeated

        assert measured(search(), search("peace")) is None
        assert measured(search(), search(), search("peace"), search("hope")) is None
        assert measured(search(), search(), search("peace"), search("peace"), search("hope")).queries == 2

    def test_what_was_clicked_is_judged_by_the_other_searches(self):
        """In every other search f is clicked, in the others e: f is put first, and is not clicked there."""
        clicked, others = (
            [search(query, clicked=("f",)), search(query, clicked=("e",))] * 3 for query in ("love", "peace")
        )
        gains = allocation_gains(known(*clicked, *others), SCHEMA, self.ACTIONS, FUSION, self.PAGE, page=2).repeated
        (query,) = known(*clicked)
        rates = self.PRIOR.expected(query.places)
        made = (rates + query.clicks) / (1.0 + np.maximum(query.clicks, query.looks))
        first, second = np.argsort(-made)[:2]
        names = [each.object_id for each in clicked[0].impressions]
        assert (names[first], query.clicks[first]) == ("f", 3.0)
        worth = query.attractions_elsewhere
        assert worth[first] < 0.1 < worth[names.index("e")]
        assert gains.baseline == pytest.approx(worth[first] + 0.5 * worth[second])

    def test_new_queries_are_measured_as_without_them(self):
        searches = [search(), search(), search("peace"), search("peace")]
        gains = allocation_gains(known(*searches), SCHEMA, self.ACTIONS, FUSION, self.PAGE, page=2)
        other = allocation_gains(known(*searches), SCHEMA, self.ACTIONS, FUSION, MODEL, page=2)
        assert replace(gains, repeated=None) == replace(other, repeated=None)


class TestAnArmBesideTheBaseline:
    """bm25 alone is today's; what dense would have brought for a query is known if some search of it asked dense."""

    ACTIONS = type(ACTIONS)(ACTIONS.arms, ACTIONS.budget, {"bm25": 4})
    BOTH = expert_key({"bm25": 4, "dense": 4})

    def of_bm25(self, query):
        asked = search(query, found={"bm25": FOUND["bm25"]}, clicked=("a",))
        return replace(asked, reports=tuple(each for each in asked.reports if each.arm == "bm25"))

    def measured(self, queries, **changes):
        return allocation_gains(queries, SCHEMA, self.ACTIONS, FUSION, MODEL, page=2, ranker=1, **changes)

    def test_may_not_be_played_before_enough_queries_tell_of_it(self):
        queries = known(*map(self.of_bm25, ("love", "peace", "hope", "rain")), search("snow"), search("sun"))
        few = self.measured(queries, min_queries=3)
        assert set(few.of) == {expert_key({"bm25": 2}), expert_key({"bm25": 4})} | {expert_key({})}
        assert not few.may_play(self.BOTH)
        assert few.queries == 6
        assert self.BOTH in self.measured(queries, min_queries=2).of

    def test_is_measured_on_the_queries_that_tell_of_it(self):
        """Not on the others, as if it had brought nothing there: it loses as much as where all tell of it."""
        telling = known(search("snow", clicked=("a",)), search("sun", clicked=("b",)), search("moon", clicked=("a",)))
        others = known(*map(self.of_bm25, ("love", "peace", "hope", "rain")))
        of, alone = (self.measured(queries).of[self.BOTH] for queries in ([*others, *telling], telling))
        assert of.queries == alone.queries == 3
        assert of.clicks == pytest.approx(alone.clicks)
        assert of.error == pytest.approx(alone.error)
        assert of.behind_model == pytest.approx(alone.behind_model)
        assert of.clicks < 0 < of.error

    def test_of_many_queries_those_that_tell_of_it_are_among_the_drawn(self, monkeypatch):
        monkeypatch.setattr(module, "MOST_QUERIES", 12)
        telling = known(*(search(f"song {number}") for number in range(6)))
        others = known(*(self.of_bm25(f"album {number}") for number in range(200)))
        gains = self.measured([*others[:100], *telling, *others[100:]], min_queries=6)
        assert gains.queries == 12
        assert gains.of[self.BOTH].queries == 6

    def test_others_are_held_against_it_where_both_are_known(self):
        telling = known(search("snow"), search("sun"))
        gains = self.measured([*known(self.of_bm25("love"), self.of_bm25("peace")), *telling])
        best = max(gains.of, key=lambda key: gains.of[key].clicks)
        assert "dense" in best
        alone = self.measured(telling)
        bm25 = expert_key({"bm25": 4})
        assert gains.of[bm25].behind_best == pytest.approx(alone.of[best].clicks - alone.of[bm25].clicks)

    def test_nothing_is_shown_to_be_behind_the_best_where_hardly_any_query_tells_of_both(self):
        """The best is known of two queries, and an allocation with a third arm of two others."""
        actions = type(ACTIONS)((*ACTIONS.arms, action_set(trigrams=(0, 4)).arms[0]), ACTIONS.budget + 4, {"bm25": 4})
        queries = known(search("snow"), search("sun"))
        both, apart = expert_key({"bm25": 4, "dense": 4}), expert_key({"bm25": 4, "trigrams": 4})
        others = [
            replace(each, drawn={"bm25": 4, "trigrams": 4})
            for each in known(self.of_bm25("love"), self.of_bm25("rain"))
        ]
        gains = allocation_gains([*queries, *others], SCHEMA, actions, FUSION, MODEL, page=2, ranker=1)
        assert gains.of[both].clicks > gains.of[apart].clicks
        assert (gains.of[apart].behind_best, gains.of[apart].behind_best_error) == (0.0, 0.0)
