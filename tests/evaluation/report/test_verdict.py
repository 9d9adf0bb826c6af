from dataclasses import replace
from itertools import count

import pytest

from factories import record
from ltrr_haystack import Learner, VWPolicy
from ltrr_haystack.evaluation.report.reading import Reading, judged_up_to
from ltrr_haystack.evaluation.report.tiles import tiles
from ltrr_haystack.evaluation.report.verdict import verdict
from ltrr_haystack.store import read_log

BOTH, ONLY_BM25 = {"bm25": 10, "memory": 10}, {"bm25": 10, "memory": 0}


@pytest.fixture
def searched(log):
    """Forty queries, each searched as the baseline has it and with bm25 alone; the second earns what is asked for."""

    def reading(baseline, other, **changes):
        made = []
        for number in range(40):
            for which, (allocation, reward) in enumerate(((BOTH, baseline), (ONLY_BM25, other))):
                earned = reward(number) if callable(reward) else reward
                rewards = {"a": earned} if earned else {}
                values = {"query": f"query {number}", "allocation": allocation, **changes}
                made.append(log.settled(2 * number + which + 1, rewards, **values))
        return Reading.of(made)

    return reading


def test_without_searches_it_says_what_is_missing():
    said, following = verdict(Reading.of([]))
    assert said == "Nothing is known yet: no search has settled."
    assert "/feedback/run" in following


def test_a_policy_that_earns_more_is_worth_more_with_its_interval_and_what_it_saves(searched):
    """
    Where the baseline was played, half of the searches count for either side. The policy has .5 · 40 of 1 · 1.25 weight
    and 40 of weight 1.25 with 2: (20 · 1 + 40 · 2) / 60 = 1.667, against the baseline's 1. Of 40 candidates 30 remain.
    """
    said, following = verdict(searched(1.0, 2.0))
    assert said.startswith(
        "The policy is worth more than the baseline: 0.667 reward a search, 67 % more (95 % interval "
    )
    assert "Compared were 60 live searches and 20 of the baseline, apart by chance." in said
    assert said.endswith("All searches together asked for 25 % fewer candidates than the baseline does.")
    assert following.startswith("Keep it live.")


def test_a_policy_that_earns_less_is_to_be_taken_back(searched):
    said, following = verdict(searched(2.0, 0.0))
    assert said.startswith("The policy is worth less than the baseline: 1.333 reward a search, 67 % less")
    assert "ltrr activate" in following


def test_what_the_interval_leaves_open_is_left_open(searched):
    said, following = verdict(searched(lambda number: number % 2, lambda number: (number + 1) % 2))
    assert said.startswith("The policy is neither shown to be better than the baseline nor to be worse: +0.000 reward")
    assert following.startswith("Go on")


def test_one_client_cannot_turn_the_verdict_nor_the_tiles(log, store):
    """A hundred purchases on the baseline's pages, and as many searches without a click, come to next to nothing."""
    numbers = count(1)

    def visit(user, allocation, reward):
        number = next(numbers)
        made = log.decision(number, f"query {number % 40}", user_id=user, allocation=allocation)
        return log.ranking(made), {"a": reward} if reward else {}

    def judged():
        learner = Learner(store, VWPolicy(), reward_wait=0.0)
        while learner.run_once().learned:
            pass
        reading = Reading.of(read_log(store, judged_up_to(store.watermark())))
        return reading, verdict(reading)[0]

    record(store, [visit(f"user {one}", *how) for one in range(60) for how in ((BOTH, 0.0), (ONLY_BM25, 1.0))])
    before, said = judged()
    assert said.startswith("The policy is worth more than the baseline")
    record(store, [visit("one client", BOTH, 9.0) for _ in range(100)])
    record(store, [visit("another client", ONLY_BM25, 0.0) for _ in range(100)])
    after, said = judged()
    assert said.startswith("The policy is worth more than the baseline")
    assert before.beyond == 0
    assert 160 < after.beyond == 320 - after.blocks.searches
    was, now = ({tile.name: tile for tile in tiles(each)} for each in (before, after))
    assert now["click rate"].figure == pytest.approx(was["click rate"].figure, abs=0.06)
    assert f"{after.beyond} more are beyond their client's share" in now["settled searches"].text


def test_a_log_in_which_nothing_counts_is_no_empty_log(log):
    said, _ = verdict(Reading.of([replace(log.settled(1), counted=False)]))
    assert said == "Nothing is known yet: all 1 searches are beyond their client's share."


def test_an_apprentice_has_not_been_tried_on_people(searched):
    said, _ = verdict(searched(1.0, 1.0, mode="apprentice", allocation=BOTH, propensity=1.0))
    assert said.startswith("All 80 searches were made with the baseline or with an apprentice")


@pytest.mark.parametrize(("share", "allocation", "said"), [(0.05, ONLY_BM25, "baseline"), (0.95, BOTH, "policy")])
def test_what_chance_has_not_chosen_yet_it_will(log, share, allocation, said):
    marginals = {"bm25": (0.0, 1.0), "memory": (1.0, 0.0)}
    few = [
        log.settled(one, allocation=allocation, baseline_share=share, floor=0.0, marginals=marginals) for one in (1, 2)
    ]
    told, following = verdict(Reading.of(few))
    assert f"chance has chosen the {said} in none of the 2 searches so far; about 1 in 20 will be left to it." in told
    assert following == "Go on collecting searches and clicks."


def test_without_a_baseline_share_live_searches_have_nothing_to_be_compared_with(searched):
    said, following = verdict(searched(1.0, 2.0, baseline_share=0.0))
    assert "cannot be compared directly" in said
    assert "baseline share" in following
