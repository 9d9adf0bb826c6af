import pytest

from factories import decision, page, record, result, unite
from ltrr_haystack import Learner, VWPolicy
from ltrr_haystack.errors import StoreError
from ltrr_haystack.server.followed_log import FollowedLog

NOW = 1_700_000_000.0


def visits(numbers, hours_ago=0.0):
    for number in numbers:
        made = decision(query_id=f"q{number}", decided_at=NOW - 3600 * hours_ago)
        found = {arm: result(arm, ("a", "b")) for arm in made.actions.names}
        yield page(unite(made, found)), {"a": 1.0} if number % 2 else {}


def test_each_search_is_read_once(store, monkeypatch):
    read, settled = [], store.settled

    def reading(*arguments, **options):
        found = settled(*arguments, **options)
        read.extend(each.seq for each in found)
        return found

    monkeypatch.setattr(store, "settled", reading)
    log = FollowedLog(store)
    record(store, visits(range(3)))
    assert log.update(NOW) == 1.0
    record(store, visits(range(3, 5)))
    log.update(NOW + 1)
    log.update(NOW + 2)
    assert read == [1, 2, 3, 4, 5]
    total = log.reading.blocks.total()
    assert (total.searches, total["clicked"]) == (5, 2)


def test_a_range_begins_where_it_says_and_moves_on(store):
    record(store, visits(range(10), hours_ago=3))
    record(store, visits(range(10, 14), hours_ago=0.5))
    log = FollowedLog(store, hours=1)
    log.update(NOW)
    assert log.reading.blocks.searches == 4
    log.update(NOW + 3600)
    assert log.reading.blocks.searches == 0


def test_older_searches_among_those_of_a_range_do_not_count(store):
    record(store, visits(range(4), hours_ago=0.5))
    record(store, visits(range(4, 6), hours_ago=3))
    log = FollowedLog(store, hours=1)
    log.update(NOW)
    assert log.reading.blocks.searches == 4


def test_the_whole_log_is_read_anew_from_time_to_time(store):
    log = FollowedLog(store)
    record(store, visits(range(2)))
    log.update(NOW)
    first = log.reading
    log.update(NOW + 4000)
    assert log.reading is not first
    assert log.reading.blocks.searches == 2


def test_what_was_read_before_anything_was_learned_is_read_anew_with_what_counts(store):
    record(store, visits(range(20)))
    log = FollowedLog(store)
    log.update(NOW)
    assert (log.reading.blocks.searches, log.reading.beyond) == (20, 0)
    record(store, visits(range(20, 21)))
    Learner(store, VWPolicy(), reward_wait=0.0).run_once()
    log.update(NOW + 1)
    assert log.reading.beyond > 0
    assert log.reading.read == store.watermark().learned == 21


def test_a_store_that_fails_is_no_empty_log(store, monkeypatch):
    def fail():
        raise StoreError("disk full")

    monkeypatch.setattr(store, "watermark", fail)
    with pytest.raises(StoreError, match="disk full"):
        FollowedLog(store).update(NOW)


def test_the_place_before_a_time_is_found(store):
    assert store.settled_before(NOW) == 0
    record(store, visits(range(3), hours_ago=2))
    record(store, visits(range(3, 5)))
    assert [store.settled_before(moment) for moment in (0.0, NOW - 3600, NOW + 1)] == [0, 3, 5]
