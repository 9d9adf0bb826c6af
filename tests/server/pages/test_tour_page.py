"""The tour, started with the mouse in a real browser."""

import re

import pytest

pytest.importorskip("hayhooks")
pytest.importorskip("tantivy")

from playwright.sync_api import expect

from browser import axe
from serving import Server, few_songs

ADMIN = f"ltrr_admin1_{'x' * 40}"
SEARCH = f"ltrr_search1_{'y' * 40}"


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return few_songs(tmp_path_factory.mktemp("data") / "<b>songs")


@pytest.fixture(scope="module")
def server(lexical_pipelines, songs, tmp_path_factory):
    running = Server(lexical_pipelines, tmp_path_factory.mktemp("home"), options={"data": str(songs)})
    assert running.url, running.log.read_text()
    yield running
    running.kill()


@pytest.fixture(autouse=True)
def _no_tour(server):
    yield
    server.client.delete("/tour")


def show_tour(page, url):
    page.goto(url)
    return page.locator("#tour")


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"phone": True}], ids=str)
def test_a_click_lets_people_search_and_the_curve_grows(server, visitor, look):
    page = visitor.page(**look)
    tour = show_tour(page, server.url)
    tour.get_by_role("button", name="Let simulated people search").click()
    expect(tour.get_by_role("button", name="Let simulated people search")).to_be_disabled()
    expect(tour.get_by_role("progressbar")).to_be_visible()
    expect(tour.locator("#tour-progress")).to_contain_text("seconds left")
    expect(tour.locator(".chart circle")).to_have_count(1, timeout=60_000)
    assert (tour.get_by_role("img").get_attribute("aria-label") or "").startswith("Click rate: 2 curves over searches")
    tour.get_by_text("figures").click()
    expect(tour.get_by_role("row").filter(has_text="searches with a click")).to_contain_text("1 to 50")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tour.get_by_role("button", name="Stop").click()
    expect(tour.get_by_role("status")).to_contain_text("searches")
    expect(tour.get_by_role("button", name="Stop")).to_be_hidden()
    expect(tour.get_by_role("button", name="Let simulated people search")).to_be_enabled()
    assert axe(page) == []


def test_who_comes_later_sees_the_tour_that_is_running(server, page):
    server.client.post("/tour", json={"seconds": 60}).raise_for_status()
    tour = show_tour(page, server.url)
    expect(tour.get_by_role("button", name="Stop")).to_be_visible()
    expect(tour.get_by_role("button", name="Let simulated people search")).to_be_disabled()
    expect(tour).to_contain_text("in each 25 searches, the other that of the baseline over all searches so far")
    # The data set's name is a text, whatever it looks like.
    expect(tour).to_contain_text("queries of '<b>songs'")


def test_a_tour_whose_state_is_not_told_for_a_moment_is_not_begun_again(server, visitor):
    visitor.expect("Failed to load resource")
    server.client.post("/tour", json={"seconds": 60}).raise_for_status()
    page = visitor.page()
    tour = show_tour(page, server.url)
    expect(tour.locator("#tour-progress")).to_contain_text("seconds left")
    page.route("**/tour", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        pass
    page.unroute("**/tour")
    expect(tour.get_by_role("button", name="Let simulated people search")).to_be_disabled()
    with page.expect_response("**/tour"):
        pass


def test_a_server_that_wants_a_key_is_given_one_that_may(lexical_pipelines, songs, start, visitor):
    keyed = start(
        lexical_pipelines, options={"data": str(songs)}, LTRR_API_KEYS=f"admin:admin:{ADMIN} search:search:{SEARCH}"
    )
    visitor.expect("status of 40[134]")
    page = visitor.page()
    tour = show_tour(page, keyed.url)

    def use(key):
        page.get_by_label("This server needs an API key").fill(key)
        with page.expect_response("**/tour"):
            page.get_by_role("button", name="Use key").click()

    use(SEARCH)
    expect(tour).to_be_hidden()
    page.get_by_role("button", name="Forget key").click()
    use(ADMIN)
    tour.get_by_role("button", name="Let simulated people search").click()
    expect(tour.get_by_role("button", name="Stop")).to_be_visible()
    assert ADMIN not in page.url
    expect(tour.locator("#tour-progress")).to_contain_text(re.compile("^[1-9][0-9]* search"))
    tour.get_by_role("button", name="Stop").click()
    expect(tour.get_by_role("status")).to_contain_text("searches")
