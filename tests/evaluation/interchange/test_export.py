import pytest

from factories import record
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.interchange import export


@pytest.fixture
def logged(log, store):
    record(store, [(log.ranking(log.decision(f"q{n}"), ["a", "b"]), {"a": 1.0}) for n in range(10)])
    return store


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("dsjson", "20 events, one for each search and arm that had a choice"),
        ("obp", "10 searches"),
        ("trec-run", "2 lines of what was shown"),
        ("qrels", "2 judgements (debiased) of documents that were examined at least 5 times"),
    ],
)
def test_writes_each_format_and_says_what_it_wrote(logged, tmp_path, form, said):
    out = tmp_path / "out"
    assert export(logged, form, out) == f"{said}: {out}"
    assert out.stat().st_size > 0


def test_hands_on_its_settings(logged, tmp_path):
    assert export(logged, "trec-run", tmp_path / "run", per="search").startswith("20 lines")
    assert export(logged, "qrels", tmp_path / "qrels", estimator="coec", least_examined=7).startswith(
        "1 judgements (coec)"
    )


def test_an_unknown_format_is_refused(store, tmp_path):
    with pytest.raises(ConfigurationError, match="'csv'; choose one of dsjson, obp, trec-run, qrels"):
        export(store, "csv", tmp_path / "out")


def test_a_folder_that_is_not_there_is_named(store, tmp_path):
    with pytest.raises(ConfigurationError, match="nowhere"):
        export(store, "dsjson", tmp_path / "nowhere" / "out")


def test_a_file_that_fails_half_way_leaves_the_old_one(logged, tmp_path):
    out = tmp_path / "out"
    out.write_text("old")
    with pytest.raises(ConfigurationError):
        export(logged, "qrels", out, estimator="guess")
    assert out.read_text() == "old"
    assert list(tmp_path.glob("*.part")) == []
