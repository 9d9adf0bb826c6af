import subprocess
import sys
import threading
from pathlib import Path

import pytest
from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DuplicatePolicy

from ltrr_haystack import CatalogueWriter
from ltrr_haystack.catalogue import CollectionStatistics, LexiconCollector, LexiconFields, lexicon_codec, publish
from ltrr_haystack.catalogue.codec import from_bytes
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.store import CATALOGUE, LEXICON, LTRRStore

FIELDS = ["content", "meta.title"]
EMPTY = CollectionStatistics.empty(FIELDS, "en")
TITLES = LexiconFields(["meta.title"], category="meta.genre", popularity="meta.plays")


def document(object_id, content, title=None):
    return Document(id=object_id, content=content, meta={} if title is None else {"title": title})


A, B, C = document("a", "songs of the sea", "Sea"), document("b", "a song"), document("c", "rain", "Rain")


@pytest.fixture
def document_store():
    return InMemoryDocumentStore()


@pytest.fixture
def pipeline(store, document_store):
    return indexing(store, document_store)


def indexing(store, document_store, **settings):
    pipeline = Pipeline()
    pipeline.add_component("catalogue", CatalogueWriter(store, document_store, **{"fields": FIELDS, **settings}))
    pipeline.add_component("writer", DocumentWriter(document_store, policy=DuplicatePolicy.OVERWRITE))
    pipeline.connect("catalogue.documents", "writer.documents")
    return pipeline


def run(pipeline, *documents):
    pipeline.run({"catalogue": {"documents": list(documents)}})


def stored(store):
    return from_bytes(store.snapshot(CATALOGUE).payload)


def values(*documents, declared=TITLES):
    collector = LexiconCollector(declared)
    collector.add(documents)
    return collector.counts()


def stored_values(store):
    return lexicon_codec.from_bytes(store.snapshot(LEXICON).payload)


def test_counts_what_is_written(pipeline, store, document_store):
    run(pipeline, A, B)
    run(pipeline, C)
    assert stored(store) == EMPTY.changed(added=[A, B, C])
    assert document_store.count_documents() == 3


def test_documents_go_through_as_they_came(store, document_store):
    writer = CatalogueWriter(store, document_store)
    assert writer.run([A, B]) == {"documents": [A, B]}


def test_a_document_that_is_written_again_counts_as_it_is_now(pipeline, store):
    run(pipeline, A, B)
    newer = document("a", "only rain")
    run(pipeline, newer)
    assert stored(store) == EMPTY.changed(added=[newer, B])


def test_of_two_documents_with_one_id_the_last_one_counts(pipeline, store):
    newer = document("a", "only rain")
    run(pipeline, A, newer)
    assert stored(store) == EMPTY.changed(added=[newer])


def test_unchanged_documents_store_nothing(pipeline, store):
    run(pipeline, A, B)
    run(pipeline, A, Document(id="b", content="a song", meta={"genre": "pop"}))
    assert store.active_version(CATALOGUE) == 1


def test_no_documents_store_nothing(pipeline, store):
    run(pipeline)
    assert store.active_version(CATALOGUE) == 0


def test_the_first_run_counts_what_is_there_already(pipeline, store, document_store):
    document_store.write_documents([A, B])
    run(pipeline, C, document("b", "snow"))
    assert stored(store) == EMPTY.changed(added=[A, C, document("b", "snow")])


def test_other_fields_or_another_language_count_all_anew(pipeline, store, document_store):
    run(pipeline, A)
    run(indexing(store, document_store, fields=["meta.artist"]), B)
    assert stored(store) == CollectionStatistics.empty(["meta.artist"], "en").changed(added=[A, B])
    run(indexing(store, document_store, language=None), C)
    assert stored(store) == CollectionStatistics.empty(FIELDS, None).changed(added=[A, B, C])


def test_further_fields_that_were_counted_go_on_being_counted(store, document_store):
    further = CollectionStatistics.empty([*FIELDS, "meta.artist"], "en")
    publish(store, further)
    made = Document(id="d", content="x", meta={"artist": "Ann"})
    run(indexing(store, document_store), made)
    assert stored(store) == further.changed(added=[made])
    newer = Document(id="d", content="x", meta={"artist": "Bob"})
    run(indexing(store, document_store), newer)
    assert stored(store) == further.changed(added=[newer])


def test_documents_that_are_deleted_can_be_forgotten(pipeline, store, document_store):
    run(pipeline, A, B, C)
    pipeline.get_component("catalogue").forget(["a", "c", "unknown"])
    assert stored(store) == EMPTY.changed(added=[B])
    pipeline.get_component("catalogue").forget([])
    assert store.active_version(CATALOGUE) == 2


