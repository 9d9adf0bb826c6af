import json

import httpx
import pytest

from ltrr_haystack.evaluation.datasets import Query
from ltrr_haystack.evaluation.people import Search
from ltrr_haystack.evaluation.replay.answers import Answer
from ltrr_haystack.evaluation.replay.server_system import ServerSystem

SEARCH = Search(0, Query("q1", "love", "ambiguous"), "ann", "s1")
PAGE = {
    "query_id": "id-1",
    "documents": [{"id": "d1", "content": "x"}, {"id": "d2", "content": "y"}],
    "decision": {"allocation": {"bm25": 10, "dense": 0}, "propensity": 0.5, "mode": "live", "policy_version": 3},
    "missing_arms": [{"arm": "dense", "reason": "timeout"}],
}


def server(answer, asked):
    def handle(request):
        asked.append((str(request.url), json.loads(request.content)))
        return answer(request)

    return httpx.Client(transport=httpx.MockTransport(handle))


class TestServerSystem:
    def test_asks_and_reads_the_answer(self):
        asked = []
        client = server(lambda request: httpx.Response(200, json=PAGE), asked)
        answer = ServerSystem("http://there:1416/", client=client).search(SEARCH)
        assert asked == [
            ("http://there:1416/search/run", {"query": "love", "user_id": "ann", "session_id": "s1", "top_k": 10})
        ]
        assert answer == Answer("id-1", ("d1", "d2"), {"bm25": 10, "dense": 0}, "live", None, ("dense",))

    def test_asks_for_a_mode_where_one_is_wished(self):
        asked = []
        client = server(lambda request: httpx.Response(200, json=PAGE), asked)
        ServerSystem("http://there", mode="baseline", client=client).search(SEARCH)
        assert asked[0][1]["mode"] == "baseline"

    def test_an_error_status_is_a_failed_search(self):
        client = server(lambda request: httpx.Response(503), [])
        with pytest.raises(httpx.HTTPStatusError, match="503"):
            ServerSystem("http://there", client=client).search(SEARCH)

    def test_sends_feedback_and_counts_what_was_rejected(self):
        asked = []
        outcome = {"accepted": 0, "duplicate": 0, "rejected": 1, "results": [{"status": "rejected", "reason": "no"}]}
        client = server(lambda request: httpx.Response(422, json=outcome), asked)
        assert ServerSystem("http://there", client=client).feedback([{"action_name": "click"}]) == 1
        assert asked == [("http://there/feedback/run", {"events": [{"action_name": "click"}]})]

    def test_feedback_that_the_server_failed_on_is_an_error(self):
        client = server(lambda request: httpx.Response(500), [])
        with pytest.raises(httpx.HTTPStatusError, match="500"):
            ServerSystem("http://there", client=client).feedback([{}])
