import sys

import pytest

from ltrr_haystack.evaluation.replay import source
from ltrr_haystack.evaluation.replay.settings import REPLAYS
from ltrr_haystack.evaluation.replay.source import imported_sources, source_fingerprint


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose `start` imports `near`, which imports `far`; nothing imports `beside`."""
    files = {
        "__init__": "from toy.beside import x",
        "start": "import json\nimport toy.near",
        "near": "def later():\n    import toy.far",
        "far": "from toy.start import near",
        "beside": "x = 1",
    }
    (tmp_path / "toy").mkdir()
    for name, text in files.items():
        (tmp_path / "toy" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(source, "PACKAGE", "toy")
    source_fingerprint.cache_clear()
    yield tmp_path / "toy"
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
        del sys.modules[name]
    source_fingerprint.cache_clear()


@pytest.mark.parametrize(("changed", "others"), [("start", True), ("near", True), ("far", True), ("beside", False)])
def test_it_changes_with_what_is_imported_directly_or_not_and_with_nothing_else(package, changed, others):
    before = source_fingerprint("toy.start")
    with (package / f"{changed}.py").open("a") as file:
        file.write("\ny = 2\n")
    source_fingerprint.cache_clear()
    assert (source_fingerprint("toy.start") != before) == others


def test_a_replay_depends_on_components_and_store_and_not_on_servers_commands_and_reports():
    modules = imported_sources(REPLAYS)
    assert {f"ltrr_haystack.{name}" for name in ("components.ltrr_ranker", "store.store", "policy.vw")} <= set(modules)
    beside = ("server", "cli", "evaluation.report", "evaluation.off_policy", "evaluation.replay.figures")
    assert not [name for name in modules if name.startswith(tuple(f"ltrr_haystack.{part}" for part in beside))]
