"""What the README shows runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def run(tmp_path):
    """Runs a program in an empty folder; gives what it printed."""

    def running(program):
        (tmp_path / "snippet.py").write_text(program, encoding="utf-8")
        command = [sys.executable, "-W", "error", "snippet.py"]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return running


def test_the_first_snippet_is_short_and_complete(run, tmp_path):
    assert len(SNIPPETS[0].splitlines()) <= 25
    query_id, _, shown = run(SNIPPETS[0]).partition(" ")
    assert len(query_id) >= 16
    assert shown.startswith("['rain'")
    assert (tmp_path / "ltrr.db").is_file()


def test_the_others_go_on_from_it(run):
    assert run("\n".join([*SNIPPETS, "print(feedback.run([click])['duplicate'])"])).splitlines()[-1] == "1"
