import numpy as np
import pytest

from ltrr_haystack.ranking.examples import example_of, newest_schema, read_examples, split
from ltrr_haystack.ranking.features import FeatureSchema


class TestExampleOf:
    def test_takes_rewards_by_position_clipped_to_what_counts(self, world, schema):
        (visit,) = world.visits(1, seed=1)
        settled = visit.settled(1)
        rewarded = type(settled)(1, settled.decision, settled.impressions, {"d0": -2.0, "d1": 3.0, "d4": 250.0})
        example = example_of(rewarded, schema)
        assert example.rewards.tolist() == [0, 3, 0, 0, 5, 0, 0, 0, 0, 0]
        assert example.ordinals.tolist() == list(range(1, 11))
        assert example.session == "sq1-0"


class TestReadExamples:
    def test_reads_the_rewarded_decisions_and_says_what_it_left_out(self, world, schema, store):
        visits = world.visits(60, seed=4)
        world.record(store, visits)
        log = read_examples(store, schema, max_decisions=1000)
        clicked = [visit for visit in visits if visit.clicked]
        assert log.decisions == 60
        assert len(log.examples) == len(clicked)
        assert log.left_out == {"no reward": 60 - len(clicked)}
        for example, visit in zip(log.examples, clicked, strict=True):
            np.testing.assert_array_equal(example.features, schema.matrix(visit.ranking.features))
            assert example.rewards.sum() == len(visit.clicked)

    def test_goes_back_no_further_than_told(self, world, schema, store):
        world.record(store, world.visits(60, seed=4))
        assert read_examples(store, schema, max_decisions=25).decisions == 25

    def test_decisions_in_their_reward_wait_are_not_read(self, world, schema, store):
        for visit in world.visits(5, seed=4):
            store.record_search(visit.ranking)
        assert read_examples(store, schema, max_decisions=1000).decisions == 0


class TestNewestSchema:
    def test_is_of_the_arms_of_the_newest_decision(self, world, store):
        world.record(store, world.visits(3, seed=4))
        assert newest_schema(store) == FeatureSchema.of_arms(("bm25", "dense"))

    def test_an_empty_log_has_none(self, store):
        assert newest_schema(store) is None


class TestSplit:
    def test_parts_whole_sessions_in_the_share_asked_for(self, examples):
        pages = examples(1000, seed=1)
        training, held_out = split(pages, 0.25, seed=0)
        assert not {page.session for page in training} & {page.session for page in held_out}
        assert len(training) + len(held_out) == len(pages)
        assert len(held_out) / len(pages) == pytest.approx(0.25, abs=0.05)

    def test_another_seed_holds_out_others(self, examples):
        pages = examples(200, seed=1)
        first, again, other = ({page.session for page in split(pages, 0.25, seed)[1]} for seed in (0, 0, 1))
        assert first == again
        assert first != other
