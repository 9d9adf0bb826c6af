import json

import numpy as np
import pytest

from factories import judged_query
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.ranking.features import FeatureSchema

pytest.importorskip("lightgbm")

SCHEMA = FeatureSchema(("good", "noise"))


@pytest.fixture(scope="module")
def queries():
    """Sixty queries with a few documents that people want, mostly high in the union; `good` tells them."""
    draw = np.random.default_rng(0)
    made = []
    for number in range(60):
        wanted = (draw.random(20) < 0.5 / np.arange(1, 21) ** 0.5).astype(float)
        features = np.column_stack([wanted + 0.1 * draw.random(20), draw.random(20)])
        made.append(judged_query(f"query {number}", features, attractions=0.05 + 0.6 * wanted))
    return made


def test_the_log_is_that_of_people_who_searched(gate, precomputed):
    """What answers a query is at place 2 to 6, and worth most by what people did."""
    log = gate.log_of(precomputed, Settings(impressions=600, seeds=(0,)))
    assert log.decisions > 500
    assert len(log.judged) > 20
    found = [int(query.places[query.attractions.argmax()]) for query in log.judged]
    assert np.mean([place > 1 for place in found]) > 0.8


class TestOrders:
    def test_the_first_page_is_turned_and_what_stands_below_stays(self, gate):
        query = judged_query("query", np.zeros((13, 1)))
        order = np.argsort(-gate.page_reversed(query)) + 1
        assert order.tolist() == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 11, 12, 13]

    def test_the_union_is_turned_as_a_whole(self, gate):
        query = judged_query("query", np.zeros((4, 1)))
        assert (np.argsort(-gate.union_reversed(query)) + 1).tolist() == [4, 3, 2, 1]

    def test_grades_stay_within_their_query(self, gate, queries):
        for query, dealt in zip(queries, gate.shuffled(queries, seed=1), strict=True):
            assert sorted(dealt.grades) == sorted(query.grades)
            assert dealt.attractions is query.attractions


class TestVerdicts:
    def test_what_was_learned_passes_and_nothing_else_does(self, gate, queries):
        told = {name: verdict.passed for name, verdict in gate.verdicts(queries, SCHEMA, shuffles=3)}
        assert told.pop("learned")
        assert len(told) == 5
        assert not any(told.values())


class TestMain:
    def test_goes_to_a_file_and_is_shown(self, gate, queries, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(gate, "load_beir", lambda folder: None)
        monkeypatch.setattr(gate, "hybrid", lambda *_: None)
        monkeypatch.setattr(gate, "log_of", lambda *_: type("Log", (), {"judged": queries, "schema": SCHEMA}))
        file = tmp_path / "gate.json"
        gate.main(["--data", "music", "--shuffles", "1", "--json", str(file)])
        rows = json.loads(file.read_text())
        assert [(row["ranker"], row["passed"]) for row in rows] == [
            ("learned", True),
            ("page upside down", False),
            ("union upside down", False),
            ("shuffled grades, seed 0", False),
        ]
        assert "music, 60 queries" in capsys.readouterr().out

    def test_too_few_queries_are_an_error(self, gate, queries, capsys, monkeypatch):
        monkeypatch.setattr(gate, "load_beir", lambda folder: None)
        monkeypatch.setattr(gate, "hybrid", lambda *_: None)
        monkeypatch.setattr(gate, "log_of", lambda *_: type("Log", (), {"judged": queries[:3], "schema": SCHEMA}))
        with pytest.raises(SystemExit):
            gate.main(["--data", "music"])
        assert "only 3 queries were clicked, 20 are needed; raise --impressions" in capsys.readouterr().err
