import json
import re
import sqlite3
from contextlib import closing

import pytest
from haystack.utils import Secret
from playwright.sync_api import expect

from browser import axe
from ltrr_haystack.store import RANKER, LTRRStore
from ranked import likes_low_ranks
from serving import Server, always, eventually, without_dense

SECRET = "s" * 43
KEY = f"ltrr_page1_{SECRET}"
PAYLOAD = '<img src=x onerror="alert(1)"><script>alert(2)</script>"\'><svg onload=alert(3)>'
LOVE = [
    {
        "id": f"love-{place}",
        "content": f"A love song\nabout rain, number {place}",
        "meta": {"title": f"Love {place}", "type": "song", "artist": "Ann", "year": 2020},
    }
    for place in range(1, 7)
]
HOSTILE = {
    "id": f"evil {PAYLOAD}",
    "content": f"hostile {PAYLOAD} javascript:alert(4)",
    "meta": {"title": PAYLOAD, "type": PAYLOAD, PAYLOAD: PAYLOAD, "artist": [PAYLOAD]},
}
NO_SUGGESTIONS = "status of 404"


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory):
    folder = without_dense(tmp_path_factory.mktemp("pages") / "pipelines")
    always(folder, "bm25")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory, pipelines):
    started = Server(pipelines, tmp_path_factory.mktemp("home"), options={"users": ["ann", "bob"], "safe_start": False})
    started.home = started.log.parent
    written = started.post("indexing", {"documents": [*LOVE, HOSTILE]})
    assert written.status_code == 200, written.text
    yield started
    started.kill()


@pytest.fixture
def open_page(server, visitor):
    visitor.expect(NO_SUGGESTIONS)

    def opening(query="", **how):
        page = visitor.page(**how)
        page.set_default_timeout(8_000)
        page.goto(server.url)
        page.wait_for_selector("#who select")
        if query:
            page.get_by_label("Search for").fill(query)
            page.get_by_label("Search for").press("Enter")
            page.wait_for_selector(".result")
        return page

    return opening


def events(server, action):
    with sqlite3.connect(server.home / "ltrr.db") as database:
        rows = database.execute("SELECT payload, reward FROM ltrr_events ORDER BY seq").fetchall()
    read = [({**json.loads(payload)}, reward) for payload, reward in rows]
    return [(event, reward) for event, reward in read if event["action_name"] == action]


