"""A call with all the events and values that it may have keeps nobody else waiting."""

import threading
import time
from statistics import median

import httpx
import pytest

pytest.importorskip("hayhooks")

from ltrr_haystack.server.schemas import MOST_DOCUMENTS, MOST_EVENTS, VALUES_PER_DOCUMENT

pytestmark = pytest.mark.security

EVENT = {"action_name": 5, "query_id": "x" * 500, "user_id": 5, "a": [1] * 40}


@pytest.fixture
def call(keyed, api_keys):
    """Sends events, and gives the status, the seconds that it took, and the longest that another request waited."""

    def call(events: list[dict]) -> tuple[int, float, float]:
        over, waits = threading.Event(), []

        def go_on() -> None:
            with httpx.Client(base_url=keyed.url, timeout=60) as other:
                while not over.is_set() or not waits:
                    at = time.monotonic()
                    assert other.get("/pages/settings").status_code == 200
                    waits.append(time.monotonic() - at)

        others = threading.Thread(target=go_on)
        others.start()
        at = time.monotonic()
        answer = keyed.post("feedback", {"events": events}, headers={"X-API-Key": api_keys["feedback"]})
        seconds = time.monotonic() - at
        over.set()
        others.join()
        return answer.status_code, seconds, max(waits)

    return call


def test_others_wait_for_reading_the_events_and_not_for_what_is_done_with_them(call):
    call([EVENT] * MOST_EVENTS)
    # One event too many: the body is read and validated, and nothing else is done.
    refused = [call([EVENT] * (MOST_EVENTS + 1)) for _ in range(3)]
    judged = [call([EVENT] * MOST_EVENTS) for _ in range(3)]
    assert {status for status, _, _ in refused} == {413}
    assert {status for status, _, _ in judged} == {422}
    assert min(wait for _, _, wait in judged) < 4 * median(seconds for _, seconds, _ in refused)


def test_documents_with_too_many_values_are_refused_before_each_is_validated(keyed, api_keys):
    documents = [{"content": "love", "meta": {"a": [1] * VALUES_PER_DOCUMENT}}] * MOST_DOCUMENTS
    answer = keyed.post("indexing", {"documents": documents}, headers={"X-API-Key": api_keys["index"]})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "documents"]
    assert "more than 100,000 values" in answer.json()["detail"][0]["msg"]
