"""Suggestions over HTTP, and what they match."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

pytest.importorskip("hayhooks")

from haystack.utils import Secret

import factories
from ltrr_haystack import LTRRStore
from ltrr_haystack.server import suggestions as suggesting
from ltrr_haystack.server.suggestions import SuggestionList, Suggestions
from ltrr_haystack.store import Watermark
from serving import Server, click, eventually, few_songs

TEXTS = ["love songs", "sad love songs", "lovely day", "rain", "beyonce halo", "songs of the sea"]


class TestMatching:
    def matching(self, query, **how):
        return SuggestionList(TEXTS).matching(query, **how)

    def test_what_begins_with_it_comes_first_then_what_has_a_word_that_does(self):
        assert self.matching("lov") == ["love songs", "lovely day", "sad love songs"]
        assert self.matching("song") == ["songs of the sea", "love songs", "sad love songs"]

    @pytest.mark.parametrize("typed", ["BEYONCÉ", "  beyon", "Beyonce\u202e h"])
    def test_case_accents_and_hidden_signs_do_not_matter(self, typed):
        assert self.matching(typed) == ["beyonce halo"]

    @pytest.mark.parametrize(
        ("typed", "found"), [("beyonse", "beyonce halo"), ("raim", "rain"), ("hlao", "beyonce halo")]
    )
    def test_typos_are_forgiven_last(self, typed, found):
        assert self.matching(typed) == [found]

    def test_short_words_have_no_typos(self):
        assert self.matching("rxi") == []

    def test_what_is_typed_already_is_not_suggested(self):
        assert self.matching("rain") == []

    def test_before_anything_is_typed_the_most_chosen_are_given(self):
        assert self.matching("", most=2) == ["love songs", "sad love songs"]

    @pytest.mark.parametrize("typed", ["x" * 10_000, "(((((", "[a-z]+$"])
    def test_nothing_is_found_for_nonsense(self, typed):
        assert SuggestionList(["abc"]).matching(typed + "q") == []


def looked_through(texts, form):
    """The same answer by looking at every text."""

    def typos(text):
        words = [at for at in range(len(text)) if at == 0 or text[at - 1] == " "]
        lengths = range(len(form) - 1, len(form) + 2)
        return min(OSA.distance(text[at:][:length], form) for at in words for length in lengths)

    first = [text for text in texts if text.startswith(form)]
    then = [text for text in texts if f" {form}" in text]
    allowed = 0 if len(form) < 4 else 1 if len(form) < 8 else 2
    last = sorted((text for text in texts if 0 < typos(text) <= allowed), key=typos) if allowed else []
    return [text for text in dict.fromkeys([*first, *then, *last]) if text != form]


FEW_LETTERS = st.text("ab ", min_size=1, max_size=14).map(lambda text: " ".join(text.split())).filter(bool)


@given(st.lists(FEW_LETTERS, unique=True, max_size=12), FEW_LETTERS)
def test_the_answer_is_that_of_looking_at_every_text(texts, typed):
    suggestions = SuggestionList(texts)
    assert suggestions.matching(typed, most=99) == looked_through(texts, typed)


def test_what_was_found_is_known_until_there_are_too_many_answers(monkeypatch):
    monkeypatch.setattr(suggesting, "MOST_ANSWERS", 2)
    suggestions = SuggestionList(TEXTS)
    assert suggestions.known("lov") is None
    found = suggestions.matching("lov")
    assert suggestions.known("LOV") == found
    found.clear()
    assert suggestions.matching("lov") == suggestions.known("lov") == ["love songs", "lovely day", "sad love songs"]
    for typed in ("ra", "be"):
        suggestions.matching(typed)
    assert suggestions.known("lov") is None
    assert suggestions.known("be") == ["beyonce halo"]


async def test_looking_for_an_answer_does_not_block_the_event_loop(monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_):
        begun.set()
        return ["love"] if go_on.wait(10) else []

    monkeypatch.setattr(SuggestionList, "matching", slow)
    asked = asyncio.create_task(Suggestions(None).ask("lo"))
    assert await asyncio.to_thread(begun.wait, 10)
    go_on.set()
    assert await asked == ["love"]


class Broken:
    def watermark(self):
        raise OSError("disk /secret/path is gone")


def test_a_store_that_fails_costs_past_queries_alone():
    suggestions = Suggestions(Broken(), first=["Love"])
    suggestions.renew()
    assert suggestions.matching("lo") == ["love"]
    assert Suggestions(None).matching("lo") == []


class Log:
    """Searches of five people for each of some queries, in the order of the log."""

    def __init__(self, *queries):
        self.searches = []
        self.extend(*queries)

    def extend(self, *queries):
        for query in queries:
            for person in range(5):
                number = len(self.searches) + 1
                made = factories.decision(f"q{number}", query, user_id=f"{query} {person}")
                found = factories.page(factories.unite(made, {"bm25": ["a", "b"]}))
                self.searches.append(factories.settled(found, {"a": 1.0}, seq=number))

    def watermark(self):
        return Watermark(settled=len(self.searches), learned=len(self.searches))

    def learned(self, after, limit):
        return [each for each in self.searches if each.seq > after][:limit]


def test_what_is_suggested_stays_until_it_is_counted_anew_as_far(monkeypatch):
    monkeypatch.setattr(suggesting, "BATCH", 5)
    monkeypatch.setattr(suggesting, "BATCHES", 1)
    log = Log("love", "rain")
    suggestions = Suggestions(log)
    for known in (["love"], ["love", "rain"]):
        suggestions.renew()
        assert suggestions.matching("") == known
    monkeypatch.setattr(suggesting, "ANEW_SECONDS", -1.0)
    suggestions.renew()
    assert suggestions.matching("") == ["love", "rain"]
    monkeypatch.setattr(suggesting, "ANEW_SECONDS", 3600.0)
    # What is searched for meanwhile does not put the end off.
    log.extend("sun")
    for known in (["love", "rain"], ["love", "rain", "sun"]):
        suggestions.renew()
        assert suggestions.matching("") == known


def test_what_cannot_be_shown_is_not_suggested_at_first_either():
    texts = ["\u202elove", "ann@example.org", "  Love \x00me "]
    assert Suggestions(None, first=texts).matching("") == ["love", "love me"]


@pytest.fixture(scope="module")
def server(lexical_pipelines, tmp_path_factory):
    folder = tmp_path_factory.mktemp("suggestions")
    running = Server(lexical_pipelines, folder / "home", options={"data": str(few_songs(folder / "songs"))})
    assert running.url, running.log.read_text()
    yield running
    running.kill()


class TestOverHTTP:
    def suggested(self, server, query, **headers):
        answer = server.client.get("/search/suggestions", params={"query": query}, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["suggestions"]

    def test_a_demo_begins_with_its_own_queries(self, server):
        assert self.suggested(server, "ra") == ["rain"]
        assert self.suggested(server, "") == ["love", "rain", "night"]

    def test_a_query_that_is_too_long_is_refused(self, server):
        assert server.client.get("/search/suggestions", params={"query": "x" * 1_001}).status_code == 422

    def test_pages_of_others_may_not_ask(self, server):
        refused = server.client.get("/search/suggestions", headers={"Origin": "https://evil.example"})
        assert refused.status_code == 403


def chosen(server, query, **who):
    found = server.search(query, **who)
    server.post("feedback", {"events": [click(found, found["documents"][0]["id"])]}).raise_for_status()


def past(store, **how):
    suggestions = Suggestions(store, **how)
    suggestions.renew()
    return suggestions.matching("")


def test_what_several_people_chose_is_suggested_and_what_one_client_chose_is_not(server):
    for person in range(5):
        chosen(server, "More Love", user_id=f"user {person}", session_id=f"session {person}")
        chosen(server, "rain of mine", user_id="ann", session_id=f"anns {person}")
        chosen(server, "and more planted", user_id=f"eve {person}", client_id="eve")
    store = LTRRStore(Secret.from_token(f"sqlite:///{server.log.parent}/ltrr.db"))
    try:
        assert eventually(lambda: past(store) == ["more love"])
        assert past(store, first=["love", "More love"]) == ["more love", "love"]
        # Where everybody may call, and only says who it is, five people may be one.
        assert past(store, trusted=lambda: False) == []
    finally:
        store.close()