def test_of_two_that_index_at_the_same_time_both_count(open_store, document_store):
    documents = [document(f"d{number}", f"word{number} song") for number in range(16)]
    writers = [CatalogueWriter(open_store(), document_store, FIELDS) for _ in range(2)]
    writers[0].run([A])  # both begin with statistics at hand

    def index(number):
        for each in documents[number::2]:
            writers[number].run([each])

    threads = [threading.Thread(target=index, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(open_store()) == EMPTY.changed(added=[A, *documents])


def test_goes_through_yaml(sqlite_url, monkeypatch):
    monkeypatch.setenv("LTRR_STORE_URL", sqlite_url)
    pipeline = Pipeline()
    pipeline.add_component("catalogue", CatalogueWriter(LTRRStore(), InMemoryDocumentStore(), FIELDS, None, TITLES))
    again = Pipeline.loads(pipeline.dumps())
    assert again.dumps() == pipeline.dumps()
    writer = again.get_component("catalogue")
    assert (writer.fields, writer.language, writer.lexicon) == (FIELDS, None, TITLES)


def test_refuses_unknown_fields_and_languages(store, document_store):
    with pytest.raises(ConfigurationError, match="fields of CatalogueWriter"):
        CatalogueWriter(store, document_store, ["title"])
    with pytest.raises(ConfigurationError, match="language must be"):
        CatalogueWriter(store, document_store, language="xx")


def test_of_two_processes_that_index_at_the_same_time_both_count(store, tmp_path):
    CatalogueWriter(store, InMemoryDocumentStore()).run([A])  # both begin with statistics at hand
    program = Path(__file__).parents[1] / "catalogue" / "processes.py"
    arguments = [sys.executable, program, tmp_path / "ltrr.db", "60"]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    written = [Document(content=f"word{number} song") for number in range(60)]
    assert stored(store) == EMPTY.changed(added=[A, *written])


def test_the_lexicon_follows_what_is_written_and_forgotten(store, document_store):
    pipeline = indexing(store, document_store, lexicon=TITLES)
    run(pipeline, A, B)
    assert stored_values(store) == values(A, B)
    newer = Document(id="a", content="songs of the sea", meta={"title": "Ocean", "genre": "Pop", "plays": 3})
    run(pipeline, newer, C)
    assert stored_values(store) == values(newer, B, C)
    pipeline.get_component("catalogue").forget(["a"])
    assert stored_values(store) == values(B, C)
    assert stored(store) == EMPTY.changed(added=[B, C])


def test_a_document_whose_values_changed_alone_renews_the_lexicon_alone(store, document_store):
    pipeline = indexing(store, document_store, lexicon=TITLES)
    run(pipeline, A)
    run(pipeline, Document(id="a", content=A.content, meta={"title": "Sea", "plays": 9}))
    assert (store.active_version(CATALOGUE), store.active_version(LEXICON)) == (1, 2)
    assert stored_values(store).lexicon().lookup("title", "sea").popularity == 9.0
    run(pipeline, Document(id="a", content=A.content, meta={"title": "Sea", "plays": 9, "other": 1}))
    assert (store.active_version(CATALOGUE), store.active_version(LEXICON)) == (1, 2)


def test_another_declaration_counts_all_values_anew(store, document_store):
    run(indexing(store, document_store), A)
    run(indexing(store, document_store, lexicon=TITLES), B)
    assert stored_values(store) == values(A, B)
    plain = LexiconFields(["meta.title"])
    run(indexing(store, document_store, lexicon=plain), C)
    assert stored_values(store) == values(A, B, C, declared=plain)
    assert stored(store) == EMPTY.changed(added=[A, B, C])


def test_without_a_declaration_the_lexicon_is_left_as_it_is(store, document_store):
    publish(store, values(A))
    run(indexing(store, document_store), B)
    assert store.active_version(LEXICON) == 1


def test_of_two_that_index_at_the_same_time_both_count_values(open_store, document_store):
    documents = [document(f"d{number}", "x", f"Title {number % 4}") for number in range(12)]
    writers = [CatalogueWriter(open_store(), document_store, FIELDS, lexicon=TITLES) for _ in range(2)]
    writers[0].run([A])  # both begin with a lexicon at hand

    def index(number):
        for each in documents[number::2]:
            writers[number].run([each])

    threads = [threading.Thread(target=index, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored_values(open_store()) == values(A, *documents)


@pytest.mark.parametrize(
    "meta",
    [
        {f"field{number}": number for number in range(10_000)},
        {"title": [[["deep"]], None, {"a": "b"}], "genre": [None], "plays": []},
        {"title": "x" * 1_000_000, "plays": "9" * 1_000_000},
        {"title": "nul\0 \ud800", "genre": "", "plays": "many"},
        {"title": ["", " ", 10**400, float("nan")], "genre": {"a": 1}, "plays": float("inf")},
    ],
    ids=["many fields", "nested", "megabytes", "control characters", "no values"],
)
def test_hostile_metadata_breaks_nothing(store, document_store, meta):
    pipeline = indexing(store, document_store, lexicon=TITLES)
    run(pipeline, A)
    run(pipeline, Document(id="hostile", content="x", meta=meta))
    assert document_store.count_documents() == 2
    assert list(stored_values(store).lexicon().values["title"]) == ["sea"]
    assert stored_values(store).documents == 2
