import gc
from uuid import uuid4
from weakref import ref

import pytest
from haystack import Document

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy import TantivyDocumentStore
from ltrr_haystack.errors import ConfigurationError

DOCUMENT = Document(id="a", content="rain")


class TestInMemory:
    def test_stores_of_one_name_hold_the_same_documents_and_others_do_not(self):
        name = uuid4().hex
        TantivyDocumentStore(index=name).write_documents([DOCUMENT])
        assert TantivyDocumentStore(index=name).count_documents() == 1
        assert TantivyDocumentStore(index=f"not {name}").count_documents() == 0
        assert TantivyDocumentStore().count_documents() == 0

    def test_what_has_a_name_stays_though_nobody_uses_it(self):
        name = uuid4().hex
        store = TantivyDocumentStore(index=name)
        store.write_documents([DOCUMENT])
        store.close()
        del store
        gc.collect()
        assert TantivyDocumentStore(index=name).count_documents() == 1

    def test_what_has_none_stays_though_its_store_was_closed(self):
        store = TantivyDocumentStore()
        store.write_documents([DOCUMENT])
        store.close()
        assert store.filter_documents() == [DOCUMENT]

    def test_and_goes_with_its_store(self):
        store = TantivyDocumentStore()
        index = ref(store.opened())
        del store
        gc.collect()
        assert index() is None

    def test_a_store_shares_its_documents_with_what_was_made_from_its_settings(self):
        store = TantivyDocumentStore()
        again = TantivyDocumentStore.from_dict(store.to_dict())
        store.write_documents([DOCUMENT])
        assert again.filter_documents() == [DOCUMENT]


class TestOnDisk:
    def test_stores_of_one_folder_share_one_index_however_it_is_written(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SONGS", str(tmp_path))
        first = TantivyDocumentStore(str(tmp_path / "a" / ".." / "songs"))
        second = TantivyDocumentStore("${SONGS}/songs")
        assert first.opened() is second.opened()

    def test_is_there_again_after_all_were_closed(self, tmp_path):
        store = TantivyDocumentStore(str(tmp_path / "songs"))
        store.write_documents([DOCUMENT])
        store.close()
        store.close()
        assert TantivyDocumentStore(str(tmp_path / "songs")).filter_documents() == [DOCUMENT]
        assert store.filter_documents() == [DOCUMENT]

    def test_opens_nothing_until_it_is_used(self, tmp_path):
        TantivyDocumentStore(str(tmp_path / "songs"))
        assert not (tmp_path / "songs").exists()

    def test_is_in_one_place(self):
        with pytest.raises(
            ConfigurationError, match="in the folder '/songs' or in memory as 'songs'; name one of both"
        ):
            TantivyDocumentStore("/songs", index="songs")
