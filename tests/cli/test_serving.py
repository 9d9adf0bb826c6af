import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ltrr_haystack.cli import app
from ltrr_haystack.server import demo, serving
from ltrr_haystack.server.settings import ServerSettings
from ltrr_haystack.server.summary import ServerSummary


@pytest.fixture
def served(monkeypatch, tmp_path):
    """Runs a command, and gives what it would have served and what it said."""
    for name in (
        "LTRR_STORE_URL",
        "LTRR_HOME",
        "LTRR_CLIENT_ADDRESS",
        "LTRR_KEY_RATE",
        "LTRR_API_KEYS",
        "LTRR_REWARD_WAIT",
    ):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    calls = []

    def serve(*arguments, on_ready, **settings):
        calls.append(settings)
        on_ready(ServerSummary(url="http://127.0.0.1:1416", reward_wait=settings.get("reward_wait")))

    monkeypatch.setattr(serving, "serve", serve)
    monkeypatch.setattr(demo, "serve", serve)

    def run(*arguments: str):
        ended = CliRunner().invoke(app, [*arguments, "--home", str(tmp_path)])
        assert ended.exit_code == 0, ended.output
        return calls[-1], ended.output

    return run


class TestServe:
    def test_hands_on_its_options(self, served):
        limits = ["--client-address", "forwarded", "--key-rate", "7", "--address-rate", "0", "--searches-at-once", "3"]
        settings, said = served("serve", "--reward-wait", "60", "--open", *limits)
        assert settings["reward_wait"] == 60.0
        assert settings["settings"] == ServerSettings(
            everybody=True, client_address="forwarded", key_rate=7.0, address_rate=0.0, searches_at_once=3
        )
        assert "feedback: learned from 1 minute after the search" in said

    def test_by_default_the_environment_decides(self, served, monkeypatch):
        monkeypatch.setenv("LTRR_CLIENT_ADDRESS", "peer")
        settings, _ = served("serve")
        assert settings["settings"] == ServerSettings(client_address="peer")
        assert settings["reward_wait"] is None

    def test_documents_need_no_queries_and_no_judgements(self, served, tmp_path):
        (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "title": "Rain", "text": "and love"}\n')
        settings, _ = served("serve", "--documents", str(tmp_path))
        assert [document.content for document in settings["documents"]()] == ["Rain\nand love"]


class TestDemo:
    def test_says_how_to_search_and_who_has_access(self, served):
        settings, said = served("demo", "--open")
        assert settings["settings"] == ServerSettings(everybody=True)
        assert "documents of 'music' are indexed" in said
        assert settings["reward_wait"] == 3.0
        assert "learned from 3 seconds after the search (LTRR_REWARD_WAIT sets another time)" in said
        assert "access:   this machine only" in said

    def test_the_environment_may_set_the_reward_wait(self, served, monkeypatch):
        monkeypatch.setenv("LTRR_REWARD_WAIT", "5")
        settings, _ = served("demo")
        assert settings["reward_wait"] is None


BARE = """
import sys
sys.modules.update(dict.fromkeys(("hayhooks", "fastapi", "starlette", "uvicorn")))
from ltrr_haystack.cli import app
app(sys.argv[1:])
"""


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_without_hayhooks_it_says_what_to_install(command, tmp_path):
    command = [sys.executable, "-c", BARE, command, "--home", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Error: serving needs hayhooks" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_where_others_can_reach_it_it_does_not_start_without_keys(command, tmp_path, monkeypatch):
    for name in ("LTRR_STORE_URL", "LTRR_HOME", "LTRR_REWARD_WAIT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    refused = CliRunner().invoke(app, [command, "--host", "0.0.0.0", "--port", "0", "--home", str(tmp_path)])
    assert refused.exit_code == 1
    assert "Error: other machines can reach 0.0.0.0, but there are no API keys" in " ".join(refused.stderr.split())
