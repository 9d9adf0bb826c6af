"""What the description of the API says, and what the server does, are the same: Schemathesis asks it everything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("hayhooks")
pytest.importorskip("schemathesis")

pytestmark = pytest.mark.security

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
def schemathesis(tmp_path):
    """Runs Schemathesis against a server, and gives its report."""

    def run(url: str, *options: str) -> dict:
        path = tmp_path / "report.json"
        command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run"]
        # Its second phase: the bounds of every field, each missed by a little, and what no schema allows.
        fixed = ["--phases", "coverage", "--generation-deterministic", "--no-shrink", "--report-json-path", str(path)]
        done = subprocess.run(
            [*command, f"{url}/openapi.json", *fixed, *options],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=300,
        )
        assert path.exists(), done.stdout + done.stderr
        report = json.loads(path.read_text())
        assert (done.returncode, report["failures"], report["errors"]) == (0, [], []), done.stdout[-10_000:]
        assert report["complete"]
        return report

    return run


def test_what_is_described_is_what_is_done(keyless, keyed, api_keys, schemathesis):
    reports = [
        schemathesis(keyless.url),
        # Here every request is sent without its key, too, and must be refused.
        schemathesis(keyed.url, "-H", f"X-API-Key: {api_keys['admin']}"),
        schemathesis(keyed.url, "-H", f"X-API-Key: {api_keys['feedback']}"),
    ]
    assert sum(report["test_cases"]["generated"] for report in reports) >= 2000
    assert reports[0]["valid_rates"]["POST /search/run"]["coverage"]["accepted"] > 50
