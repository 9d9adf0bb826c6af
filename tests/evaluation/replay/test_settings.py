import ast
from pathlib import Path

import pytest

import ltrr_haystack
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.replay.settings import BESIDE, Settings

PACKAGE = Path(ltrr_haystack.__file__).parent


class TestSettings:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"impressions": 0}, "impressions must be at least 1"),
            ({"seeds": ()}, "seeds must be different numbers"),
            ({"seeds": (1, 1)}, "seeds must be different numbers"),
            ({"held_out": 1.0}, "held_out must lie between 0 and 1"),
            ({"delay": -1.0}, "delay and reward_wait must not be negative"),
            ({"train_at": (0.0,)}, "train_at must be shares of the stream"),
            ({"late_documents": 1.0}, "late_documents must be a share .*, at least 0 and below 1, got 1.0"),
            ({"late_documents": -0.1}, "late_documents must be a share .*, got -0.1"),
            ({"late_documents": float("nan")}, "late_documents must be a share .*, got nan"),
        ],
    )
    def test_refuses_what_cannot_work(self, wrong, message):
        with pytest.raises(ConfigurationError, match=message):
            Settings(**wrong)

    def test_half_way_is_the_first_search_of_the_second_half(self):
        assert [Settings(impressions=number).half_way for number in (1, 2, 9)] == [0, 1, 4]

    def test_the_mark_depends_on_all_but_the_number_of_seeds(self):
        mark = Settings().fingerprint("data")
        assert Settings(seeds=(5,)).fingerprint("data") == mark
        assert Settings(noise=0.1).fingerprint("data") != mark
        assert Settings(late_documents=0.1).fingerprint("data") != mark
        assert Settings().fingerprint("other data") != mark


class TestBeside:
    @pytest.fixture
    def package(self, tmp_path, monkeypatch):
        for name in ("__init__.py", "types.py", "evaluation/replay/stream.py", *map(as_module, BESIDE)):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("old = 1")
        monkeypatch.setattr(ltrr_haystack, "__file__", str(tmp_path / "__init__.py"))
        return tmp_path

    def test_what_lies_beside_a_replay_changes_no_mark_and_all_else_does(self, package):
        mark = Settings().fingerprint()
        for name in map(as_module, BESIDE):
            (package / name).write_text("new = 1")
        assert Settings().fingerprint() == mark
        for name in ("types.py", "evaluation/replay/stream.py"):
            (package / name).write_text("new = 1")
            assert Settings().fingerprint() != mark
            (package / name).write_text("old = 1")

    @pytest.mark.parametrize("part", BESIDE)
    def test_is_there_and_no_replay_runs_through_it(self, part, run_through):
        assert (PACKAGE / part).exists()
        assert {"evaluation/replay/stream.py", "components/ltrr_ranker.py", "store/store.py"} <= run_through
        assert not [module for module in run_through if Path(module).is_relative_to(part)]


@pytest.fixture(scope="module")
def run_through():
    return reached("evaluation/replay/running.py")


def as_module(part):
    return part if part.endswith(".py") else f"{part}/module.py"


def reached(start):
    """Whatever modules of the package a module imports, these import, and so on, as they are named."""
    found, todo = set(), [start]
    while todo:
        module = todo.pop()
        if module not in found:
            found.add(module)
            todo += imports(module)
    return found


def imports(module):
    names = set()
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    for name in names:
        path = name.replace(".", "/").removeprefix("ltrr_haystack").lstrip("/")
        if name.split(".")[0] == "ltrr_haystack":
            yield from (file for file in (f"{path}.py", f"{path}/__init__.py".lstrip("/")) if (PACKAGE / file).exists())
