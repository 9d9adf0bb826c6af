import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factories
from factories import decision, page, unite
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.learning.clients import ANONYMOUS, SECONDS_PER_DAY, ClientCounts, ClientLimits, clients_of
from ltrr_haystack.learning.learner import Learner
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.store import LateReward, LearningUpdate, ReadingClicks
from ltrr_haystack.store.records import MODELS, QUERY

ROCK = {"field": "meta.genre", "operator": "==", "value": "rock"}


class Untouched:
    """A store in which no client has contributed anything."""

    def client_counts(self, pairs, since):
        return {}


def decided(query="love", day=0, **who):
    return decision("q", query, decided_at=float(day * SECONDS_PER_DAY), **who)


def settled(rewards=None, shown=("a", "b", "c"), **searched):
    return factories.settled(page(unite(decided(**searched), {"bm25": shown})), rewards)


def counts(store=None, limits=None, rewarded=()):
    return ClientCounts(store or Untouched(), limits or ClientLimits(), rewarded)


class TestClientsOf:
    def test_each_name_that_is_known_is_a_client(self):
        by_all = clients_of(decided(user_id="u", session_id="s", client_id="c", client_address="a"))
        assert len(set(by_all)) == 4
        assert set(clients_of(decided(user_id="u"))) < set(by_all)

    def test_one_name_as_user_and_as_session_is_two_clients(self):
        assert clients_of(decided(user_id="x")) != clients_of(decided(session_id="x"))

    def test_without_any_name_all_are_one(self):
        assert clients_of(decided()) == clients_of(decided(user_id="")) == (ANONYMOUS,)


class TestPages:
    def test_of_one_client_three_count_in_any_case(self):
        tally = counts()
        bits = [tally.count(settled(user_id="u")).bits for _ in range(5)]
        assert bits == [QUERY | MODELS] * 3 + [MODELS] * 2

    def test_a_tenth_of_what_all_others_add_counts_beyond_that(self):
        tally = counts()
        for person in range(50):
            assert tally.count(settled(user_id=f"person {person}")).bits & QUERY
        counted = [bool(tally.count(settled(user_id="u")).bits & QUERY) for _ in range(8)]
        assert counted == [True] * 5 + [False] * 3

    @pytest.mark.parametrize("who", ["session_id", "client_id", "client_address", "user_id"])
    def test_many_names_behind_one_are_one_client(self, who):
        others = [name for name in ("user_id", "session_id", "client_id") if name != who]
        tally = counts()
        counted = sum(
            bool(tally.count(settled(**{who: "the one"}, **{name: f"{name} {turn}" for name in others})).bits & QUERY)
            for turn in range(30)
        )
        assert counted == 3

    def test_each_query_has_a_count_of_its_own_and_so_has_a_filtered_one(self):
        tally = counts()
        for search in ({"query": "love"}, {"query": "hate"}, {"query": "love", "filters": ROCK}):
            assert sum(bool(tally.count(settled(user_id="u", **search)).bits & QUERY) for _ in range(5)) == 3

    def test_after_a_week_it_begins_again(self):
        tally = counts()
        by_day = [[bool(tally.count(settled(user_id="u", day=day)).bits & QUERY) for _ in range(2)] for day in range(9)]
        assert by_day[:3] == [[True, True], [True, False], [False, False]]
        assert by_day[6:] == [[False, False], [True, True], [True, False]]


class TestModels:
    def test_learn_from_five_searches_of_one_client_in_any_case(self):
        tally = counts()
        taught = [tally.count(settled(query=f"query {number}", user_id="u")) for number in range(80)]
        assert [each.settled.counted for each in taught] == [True] * 5 + [False] * 75
        assert [each.bits for each in taught] == [QUERY | MODELS] * 5 + [QUERY] * 75

    def test_learn_from_a_tenth_as_many_as_of_all_others_beyond_that(self):
        tally = counts()
        for number in range(300):
            tally.count(settled(query=f"query {number}", user_id=f"person {number % 40}"))
        taught = sum(tally.count(settled(query=f"new {number}", user_id="u")).settled.counted for number in range(80))
        assert taught == 30


