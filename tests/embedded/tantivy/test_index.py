"""Who may write to an index, what is left of it after a kill, and who sees what was written."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from haystack import Document
from haystack.document_stores.errors import DocumentStoreError, DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore, index
from ltrr_haystack.embedded.tantivy.index import SharedIndex
from ltrr_haystack.errors import ConfigurationError, IndexLockedError

PROCESSES = [sys.executable, str(Path(__file__).with_name("processes.py"))]
SETTINGS = {"keyword_fields": ["meta.batch"], "number_fields": ["meta.number"]}
BATCH = 20
ROUNDS = 20


def opened(folder, **settings):
    return TantivyDocumentStore(str(folder), **{**SETTINGS, **settings})


def batch(number):
    """The first document of a batch is written anew by the next one."""
    fresh = [
        Document(id=f"{number}-{each}", content=f"batch {number}", meta={"batch": number}) for each in range(1, BATCH)
    ]
    return [Document(id="last", content=f"last {number}", meta={"batch": number}), *fresh]


def report_of(*arguments):
    finished = subprocess.run([*PROCESSES, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@contextmanager
def another_process(*arguments):
    """Another process that has written, until the end of the block."""
    command = [*PROCESSES, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "written\n"
            yield
        finally:
            process.stdin.close()


def test_whatever_was_acknowledged_survives_twenty_kills(tmp_path):
    report = report_of("kill", tmp_path / "index", ROUNDS, 7)
    assert len(report) == ROUNDS
    for found in report:
        # One batch may have been written without being acknowledged any more; whole, or not at all.
        newest = found["counts"][-1][0]
        assert newest in (found["acknowledged"], found["acknowledged"] + 1)
        assert found["counts"] == [[number, BATCH - 1] for number in range(newest)] + [[newest, BATCH]]
        assert found["last"] == [f"last {newest}"]
        assert found["count"] == 1 + (BATCH - 1) * (newest + 1)
    assert report[-1]["acknowledged"] >= ROUNDS - 1


class TestProcesses:
    def test_who_waits_too_long_for_another_process_is_told_why(self, tmp_path, monkeypatch):
        monkeypatch.setattr(index, "LOCK_TIMEOUT", 0.2)
        store = opened(tmp_path / "index")
        with another_process("hold", tmp_path / "index", "theirs"):
            with pytest.raises(IndexLockedError, match=r"locked by another process.*try again when") as raised:
                store.write_documents([Document(id="mine")])
            assert isinstance(raised.value, DocumentStoreError)
            assert raised.value.__notes__ == [f"the index in '{tmp_path / 'index'}'"]
            assert store.count_documents() == 0
        store.write_documents([Document(id="mine")])
        assert store.count_documents() == 1

    def test_a_write_waits_for_that_of_another_process(self, tmp_path):
        store = opened(tmp_path / "index")
        with ThreadPoolExecutor(1) as pool:
            with another_process("hold", tmp_path / "index", "theirs"):
                writing = pool.submit(store.write_documents, [Document(id="mine")])
                assert not writing.done()
            assert writing.result() == 1

    def test_what_is_there_already_can_be_written_again_all_the_same(self, tmp_path):
        with another_process("write", tmp_path / "index", "theirs"):
            theirs = Document(id="theirs", content="of another process")
            assert opened(tmp_path / "index").write_documents([theirs], DuplicatePolicy.OVERWRITE) == 1
            assert opened(tmp_path / "index").write_documents([theirs], DuplicatePolicy.SKIP) == 0

    def test_what_another_process_commits_is_found_at_once(self, tmp_path):
        store = opened(tmp_path / "index")
        assert store.count_documents() == 0
        with another_process("write", tmp_path / "index", "theirs"):
            assert [found.id for found in TantivyBM25Retriever(store).run("process")["documents"]] == ["theirs"]

    def test_processes_write_in_turn(self, tmp_path):
        store = opened(tmp_path / "index")
        store.write_documents([Document(id="mine")])
        with another_process("write", tmp_path / "index", "theirs"):
            with pytest.raises(DuplicateDocumentError):
                store.write_documents([Document(id="theirs")])
            store.write_documents([Document(id="mine, too")])
            assert [document.id for document in store.filter_documents()] == ["mine", "theirs", "mine, too"]

    def test_a_process_that_was_forked_writes_and_searches(self, tmp_path):
        ((child),) = report_of("fork", tmp_path / "index")
        assert child == {"written": 1, "found": ["mine", "theirs"]}
        assert opened(tmp_path / "index").count_documents() == 2


class TestThreads:
    @pytest.fixture(params=["memory", "disk"])
    def another(self, request, tmp_path):
        """Makes one more store over one index."""
        place = {"index": os.urandom(8).hex()} if request.param == "memory" else {"path": str(tmp_path / "index")}
        return lambda: TantivyDocumentStore(**place, **SETTINGS)

    def test_of_many_who_write_one_id_one_wins(self, another):
        def write(number):
            try:
                return another().write_documents([Document(id="same", content=f"{number}"), Document(id=f"{number}")])
            except DuplicateDocumentError:
                return 0

        with ThreadPoolExecutor(8) as pool:
            written = list(pool.map(write, range(40)))
        assert sorted(written) == [*[0] * 39, 2]
        assert another().count_documents() == 2

    def test_skipping_and_overwriting_is_exact_among_threads(self, another):
        def write(number):
            documents = [Document(id=f"{each}", content=f"word {number}") for each in range(30)]
            policy = DuplicatePolicy.SKIP if number % 2 else DuplicatePolicy.OVERWRITE
            return number, another().write_documents(documents, policy)

        with ThreadPoolExecutor(8) as pool:
            written = dict(pool.map(write, range(24)))
        assert all(count == 30 for number, count in written.items() if number % 2 == 0)
        assert sum(count for number, count in written.items() if number % 2) in (0, 30)
        store = another()
        assert store.count_documents() == 30
        assert len({document.content for document in store.filter_documents()}) == 1
        assert len(TantivyBM25Retriever(store, top_k=100).run("word")["documents"]) == 30

    def test_who_searches_while_others_write_finds_whole_batches(self, another):
        another().write_documents(batch(0), DuplicatePolicy.OVERWRITE)

        def search(_):
            found = TantivyBM25Retriever(another(), top_k=1_000).run("batch last")["documents"]
            return len(found) % (BATCH - 1)

        with ThreadPoolExecutor(8) as pool:
            writing = [
                pool.submit(another().write_documents, batch(number), DuplicatePolicy.OVERWRITE)
                for number in range(1, 20)
            ]
            assert set(pool.map(search, range(100))) == {1}
            assert {each.result() for each in writing} == {BATCH}
        assert another().count_documents() == 1 + 20 * (BATCH - 1)

    def test_many_may_open_it_at_once(self, another):
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(lambda _: another().count_documents(), range(32))) == [0] * 32


class TestFailures:
    def test_what_cannot_be_committed_is_given_up(self, tmp_path, monkeypatch):
        store = opened(tmp_path / "index")
        store.write_documents([Document(id="before")])
        write = SharedIndex.write_batch

        @contextmanager
        def without_room(shared):
            with write(shared) as batch:
                yield batch
                raise ValueError("An IO error occurred: 'No space left on device'")

        monkeypatch.setattr(SharedIndex, "write_batch", without_room)
        with pytest.raises(DocumentStoreError, match=r"cannot write to the index in '.*No space left on device"):
            store.write_documents([Document(id="lost")])
        monkeypatch.undo()
        store.write_documents([Document(id="after")])
        assert [document.id for document in store.filter_documents()] == ["before", "after"]
        store.close()
        assert [document.id for document in opened(tmp_path / "index").filter_documents()] == ["before", "after"]

    def test_nothing_of_a_batch_with_a_bad_document_is_written(self, tmp_path):
        store = opened(tmp_path / "index")
        with pytest.raises(ValueError, match=r"document 'bad' cannot be stored: meta\.when must be JSON .*datetime"):
            store.write_documents([Document(id="good"), Document(id="bad", meta={"when": datetime.now(UTC)})])
        assert store.count_documents() == 0

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigurationError, match=r"file/index' cannot be opened"):
            opened(tmp_path / "file" / "index").count_documents()

    @pytest.mark.parametrize(
        "other",
        [
            {"language": "en"},
            {"keyword_fields": []},
            {"number_fields": ["meta.number", "meta.more"]},
            {"text_fields": {"meta.title": "words"}},
        ],
    )
    def test_an_index_of_other_fields_is_not_opened(self, tmp_path, other):
        first = opened(tmp_path / "index")
        first.write_documents([Document(id="a")])
        with pytest.raises(ConfigurationError, match="is in use with other settings"):
            opened(tmp_path / "index", **other).count_documents()
        first.close()
        del first
        with pytest.raises(ConfigurationError, match=r"was created with other fields.*delete the folder"):
            opened(tmp_path / "index", **other).count_documents()

    def test_an_index_that_is_damaged_is_not_opened(self, tmp_path):
        opened(tmp_path / "index").write_documents([Document(id="a")])
        meta = tmp_path / "index" / "meta.json"
        meta.write_text(meta.read_text().replace('"segment_id"', '"no_segment"'))
        with pytest.raises(ConfigurationError, match="index' cannot be opened"):
            opened(tmp_path / "index").count_documents()

    def test_an_index_of_another_version_is_not_opened(self, tmp_path):
        opened(tmp_path / "index").write_documents([Document(id="a")])
        for file in (tmp_path / "index").iterdir():
            written = file.read_bytes()
            file.chmod(0o600)
            file.write_bytes(written.replace(b'"index_format_version":7', b'"index_format_version":1'))
        with pytest.raises(ConfigurationError, match="was created by an incompatible version of tantivy"):
            opened(tmp_path / "index").count_documents()
