import asyncio
import sqlite3
from pathlib import Path
from types import ModuleType

import pytest
from haystack import Pipeline, component
from haystack.utils import Secret

import ltrr_haystack.store
from ltrr_haystack.errors import ConfigurationError, InvalidInputError, StoreError, StoreUnavailableError, with_notes
from ltrr_haystack.store import LTRRStore


@component
class Counting:
    def __init__(self, store: LTRRStore):
        self.store = store

    @component.output_types(decisions=int)
    def run(self):
        return {"decisions": self.store.counts().decisions}


class TestSettings:
    def test_to_dict_and_back(self, monkeypatch, sqlite_url):
        monkeypatch.setenv("SOME_STORE", sqlite_url)
        store = LTRRStore(Secret.from_env_var("SOME_STORE"), synchronous="FULL")
        data = store.to_dict()
        assert data == {
            "type": "ltrr_haystack.store.store.LTRRStore",
            "init_parameters": {
                "url": {"type": "env_var", "env_vars": ["SOME_STORE"], "strict": True},
                "synchronous": "FULL",
            },
        }
        assert LTRRStore.from_dict(data).to_dict() == data

    def test_a_pipeline_in_yaml_carries_it(self, monkeypatch, sqlite_url, ranking):
        monkeypatch.setenv("LTRR_STORE_URL", sqlite_url)
        store = LTRRStore()
        pipeline = Pipeline()
        pipeline.add_component("counting", Counting(store))
        loaded = Pipeline.loads(pipeline.dumps(), allowed_modules=[__name__, "ltrr_haystack"])
        store.record_search(ranking("q1"))
        assert loaded.run({})["counting"]["decisions"] == 1
        loaded.get_component("counting").store.close()
        store.close()

    def test_a_constructor_opens_nothing(self, tmp_path):
        LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/x/ltrr.db"))
        LTRRStore(Secret.from_env_var("NOT_SET_ANYWHERE"))
        assert list(tmp_path.iterdir()) == []

    def test_a_url_that_is_not_set_is_named(self):
        with pytest.raises(ConfigurationError, match=r"LTRRStore has no url: .*NOT_SET_ANYWHERE.*Set it, for example"):
            LTRRStore(Secret.from_env_var("NOT_SET_ANYWHERE")).warm_up()
        with pytest.raises(ConfigurationError, match=r"LTRRStore has no url: .*NOT_SET_ANYWHERE.* is empty"):
            LTRRStore(Secret.from_env_var("NOT_SET_ANYWHERE", strict=False)).warm_up()

    def test_a_url_that_is_no_secret_is_refused_without_being_told(self):
        with pytest.raises(ConfigurationError) as caught:
            LTRRStore("postgresql://ann:hunter2@db/search")
        assert str(caught.value) == "url must be a Secret, such as Secret.from_token('sqlite:///ltrr.db'), got str."

    def test_synchronous_has_two_values(self):
        with pytest.raises(ConfigurationError, match="synchronous must be 'NORMAL' or 'FULL', got 'OFF'"):
            LTRRStore(synchronous="OFF")

    def test_its_repr_keeps_the_secret(self):
        store = LTRRStore(Secret.from_token("postgresql://ann:hunter2@db/search"))
        assert "hunter2" not in repr(store)
        assert repr(store).startswith("LTRRStore(url=TokenSecret")

    def test_a_password_is_in_no_error(self, monkeypatch):
        store = LTRRStore(Secret.from_token("postgresql+psycopg://ann:hunter2@127.0.0.1:9/search"))
        with pytest.raises(StoreUnavailableError, match="ann:\\*\\*\\*@127") as caught:
            store.warm_up()
        assert str(caught.value) == "The store cannot be used now: it cannot be reached. Try again later."
        assert "hunter2" not in with_notes(caught.value)