class TestSearching:
    def test_a_like_is_in_the_store_and_the_next_search_remembers_it(self, server, open_page):
        page = open_page()
        page.get_by_label("Search for").fill("love")
        with page.expect_response("**/search/run") as answered:
            page.get_by_label("Search for").press("Enter")
        page.wait_for_selector(".result")
        last, number = page.locator(".result").last, page.locator(".result").count()
        liked = last.get_attribute("data-id")
        (arms,) = [each["arms"] for each in answered.value.json()["documents"] if each["id"] == liked]
        last.get_by_role("button", name="Why here?").click()
        drawer = page.get_by_role("dialog")
        assert "Nobody has looked at it" in drawer.inner_text()
        assert arms
        assert [arm for arm in arms if arm not in drawer.inner_text()] == []
        page.keyboard.press("Escape")
        last.get_by_role("button", name="Like").click()
        last.get_by_role("button", name="Liked").wait_for()
        assert page.get_by_role("status").inner_text() == "Liked: feedback accepted."
        ((event, reward),) = [each for each in events(server, "like") if each[0]["user_query"] == "love"]
        assert event["event_attributes"]["object"]["object_id"] == liked
        assert event["event_attributes"]["position"]["ordinal"] == number
        assert reward == 2.0

        def remembered():
            page.get_by_role("button", name="Search again").click()
            page.wait_for_selector(".results")
            found = page.locator(f'.result[data-id="{liked}"]')
            return "memory" in found.locator(".arms").inner_text()

        assert eventually(remembered)
        page.locator(f'.result[data-id="{liked}"]').get_by_role("button", name="Why here?").click()
        said = page.get_by_role("dialog").inner_text()
        assert "it earned as much as 1 click in" in said
        assert re.search(r"Expected click rate: 0\.\d\d before .*, 0\.\d\d now", said)

    def test_why_here_says_what_the_ranking_model_started_from_and_what_it_added(self, server, open_page):
        with closing(LTRRStore(Secret.from_token(f"sqlite:///{server.home / 'ltrr.db'}"))) as store:
            store.add_snapshot(RANKER, likes_low_ranks(), {}, activate=True)
            try:
                page = open_page("love")

                def told():
                    page.get_by_role("button", name="Search again").click()
                    page.get_by_role("button", name="Why here?").first.click()
                    said = page.get_by_role("dialog").inner_text()
                    page.keyboard.press("Escape")
                    return re.search(r"Start: place \d+ without memory", said) and "Mean of what the trees add" in said

                assert eventually(told)
            finally:
                store.activate(RANKER, 0)

    def test_opening_a_document_is_a_click_and_closing_it_says_how_long_it_was_read(self, server, open_page):
        page = open_page("rain")
        title = page.locator(".result-title").first
        shown = page.locator(".result").first.get_attribute("data-id")
        title.click()
        assert "about rain" in page.get_by_role("dialog").inner_text()
        page.get_by_role("button", name="Close").click()
        assert page.evaluate("document.activeElement.className") == "result-title"
        for action, worth in (("click", 1.0), ("dwell", 0.0)):
            assert eventually(lambda action=action: bool(events(server, action)))
            event, reward = events(server, action)[-1]
            assert event["event_attributes"]["object"]["object_id"] == shown
            assert reward == worth
        assert events(server, "dwell")[-1][0]["event_attributes"]["dwell_seconds"] >= 0
        assert eventually(lambda: len([e for e, _ in events(server, "impression") if e["user_query"] == "rain"]) > 1)

    def test_hiding_is_a_dislike(self, server, open_page):
        page = open_page("number")
        page.get_by_role("button", name="Hide").first.click()
        page.locator(".hidden-result").wait_for()
        assert [reward for _, reward in events(server, "dislike")] == [-1.0]

    def test_feedback_that_fails_can_be_sent_again_and_counts_once(self, server, visitor, open_page):
        visitor.expect("status of 503")
        page = open_page("song")
        answers = []

        def lose_the_answer(route):
            """The event arrives, but whoever sent it does not learn of that."""
            answers.append(route.fetch())
            route.fulfill(status=503, json={"detail": "the store cannot be used at the moment; try again"})

        likes = len(events(server, "like"))
        page.route("**/feedback/run", lose_the_answer)
        page.get_by_role("button", name="Like").first.click()
        again = page.get_by_role("button", name="Like failed, try again").first
        again.wait_for()
        page.unroute("**/feedback/run")
        again.click()
        page.get_by_role("button", name="Liked").wait_for()
        assert "duplicate" in page.get_by_role("status").inner_text()
        assert len(answers) == 1
        assert len(events(server, "like")) == likes + 1

    def test_a_search_can_be_linked_and_gone_back_to(self, open_page):
        page = open_page("love")
        page.get_by_label("Search for").fill("rain")
        page.get_by_role("button", name="Search", exact=True).click()
        page.wait_for_url("**/?q=rain")
        page.go_back()
        expect(page.get_by_label("Search for")).to_have_value("love")
        page.wait_for_selector(".result")
        page.go_forward()
        expect(page).to_have_title("rain · Search")

    def test_how_the_search_was_made_is_said(self, open_page):
        made = open_page("love").get_by_role("complementary").inner_text()
        for said in ("How this search was made", "What the query may mean", "bm25", "Chance of this choice", "Mode"):
            assert said in made

    def test_a_query_that_nobody_searched_says_that_it_is_new(self, open_page):
        made = open_page("love that nobody searched").get_by_role("complementary").inner_text()
        assert "never, as far as was learned: served as a new query" in made

    def test_the_bar_of_an_arm_is_as_long_as_what_it_brought(self, open_page):
        shares = open_page("love").locator(".share")
        told = [each.inner_text() for each in shares.all()]
        asked = [re.search(r"(\d+) of (\d+)", each) for each in told]
        deepest = max(int(each[2]) for each in asked if each)
        widths = [each.evaluate("each => parseFloat(each.style.width)") for each in shares.locator(".bar > span").all()]
        assert widths == pytest.approx([100 * int(each[1]) / deepest if each else 0 for each in asked], rel=1e-3)
        assert 0 < max(widths) < 100

    def test_events_say_who_searches(self, server, open_page):
        page = open_page("rain")

        def play_after(change):
            page.evaluate("document.querySelector('.results').id = 'old'")
            change()
            expect(page.locator("#old")).to_have_count(0)
            page.get_by_role("button", name="Play").first.click()
            page.get_by_role("button", name="Played").wait_for()
            return events(server, "play")[-1][0]

        bob = play_after(lambda: page.get_by_label("Searching as").select_option("bob"))
        assert bob["user_id"] == "bob"
        new = play_after(page.get_by_role("button", name="New visitor").click)
        assert "user_id" not in new
        assert new["client_id"] != bob["client_id"]
        assert new["session_id"] != bob["session_id"]