class TestRewards:
    def test_of_one_page_count_as_much_as_three_clicks_while_nobody_else_has_any(self):
        counted = counts().count(settled({"a": 0.5, "b": 5.0, "c": 2.0, "d": 1.0}, shown="abcd", user_id="u"))
        assert counted.settled.rewards == {"a": 0.5, "b": 1.0, "c": 1.0, "d": 0.5}

    def test_of_one_document_of_a_query_counts_one_click_in_any_case(self):
        tally = counts()
        given = [tally.count(settled({"a": 5.0}, user_id="u")).settled.rewards["a"] for _ in range(3)]
        assert given == [1.0, 0.0, 0.0]
        assert tally.count(settled({"a": 5.0}, user_id="another")).settled.rewards == {"a": 1.0}
        assert tally.count(settled({"a": 5.0}, query="hate", user_id="u")).settled.rewards == {"a": 1.0}

    def test_a_purchase_counts_in_full_once_ten_times_as_much_came_from_others(self):
        tally = counts()
        for person in range(25):
            tally.count(settled({"a": 1.0}, user_id=f"person {person}"))
        assert tally.count(settled({"a": 5.0}, user_id="u")).settled.rewards == {"a": 2.5}
        assert tally.count(settled({"b": 5.0}, user_id="u")).settled.rewards == {"b": 0.5}

    def test_of_one_document_count_more_where_clients_are_trusted(self):
        trusting = counts(limits=ClientLimits(rewards=5, pair_rewards=5))
        assert trusting.count(settled({"a": 9.0}, user_id="u")).settled.rewards == {"a": 5.0}

    def test_a_query_and_a_document_are_not_taken_for_others_that_read_the_same(self):
        tally = counts()
        tally.count(settled({"song a": 1.0}, shown=["song a"], query="love", user_id="u"))
        again = tally.count(settled({"a": 1.0}, shown=["a"], query="love song", user_id="u"))
        assert again.settled.rewards == {"a": 1.0}

    def test_dislikes_take_away_as_likes_add(self):
        tally = counts()
        assert tally.count(settled({"a": -0.75}, user_id="u")).settled.rewards == {"a": -0.75}
        assert tally.count(settled({"a": -2.0}, user_id="u")).settled.rewards == {"a": -0.25}
        assert tally.count(settled({"a": 1.0}, user_id="u")).settled.rewards == {"a": 0.0}

    def test_a_tenth_of_what_all_others_give_counts_beyond_that(self):
        tally = counts()
        for person in range(60):
            tally.count(settled({"a": 1.0}, user_id=f"person {person}"))
        assert tally.count(settled({"a": 5.0, "b": 10.0}, user_id="u")).settled.rewards == {"a": 5.0, "b": 1.0}
        assert tally.count(settled({"a": 5.0, "b": 10.0}, user_id="u")).settled.rewards == {"a": 0.0, "b": 0.0}

    def test_of_one_document_count_as_much_as_ten_clicks_over_all_queries(self):
        tally = counts()
        given = [tally.count(settled({"a": 2.0}, query=f"query {number}", user_id="u")) for number in range(13)]
        assert [each.settled.rewards["a"] for each in given] == [1.0] * 10 + [0.0] * 3

    def test_what_was_not_shown_earns_nothing(self):
        assert counts().count(settled({"elsewhere": 1.0}, user_id="u")).settled.rewards == {}

    def test_of_a_search_that_counts_for_nothing_count_nothing(self):
        limits = ClientLimits(pages=1, searches=1)
        tally = counts(limits=limits)
        tally.count(settled(user_id="u"))
        counted = tally.count(settled({"a": 1.0}, user_id="u"))
        assert (counted.bits, counted.settled.rewards) == (0, {})


class TestLate:
    def late(self, reward, before=0.0, counted=QUERY | MODELS, object_id="a", **who):
        return LateReward(1, decided(**(who or {"user_id": "u"})), object_id, 1, reward, before, counted)

    def test_a_thousand_late_purchases_of_a_document_count_as_one_click_and_of_many_as_three(self):
        tally = counts()
        counted = [tally.count_late(self.late(5.0, before=5.0 * number)) for number in range(1000)]
        assert (counted[0], sum(counted)) == (1.0, 1.0)
        assert sum(tally.count_late(self.late(5.0, object_id=f"b{number}")) for number in range(1000)) == 2.0

    def test_an_impression_earns_no_more_than_it_can_whenever_its_events_come(self):
        limits = ClientLimits(rewards=100, document_rewards=100, pair_rewards=100)
        assert counts(limits=limits).count_late(self.late(5.0, before=8.0)) == 2.0
        assert counts(limits=limits).count_late(self.late(5.0, before=12.0)) == 0.0
        assert counts(limits=limits).count_late(self.late(-5.0, before=12.0)) == -3.0

    def test_a_search_that_did_not_count_earns_nothing_late(self):
        assert counts().count_late(self.late(1.0, counted=MODELS)) == 0.0

    def test_has_counts_of_its_own(self):
        tally = counts()
        tally.count(settled({"a": 3.0}, user_id="u"))
        assert tally.count_late(self.late(1.0)) == 1.0