class TestLifecycle:
    def test_opens_by_itself(self, store, ranking):
        store.record_search(ranking("q1"))
        assert store.counts().decisions == 1

    def test_opening_and_closing_twice_is_once(self, store, ranking):
        store.warm_up()
        store.warm_up()
        store.record_search(ranking("q1"))
        store.close()
        store.close()

    def test_closed_it_says_so_until_it_is_warmed_up_again(self, store, ranking, event):
        store.record_search(ranking("q1"))
        store.close()
        for call in (
            lambda: store.record_search(ranking("q2")),
            lambda: store.record_events([event("e1")]),
            lambda: store.memory("love"),
            store.counts,
        ):
            with pytest.raises(StoreError, match="is closed; warm_up"):
                call()
        store.warm_up()
        assert store.counts().decisions == 1

    def test_what_it_holds_survives_closing(self, store, ranking, event):
        store.record_search(ranking("q1"))
        store.record_events([event("e1")])
        store.close()
        store.warm_up()
        assert store.searches(["q1"])["q1"].ordinals == {"a": 1, "b": 2, "c": 3}
        assert store.record_events([event("e1")]) == ["duplicate"]


class TestAsync:
    async def test_answers_after_the_commit(self, store, ranking, event):
        await store.record_search_async(ranking("q1"))
        assert store.counts().decisions == 1
        assert await store.record_events_async([event("e1"), event("e1")]) == ["new", "duplicate"]
        assert await store.record_events_async([]) == []
        assert store.counts().events == 1

    async def test_raises_what_its_twin_raises(self, store, ranking, event):
        await store.record_search_async(ranking("q1"))
        with pytest.raises(StoreError, match="'q1' is recorded already"):
            await store.record_search_async(ranking("q1"))
        with pytest.raises(InvalidInputError, match="NUL"):
            await store.record_events_async([event("e\0")])
        store.close()
        with pytest.raises(StoreError, match="is closed"):
            await store.record_search_async(ranking("q2"))

    async def test_many_at_once_are_all_kept(self, store, ranking):
        await asyncio.gather(*(store.record_search_async(ranking(f"q{number}")) for number in range(60)))
        assert store.counts().decisions == 60

    async def test_while_it_waits_the_loop_goes_on(self, sqlite_url, tmp_path, ranking):
        store = LTRRStore(Secret.from_token(sqlite_url))
        store.warm_up()
        other = sqlite3.connect(tmp_path / "ltrr.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        recording = asyncio.create_task(store.record_search_async(ranking("q1")))
        await asyncio.sleep(0.05)
        assert not recording.done()
        assert store.counts().decisions == 0
        other.execute("COMMIT")
        await recording
        assert store.counts().decisions == 1
        other.close()
        store.close()

    async def test_a_caller_that_gives_up_does_not_harm_the_others(self, store, ranking):
        await store.record_search_async(ranking("q0"))
        tasks = [asyncio.create_task(store.record_search_async(ranking(f"q{number}"))) for number in range(1, 9)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(outcomes[0], asyncio.CancelledError)
        assert outcomes[1:] == [None] * 7
        assert set(store.searches([f"q{number}" for number in range(2, 9)])) == {f"q{number}" for number in range(2, 9)}


class TestPackage:
    def test_exports_what_it_names(self):
        exported = set(ltrr_haystack.store.__all__)
        assert exported <= set(vars(ltrr_haystack.store))
        named = {name for name, value in vars(ltrr_haystack.store).items() if not isinstance(value, ModuleType)}
        assert {name for name in named if not name.startswith("_")} == exported

    def test_imports_nothing_that_is_above_it(self):
        allowed = ("ltrr_haystack.store", "ltrr_haystack.types", "ltrr_haystack.errors")
        for path in Path(ltrr_haystack.store.__file__).parent.glob("*.py"):
            for line in path.read_text().splitlines():
                if line.startswith(("from ltrr_haystack", "import ltrr_haystack")):
                    assert line.split()[1].startswith(allowed), f"{path.name}: {line}"
