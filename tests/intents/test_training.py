import pytest

from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.intents import IntentClassifier, IntentLabels, train_understanding
from ltrr_haystack.intents.fitting import fit
from ltrr_haystack.store import INTENTS


class TestTrainUnderstanding:
    def test_what_is_better_than_the_shares_goes_live(self, store, make_labels):
        report = train_understanding(store, make_labels())
        assert (report.version, report.active, report.passed) == (1, True, True), report.reason
        snapshot = store.snapshot(INTENTS)
        assert snapshot.card["gate"]["reason"] == report.reason
        assert next(iter(IntentClassifier.from_bytes(snapshot.payload).probabilities("zoe deluxe"))) == "album"

    def test_says_what_it_learned_from_and_how_good_it_is(self, store, make_labels):
        report = train_understanding(store, make_labels(1_000))
        assert (report.source, report.queries) == ("labels", 1_000)
        assert report.trained + report.gate.queries == 1_000
        assert 160 <= report.gate.queries <= 240
        assert list(report.categories) == ["song", "album", "podcast"]
        assert sum(report.categories.values()) == pytest.approx(1.0)
        assert report.gate.accuracy.mean > 0.8
        assert report.calibration_error < 0.1
        assert sum(each.queries for each in report.bins) == report.gate.queries
        counted = sum(sum(row.values()) for row in report.confusion.values())
        right = sum(row.get(category, 0.0) for category, row in report.confusion.items())
        assert counted == pytest.approx(report.gate.queries)
        assert right / counted == pytest.approx(report.gate.accuracy.mean)

    def test_it_is_judged_on_queries_that_it_never_saw(self, store):
        """Categories that have nothing to do with the words can be known by heart and not be understood."""
        shares = {f"{number:x} {number * 7919:x}": {f"c{number * 31 % 101 % 4}": 1.0} for number in range(300)}
        report = train_understanding(store, IntentLabels.of_weights(shares))
        assert not report.passed, report.reason

    def test_one_of_shuffled_labels_never_passes(self, open_store, make_labels, shuffle):
        labels = make_labels()
        store = open_store()
        for seed in range(20):
            wrong = IntentLabels.of_weights(shuffle(labels.shares, seed))
            report = train_understanding(store, wrong, seed=seed)
            assert not report.passed, report.reason
        assert store.active_version(INTENTS) == 0

    def test_where_one_does_not_pass_what_is_live_stays_live(self, store, make_labels, shuffle):
        train_understanding(store, make_labels())
        wrong = IntentLabels.of_weights(shuffle(make_labels().shares, 1))
        worse = train_understanding(store, wrong)
        assert (worse.version, worse.active, worse.looks) == (2, False, 2)
        assert store.active_version(INTENTS) == 1

    def test_one_that_is_taken_back_in_the_course_of_a_training_stays_out_of_use(self, store, make_labels, monkeypatch):
        train_understanding(store, make_labels())

        def taken_back_meanwhile(*fitted):
            store.activate(INTENTS, 0)
            return fit(*fitted)

        monkeypatch.setattr("ltrr_haystack.intents.training.fit", taken_back_meanwhile)
        again = train_understanding(store, make_labels())
        assert (again.version, again.passed, again.active) == (2, True, False), again.reason
        assert again.superseded
        assert store.active_version(INTENTS) == 0

    def test_one_that_is_worse_than_the_live_one_is_refused(self, store, make_labels):
        train_understanding(store, make_labels(1_500))
        some = dict(list(make_labels(1_500).shares.items())[:100])
        poor = train_understanding(store, IntentLabels.of_weights(some))
        assert not poor.passed
        assert "not shown to be not worse than the live classifier" in poor.reason

    def test_the_same_again_is_not_worse(self, store, make_labels):
        train_understanding(store, make_labels())
        again = train_understanding(store, make_labels())
        assert (again.passed, again.version) == (True, 2), again.reason
        assert again.gate.comparisons[1].difference.mean == 0.0
        assert store.snapshot(INTENTS, 1).payload == store.snapshot(INTENTS, 2).payload

    def test_with_another_seed_both_are_compared_where_neither_has_seen_the_query(self, store, make_labels):
        train_understanding(store, make_labels(1_200))
        other = train_understanding(store, make_labels(1_200), seed=1)
        assert other.passed, other.reason
        assert 20 <= other.gate.comparisons[1].queries <= 80 < other.gate.queries

    def test_one_that_passed_can_be_kept_without_going_live(self, store, make_labels):
        report = train_understanding(store, make_labels(), activate_if_passed=False)
        assert (report.passed, report.version, report.active) == (True, 1, False)
        assert store.active_version(INTENTS) == 0

    def test_a_live_one_that_is_damaged_is_no_hindrance(self, store, make_labels):
        store.add_snapshot(INTENTS, b"no classifier", {}, activate=True)
        report = train_understanding(store, make_labels())
        assert report.passed
        assert len(report.gate.comparisons) == 1

    def test_a_category_that_the_live_one_does_not_know_counts_against_it(self, store, make_labels):
        train_understanding(store, make_labels())
        more = {**make_labels().shares, **{f"audiobook {number}": {"book": 1.0} for number in range(100)}}
        report = train_understanding(store, IntentLabels.of_weights(more))
        assert report.passed, report.reason
        assert report.gate.comparisons[1].difference.mean < -0.5


class TestEmbeddings:
    def test_are_read_beside_the_words(self, store, make_labels, embedder):
        report = train_understanding(store, make_labels(), embedder=embedder)
        assert report.passed, report.reason
        assert report.embeddings == 32

    def test_one_that_reads_them_is_compared_with_one_that_does_not(self, store, make_labels, embedder):
        train_understanding(store, make_labels())
        assert len(train_understanding(store, make_labels(), embedder=embedder).gate.comparisons) == 2

    def test_a_live_one_that_reads_them_needs_its_embedder_to_be_compared_with(
        self, store, make_labels, embedder, make_embedder
    ):
        train_understanding(store, make_labels(), embedder=embedder)
        for other in (None, make_embedder(-1.0)):
            with pytest.raises(
                ConfigurationError, match=r"version 1\) cannot be compared with.*ltrr activate intents 0"
            ):
                train_understanding(store, make_labels(), embedder=other)


class TestTooLittle:
    def test_queries(self, store, make_labels):
        report = train_understanding(store, make_labels(60))
        assert report.reason == "60 labelled queries, at least 100 are needed"
        assert (report.version, report.looks, store.snapshots(INTENTS)) == (0, 0, [])

    def test_categories(self, store):
        shares = {f"q{number}": {"song": 1.0} for number in range(100)}
        report = train_understanding(store, IntentLabels.of_weights(shares))
        assert report.reason == "1 categories, at least 2 are needed"

    def test_held_out_queries(self, store, make_labels):
        report = train_understanding(store, make_labels(20), min_queries=10)
        assert report.reason.endswith("queries are held out, at least 10 are needed")
        assert report.version == 0

    def test_a_minimum_below_1_is_refused(self, store, make_labels):
        with pytest.raises(InvalidInputError, match="min_queries of train_understanding must be at least 1, got 0"):
            train_understanding(store, make_labels(), min_queries=0)
