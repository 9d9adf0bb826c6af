"""The real server has its ranker trained while it serves."""

from contextlib import ExitStack

import pytest
from haystack.utils import Secret

from ltrr_haystack import LTRRStore
from ltrr_haystack.learning.training_schedule import TrainingRecord
from ltrr_haystack.store import RANKER
from serving import Load, always, eventually

pytest.importorskip("hayhooks")
pytest.importorskip("lightgbm")

SEARCHES = 260
SONGS = [{"id": f"song-{number}", "content": f"a song about love, number {number}"} for number in range(20)]


@pytest.fixture
def always_lexical(lexical_pipelines):
    """Every page shows something that can be clicked."""
    always(lexical_pipelines, "bm25")
    return lexical_pipelines


def visit(server, number):
    """Somebody searches and clicks the second document."""
    answer = server.search(f"love number {number % 20}", user_id=f"user-{number}")
    event = {
        "action_name": "click",
        "query_id": answer["query_id"],
        "event_attributes": {"object": {"object_id": answer["documents"][1]["id"]}},
    }
    assert server.post("feedback", {"events": [event]}).json()["accepted"] == 1


def test_after_so_many_searches_a_ranker_with_a_card_is_in_the_store_and_searches_go_on(
    start, always_lexical, tmp_path
):
    home = tmp_path / "home"
    server = start(always_lexical, home, LTRR_TRAIN_EVERY=str(SEARCHES))
    assert server.url, server.log.read_text()
    assert server.post("indexing", {"documents": SONGS}).status_code == 200
    for number in range(SEARCHES):
        visit(server, number)
    store = LTRRStore(Secret.from_token(f"sqlite:///{home}/ltrr.db"))
    with ExitStack() as people:
        people.callback(store.close)
        load = people.enter_context(Load(server.url))
        assert eventually(lambda: TrainingRecord.of(store).is_taken, 60.0), server.log.read_text()
        before = len(load.searches)
        assert eventually(lambda: bool(store.snapshots(RANKER)), 120.0), server.log.read_text()
        assert len(load.searches) > before
        assert {search["status"] for search in load.searches} == {200}
        assert load.failures == []
        made, *_ = store.snapshots(RANKER)
        assert made.card["decisions"] >= SEARCHES
        assert made.card["rewarded"] >= 200
        assert made.card["gate"]["reason"]
        assert eventually(lambda: TrainingRecord.of(store).trained >= SEARCHES)
