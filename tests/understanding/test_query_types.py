import pytest

from ltrr_haystack.understanding import normal_form, query_type, tokens_of


def type_of(query, language="und"):
    return query_type(query, tokens_of(normal_form(query)), language)


@pytest.mark.parametrize(
    "query",
    [
        "what is the relationship between Noonan syndrome and polycystic renal disease",
        "laptop?",
        "Is it “Halo”?!",
        "how to tie a tie",
        "can i return shoes",
        "warum ist der himmel blau",
        "pourquoi le ciel est bleu",
        "почему небо голубое",
        "为什么天空是蓝的",
        "日本で一番高い山は何ですか",
        "왜 하늘은 파란가",
        "لماذا السماء زرقاء",
        "τι ώρα είναι;",
    ],
)
def test_question(query):
    assert type_of(query) == "question"


@pytest.mark.parametrize(
    "query",
    [
        '"lucky star"',
        "www.example.com/a",
        "example.org",
        "sony wh-1000xm4",
        "b07xyz12",
        "4006381333931",
        "windows 10",
        "blink 182",
        "the beatles",
        "simon & garfunkel",
    ],
)
def test_navigational(query):
    assert type_of(query) == "navigational"


@pytest.mark.parametrize("query", ["laptop", "love", "音楽", "80s", "500gb", "1992", "!!!"])
def test_broad(query):
    assert type_of(query) == "broad"


@pytest.mark.parametrize(
    "query",
    [
        "surround sound speakers",
        "pop 2010",
        "top 10",
        "the best headphones",
        "500gb ssd",
        '17" monitor',
        "will smith movies",
        "come as you are",
        "dove soap bar",
        "what else",
        "indie; rock",
        "東京の音楽フェス",
    ],
)
def test_topical(query):
    assert type_of(query) == "topical"


def test_an_ambiguous_question_word_counts_in_its_own_language_only():
    assert type_of("come si fa la pizza") == "topical"
    assert type_of("come si fa la pizza", "it") == "question"
    assert type_of("come as you are", "en") == "topical"


def test_a_lone_question_mark_asks_nothing():
    assert type_of("?") == "broad"