class TestWhatIsLogged:
    """A search is logged if somebody asked for it on the page."""

    @pytest.fixture
    def logged(self, server):
        def searches():
            with sqlite3.connect(server.home / "ltrr.db") as database:
                return database.execute("SELECT count(*) FROM ltrr_decisions").fetchone()[0]

        return searches

    def test_a_link_of_another_site_logs_nothing_until_it_is_searched_again(self, server, open_page, logged):
        page, before = open_page(), logged()
        page.set_content(f'<a href="{server.url}/?q=linked+song">look</a>')
        page.get_by_text("look").click()
        page.get_by_text("nothing is noted of this search").wait_for()
        assert page.locator(".result").count() > 0
        assert page.get_by_role("button", name="Like").count() == 0
        page.locator(".result-title").first.click()
        page.get_by_role("button", name="Close").click()
        page.reload()
        page.get_by_text("nothing is noted of this search").wait_for()
        assert logged() == before
        page.get_by_role("button", name="Search again").click()
        page.get_by_role("button", name="Like").first.wait_for()
        assert eventually(lambda: logged() == before + 1)

    def test_back_and_reload_show_the_page_as_it_was_and_log_nothing(self, open_page, server, logged):
        before, page, asked = logged(), open_page("back song"), []
        page.get_by_role("button", name="Like").first.click()
        page.get_by_role("button", name="Liked").wait_for()
        page.locator(".result-title").first.click()
        page.get_by_text("Opened: feedback accepted.").first.wait_for()
        page.get_by_role("button", name="Close").click()
        clicks = len(events(server, "click"))
        page.get_by_label("Search for").fill("back rain")
        page.get_by_label("Search for").press("Enter")
        expect(page).to_have_title("back rain · Search")
        page.locator(".result").first.wait_for()
        assert eventually(lambda: logged() == before + 2)
        page.on("request", lambda request: asked.append(request.url))
        page.go_back()
        expect(page).to_have_title("back song · Search")
        page.get_by_role("button", name="Liked").wait_for()
        page.reload()
        page.get_by_role("button", name="Liked").wait_for()
        page.locator(".result-title").first.click()
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Play").first.click()
        page.get_by_role("button", name="Played").wait_for()
        assert not [url for url in asked if url.endswith("/search/run")]
        assert len(events(server, "click")) == clicks
        assert logged() == before + 2

    def test_what_somebody_else_searched_before_is_not_shown_as_their_own(self, open_page):
        page = open_page("love")
        page.evaluate("sessionStorage.setItem('ltrr-user', 'bob')")
        page.reload()
        page.get_by_text("nothing is noted of this search").wait_for()


