import random
from html.parser import HTMLParser

import pytest

from factories import record
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.report import gather, report
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.vw import VWPolicy

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
SECTIONS = [
    "health", "apart", "learning", "savings", "arms", "memory", "looks", "exploration", "reliability", "alternatives",
    "models", "queries",
]  # fmt: skip


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.text = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def running(log, store):
    """A system that has been searched 300 times, in part with hostile queries, and has learned once."""
    rng = random.Random(7)
    policy = VWPolicy()
    visits = []
    for number in range(1, 301):
        decision = log.decision(number, query=HOSTILE if number % 3 else "sad songs")
        drawn = JointDistribution.of(decision).sample(rng)
        ranking = log.ranking(log.decision(number, query=decision.understanding.query, allocation=drawn))
        visits.append((ranking, {"a": 1.0} if drawn["bm25"] and rng.random() < 0.6 else {}))
    record(store, visits)
    for settled in store.settled(0, 1000):
        policy.learn(settled)
    store.add_snapshot("policy", policy.to_bytes(), {"policy": "vw", "learned": 300, "safe_start": True}, activate=True)
    return store


def test_one_file_with_all_sections_that_needs_nothing_else(log, running, tmp_path):
    out = tmp_path / "report.html"
    report(running, out, now=log.start + 1000)
    elements = Elements(out.read_text(encoding="utf-8"))
    assert [attributes["id"] for tag, attributes in elements.found if tag == "section"] == SECTIONS
    assert [attributes for _, attributes in elements.found if "src" in attributes] == []
    assert {attributes["href"][0] for _, attributes in elements.found if "href" in attributes} == {"#"}
    assert {tag for tag, _ in elements.found} & {"img", "link", "iframe"} == set()
    assert not any(tag == "script" for tag, _ in elements.found)
    assert out.stat().st_size < 1_000_000
    assert HOSTILE in elements.text
    assert list(tmp_path.glob("*.part")) == []


def test_what_it_says_is_what_is_in_the_log(log, running):
    page = gather(running, log.start + 1000)
    clicked = sum(bool(settled.rewards) for settled in running.settled(0, 1000))
    assert page.tiles["settled searches"] == "300"
    assert page.tiles["click rate"] == f"{clicked / 300:.1%}"
    assert page.subtitle.startswith("300 settled searches, 2023-11-14 22:13 to 2023-11-14 22:18 UTC.")
    queries = next(section for section in page.sections if section.key == "queries")
    assert [row[1] for row in queries.grids[0].rows] == ["200", "100"]


def test_the_log_is_read_once_and_the_policy_asked_once_about_each_decision(log, running, monkeypatch):
    """But for the newest decision, which says what there is to choose from."""
    read, asked = [], []
    settled, distribution = running.settled, VWPolicy.distribution

    def reading(*arguments, **options):
        found = settled(*arguments, **options)
        read.extend(each.seq for each in found)
        return found

    def asking(self, actions, features):
        asked.append(features)
        return distribution(self, actions, features)

    monkeypatch.setattr(running, "settled", reading)
    monkeypatch.setattr(VWPolicy, "distribution", asking)
    gather(running, log.start + 1000)
    assert read == [300, *range(1, 301)]
    assert len(asked) == 300


def test_an_empty_store_has_a_report_too(store, tmp_path):
    page = report(store, tmp_path / "report.html", now=1.7e9)
    assert page.tiles == {"settled searches": "0"}
    assert [finding.title for finding in page.sections[0].findings] == ["No settled decisions"]
    assert [section.key for section in page.sections if section.charts] == []
    assert (tmp_path / "report.html").exists()


def test_one_search_is_enough(log, store, tmp_path):
    record(store, [(log.ranking(log.decision(1)), {"a": 1.0})])
    page = report(store, tmp_path / "report.html", now=log.start + 10)
    assert page.tiles["click rate"] == "100.0%"


def test_a_folder_that_is_not_there_is_named(store, tmp_path):
    with pytest.raises(ConfigurationError, match="nowhere"):
        report(store, tmp_path / "nowhere" / "report.html", now=1.7e9)
