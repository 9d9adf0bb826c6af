"""Usage examples in docstrings run as they stand."""

import ast
import re
import textwrap
from pathlib import Path

import pytest

import ltrr_haystack

PACKAGE = Path(ltrr_haystack.__file__).parent
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def examples():
    for path in sorted(path for path in PACKAGE.rglob("*.py") if path.parts[len(PACKAGE.parts)] != "evaluation"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                for number, code in enumerate(BLOCK.findall(ast.get_docstring(node) or "")):
                    name = f"{path.relative_to(PACKAGE)}:{getattr(node, 'name', 'module')}:{number}"
                    yield pytest.param(textwrap.dedent(code), id=name)


@pytest.mark.parametrize("code", list(examples()))
def test_runs_as_it_stands(code, tmp_path, monkeypatch):
    monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").symlink_to(PACKAGE.parent / "pipelines")
    exec(compile(code, "<docstring>", "exec"), {})  # noqa: S102 (our own docstrings)
