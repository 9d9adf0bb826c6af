import random
from dataclasses import replace

import pytest

from factories import record
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.interchange import click_rates, judgements, write_qrels
from ltrr_haystack.feedback import ExaminationCurve
from ltrr_haystack.learning import Learner
from ltrr_haystack.memory.evidence import evidence_of
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.page_model import PageModel


def judged(log, estimator, least_examined=0.1, **settings):
    settings = {"curve": ExaminationCurve(eta=1.0), "least_examined": least_examined, **settings}
    return {
        (judgement.query_key, judgement.object_id): judgement
        for judgement in judgements(lambda: log, estimator, **settings)
    }


@pytest.fixture
def pages(log):
    """Twice a, b for `x`, once b, a for `y`: three clicks at the first position of three, one at the second."""
    return [
        log.settled(1, ["a", "b"], {"a": 1.0}, query="x"),
        log.settled(2, ["a", "b"], {"a": 2.0, "b": 1.0}, query="x"),
        log.settled(3, ["b", "a"], {"b": 1.0, "a": -1.0}, query="y"),
    ]


def test_the_click_rate_is_clicks_over_impressions(pages):
    values = {pair: judgement.value for pair, judgement in judged(pages, "clicks").items()}
    assert values == {("x", "a"): 1.0, ("x", "b"): 0.5, ("y", "a"): 0.0, ("y", "b"): 1.0}


def test_debiased_a_click_counts_by_how_rarely_its_position_is_looked_at(pages):
    """b for `x`: one click at the second position, examined half as often, in two impressions: (1 / .5) / 2."""
    values = {pair: judgement.value for pair, judgement in judged(pages, "debiased").items()}
    assert values == {("x", "a"): 1.0, ("x", "b"): 1.0, ("y", "a"): 0.0, ("y", "b"): 1.0}


def test_coec_is_clicks_over_what_the_positions_would_have_brought(pages):
    """Click rates are 3/3 and 1/3; b for `x` has one click where 2 · 1/3 were to be expected."""
    assert click_rates(pages) == {1: 1.0, 2: pytest.approx(1 / 3)}
    values = {pair: judgement.value for pair, judgement in judged(pages, "coec").items()}
    assert values == {("x", "a"): 1.0, ("x", "b"): pytest.approx(1.5), ("y", "a"): 0.0, ("y", "b"): 1.0}


def test_what_does_not_count_is_neither_a_click_nor_a_pass(pages, log):
    """Of one client's six clicks on b none counts, of its click on a a quarter, and of its other searches nothing."""
    mine = [replace(log.settled(seq, ["b", "a"], {"b": 1.0}, query="y"), capped={"b": 0.0}) for seq in range(4, 10)]
    part = replace(log.settled(10, ["a"], {"a": 1.0}, query="x"), capped={"a": 0.25})
    beyond = [replace(log.settled(seq, ["b"], {"b": 9.0}, query="x"), counted=False) for seq in range(11, 20)]
    found = judged([*pages, *mine, part, *beyond], "clicks")
    assert {pair: (judgement.clicks, judgement.impressions) for pair, judgement in found.items()} == {
        ("x", "a"): (2.25, 2.25),
        ("x", "b"): (1.0, 2.0),
        ("y", "a"): (0.0, 7.0),
        ("y", "b"): (1.0, 1.0),
    }
    assert click_rates([*pages, *mine, part, *beyond]) == {1: 1.0, 2: pytest.approx(1 / 9)}
    debiased = judged([*pages, part], "debiased")["x", "a"]
    assert (debiased.value, debiased.examined) == (1.0, 2.25)


def test_grades_go_by_thresholds(pages):
    grades = {pair: judgement.grade for pair, judgement in judged(pages, "coec").items()}
    assert grades == {("x", "a"): 2, ("x", "b"): 2, ("y", "a"): 0, ("y", "b"): 2}
    grades = {pair: judgement.grade for pair, judgement in judged(pages, "coec", thresholds=[1.2]).items()}
    assert grades == {("x", "a"): 0, ("x", "b"): 1, ("y", "a"): 0, ("y", "b"): 0}


def test_what_was_hardly_looked_at_is_not_judged(pages):
    """Looks: a for `x` 2, b for `x` 2 · 1/2, a for `y` 1/2, b for `y` 1."""
    assert set(judged(pages, "debiased", least_examined=1.0)) == {("x", "a"), ("x", "b"), ("y", "b")}
    assert set(judged(pages, "debiased", least_examined=1.5)) == {("x", "a")}
    only = judged(pages, "debiased", least_examined=1.5)["x", "a"]
    assert (only.impressions, only.clicks, only.examined) == (2, 2, 2.0)


def test_where_nobody_clicks_nothing_is_relevant(log):
    pages = [log.settled(1, ["a"])]
    for estimator in ("clicks", "coec", "debiased"):
        assert judged(pages, estimator)["sad songs", "a"].value == 0.0


def test_a_document_shown_twice_on_a_page_counts_once(log):
    (only,) = judged([log.settled(1, ["a", "a"], {"a": 1.0})], "debiased").values()
    assert (only.impressions, only.clicks, only.examined, only.value) == (1, 1, 1.0, 1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"estimator": "guess"}, "debiased, coec, clicks; got 'guess'"),
        ({"thresholds": []}, "must ascend"),
        ({"thresholds": [0.0, 1.0]}, "above 0"),
        ({"thresholds": [0.5, 0.5]}, "must ascend"),
        ({"least_examined": 0.0}, "above 0"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ConfigurationError, match=message):
        list(judgements(list, **settings))


