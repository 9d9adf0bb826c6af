from dataclasses import replace
from random import Random

import numpy as np
import pytest

from ltrr_haystack.learning import Learner
from ltrr_haystack.memory.index import Remembered
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.examples import Example, example_of, folded, read_examples, stacked, without_memory
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.store import EventRecord

ALL = 1_000_000


def key_of(visit):
    return visit.ranking.decision.understanding.normal_form


def one_clients(visit):
    """The same visit, made by a user who makes them all."""
    ranking = visit.ranking
    return replace(visit, ranking=replace(ranking, decision=replace(ranking.decision, user_id="u")))


def page(query_key, rewards=(1.0, 0.0), **changes):
    """A page of as many documents as there are rewards; each document's features are its row's number."""
    rows = len(rewards)
    fields = {
        "query_key": query_key,
        "has_memory": False,
        "features": np.repeat(np.arange(float(rows))[:, None], 3, axis=1),
        "rewards": np.array(rewards),
        "ordinals": np.arange(1, rows + 1, dtype=np.int32),
    }
    return Example(**{**fields, **changes})


class TestExampleOf:
    def test_takes_rewards_by_position_clipped_to_what_counts(self, world, schema):
        (visit,) = world.visits(1, seed=1)
        settled = replace(visit.settled(1), rewards={"d0": -2.0, "d1": 3.0, "d4": 250.0})
        example = example_of(settled, schema)
        assert example.rewards.tolist() == [0, 3, 0, 0, 5, 0, 0, 0, 0, 0]
        assert example.ordinals.tolist() == list(range(1, 11))
        assert example.query_key == "query 0"

    def test_a_query_is_remembered_where_memory_knows_one_document_shown(self, world, schema):
        (visit,) = world.visits(1, seed=1)
        union = world.union_of("q", set(), Random(0))
        entries = {name: Remembered(name, "sad songs", 0.0, 1.0, 0.1) for name in ("d9", "elsewhere")}
        for known, remembered in {"d9": True, "elsewhere": False}.items():
            ranking = world.shown(union, {known: entries[known]})
            assert example_of(replace(visit, ranking=ranking).settled(1), schema).has_memory is remembered


