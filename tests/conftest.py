import pytest


@pytest.fixture(autouse=True)
def _allow_deserialization(monkeypatch):
    monkeypatch.setenv("HAYSTACK_DESERIALIZATION_ALLOWLIST", "ltrr_haystack")
