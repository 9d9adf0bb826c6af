import pytest
from sqlalchemy import create_engine

from ltrr_haystack.errors import DamagedSnapshotError, StoreError, SupersededError
from ltrr_haystack.store import Snapshot, SnapshotDraft, SnapshotInfo
from ltrr_haystack.store.engines import parse_url


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setattr("ltrr_haystack.store.snapshots.time.time", lambda: 1000.0)


def test_of_older_versions_some_are_kept_by_the_hundred(store):
    for _ in range(330):
        store.add_snapshot("policy", b"model", {}, activate=True)
    kept = [info.version for info in store.snapshots("policy")]
    assert kept == [100, 200, 300, *range(311, 331)]


@pytest.fixture
def damaging(url):
    """Changes a snapshot behind the store's back: `damaging(2, "checksum = 'other'")`."""
    engine = create_engine(parse_url(url))

    def damage(version, change):
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE ltrr_snapshots SET {change} WHERE version = {version}")  # noqa: S608

    yield damage
    engine.dispose()


class TestSnapshots:
    def test_each_kind_counts_from_one(self, store):
        assert store.add_snapshot("policy", b"p1", {"n": 1}, activate=True) == 1
        assert store.add_snapshot("policy", b"p2", {}, activate=False) == 2
        assert store.add_snapshot("ranker", b"r1", {}, activate=False) == 1
        assert [store.active_version(kind) for kind in ("policy", "ranker", "lexicon")] == [1, 0, 0]

    def test_the_active_one_is_read_unless_another_is_asked_for(self, store):
        store.add_snapshot("policy", b"\x00old\xff", {"ndcg": 0.5, "arms": ["bm25"]}, activate=True)
        store.add_snapshot("policy", b"new", {}, activate=False)
        old = Snapshot("policy", 1, b"\x00old\xff", {"ndcg": 0.5, "arms": ["bm25"]}, 1000.0)
        assert store.snapshot("policy") == old
        assert store.snapshot("policy", 2).payload == b"new"
        assert store.snapshot("policy", 3) is None
        assert store.snapshot("ranker") is None

    def test_a_rollback_is_an_activation(self, store):
        for payload in (b"one", b"two"):
            store.add_snapshot("policy", payload, {}, activate=True)
        store.activate("policy", 1)
        assert store.snapshot("policy").payload == b"one"
        assert store.add_snapshot("policy", b"three", {}, activate=True) == 3
        assert store.active_version("policy") == 3

    def test_version_0_is_no_model(self, store):
        store.add_snapshot("policy", b"one", {}, activate=True)
        store.activate("policy", 0)
        assert store.active_version("policy") == 0
        assert store.snapshot("policy") is None

    def test_an_unknown_version_is_refused_with_those_there_are(self, store):
        with pytest.raises(StoreError, match="no version 3 of 'policy'; there are none"):
            store.activate("policy", 3)
        for _ in range(2):
            store.add_snapshot("policy", b"x", {}, activate=True)
        with pytest.raises(StoreError, match="no version 3 of 'policy'; there are 1, 2"):
            store.activate("policy", 3)
        assert store.active_version("policy") == 2

    def test_are_listed_without_their_payload(self, store):
        store.add_snapshot("policy", b"one", {"n": 1}, activate=True)
        store.add_snapshot("policy", b"two", {"n": 2}, activate=False)
        assert store.snapshots("policy") == [
            SnapshotInfo("policy", 1, {"n": 1}, 1000.0, active=True),
            SnapshotInfo("policy", 2, {"n": 2}, 1000.0, active=False),
        ]

    def test_the_last_twenty_and_the_active_one_are_kept(self, store):
        store.add_snapshot("policy", b"1", {}, activate=False)
        store.add_snapshot("policy", b"2", {}, activate=True)
        store.add_snapshot("ranker", b"r", {}, activate=False)
        for number in range(3, 31):
            store.add_snapshot("policy", str(number).encode(), {}, activate=False)
        assert [info.version for info in store.snapshots("policy")] == [2, *range(11, 31)]
        assert [info.version for info in store.snapshots("ranker")] == [1]
        assert store.snapshot("policy").payload == b"2"

    @pytest.mark.parametrize("damage", ["checksum = 'other'", "card = '{'", "card = '7'"])
    def test_a_damaged_one_is_recognised(self, store, damaging, damage):
        store.add_snapshot("policy", b"model", {"n": 1}, activate=True)
        store.add_snapshot("policy", b"other", {"n": 2}, activate=True)
        damaging(2, damage)
        with pytest.raises(DamagedSnapshotError, match="Snapshot 2 of 'policy' is damaged"):
            store.snapshot("policy")
        assert store.damaged_snapshots("policy") == [2]
        assert [info.version for info in store.snapshots("policy")] == [1, 2]
        assert store.snapshot("policy", 1).payload == b"model"

    def test_a_damaged_one_is_not_activated(self, store, damaging):
        for payload in (b"one", b"two"):
            store.add_snapshot("policy", payload, {}, activate=True)
        damaging(1, "checksum = 'other'")
        with pytest.raises(DamagedSnapshotError, match="Snapshot 1 of 'policy' is damaged"):
            store.activate("policy", 1)
        assert store.active_version("policy") == 2

    def test_a_card_must_be_json(self, store):
        with pytest.raises(StoreError, match="card of the 'policy' snapshot is not made of JSON types"):
            store.add_snapshot("policy", b"model", {"score": float("nan")}, activate=True)
        assert store.snapshots("policy") == []


def test_a_snapshot_that_replaces_another_version_than_the_active_one_is_not_kept(store):
    store.add_snapshot("catalogue", b"one", {}, activate=True, replaces=0)
    store.add_snapshot("catalogue", b"two", {}, activate=True, replaces=1)
    with pytest.raises(SupersededError, match="made to replace version 1, but 2 was made active meanwhile"):
        store.add_snapshot("catalogue", b"three", {}, activate=True, replaces=1)
    assert store.snapshot("catalogue").payload == b"two"
    assert len(store.snapshots("catalogue")) == 2


def test_a_snapshot_goes_live_only_in_the_place_of_the_version_that_it_replaces(store):
    for payload in (b"one", b"two"):
        store.add_snapshot("ranker", payload, {}, activate=False)
    store.activate("ranker", 1, replaces=0)
    with pytest.raises(SupersededError, match="made to replace version 0, but 1 was made active meanwhile"):
        store.activate("ranker", 2, replaces=0)
    assert store.active_version("ranker") == 1
    store.activate("ranker", 0)
    with pytest.raises(SupersededError, match="made to replace version 1, but 0 was made active meanwhile"):
        store.activate("ranker", 2, replaces=1)
    assert store.active_version("ranker") == 0


def test_several_snapshots_are_kept_together_or_not_at_all(store):
    drafts = [SnapshotDraft("catalogue", b"one"), SnapshotDraft("lexicon", b"one", activate=False)]
    assert store.add_snapshots(drafts) == [1, 1]
    assert (store.active_version("catalogue"), store.active_version("lexicon")) == (1, 0)
    late = [SnapshotDraft("catalogue", b"two", replaces=1), SnapshotDraft("lexicon", b"two", replaces=1)]
    with pytest.raises(
        SupersededError, match="The 'lexicon' snapshot was made to replace version 1, but 0 was made active"
    ):
        store.add_snapshots(late)
    assert [info.version for info in store.snapshots("catalogue")] == [1]
    assert [info.version for info in store.snapshots("lexicon")] == [1]
    assert store.add_snapshots([]) == []
