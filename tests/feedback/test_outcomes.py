from concurrent.futures import ThreadPoolExecutor

from ltrr_haystack.feedback.outcomes import MOST_REASONS, EventOutcomes

WRONG = {"status": "rejected", "reason": "query_id: 'x' is not a search of this store"}


def test_statuses_and_the_fields_that_were_wrong_are_counted():
    outcomes = EventOutcomes()
    outcomes.add([{"status": "accepted"}, {"status": "duplicate"}, WRONG, WRONG])
    assert outcomes.counts() == ({"accepted": 1, "duplicate": 1, "rejected": 2}, {"query_id": 2})


def test_whatever_is_sent_there_are_few_reasons():
    outcomes = EventOutcomes()
    outcomes.add({"status": "rejected", "reason": f"field{number}: wrong"} for number in range(1000))
    _, reasons = outcomes.counts()
    assert len(reasons) == MOST_REASONS + 1
    assert sum(reasons.values()) == 1000


def test_threads_lose_nothing():
    outcomes = EventOutcomes()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: outcomes.add([WRONG] * 50), range(200)))
    assert outcomes.counts() == ({"rejected": 10_000}, {"query_id": 10_000})
