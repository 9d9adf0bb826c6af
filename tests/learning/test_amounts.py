import time
from dataclasses import replace

from haystack import Document

import factories
from factories import action_set, decision, page, unite
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.learning.amounts import Amounts
from ltrr_haystack.policy.credit import at_drawn_depth, leave_one_out, reward_of
from ltrr_haystack.policy.leader import Leader
from ltrr_haystack.policy.union import UnionOrder
from ltrr_haystack.policy.vw import VWPolicy

ACTIONS = action_set(baseline={"bm25": 10, "dense": 10, "memory": 0}, bm25=(0, 10), dense=(0, 10), memory=(0, 5))


class TwoDocuments:
    def run(self, query, filters=None, top_k=None):
        return {"documents": [Document(id="a", content="a"), Document(id="b", content="b")]}


def settled(rewards, *, fallback=True, **allocation):
    """What the real joiner made of a search in which bm25 found nothing; both documents of the page were shown."""
    drawn = {name: allocation.get(name, 0) for name in ACTIONS.names}
    arms = {"dense": RetrievalArm("dense", TwoDocuments(), timeout=10)} if fallback else None
    joiner = UnionJoiner(list(ACTIONS.names), fallback=arms, fallback_timeout=10)
    made = decision("q", actions=ACTIONS, decided_at=time.time(), allocation=drawn)
    return factories.settled(page(unite(made, {}, joiner)), rewards)


class TestAPageOfTheFallback:
    """Learning sees what it would have seen without it: arms that found nothing."""

    def test_credits_neither_the_arms_that_were_drawn_nor_those_that_were_asked_instead(self):
        page = settled({"a": 5.0}, bm25=10)
        assert [each.object_id for each in page.impressions] == ["a", "b"]
        assert leave_one_out(page) == {"bm25": {10: 0.0}}
        assert [reward_of(page, each) for each in page.impressions] == [0.0, 0.0]

    def test_is_drawn_into_no_arms_history_but_into_the_memory(self):
        page = settled({"a": 5.0}, bm25=10)
        amounts = Amounts()
        amounts.add_decision(page, at_drawn_depth(leave_one_out(page), page.decision.allocation), ExaminationCurve())
        ((pair, history),) = amounts.history.items()
        assert pair == ("love", "bm25")
        assert (history.draws, history.credit, history.returned) == (1.0, 0.0, 0.0)
        assert amounts.memory["love", "a"].successes == 5.0

    def test_was_found_by_no_arm_in_the_union_that_is_judged(self):
        page = settled({"a": 5.0}, bm25=10)
        order = UnionOrder(page)
        assert order.is_empty
        everything = {"bm25": 10, "dense": 10, "memory": 5}
        assert order.kept([everything, {}]).tolist() == [[0.0, 0.0], [0.0, 0.0]]

    def test_teaches_policies_what_an_empty_page_teaches(self):
        with_fallback, without = VWPolicy(), VWPolicy()
        credit = with_fallback.learn(settled({"a": 5.0}, bm25=10))
        assert without.learn(settled({}, fallback=False, bm25=10)) == credit
        actions = with_fallback.distribution(ACTIONS, settled({}, bm25=10).decision.features)
        assert actions.marginals == without.distribution(ACTIONS, settled({}, bm25=10).decision.features).marginals

    def test_puts_no_allocation_in_the_lead(self):
        leader = Leader()
        before = leader.preference(ACTIONS).values
        page = settled({"a": 5.0}, bm25=10)
        leader.observe(replace(page, decision=replace(page.decision, allocation=ACTIONS.baseline)), 1.0)
        noted = [gain for gain, _ in leader.to_dict()["experts"].values()]
        assert noted
        assert set(noted) == {0.0}
        assert len(leader.preference(ACTIONS).values) == len(before)