class TestStates:
    def test_nothing_found_is_said(self, open_page, server):
        page = open_page()
        page.goto(f"{server.url}/?q=zzzzqqqq")
        page.get_by_text("Nothing found").wait_for()

    @pytest.mark.parametrize(
        ("status", "headers", "said"),
        [
            (422, {}, "This search is not valid"),
            (403, {}, "Not allowed"),
            (429, {"Retry-After": "7"}, "Try again in 7 seconds"),
            (503, {"Retry-After": "1"}, "Try again in 1 second"),
            (500, {}, "The search failed"),
            (None, {}, "The server cannot be reached"),
        ],
    )
    def test_what_went_wrong_is_said_and_the_search_can_be_repeated(self, visitor, open_page, status, headers, said):
        visitor.expect("Failed to load resource")
        page = open_page()

        def fail(route):
            if status is None:
                route.abort()
            else:
                route.fulfill(status=status, headers=headers, json={"detail": "because"})

        page.route("**/search/run", fail)
        page.get_by_label("Search for").fill("love")
        page.get_by_label("Search for").press("Enter")
        page.get_by_text(said).first.wait_for()
        page.unroute("**/search/run")
        page.get_by_role("button", name="Search again").click()
        page.wait_for_selector(".result")

    def test_a_query_that_is_too_long_is_told_in_words(self, visitor, open_page, server):
        visitor.expect("Failed to load resource")
        page = open_page()
        page.goto(f"{server.url}/?q={'x' * 1001}")
        page.locator("#results").get_by_text("The query may have at most 1000 characters").wait_for()
        assert "body" not in page.locator("#results").inner_text()

    def test_examples_are_to_try(self, open_page):
        page = open_page()
        page.route("**/search/suggestions*", lambda route: route.fulfill(json={"suggestions": ["love"]}))
        page.reload()
        expect(page.locator("#examples")).to_contain_text("Try")
        expect(page.locator("#examples")).not_to_contain_text("Others")

    def test_a_page_that_is_not_logged_takes_no_feedback_and_missing_arms_are_named(self, open_page):
        page = open_page()

        def change(route):
            answer = route.fetch().json()
            missing = [{"arm": f"dense{PAYLOAD}", "reason": "timeout"}]
            route.fulfill(json={**answer, "logged": False, "missing_arms": missing, "warnings": [PAYLOAD]})

        page.route("**/search/run", change)
        page.get_by_label("Search for").fill("love")
        page.get_by_label("Search for").press("Enter")
        page.get_by_text("feedback on them will not be taken").wait_for()
        assert page.get_by_role("button", name="Like").count() == 0
        assert PAYLOAD in page.locator(".notice").last.inner_text()
        assert page.locator("main img, main svg, main script").count() == 0


class TestKeyboard:
    def test_all_can_be_done_without_a_mouse(self, open_page):
        page = open_page()
        page.route("**/search/suggestions*", lambda route: route.fulfill(json={"suggestions": ["love", "love songs"]}))
        page.keyboard.type("lov")
        page.locator("#suggestions li").first.wait_for()
        field = page.get_by_label("Search for")
        assert field.get_attribute("aria-expanded") == "true"
        page.keyboard.press("ArrowDown")
        assert field.get_attribute("aria-activedescendant") == page.locator("#suggestions li").first.get_attribute("id")
        page.keyboard.press("Escape")
        assert (field.input_value(), field.get_attribute("aria-expanded")) == ("lov", "false")
        page.keyboard.press("ArrowDown")
        page.locator("#suggestions li").first.wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_selector(".result")
        assert field.input_value() == "love"
        for _ in range(30):
            page.keyboard.press("Tab")
            if (page.evaluate("document.activeElement.getAttribute('aria-label')") or "").startswith("Why here?"):
                break
        page.keyboard.press("Enter")
        page.get_by_role("dialog").wait_for()
        assert page.evaluate("document.activeElement.closest('dialog') !== null")
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Why here?")


