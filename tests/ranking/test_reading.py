from dataclasses import replace

import numpy as np

from ltrr_haystack.learning import Learner
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.click_prior import ClickCounter
from ltrr_haystack.ranking.judged_queries import cautious
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import PlacePrior
from ltrr_haystack.ranking.reading import read_ranker_log
from ltrr_haystack.store import EventRecord, read_log


def read(store, max_decisions=1000, before=0):
    return read_ranker_log(store, max_decisions, PageModel(), before)


def key_of(visit):
    return visit.ranking.decision.understanding.normal_form


def one_clients(visit):
    """The same visit, made by a user who makes them all."""
    ranking = visit.ranking
    return replace(visit, ranking=replace(ranking, decision=replace(ranking.decision, user_id="u")))


class TestReadRankerLog:
    def test_reads_all_that_was_learned_from(self, world, store):
        visits = world.visits(60, seed=4)
        world.record(store, visits)
        log = read(store)
        assert (log.decisions, log.until, log.left_out) == (60, 60, {})
        assert log.rewarded == sum(bool(visit.clicked) for visit in visits)
        assert log.newest.decision.query_id == visits[-1].ranking.decision.query_id
        assert log.fusion == {"bm25": (1.0, 60.0), "dense": (0.0, 60.0), "recall": (1.0, 60.0)}

    def test_gives_what_was_known_when_an_earlier_decision_was_the_newest(self, world, store):
        visits = world.visits(60, seed=4, queries=7)
        world.record(store, visits[:40])
        earlier = read(store)
        world.record(store, visits[40:])
        log = read(store, before=earlier.until)
        assert [query.query_key for query in log.before] == [query.query_key for query in earlier.judged]
        for then, now in zip(log.before, earlier.judged, strict=True):
            np.testing.assert_array_equal(then.grades, now.grades)
        assert sum(query.grades.sum() for query in log.judged) != sum(query.grades.sum() for query in log.before)
        assert read(store).before == ()
        newest = read(store, before=60)
        assert newest.before is newest.judged

    def test_says_why_nothing_can_be_learned_from_a_decision(self, world, store):
        """Pages without features, of one document, and of a version that did not log places."""
        bare, small, older = world.visits(3, seed=4, queries=3)
        no_features = replace(bare.ranking, features=({},) * 10, unshown=(), unshown_features=())
        one = replace(
            small.ranking,
            candidates=small.ranking.candidates[:1],
            features=small.ranking.features[:1],
            unshown=(),
            unshown_features=(),
            propensities=(),
        )
        without = tuple({"arms": 1.0} for _ in older.ranking.features)
        placeless = replace(older.ranking, features=without, unshown=(), unshown_features=())
        world.record(
            store,
            [
                replace(visit, ranking=ranking, clicked=())
                for visit, ranking in ((bare, no_features), (small, one), (older, placeless))
            ],
        )
        assert read(store).left_out == {
            "no features logged": 1,
            "less than two documents without memory": 1,
            "logged by an earlier version, without the place in the union": 1,
        }

    def test_the_columns_are_those_of_the_newest_decisions_pipeline_without_memory(self, world, searched, store):
        world.record(store, world.visits(3, seed=4))
        assert read(store).schema == searched

    def test_an_empty_log_tells_nothing(self, store):
        log = read(store)
        assert (log.schema.names, log.until, log.decisions, log.judged, log.newest) == ((), 0, 0, (), None)

    def test_goes_back_no_further_than_told(self, world, store):
        world.record(store, world.visits(60, seed=4))
        log = read(store, max_decisions=25)
        assert (log.decisions, log.until) == (25, 60)

    def test_decisions_that_no_learner_has_been_through_are_not_read(self, world, store):
        for visit in world.visits(5, seed=4):
            store.record_search(visit.ranking)
        assert read(store).decisions == 0
        store.settle(before=1_800_000_000.0)
        assert read(store).decisions == 0

    def test_what_is_beyond_a_clients_share_is_neither_learned_from_nor_judged_on(self, world, store):
        """Of one client five searches count, and three clicks for one query."""
        visits = [one_clients(visit) for visit in world.visits(30, seed=4, queries=30)]
        shown = [visit.ranking.candidates[3:8] for visit in visits]
        clicked = [tuple(each.object_id for each in documents) for documents in shown]
        world.record(store, [replace(visit, clicked=of) for visit, of in zip(visits, clicked, strict=True)])
        log = read(store)
        assert log.left_out == {"beyond their client's share": 25}
        assert (log.rewarded, len(log.judged)) == (5, 5)
        of_five = ClickCounter(PageModel(), newest=0.0)
        for settled in read_log(store, store.watermark().learned, learned=True):
            if settled.counted:
                of_five.add(settled)
        assert log.clicks.documents.keys() == of_five.prior().documents.keys()
        for query in log.judged:
            assert np.count_nonzero(query.grades) == 3
            unseen = cautious(PageModel()).calibrated.expected(query.places)
            assert np.count_nonzero(query.attractions > unseen + 1e-9) == 3

    def test_of_what_came_late_only_what_counts_is_read(self, world, store):
        (visit,) = world.visits(1, seed=4, explored=False)
        world.record(store, [replace(visit, clicked=("d0",))])
        query_id = visit.ranking.decision.query_id
        store.record_events(
            [
                EventRecord(f"late {number}", query_id, "d1", "purchase", 1_700_000_002.0, 1_800_000_000.0, 2.0)
                for number in range(3)
            ]
        )

        def chosen():
            (query,) = read(store).judged
            return query.places[query.grades > 0].tolist()

        assert chosen() == [1]
        Learner(store, StaticPolicy(), reward_wait=0.0).run_once(now=1_900_000_000.0)
        assert chosen() == [1, 2]

    def test_expected_clicks_and_what_documents_are_worth_are_told_by_the_calibrated_prior(self, world, store):
        """The prior that orders pages is no forecast, so it makes no difference here."""
        world.record(store, world.visits(60, seed=4, queries=7))

        def told(**priors):
            log = read_ranker_log(store, 1000, PageModel(**priors))
            expected = [each.expected for _, each in sorted(log.clicks.documents.items())]
            return [*expected, *[value for query in log.judged for value in (*query.attractions, *query.grades)]]

        assert told(ordering=PlacePrior((0.9,), 80.0)) == told()
        assert told(calibrated=PlacePrior((0.9,), 80.0)) != told()
        assert sum(told(calibrated=PlacePrior((0.9,)))) > sum(told())


class TestJudged:
    def test_every_query_that_was_clicked_is_judged_on_once(self, world, store):
        visits = world.visits(60, seed=4, queries=7)
        world.record(store, visits)
        judged = read(store).judged
        assert {query.query_key for query in judged} == {key_of(visit) for visit in visits if visit.clicked}
        assert len(judged) == 7

    def test_all_candidates_are_judged_shown_or_not(self, world, searched, store):
        world.record(store, world.visits(60, seed=4, queries=7))
        for query in read(store).judged:
            assert sorted(query.places) == list(range(1, 17))
            assert query.features.shape == (16, len(searched.names))

    def test_pages_in_a_fixed_order_are_judged_on_too(self, world, store):
        world.record(store, world.visits(60, seed=4, explored=False))
        log = read(store)
        assert len(log.judged) > 20
