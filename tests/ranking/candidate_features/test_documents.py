import threading

import pytest
from haystack import Document

from ltrr_haystack.ranking.candidate_features import documents as module
from ltrr_haystack.ranking.candidate_features.documents import AnalysedDocuments, FieldWords, shared_documents

SEA = FieldWords("songs of the sea", "songs of the sea", ("song", "of", "the", "sea"))


def document(object_id="d1", content="Songs of the SEA"):
    return Document(id=object_id, content=content)


def counting(monkeypatch):
    texts = []
    analyse = module.analyse

    def counted(text, language):
        texts.append(text)
        return analyse(text, language)

    monkeypatch.setattr(module, "analyse", counted)
    return texts


def test_splits_each_document_once(monkeypatch):
    split, kept = counting(monkeypatch), AnalysedDocuments(["content", "meta.title"], "en")
    for _ in range(3):
        assert kept.of([document()]) == [(SEA, FieldWords("", "", ()))]
    assert split == ["Songs of the SEA", ""]


def test_another_content_under_the_same_id_is_seen(monkeypatch):
    split, kept = counting(monkeypatch), AnalysedDocuments(["content"], "en")
    kept.of([document()])
    assert kept.of([document(content="Rain")])[0][0].stems == ("rain",)
    assert kept.of([document(content="Rain")])[0][0].stems == ("rain",)
    assert split == ["Songs of the SEA", "Rain"]
    assert kept.characters == 100 + len("Rain")


def test_keeps_the_documents_that_were_asked_for_last(monkeypatch):
    split, kept = counting(monkeypatch), AnalysedDocuments(["content"], "en", most_characters=335)
    kept.of([document("a", "one two three"), document("b", "four five")])
    kept.of([document("a", "one two three")])
    kept.of([document("c", "six seven")])
    assert kept.characters == 3 * 100 + 13 + 9 + 9
    kept.of([document("d", "eight")])
    assert kept.characters == 3 * 100 + 13 + 9 + 5
    del split[:]
    kept.of([document("a", "one two three"), document("c", "six seven"), document("d", "eight")])
    assert split == []
    kept.of([document("b", "four five")])
    assert split == ["four five"]


@pytest.mark.parametrize("content", [None, "… " * 100])
def test_documents_without_words_do_not_pile_up(content):
    kept = AnalysedDocuments(["content"], "en", most_characters=1_000)
    kept.of([document(str(number), content) for number in range(100)])
    assert 600 < kept.characters <= 1_000


def test_a_document_larger_than_all_room_is_split_all_the_same():
    kept = AnalysedDocuments(["content"], "en", most_characters=2)
    assert kept.of([document()]) == [(SEA,)]
    assert kept.characters == 0


def test_threads_share_it():
    kept, wrong = AnalysedDocuments(["content"], "en", most_characters=800), []

    def ask(start):
        for number in range(start, start + 300):
            content = f"word{number % 30} x"
            if kept.of([document(str(number % 20), content)])[0][0].text != content:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert kept.characters <= 800


def test_a_process_has_one_for_the_same_fields_and_language():
    assert shared_documents(("content",), "en") is shared_documents(("content",), "en")
    assert shared_documents(("content",), "en") is not shared_documents(("content",), None)
