import threading

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
    assert kept.words == 2


def test_keeps_the_documents_that_were_asked_for_last(monkeypatch):
    split, kept = counting(monkeypatch), AnalysedDocuments(["content"], "en", most_words=10)
    kept.of([document("a", "one two three"), document("b", "four five")])
    kept.of([document("a", "one two three")])
    kept.of([document("c", "six seven")])  # 4 + 3 + 3 with one for each document
    assert kept.words == 10
    kept.of([document("d", "eight")])
    del split[:]
    kept.of([document("a", "one two three"), document("c", "six seven"), document("d", "eight")])
    assert split == []
    kept.of([document("b", "four five")])
    assert split == ["four five"]


def test_documents_without_words_do_not_pile_up():
    kept = AnalysedDocuments(["content"], "en", most_words=10)
    kept.of([document(str(number), None) for number in range(100)])
    assert kept.words <= 10


def test_a_document_larger_than_all_room_is_split_all_the_same():
    kept = AnalysedDocuments(["content"], "en", most_words=2)
    assert kept.of([document()]) == [(SEA,)]
    assert kept.words == 0


def test_threads_share_it():
    kept, wrong = AnalysedDocuments(["content"], "en", most_words=50), []

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
    assert kept.words <= 50


def test_a_process_has_one_for_the_same_fields_and_language():
    assert shared_documents(("content",), "en") is shared_documents(("content",), "en")
    assert shared_documents(("content",), "en") is not shared_documents(("content",), None)
