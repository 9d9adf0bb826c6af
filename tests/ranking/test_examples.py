from dataclasses import replace

import numpy as np
import pytest

from ltrr_haystack.ranking.examples import Example, example_of, fold_of, newest_of_each, stacked
from ltrr_haystack.types import Provenance


def page(query_key, rewards=(1.0, 0.0), **changes):
    """A page of as many documents as there are rewards; each document's features are its row's number."""
    rows = len(rewards)
    fields = {
        "query_key": query_key,
        "features": np.repeat(np.arange(float(rows))[:, None], 3, axis=1),
        "places": np.arange(1, rows + 1, dtype=np.int32),
        "rewards": np.array(rewards),
        "shown": np.ones(rows, dtype=bool),
    }
    return Example(**{**fields, **changes})


class TestExampleOf:
    @pytest.fixture
    def settled(self, world):
        (visit,) = world.visits(1, seed=1, explored=False)
        return replace(visit, clicked=("d0",)).settled()

    def test_takes_rewards_clipped_to_what_counts_and_none_for_what_was_not_shown(self, settled, searched):
        example = example_of(replace(settled, rewards={"d0": -2.0, "d1": 3.0, "d4": 250.0}), searched)
        assert example.rewards.tolist() == [0, 3, 0, 0, 5, 0, 0, 0, 0, 0] + [0] * 6
        assert example.shown.tolist() == [True] * 10 + [False] * 6
        assert example.places.tolist() == list(range(1, 17))
        assert example.query_key == "query 0"

    def test_features_are_those_that_were_logged_of_what_was_shown_and_what_was_not(self, settled, searched):
        logged = [each.features for each in (*settled.impressions, *settled.unshown)]
        np.testing.assert_array_equal(example_of(settled, searched).features, searched.matrix(logged))

    def test_what_only_a_memory_brought_goes(self, settled, searched):
        brought = {"recall": Provenance(1, 0.9, 1.0)}
        first, second, *others = settled.impressions
        *some, last = settled.unshown
        changed = replace(
            settled,
            impressions=(first, replace(second, arms=brought), *others),
            unshown=(*some, replace(last, arms={**brought, **last.arms})),
        )
        example = example_of(changed, searched)
        assert example.places.tolist() == [1, *range(3, 17)]
        assert example.shown.sum() == 9

    def test_it_is_the_page_of_the_same_search_without_memory(self, world, searched):
        """The same draws with and without memory: fourteen documents, at the same places and with the same features."""
        (known,) = world.visits(1, seed=1, known=1, explored=False)
        example = example_of(replace(known, clicked=("d0",)).settled(), searched)
        assert sorted(example.places) == list(range(1, 15))
        (unknown,) = world.visits(1, seed=1, explored=False)
        other = example_of(replace(unknown, clicked=("d0",)).settled(), searched)
        column = searched.columns["arm.bm25.reciprocal_rank"]
        by_place = np.argsort(example.places)
        np.testing.assert_array_equal(example.features[by_place, column], other.features[:14, column])

    def test_says_why_a_page_is_left_out(self, settled, searched):
        brought = {"recall": Provenance(1, 0.9, 1.0)}
        remembered = tuple(replace(each, arms=brought) for each in settled.impressions[1:])
        older = {name: value for name, value in settled.impressions[0].features.items() if name != "place.searched"}
        of = {
            "no reward": replace(settled, rewards={}),
            "no features logged": replace(
                settled, impressions=tuple(replace(each, features={}) for each in settled.impressions)
            ),
            "less than two documents without memory": replace(
                settled, impressions=(settled.impressions[0], *remembered), unshown=()
            ),
            "logged by an earlier version, without the place in the union": replace(
                settled, impressions=(replace(settled.impressions[0], features=older), *settled.impressions[1:])
            ),
        }
        assert {reason: example_of(changed, searched) for reason, changed in of.items()} == {each: each for each in of}

    def test_one_document_that_was_shown_and_one_that_was_not_are_enough(self, settled, searched):
        small = replace(settled, impressions=settled.impressions[:1], unshown=settled.unshown[:1])
        assert example_of(small, searched).rewards.tolist() == [1.0, 0.0]


class TestNewestOfEach:
    def test_takes_the_newest_of_a_query_in_the_order_of_the_log(self):
        pages = [page(key, places=np.array([number, 1])) for number, key in enumerate("aababb")]
        assert [example.places[0] for example in newest_of_each(pages, 2)] == [1, 3, 4, 5]


class TestFoldOf:
    KEYS = tuple(f"query {number}" for number in range(100))

    def test_parts_queries_about_evenly(self):
        counts = np.bincount([fold_of(key, 4, seed=0) for key in self.KEYS])
        # 100 queries in 4 parts: 25 in each, give or take three times 4.3
        assert len(counts) == 4
        assert all(12 <= count <= 38 for count in counts)

    def test_another_seed_parts_them_otherwise(self):
        first, again, other = ([fold_of(key, 4, seed) for key in self.KEYS] for seed in (0, 0, 1))
        assert first == again
        assert first != other


class TestStacked:
    def test_puts_pages_of_any_length_under_each_other(self):
        rows = stacked([page("a", (1.0, 0.0)), page("b", (0.0, 0.0, 3.0), shown=np.array([True, False, False]))])
        assert rows.features[:, 0].tolist() == [0, 1, 0, 1, 2]
        assert rows.rewards.tolist() == [1, 0, 0, 0, 3]
        assert rows.places.tolist() == [1, 2, 1, 2, 3]
        assert rows.shown.tolist() == [True, True, True, False, False]
        assert rows.groups.tolist() == [2, 3]
