import pytest
from haystack import Document, Pipeline, component
from haystack.components.writers import DocumentWriter
from haystack.document_stores.types import DuplicatePolicy

pytest.importorskip("tantivy")

from ltrr_haystack.catalogue import CollectionStatistics
from ltrr_haystack.catalogue.codec import from_bytes
from ltrr_haystack.components.catalogue_writer import CatalogueWriter
from ltrr_haystack.embedded import indexing
from ltrr_haystack.embedded.tantivy import TantivyDocumentStore
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.store import CATALOGUE

DOCUMENTS = [Document(id=str(number), content=f"song {number}") for number in range(7)]


@component
class Greeting:
    @component.output_types(text=str)
    def run(self, name: str):
        return {"text": name}


@component
class Breaking:
    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]):
        raise RuntimeError("no model")


def writing(catalogue):
    pipeline = Pipeline()
    pipeline.add_component("writer", DocumentWriter(catalogue, policy=DuplicatePolicy.OVERWRITE))
    return pipeline


def ids(catalogue):
    return sorted(document.id for document in catalogue.filter_documents())


@pytest.fixture
def catalogue():
    return TantivyDocumentStore()


class TestIndex:
    def test_brings_all_documents_through_in_batches(self, monkeypatch, catalogue):
        monkeypatch.setattr(indexing, "BATCH", 3)
        assert indexing.index(writing(catalogue), DOCUMENTS) == 7
        assert catalogue.count_documents() == 7

    def test_again_overwrites(self, catalogue):
        pipeline = writing(catalogue)
        indexing.index(pipeline, DOCUMENTS)
        indexing.index(pipeline, [Document(id="3", content="another")])
        assert catalogue.count_documents() == 7
        assert {document.content for document in catalogue.filter_documents() if document.id == "3"} == {"another"}

    def test_a_pipeline_that_takes_no_documents_is_refused(self):
        pipeline = Pipeline()
        pipeline.add_component("greeting", Greeting())
        with pytest.raises(ConfigurationError, match="no component with an open input 'documents'"):
            indexing.index(pipeline, DOCUMENTS)


class TestRefresh:
    def test_what_is_no_longer_in_the_catalogue_goes_and_what_came_otherwise_stays(self, catalogue, tmp_path):
        pipeline, record = writing(catalogue), tmp_path / "catalogue.json"
        assert indexing.refresh(pipeline, DOCUMENTS, record) == 0
        catalogue.write_documents([Document(id="posted")])
        assert indexing.refresh(pipeline, [*DOCUMENTS[:2], Document(id="new")], record) == 5
        assert ids(catalogue) == ["0", "1", "new", "posted"]

    def test_what_goes_is_no_longer_counted(self, catalogue, store, tmp_path):
        pipeline, record = writing(catalogue), tmp_path / "catalogue.json"
        pipeline.add_component("catalogue", CatalogueWriter(store, catalogue))
        pipeline.connect("catalogue.documents", "writer.documents")
        indexing.refresh(pipeline, DOCUMENTS, record)
        indexing.refresh(pipeline, DOCUMENTS[:2], record)
        counted = from_bytes(store.snapshot(CATALOGUE).payload)
        assert counted == CollectionStatistics.empty(["content", "meta.title"], "en").changed(added=DOCUMENTS[:2])
        assert ids(catalogue) == ["0", "1"]

    def test_an_unchanged_catalogue_is_not_written_again(self, catalogue, tmp_path):
        pipeline, record = writing(catalogue), tmp_path / "catalogue.json"
        indexing.refresh(pipeline, DOCUMENTS, record)
        before = catalogue.snapshot().commit
        assert indexing.refresh(pipeline, DOCUMENTS, record) == 0
        assert catalogue.snapshot().commit == before

    def test_of_a_run_that_broke_off_nothing_is_left_for_ever(self, catalogue, tmp_path):
        record = tmp_path / "catalogue.json"
        broken = Pipeline()
        broken.add_component("breaking", Breaking())
        with pytest.raises(Exception, match="no model"):
            indexing.refresh(broken, DOCUMENTS, record)
        catalogue.write_documents(DOCUMENTS[:3])  # as far as it came
        assert indexing.refresh(writing(catalogue), [Document(id="new")], record) == 7
        assert ids(catalogue) == ["new"]

    @pytest.mark.parametrize("left", ["not JSON", "{}", "[1, null]"])
    def test_a_record_that_is_none_deletes_nothing(self, catalogue, tmp_path, left):
        catalogue.write_documents(DOCUMENTS[:1])
        (tmp_path / "catalogue.json").write_text(left)
        assert indexing.refresh(writing(catalogue), DOCUMENTS[1:2], tmp_path / "catalogue.json") == 0
        assert ids(catalogue) == ["0", "1"]

    def test_a_place_that_cannot_be_written_is_named(self, catalogue, tmp_path):
        with pytest.raises(ConfigurationError, match=r"cannot be written to '.*nowhere/catalogue\.json'"):
            indexing.refresh(writing(catalogue), DOCUMENTS, tmp_path / "nowhere" / "catalogue.json")