class TestHostileTexts:
    def test_what_documents_and_queries_hold_stays_text(self, open_page, server):
        page = open_page()
        page.get_by_label("Search for").fill(f"hostile {PAYLOAD}")
        page.get_by_label("Search for").press("Enter")
        row = page.locator(".result").first
        row.wait_for()
        assert PAYLOAD in row.inner_text()
        for button in ("Why here?", "Like"):
            row.get_by_role("button", name=button).click()
            if button == "Why here?":
                assert PAYLOAD in page.get_by_role("dialog").inner_text()
                page.keyboard.press("Escape")
        row.locator(".result-title").click()
        assert PAYLOAD in page.get_by_role("dialog").inner_text()
        assert page.locator("body img, body svg, body script").count() == 0

    def test_a_document_cannot_turn_the_text_around_it(self, open_page):
        page, turned = open_page(), "a\u202eb\u0007c\u2066"

        def change(route):
            answer = route.fetch().json()
            answer["documents"][0] |= {"content": f"{turned}\nsecond line", "meta": {"title": turned, turned: turned}}
            route.fulfill(json=answer)

        page.route("**/search/run", change)
        page.get_by_label("Search for").fill("love")
        page.get_by_label("Search for").press("Enter")
        page.locator(".result-title").first.click()
        said = page.get_by_role("dialog").text_content()
        assert said.count("abc") == 4
        assert "\nsecond line" in said
        assert not set(said) & set("\u202e\u0007\u2066")

    def test_a_long_title_leaves_room_to_close_the_document(self, open_page):
        page = open_page()

        def change(route):
            answer = route.fetch().json()
            answer["documents"][0]["meta"] = {"title": "x" * 140}
            route.fulfill(json=answer)

        page.route("**/search/run", change)
        page.get_by_label("Search for").fill("love")
        page.get_by_label("Search for").press("Enter")
        page.locator(".result-title").first.wait_for()
        page.set_viewport_size({"width": 360, "height": 740})
        page.locator(".result-title").first.click()
        close = page.get_by_role("button", name="Close").bounding_box()
        assert close["x"] + close["width"] <= 360
        assert close["width"] > 60

    def test_users_and_suggestions_stay_text(self, open_page):
        page = open_page()
        page.route("**/search/suggestions*", lambda route: route.fulfill(json={"suggestions": [PAYLOAD]}))
        page.get_by_label("Search for").press_sequentially("h")
        assert page.locator("#suggestions li").inner_text() == PAYLOAD
        page.get_by_label("Searching as").select_option("someone else …")
        page.get_by_label("User id").fill(PAYLOAD)
        page.keyboard.press("Enter")
        expect(page.get_by_label("Searching as")).to_have_value(PAYLOAD)
        assert page.locator("body img, body svg, body script").count() == 0


class TestLooks:
    @pytest.mark.parametrize("dark", [False, True])
    def test_axe_finds_nothing_serious(self, open_page, dark):
        assert axe(open_page(dark=dark)) == []
        page = open_page("love", dark=dark)
        assert axe(page) == []
        page.get_by_role("button", name="Why here?").first.click()
        assert eventually(lambda: page.evaluate("document.getAnimations().length") == 0)
        assert axe(page) == []

    def test_a_phone_does_not_scroll_sideways(self, open_page):
        for query in ("", "love", "hostile"):
            page = open_page(query, phone=True, viewport={"width": 360, "height": 740})
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.get_by_role("button", name="Why here?").first.click()
        assert page.evaluate("document.getElementById('dialog').scrollWidth") <= 360


class TestKeys:
    def test_a_key_is_asked_for_and_kept_for_the_session_alone(self, tmp_path, pipelines, visitor):
        visitor.expect("status of 40[14]")
        keyed = Server(pipelines, tmp_path / "home", key=KEY, LTRR_API_KEYS=f"page:search,feedback,index:{KEY}")
        try:
            assert keyed.post("indexing", {"documents": LOVE}).status_code == 200
            page = visitor.page()
            page.goto(f"{keyed.url}/?q=love")
            page.get_by_label("This server needs an API key").fill(f"ltrr_wrong1_{SECRET}")
            page.keyboard.press("Enter")
            expect(page.get_by_text("unknown or was revoked")).to_have_count(1)
            page.get_by_label("This server needs an API key").fill(KEY)
            page.keyboard.press("Enter")
            page.wait_for_selector(".result")
            page.get_by_role("button", name="Search again").click()
            page.get_by_role("button", name="Like").first.click()
            page.get_by_role("button", name="Liked").wait_for()
            assert KEY in page.evaluate("Object.values({...sessionStorage}).join()")
            assert KEY not in page.evaluate("Object.values({...localStorage}).join() + document.cookie + location.href")
            assert KEY not in page.content()
            page.get_by_role("button", name="Forget key").click()
            page.get_by_label("This server needs an API key").wait_for()
            assert KEY not in page.evaluate("Object.values({...sessionStorage}).join()")
        finally:
            keyed.kill()
