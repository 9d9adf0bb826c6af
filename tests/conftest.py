import os

import pytest

# Before Haystack is loaded: tests send nothing anywhere.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"


@pytest.fixture(autouse=True)
def _allow_deserialization(monkeypatch):
    monkeypatch.setenv("HAYSTACK_DESERIALIZATION_ALLOWLIST", "ltrr_haystack")


@pytest.fixture(autouse=True)
def _no_index(monkeypatch):
    """Whatever a test sets, as a server does, is gone after it."""
    monkeypatch.setenv("LTRR_INDEX", "")
    monkeypatch.delenv("LTRR_INDEX")