class TestKinds:
    """What searches say of a kind of readings: what one person and what one query may add."""

    def counted(self, tally, clicks, *, late=False, **searched):
        found = tally.count_kind(decided(**searched), "title", ReadingClicks(*clicks), late=late)
        return found.chosen, found.passed

    def test_as_much_as_ten_clicks_of_one_count_over_all_queries(self):
        tally = counts()
        given = [self.counted(tally, (1.0, 3.0), query=f"query {number}", user_id="u") for number in range(4)]
        assert given == [(1.0, 3.0), (1.0, 3.0), (0.5, 1.5), (0.0, 0.0)]

    def test_as_much_as_ten_clicks_for_one_query_count_over_all_people(self):
        tally = counts()
        given = [self.counted(tally, (4.0, 0.0), query="love", user_id=f"u{number}") for number in range(4)]
        assert given == [(4.0, 0.0), (4.0, 0.0), (2.0, 0.0), (0.0, 0.0)]

    def test_a_tenth_of_what_all_others_add_counts_beyond_that(self):
        tally = counts()
        for number in range(200):
            self.counted(tally, (0.0, 1.0), query=f"query {number}", user_id=f"u{number}")
        assert self.counted(tally, (50.0, 0.0), query="love", user_id="u") == (20.0, 0.0)

    def test_late_ones_have_counts_of_their_own(self):
        tally = counts()
        assert self.counted(tally, (20.0, 0.0), user_id="u") == (10.0, 0.0)
        assert self.counted(tally, (-15.0, 5.0), late=True, user_id="u") == (-7.5, 2.5)

    def test_nothing_is_nothing(self):
        assert self.counted(counts(), (0.0, 0.0)) == (0.0, 0.0)


class TestOverSteps:
    def test_what_the_store_knows_is_counted_on(self, store):
        for turn in range(5):
            search = settled({"a": 1.0}, user_id="u")
            tally = counts(store, rewarded=[(search.decision, search.rewards)])
            assert bool(tally.count(search).bits & QUERY) == (turn < 3)
            commit(store, tally.added)

    @settings(deadline=None, max_examples=40)
    @given(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 9), st.floats(-12, 12)), max_size=60),
        st.floats(0, 1),
    )
    def test_no_client_has_more_than_its_share(self, searches, share):
        limits = ClientLimits(share=share, pages=2, rewards=3, document_rewards=4, pair_rewards=2, searches=5, days=3)
        tally = counts(limits=limits)
        pages, rewards = {}, {}
        for user, session, day, reward in sorted(searches, key=lambda each: each[2]):
            search = settled({"a": reward}, user_id=f"u{user}", session_id=f"s{session}", day=day // 3)
            counted = tally.count(search)
            pages[user] = pages.get(user, 0) + bool(counted.bits & QUERY)
            rewards[user] = rewards.get(user, 0.0) + abs(counted.settled.rewards.get("a", 0.0))
        for user in pages:
            others = sum(pages.values()) - pages[user]
            # A fourth day would be another window; a page that begins within the share may end beyond it.
            assert pages[user] <= 2 * max(limits.pages, share * others + 1)
            given = sum(rewards.values()) - rewards[user]
            assert rewards[user] <= 2 * max(limits.pair_rewards, share * given) + 1e-6


class TestClientLimits:
    @pytest.mark.parametrize(
        ("settings", "complaint"),
        [
            ({"share": -0.1}, "share of ClientLimits must be 0 to 1, got -0.1"),
            ({"share": 1.1}, "share of ClientLimits must be 0 to 1, got 1.1"),
            ({"pages": 0.5}, "pages of ClientLimits must be 1 or more, got 0.5"),
            ({"document_rewards": float("inf")}, "document_rewards of ClientLimits must be 1 or more, got inf"),
            ({"pair_rewards": 0}, "pair_rewards of ClientLimits must be 1 or more, got 0"),
            ({"share": "x"}, "share of ClientLimits must be 0 to 1, got 'x'"),
            ({"pages": None}, "pages of ClientLimits must be 1 or more, got None"),
            ({"days": 0}, "days of ClientLimits must be at least 1, got 0"),
            ({"days": 1.5}, "days of ClientLimits must be a whole number, got 1.5"),
            ({"days": float("nan")}, "days of ClientLimits must be a whole number, got nan"),
            ({"days": float("inf")}, "days of ClientLimits must be a whole number, got inf"),
        ],
    )
    def test_refuses_what_cannot_be(self, settings, complaint):
        with pytest.raises(ConfigurationError, match=complaint):
            ClientLimits(**settings)

    @pytest.mark.parametrize(
        ("settings", "complaint"),
        [
            ({"reward_wait": "x"}, "reward_wait must be a number of seconds, 0 or more, got 'x'"),
            ({"batch": 1.5}, "batch must be a whole number, got 1.5"),
            ({"lease_seconds": float("nan")}, "lease_seconds must be positive, got nan"),
            ({"store": "postgresql://ann:hunter2@db/x"}, "store of Learner must be an LTRRStore, got str"),
        ],
    )
    def test_settings_of_a_learner_are_numbers_too(self, store, settings, complaint):
        with pytest.raises(ConfigurationError, match=complaint):
            Learner(**({"store": store, "policy": StaticPolicy()} | settings))


def commit(store, added):
    mark = store.watermark()
    store.acquire_lease("test", 30.0)
    store.commit_learning(LearningUpdate(holder="test", since=mark, learned=0, late=0, client_counts=added))
