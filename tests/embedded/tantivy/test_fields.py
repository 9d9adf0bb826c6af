import pytest
from haystack import Document

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy.analysis import Language
from ltrr_haystack.embedded.tantivy.fields import Fields, texts_at, value_at
from ltrr_haystack.errors import ConfigurationError

SONG = Document(
    id="7",
    content="Sing",
    meta={
        "title": "Rain",
        "artist": {"name": "Nobody", "a.b": 1},
        "tags": ["pop", 1984, None, True, ["x"]],
        "year": 1984,
    },
)


def fields(texts=None, keywords=(), numbers=()):
    return Fields.of({"content": "words"} if texts is None else texts, keywords, numbers, Language())


class TestFields:
    def test_of_equal_settings_are_equal_whatever_their_order(self):
        first = fields({"content": ["words", "trigrams"], "meta.title": "words"}, ["meta.b", "meta.a"])
        second = fields(
            {"meta.title": ["words"], "content": ["trigrams", "words", "words"]}, ["meta.a", "meta.b", "meta.a"]
        )
        assert first == second
        assert hash(first) == hash(second)

    def test_a_field_is_known_by_its_path_and_its_analysis(self):
        names = [text.name for text in fields({"content": ["words", "trigrams"], "meta.title": "unstemmed"}).texts]
        assert names == ["content:trigrams", "content", "meta.title:unstemmed"]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"texts": {}}, "text_fields must name at least one field"),
            ({"texts": {"content": []}}, "text_fields must name at least one field"),
            ({"texts": {"content": "word"}}, "'content' must be one of words, unstemmed, trigrams, got 'word'"),
            (
                {"texts": {"title": "words"}},
                r"text_fields: expected 'content' or a metadata field, .*did you mean 'meta\.title'\?",
            ),
            (
                {"keywords": ["genre"]},
                r"keyword_fields: expected a metadata field, .*got 'genre'; did you mean 'meta\.genre'\?",
            ),
            ({"keywords": ["content"]}, "keyword_fields: expected a metadata field, got 'content'"),
            ({"numbers": ["meta."]}, r"number_fields: expected a metadata field, got 'meta\.'"),
            ({"numbers": ["meta..a"]}, r"number_fields: expected a metadata field, got 'meta\.\.a'"),
        ],
    )
    def test_settings_that_cannot_work_are_named(self, settings, message):
        with pytest.raises(ConfigurationError, match=message):
            fields(**settings)


class TestValues:
    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("content", "Sing"),
            ("meta.title", "Rain"),
            ("meta.artist.name", "Nobody"),
            ("meta.artist.age", None),
            ("meta.title.length", None),
            ("meta.artist.a.b", None),
            ("meta.nothing.at.all", None),
        ],
    )
    def test_are_looked_up_as_filters_do(self, path, value):
        assert value_at(SONG, path) == value

    def test_texts_are_those_of_lists_and_numbers_as_they_are_written(self):
        assert texts_at(SONG, "meta.title") == ["Rain"]
        assert texts_at(SONG, "meta.tags") == ["pop", "1984"]
        assert texts_at(SONG, "meta.year") == ["1984"]
        assert texts_at(SONG, "meta.artist") == texts_at(SONG, "meta.nothing") == []
