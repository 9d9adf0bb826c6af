import threading

import pytest
from haystack import Document

from ltrr_haystack.evaluation.replay.faults import SleepingRetriever, with_faults
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedRetriever

DOCUMENTS = [Document(id=str(number), content="love") for number in range(3)]
FOUND = PrecomputedRetriever({"love": DOCUMENTS})


class TestSleepingRetriever:
    def test_answers_after_its_sleep(self):
        assert SleepingRetriever(FOUND, seconds=0.01).run("love", top_k=2) == {"documents": DOCUMENTS[:2]}

    def test_closing_ends_the_sleep(self):
        sleeping = SleepingRetriever(FOUND, seconds=600.0)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(sleeping.run("love")))
        thread.start()
        sleeping.close()
        thread.join(timeout=10)
        assert answers == [{"documents": []}]

    def test_refuses_no_sleep(self):
        with pytest.raises(ValueError, match="seconds must be positive, got 0"):
            SleepingRetriever(FOUND, seconds=0)


class TestWithFaults:
    def test_both_arms_are_part_of_the_baseline_and_paid_for(self, precomputed):
        faulty = with_faults(precomputed)
        assert faulty.baseline == {"good": 4, "bad": 4, "failing": 30, "sleeping": 30}
        assert faulty.budget == precomputed.budget + 60
        assert precomputed.faults == {}