class TestReadExamples:
    def test_reads_the_rewarded_decisions_and_says_what_it_left_out(self, world, schema, store):
        visits = world.visits(60, seed=4, known=20)
        world.record(store, visits)
        log = read_examples(store, max_decisions=1000, max_per_query=ALL)
        clicked = [visit for visit in visits if visit.clicked]
        assert log.decisions == 60
        assert len(log.examples) == len(clicked)
        assert log.left_out == {"no reward": 60 - len(clicked)}
        for example, visit in zip(log.examples, clicked, strict=True):
            np.testing.assert_array_equal(example.features, schema.matrix(visit.ranking.features))
            assert example.rewards.sum() == len(visit.clicked)

    def test_names_the_features_of_the_newest_decisions_pipeline(self, world, schema, searched, store):
        world.record(store, world.visits(3, seed=4))
        log = read_examples(store, max_decisions=1000, max_per_query=ALL)
        assert (log.schema, log.searched) == (schema, searched)

    def test_an_empty_log_has_no_arms_and_no_examples(self, store):
        log = read_examples(store, max_decisions=1000, max_per_query=ALL)
        assert (log.schema, log.decisions, log.examples) == (FeatureSchema.of_arms(()), 0, ())

    def test_goes_back_no_further_than_told(self, world, store):
        world.record(store, world.visits(60, seed=4))
        assert read_examples(store, max_decisions=25, max_per_query=ALL).decisions == 25

    def test_takes_the_newest_of_a_query_in_the_order_of_the_log(self, world, schema, store):
        visits = world.visits(200, seed=4, queries=4)
        world.record(store, visits)
        log = read_examples(store, max_decisions=1000, max_per_query=5)
        clicked = [visit for visit in visits if visit.clicked]
        by_query = [[visit for visit in clicked if key_of(visit) == f"query {number}"] for number in range(4)]
        newest = [visit for visit in clicked if any(visit in of_query[-5:] for of_query in by_query)]
        assert len(log.examples) == len(newest) == 20
        assert len(clicked) > 40
        for example, visit in zip(log.examples, newest, strict=True):
            np.testing.assert_array_equal(example.features, schema.matrix(visit.ranking.features))
        assert log.left_out["older than the newest 5 of its query"] == len(clicked) - 20

    def test_the_searches_of_a_query_are_shared_out_among_its_examples(self, world, store):
        visits = world.visits(200, seed=4, queries=4, known=1)
        world.record(store, visits)
        for most in (ALL, 5):
            for example in read_examples(store, max_decisions=1000, max_per_query=most).examples:
                clicked = [visit for visit in visits if key_of(visit) == example.query_key and visit.clicked]
                assert example.searches == pytest.approx(50 / len(clicked))

    def test_a_query_that_came_to_be_remembered_is_counted_before_and_after(self, world, store):
        before, after = world.visits(40, seed=4, queries=1), world.visits(60, seed=5, queries=1, known=1)
        world.record(store, [*before, *after])
        log = read_examples(store, max_decisions=1000, max_per_query=ALL)
        found = {
            remembered: sum(example.searches for example in log.examples if example.has_memory is remembered)
            for remembered in (False, True)
        }
        assert found == {False: pytest.approx(40), True: pytest.approx(60)}

    def test_decisions_that_no_learner_has_been_through_are_not_read(self, world, store):
        for visit in world.visits(5, seed=4):
            store.record_search(visit.ranking)
        assert read_examples(store, max_decisions=1000, max_per_query=ALL).decisions == 0
        store.settle(before=1_800_000_000.0)
        assert read_examples(store, max_decisions=1000, max_per_query=ALL).decisions == 0

    def test_what_is_beyond_a_clients_share_is_not_read(self, world, store):
        """Of one client five searches count, and three clicks for one query."""
        visits = [one_clients(visit) for visit in world.visits(30, seed=4, queries=30)]
        clicks = [f"d{row}" for row in range(5)]
        world.record(store, [replace(visit, clicked=clicks) for visit in visits])
        log = read_examples(store, max_decisions=1000, max_per_query=ALL)
        assert log.left_out == {"beyond their client's share": 25}
        assert [example.rewards.sum() for example in log.examples] == [3.0] * 5

    def test_of_what_came_late_only_what_counts_is_read(self, world, store):
        (visit,) = world.visits(1, seed=4)
        world.record(store, [replace(visit, clicked=("d0",))])
        query_id = visit.ranking.decision.query_id
        store.record_events(
            [
                EventRecord(f"late {number}", query_id, "d1", "purchase", 1_700_000_002.0, 1_800_000_000.0, 2.0)
                for number in range(3)
            ]
        )

        def rewards():
            (example,) = read_examples(store, max_decisions=1000, max_per_query=ALL).examples
            return sorted(example.rewards[example.rewards > 0])

        assert rewards() == [1.0]
        Learner(store, StaticPolicy(), reward_wait=0.0).run_once(now=1_900_000_000.0)
        assert rewards() == [1.0, 3.0]