def test_writes_what_a_run_of_the_same_log_is_judged_by(log, store, tmp_path):
    record(store, [(log.ranking(log.decision(f"q{n}"), ["b", "a b"]), {"b": 1.0}) for n in range(10)])
    assert write_qrels(store, tmp_path / "qrels", "coec") == 2
    assert (tmp_path / "qrels").read_text() == "sad%20songs 0 a%20b 0\nsad%20songs 0 b 2\n"


def test_of_a_store_that_was_learned_from_what_counts_is_written(log, store, tmp_path):
    """Ten people pass b, then one clicks it forty times: of his clicks one counts, which a client has in any case."""
    people = [(log.ranking(log.decision(f"q{n}", user_id=f"u{n}"), ["b"]), {}) for n in range(10)]
    mine = [(log.ranking(log.decision(f"m{n}", user_id="me"), ["b"]), {"b": 1.0}) for n in range(40)]
    record(store, [*people, *mine])
    write_qrels(store, tmp_path / "qrels", "clicks")
    assert (tmp_path / "qrels").read_text() == "sad%20songs 0 b 3\n"
    Learner(store, StaticPolicy(), reward_wait=0.0).run_once(1e12)
    write_qrels(store, tmp_path / "qrels", "clicks")
    assert (tmp_path / "qrels").read_text() == "sad%20songs 0 b 0\n"


def test_positions_are_looked_at_as_the_page_model_learned_it(log, store, tmp_path):
    """Ten searches, b clicked once at position 2: looked at like position 1 its value is .1, and .4 with a quarter."""
    record(store, [(log.ranking(log.decision(f"q{n}"), ["a", "b"]), {"b": 1.0} if n == 0 else {}) for n in range(10)])
    grades = []
    for looked_at in (1.0, 0.25):
        page = PageModel(ExaminationCurve(0.5, 0.1, (1.0, looked_at), (0.0, 0.1)))
        store.add_snapshot("page", page.to_bytes(), {}, activate=True)
        assert write_qrels(store, tmp_path / "qrels", least_examined=0.5) == 2
        grades.append((tmp_path / "qrels").read_text().splitlines()[1])
    assert grades == ["sad%20songs 0 b 1", "sad%20songs 0 b 2"]


def position_biased(log, searches, seed):
    """Always the same page. The one at the top is clicked by 3 of 10 who look at it, the fifth by 6 of 10."""
    draw = random.Random(seed)
    attraction = {"shown high": 0.3, "c2": 0.05, "c3": 0.05, "c4": 0.05, "relevant": 0.6}
    for seq in range(searches):
        rewards = {
            object_id: 1.0
            for ordinal, (object_id, attracts) in enumerate(attraction.items(), start=1)
            if draw.random() < ExaminationCurve().at(ordinal) and draw.random() < attracts
        }
        yield log.settled(seq + 1, list(attraction), rewards)


class TestPositionBias:
    """Without debiasing, what is only shown high gains over what is relevant; with it, it does not."""

    @pytest.fixture
    def searches(self, log):
        return list(position_biased(log, 2000, seed=7))

    def test_in_judgements(self, searches):
        biased = judged(searches, "clicks")
        assert biased["sad songs", "shown high"].value == pytest.approx(0.2965)
        assert biased["sad songs", "relevant"].value == pytest.approx(0.12)
        debiased = judged(searches, "debiased")
        assert (debiased["sad songs", "shown high"].value, debiased["sad songs", "shown high"].grade) == (0.2965, 1)
        assert (debiased["sad songs", "relevant"].value, debiased["sad songs", "relevant"].grade) == (0.6, 3)

    def test_in_what_the_memory_learns(self, searches):
        def rate(object_id):
            evidence = [evidence_of(settled, ExaminationCurve())[object_id] for settled in searches]
            return sum(one.successes for one in evidence) / sum(one.exposures for one in evidence)

        assert rate("shown high") == pytest.approx(0.2965)
        assert rate("relevant") == pytest.approx(0.6)

    def test_clicks_over_expected_clicks_cannot_tell_where_pages_never_change(self, searches):
        """The positions' click rates are then the documents' own."""
        assert {judgement.value for judgement in judged(searches, "coec").values()} == {1.0}

    def test_clicks_over_expected_clicks_tells_them_apart_where_other_queries_fill_the_positions(self, log, searches):
        """Another query, as often, each of whose documents stands at each position in turn."""
        draw = random.Random(8)
        other = []
        for seq in range(2000):
            page = ["m1", "m2", "m3", "m4", "m5"]
            draw.shuffle(page)
            rewards = {
                object_id: 1.0
                for ordinal, object_id in enumerate(page, start=1)
                if draw.random() < ExaminationCurve().at(ordinal) and draw.random() < 0.4
            }
            other.append(log.settled(seq + 1, page, rewards, query="any"))
        found = judged([*searches, *other], "coec")
        assert found["sad songs", "shown high"].value == pytest.approx(0.8532, abs=5e-5)
        assert found["sad songs", "relevant"].value == pytest.approx(1.1765, abs=5e-5)
