import pytest
from haystack import Document
from haystack.document_stores.in_memory import InMemoryDocumentStore

from factories import record, search, settled
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.intents.clicks import by_category, clicked_weights, labels_from_clicks
from ltrr_haystack.intents.labels import FEWEST_QUERIES
from ltrr_haystack.learning import Learner
from ltrr_haystack.memory.fetch import DocumentFetcher
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.store import PAGE
from ltrr_haystack.types import Understanding

SHOWN = ["d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8"]
CURVE = ExaminationCurve(eta=1.0)


class TestClickedWeights:
    def test_worked_by_hand(self):
        """By 1 / position, a click at position 2 counts two, and one at position 4 four; beyond 5, five at most."""
        clicked = settled(search("q1", SHOWN), {"d1": 1.0, "d2": 1.0, "d4": 1.0, "d8": 1.0})
        assert clicked_weights(clicked, CURVE) == {"d1": 1.0, "d2": 2.0, "d4": 4.0, "d8": 5.0}

    def test_a_click_below_another_is_rarer_and_counts_more(self):
        curve = ExaminationCurve(learned=(1.0, 0.5), before_click=(1.0, 0.8), after_click=(1.0, 0.25))
        assert clicked_weights(settled(search("q1", SHOWN), {"d2": 1.0}), curve) == {"d2": 1.25}
        assert clicked_weights(settled(search("q1", SHOWN), {"d1": 1.0, "d2": 1.0}), curve) == {"d1": 1.0, "d2": 4.0}

    def test_rewards_count_up_to_a_bound_and_dislikes_do_not(self):
        clicked = settled(search("q1", SHOWN), {"d1": 3.0, "d2": 50.0, "d3": -1.0})
        assert clicked_weights(clicked, CURVE) == {"d1": 3.0, "d2": 10.0}


class TestByCategory:
    def test_worked_by_hand(self):
        weights = {"d1": 1.0, "d2": 2.0, "d4": 4.0, "gone": 8.0}
        categories = {"d1": ("song",), "d2": ("song", "album"), "d4": ("album",), "gone": ()}
        assert by_category(weights, categories) == {"song": 1.0 + 1.0, "album": 1.0 + 4.0}


@pytest.fixture
def fetcher():
    """Odd documents are songs, even ones albums; d7 is both, and what d8 is nobody knows."""
    documents = [Document(id=f"d{n}", content="text", meta={"type": "song" if n % 2 else "album"}) for n in range(1, 9)]
    documents[6].meta["type"] = ["song", "album"]
    documents[7].meta["type"] = {"nested": 1}
    store = InMemoryDocumentStore()
    store.write_documents(documents)
    return DocumentFetcher(store)


class Log:
    """Searches of different people, who click; learned from, so that it is known what counts."""

    def __init__(self, store):
        self.store = store
        self.visits = []

    def visit(self, query, *clicked, shown=SHOWN, reward=1.0, user_id=None, **changes):
        number = len(self.visits)
        page = search(
            f"search-{number}",
            shown,
            understanding=Understanding(query, query, tuple(query.split())),
            user_id=user_id or f"user-{number}",
            **changes,
        )
        self.visits.append((page, dict.fromkeys(clicked, reward)))

    def learn(self):
        record(self.store, self.visits, settle=False)
        Learner(self.store, StaticPolicy(), reward_wait=0.0, batch=1_000).run_once(now=1e9)


@pytest.fixture
def log(store):
    made = Log(store)
    for number in range(FEWEST_QUERIES):
        made.visit(f"song {number}", "d1")
        made.visit(f"album {number}", "d2")
    return made


class TestLabelsFromClicks:
    def test_a_query_is_after_the_categories_of_what_was_clicked(self, store, log, fetcher):
        """At position 4 people look less than at the first by 4^0.7."""
        log.visit("love", "d1")
        log.visit("love", "d4")
        log.learn()
        labels = labels_from_clicks(store, fetcher, "meta.type")
        low = 4**0.7
        assert labels.shares["love"] == {"album": pytest.approx(low / (1 + low)), "song": pytest.approx(1 / (1 + low))}
        assert labels.shares["song 0"] == {"song": 1.0}
        assert (labels.source, labels.decisions, labels.until) == ("clicks", 12, 12)
        assert labels.left_out == {}

    def test_the_curve_is_the_one_that_was_learned(self, store, log, fetcher):
        log.visit("love", "d1", "d4")
        log.learn()
        flat = PageModel(ExaminationCurve(eta=0.0, learned=(1.0, 1.0, 1.0, 1.0), deviations=(0.0,) * 4))
        store.add_snapshot(PAGE, flat.to_bytes(), {}, activate=True)
        assert labels_from_clicks(store, fetcher, "meta.type").shares["love"] == {"album": 0.5, "song": 0.5}

    def test_of_several_categories_each_counts_alike(self, store, log, fetcher):
        log.visit("love", "d7")
        log.learn()
        assert labels_from_clicks(store, fetcher, "meta.type").shares["love"] == {"album": 0.5, "song": 0.5}

    def test_what_says_nothing_of_the_query_is_left_out_and_counted(self, store, log, fetcher):
        log.visit("nobody clicked")
        log.visit("filtered", "d1", filters={"field": "meta.type", "operator": "==", "value": "song"})
        log.visit("of no category", "d8")
        log.visit("gone", "d9", shown=["d9"])
        log.learn()
        labels = labels_from_clicks(store, fetcher, "meta.type")
        assert {"nobody clicked", "filtered", "of no category", "gone"}.isdisjoint(labels.shares)
        assert labels.left_out == {
            "searches without a click": 1,
            "searches with filters": 1,
            "clicked documents that are gone or have no category": 2,
            "queries of no other category": 2,
        }

    def test_one_client_cannot_say_what_a_query_is_after(self, store, log, fetcher):
        """Twenty people find a song at the first position; one person clicks an album a hundred times."""
        for _ in range(20):
            log.visit("love", "d1")
        for _ in range(100):
            log.visit("love", "d2", user_id="eve")
        log.learn()
        labels = labels_from_clicks(store, fetcher, "meta.type")
        assert labels.shares["love"]["song"] > 0.8
        assert labels.left_out["searches beyond their client's share"] > 80

    def test_what_no_learner_has_been_through_is_not_read(self, store, log, fetcher):
        record(store, log.visits)
        assert labels_from_clicks(store, fetcher, "meta.type").decisions == 0

    def test_goes_back_only_so_far(self, store, log, fetcher):
        log.learn()
        assert labels_from_clicks(store, fetcher, "meta.type", max_decisions=4).decisions == 4

    @pytest.mark.parametrize("field", ["content", "type", "meta.", ""])
    def test_the_field_has_to_be_in_the_metadata(self, store, fetcher, field):
        with pytest.raises(ConfigurationError, match="train-understanding must be"):
            labels_from_clicks(store, fetcher, field)
