"""The dashboard of a real server, over HTTP and in a real browser."""

import re
import time
from dataclasses import replace
from typing import get_args

import pytest
from fastapi import HTTPException
from haystack.utils import Secret
from playwright.sync_api import expect

from browser import axe
from factories import decision, page, record, result, unite
from ltrr_haystack.cli.learning import Kind
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.server.dashboard import Activation, Dashboard
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import ActionSet, Arm, Understanding
from serving import Server, eventually

pytest.importorskip("hayhooks")
pytest.importorskip("tantivy")

ADMIN, OTHER = f"ltrr_root_{'a' * 40}", f"ltrr_app_{'b' * 40}"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
ACTIONS = ActionSet(
    (Arm("bm25", "lexical", (0, 10), 0.0, 0.01), Arm(f"memory{HOSTILE}"[:60], "memory", (0, 10))),
    budget=20,
    baseline={"bm25": 10},
)


def section(server, key):
    return next(each["markup"] for each in data(server)["sections"] if each["key"] == key)


def visits(now):
    """Sixty searches of a live policy, half of them two hours ago; every third is clicked."""
    for number in range(60):
        query = HOSTILE if number % 2 else f"sad songs {number % 6}"
        made = decision(
            query_id=f"q{number}",
            actions=ACTIONS,
            decided_at=now - (7200 if number < 30 else 60),
            understanding=Understanding(query, query, query_type="topical"),
            allocation={"bm25": 10, ACTIONS.names[1]: 10 * (number % 4 > 0)},
            policy="vw",
            marginals=dict.fromkeys(ACTIONS.names, (0.5, 0.5)),
            baseline_share=0.2,
            floor=0.1,
            user_id=HOSTILE,
        )
        made = replace(made, propensity=JointDistribution.of(made).probability(made.allocation))
        found = {arm: result(arm, ("a", HOSTILE)) for arm in ACTIONS.names}
        yield page(unite(made, found)), {"a": 1.0} if number % 3 == 0 else {}


@pytest.fixture(scope="module")
def served(tmp_path_factory, lexical_pipelines):
    home = tmp_path_factory.mktemp("home")
    store = LTRRStore(Secret.from_token(f"sqlite:///{home}/ltrr.db"))
    record(store, visits(time.time()))
    for version in range(2):
        store.add_snapshot("ranker", b"model", {"gate": {"passed": True, "reason": HOSTILE}}, activate=version == 1)
    running = Server(
        lexical_pipelines,
        home,
        key=ADMIN,
        options={"learn": False},
        LTRR_API_KEYS=f"root:admin:{ADMIN} app:search,feedback:{OTHER}",
    )
    assert running.url, running.log.read_text()
    yield running, store
    running.kill()
    store.close()