class TestAsIfNew:
    SCHEMA = FeatureSchema.of_arms(("bm25", "recall"))
    SEARCHED = SCHEMA.without_memory(("recall",))

    def new(self, rewards, scores):
        """A page that memory knows, by the union's score without memory of each document."""
        features = np.arange(float(len(scores) * len(self.SCHEMA.names))).reshape(len(scores), -1)
        features[:, self.SCHEMA.columns["fused.searched"]] = scores
        example = page("q", rewards, features=features, has_memory=True)
        return features, list(without_memory([example], self.SCHEMA, self.SEARCHED))

    def test_what_only_a_memory_brought_goes_and_the_others_keep_their_place_on_the_page(self):
        features, (example,) = self.new((0.0, 2.0, 5.0, 1.0), (0.03, 0.02, 0.0, 0.01))
        assert example.rewards.tolist() == [0.0, 2.0, 1.0]
        assert example.ordinals.tolist() == [1, 2, 4]
        assert not example.has_memory
        assert example.query_key == "q"
        kept = [self.SCHEMA.names.index(name) for name in self.SEARCHED.names]
        np.testing.assert_array_equal(example.features, features[[0, 1, 3]][:, kept])

    def test_a_page_of_an_older_log_that_does_not_know_what_was_searched_goes(self):
        assert self.new((1.0, 0.0), (np.nan, np.nan))[1] == []

    def test_a_page_on_which_only_what_memory_brought_was_rewarded_goes(self):
        assert self.new((0.0, 2.0, 0.0), (0.03, 0.0, 0.01))[1] == []

    def test_the_searches_of_a_page_that_goes_fall_to_the_others_of_its_query(self):
        gone, stays = ((0.0, 2.0), (0.03, 0.0)), ((1.0, 0.0), (0.03, 0.02))
        pages = []
        for rewards, scores in (gone, stays, stays):
            features = np.zeros((2, len(self.SCHEMA.names)))
            features[:, self.SCHEMA.columns["fused.searched"]] = scores
            pages.append(page("q", rewards, features=features, searches=2.0))
        assert [example.searches for example in without_memory(pages, self.SCHEMA, self.SEARCHED)] == [3.0, 3.0]

    def test_a_page_with_a_single_document_left_goes(self):
        assert self.new((1.0, 0.0), (0.03, 0.0))[1] == []

    def test_it_is_the_page_of_the_same_search_without_memory(self, world, schema, searched):
        """The same draws with and without memory: eight documents, and what the eight are like."""
        (known,) = without_memory([self.planted(world, schema, known=True)], schema, searched)
        unknown = self.planted(world, schema, known=False)
        columns = [schema.columns[name] for name in searched.names]
        (again,) = without_memory([unknown], schema, searched)
        np.testing.assert_array_equal(again.features, unknown.features[:, columns])
        assert known.features.shape == (8, len(searched.names))
        np.testing.assert_array_equal(
            known.features[:, searched.columns["arm.bm25.reciprocal_rank"]],
            unknown.features[:8, schema.columns["arm.bm25.reciprocal_rank"]],
        )

    @staticmethod
    def planted(world, schema, *, known):
        (visit,) = world.visits(1, seed=1, known=known)
        return example_of(replace(visit, clicked=("d0",)).settled(1), schema)


class TestFolded:
    PAGES = tuple(page(f"query {number % 100}") for number in range(400))

    def test_every_page_is_in_one_part_and_no_query_in_two(self):
        parts = folded(self.PAGES, 4, seed=0)
        assert sorted(place for part in parts for place in part) == list(range(400))
        keys = [{self.PAGES[place].query_key for place in part} for part in parts]
        assert sum(map(len, keys)) == 100
        # 100 queries in 4 parts: 25 in each, give or take three times 4.3
        assert all(12 <= len(part) <= 38 for part in keys)

    def test_another_seed_parts_them_otherwise(self):
        first, again, other = (folded(self.PAGES, 4, seed) for seed in (0, 0, 1))
        assert first == again
        assert first != other

    def test_where_a_query_goes_does_not_depend_on_the_others(self):
        of_all, of_some = folded(self.PAGES, 4, seed=0), folded(self.PAGES[:7], 4, seed=0)
        assert [[place for place in part if place < 7] for part in of_all] == of_some


class TestStacked:
    def test_puts_pages_of_any_length_under_each_other(self):
        features, rewards, ordinals, groups = stacked([page("a", (1.0, 0.0)), page("b", (0.0, 0.0, 3.0))])
        assert features[:, 0].tolist() == [0, 1, 0, 1, 2]
        assert rewards.tolist() == [1, 0, 0, 0, 3]
        assert ordinals.tolist() == [1, 2, 1, 2, 3]
        assert groups.tolist() == [2, 3]
