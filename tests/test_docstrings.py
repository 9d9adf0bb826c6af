"""Usage examples in docstrings run as they stand."""

import ast
import json
import re
import textwrap
from pathlib import Path

import pytest

import ltrr_haystack

PACKAGE = Path(ltrr_haystack.__file__).parent
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def examples():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                for number, code in enumerate(BLOCK.findall(ast.get_docstring(node) or "")):
                    name = f"{path.relative_to(PACKAGE)}:{getattr(node, 'name', 'module')}:{number}"
                    yield pytest.param(textwrap.dedent(code), id=name)


def write_music(folder):
    """A BEIR folder of twelve songs, each of which answers one query."""
    (folder / "qrels").mkdir(parents=True)
    songs = [{"_id": f"song-{number}", "text": f"song{number} of the sea"} for number in range(12)]
    queries = [{"_id": f"q{number}", "text": f"song{number}"} for number in range(12)]
    for name, rows in (("corpus", songs), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    judged = ["query-id\tcorpus-id\tscore", *(f"q{number}\tsong-{number}\t1" for number in range(12))]
    (folder / "qrels" / "test.tsv").write_text("".join(f"{line}\n" for line in judged))


@pytest.mark.parametrize("code", list(examples()))
def test_runs_as_it_stands(code, tmp_path, monkeypatch):
    write_music(tmp_path / "music")
    monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").symlink_to(PACKAGE.parent / "pipelines")
    exec(compile(code, "<docstring>", "exec"), {})  # noqa: S102 (our own docstrings)