def data(server, **parameters):
    answer = server.client.get("/learning/data", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def figures(found):
    return {tile["name"]: tile["figure"] for tile in found["tiles"]}


class TestData:
    def test_figures_are_those_of_the_store(self, served):
        server, store = served
        log = store.settled(0, 1000)
        clicked = sum(any(reward > 0 for reward in each.rewards.values()) for each in log)
        asked = sum(sum(each.decision.allocation.values()) for each in log)
        found = figures(data(server))
        assert found["settled searches"] == len(log) == 60
        assert found["click rate"] == pytest.approx(clicked / 60)
        assert found["reward per search"] == pytest.approx(sum(sum(each.rewards.values()) for each in log) / 60)
        assert found["candidates"] == pytest.approx(asked / 600 - 1)

    def test_a_range_has_its_searches_alone(self, served):
        assert data(served[0], hours=1)["searches"] == 30
        assert data(served[0], hours=24)["searches"] == 60

    @pytest.mark.parametrize("hours", ["0", "-1", "5", "nan", "x", "1e99"])
    def test_other_ranges_are_refused(self, served, hours):
        assert served[0].client.get("/learning/data", params={"hours": hours}).status_code == 422

    @pytest.mark.parametrize("headers", [{}, {"X-API-Key": OTHER}])
    def test_it_needs_a_key_with_the_scope_admin(self, served, headers):
        server, _ = served
        wanted = 403 if headers else 401
        without = {"Authorization": "", **headers}
        assert server.client.get("/learning/data", headers=without).status_code == wanted
        body = {"kind": "ranker", "version": 1}
        assert server.client.post("/learning/activate", json=body, headers=without).status_code == wanted

    def test_rejected_events_are_counted_by_the_field_that_was_wrong(self, served):
        server, _ = served
        server.post("feedback", {"events": [{"action_name": "click", "query_id": "nowhere"}]})
        told = '<td data-label="field">query_id</td><td data-label="events">1</td>'
        assert eventually(lambda: told in section(server, "feedback"))

    @pytest.mark.parametrize(
        ("body", "status", "reason"),
        [
            ({"kind": "ranker", "version": 9}, 404, "there is no ranker 9; possible are 0 (no ranker), 1, 2"),
            ({"kind": "everything", "version": 1}, 422, "'policy', 'ranker'"),
            ({"kind": "ranker", "version": -1}, 422, "greater than or equal to 0"),
        ],
    )
    def test_what_cannot_be_put_in_use_is_refused_with_what_can(self, served, body, status, reason):
        answer = served[0].client.post("/learning/activate", json=body)
        assert answer.status_code == status
        assert reason in answer.text

    def test_each_kind_of_model_that_the_command_line_knows_can_be_put_in_use(self):
        assert set(get_args(Activation.model_fields["kind"].annotation)) == {kind.value for kind in Kind}

    def test_what_can_be_put_in_use_is_all_that_the_store_holds(self, store):
        for _ in range(141):
            store.add_snapshot("policy", b"model", {}, activate=True)
        with pytest.raises(HTTPException) as refused:
            Dashboard(store, {}).activate(Activation(kind="policy", version=7))
        there = ", ".join(map(str, [100, *range(122, 142)]))
        assert refused.value.detail == f"there is no policy 7; possible are 0 (no policy), {there}"


class TestPage:
    @pytest.fixture
    def open_page(self, served, visitor):
        def opening(key=ADMIN, **look):
            visitor.expect("status of 401")
            opened = visitor.page(**look)
            opened.goto(f"{served[0].url}/learning")
            opened.get_by_label("This server needs an API key").fill(key)
            opened.get_by_role("button", name="Use key").click()
            return opened

        return opening

    @pytest.mark.parametrize("dark", [False, True])
    @pytest.mark.parametrize("phone", [False, True])
    def test_it_shows_the_stores_figures_and_can_be_used_by_everybody(self, served, open_page, phone, dark):
        opened = open_page(phone=phone, dark=dark)
        opened.get_by_text("Up to date.").wait_for()
        shown = opened.locator(".tile", has_text="click rate").first.inner_text()
        assert f"{figures(data(served[0]))['click rate']:.1%}" in shown
        assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert axe(opened) == []

    def test_hostile_texts_stay_text(self, open_page):
        opened = open_page()
        opened.get_by_text("Up to date.").wait_for()
        assert opened.get_by_text(HOSTILE).count() > 0
        assert opened.locator("#main img, #main script").count() == 0

    def test_a_range_can_be_chosen(self, open_page):
        opened = open_page()
        opened.get_by_role("button", name="1 hour").click()
        opened.locator(".tile", has_text="settled searches").filter(has_text="30").wait_for()

    def test_a_ranker_is_rolled_back_after_a_question(self, served, open_page):
        _, store = served
        opened = open_page()
        opened.get_by_role("button", name="Use ranker 1").click()
        dialog = opened.get_by_role("dialog")
        assert "takes the place of the one that is in use" in dialog.inner_text()
        assert store.active_version("ranker") == 2
        dialog.get_by_role("button", name="Use ranker 1").click()
        opened.get_by_role("button", name="Use ranker 2").wait_for()
        assert store.active_version("ranker") == 1

    def test_a_store_that_fails_is_said_and_the_figures_of_before_stay(self, open_page, visitor):
        visitor.expect("status of 503")
        opened = open_page()
        opened.get_by_text("Up to date.").wait_for()
        told = {"status": 503, "json": {"detail": "the store cannot be read"}, "headers": {"Retry-After": "1"}}
        opened.route("**/learning/data*", lambda route: route.fulfill(**told))
        opened.get_by_text("the store cannot be read. The figures below are those of before.").wait_for()
        assert opened.locator(".tile").count() > 3
        opened.unroute("**/learning/data*")
        opened.get_by_text("Up to date.").wait_for()

    def test_the_keyboard_alone_is_enough(self, served, open_page):
        _, store = served
        active = store.active_version("ranker")
        opened = open_page()
        opened.get_by_text("Up to date.").wait_for()
        opened.get_by_role("button", name="24 hours").focus()
        opened.keyboard.press("Enter")
        assert opened.get_by_role("button", name="24 hours").get_attribute("aria-pressed") == "true"
        back = opened.get_by_role("button", name=f"Use ranker {3 - active}")
        back.focus()
        opened.keyboard.press("Enter")
        assert opened.evaluate("document.activeElement.textContent") == f"Use ranker {3 - active}"
        opened.keyboard.press("Escape")
        expect(opened.get_by_role("dialog")).to_have_count(0)
        expect(back).to_be_focused()
        assert store.active_version("ranker") == active

    def test_open_details_and_the_focus_survive_an_update(self, served, open_page):
        server, _ = served
        opened = open_page()
        summary = opened.locator("#section-feedback summary").first
        summary.focus()
        figures_of = opened.locator("#section-learning details details summary").first
        figures_of.click()
        server.post("feedback", {"events": [{"action_name": "click", "query_id": "nobody"}] * 3})
        with opened.expect_response(re.compile("/learning/data")):
            pass
        assert opened.locator("#section-learning details details").first.evaluate("each => each.open")
        assert opened.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_a_server_that_skips_the_safe_start_says_so(lexical_pipelines, start):
    server = start(lexical_pipelines, options={"safe_start": False})
    assert data(server)["safe_start"].startswith("The learned policy is played at once")


def test_a_new_service_says_what_is_missing(lexical_pipelines, start, page):
    server = start(lexical_pipelines)
    found = data(server)
    assert (found["searches"], found["safe_start"]) == (0, "No policy has been learned yet: the baseline is played.")
    page.goto(f"{server.url}/learning")
    page.get_by_text("No settled search in this range yet.").wait_for()
    expect(page.get_by_text("Nothing is known yet: no search has settled.")).to_be_visible()
    expect(page.get_by_text("No model has been made yet.")).to_be_visible()
