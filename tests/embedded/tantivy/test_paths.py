from pathlib import Path

import pytest

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy.paths import resolve_folder
from ltrr_haystack.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SET", "/srv/index")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("UNSET", raising=False)


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/srv/./a/../b", "/srv/b"),
        ("${SET}", "/srv/index"),
        ("${SET}/songs", "/srv/index/songs"),
        ("${SET:-/elsewhere}", "/srv/index"),
        ("${UNSET:-/elsewhere}/songs", "/elsewhere/songs"),
        ("${EMPTY:-/elsewhere}", "/elsewhere"),
        ("/a$b/${SET", "/a$b/${SET"),
    ],
)
def test_variables_are_filled_in_as_in_a_shell(path, folder):
    assert resolve_folder(path) == Path(folder)


def test_relative_to_where_the_process_runs_and_to_the_person(tmp_path):
    assert resolve_folder(".ltrr/index") == tmp_path / ".ltrr" / "index"
    assert resolve_folder("~/index") == Path.home() / "index"


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(ConfigurationError, match=r"uses the environment variable UNSET, .*\$\{UNSET:-folder\}"):
        resolve_folder("${UNSET}/index")


@pytest.mark.parametrize("path", ["", " ", "${UNSET:-}"])
def test_no_folder_is_none(path):
    with pytest.raises(ConfigurationError, match="is empty; leave it out for an index in memory"):
        resolve_folder(path)
