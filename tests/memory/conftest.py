import pytest
from haystack.utils import Secret

from ltrr_haystack.store import LTRRStore


@pytest.fixture
def store(tmp_path):
    store = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/ltrr.db"))
    yield store
    store.close()
