import pytest
from haystack import Document

from ltrr_haystack.catalogue.analysis import LONGEST_TEXT
from ltrr_haystack.catalogue.fields import field_text, field_value, require_fields
from ltrr_haystack.errors import ConfigurationError

DOCUMENT = Document(
    content="text", meta={"title": "A title", "tags": ["a", 1, None, {}], "year": 1999, "shop": {"brand": "Acme"}}
)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("content", "text"),
        ("meta.title", "A title"),
        ("meta.tags", "a 1  "),
        ("meta.year", "1999"),
        ("meta.shop.brand", "Acme"),
        ("meta.shop", ""),
        ("meta.title.brand", ""),
        ("meta.none", ""),
    ],
)
def test_a_field_is_read_as_text(field, text):
    assert field_text(DOCUMENT, field) == text


@pytest.mark.parametrize("value", [None, True, object(), {"a": 1}, b"bytes", {1, 2}, pytest.param(10**5000, id="huge")])
def test_what_is_no_text_is_none(value):
    assert field_text(Document(id="d1", meta={"title": value}), "meta.title") == ""


def test_of_long_texts_and_lists_the_beginning_is_read():
    assert len(field_text(Document(content="x" * 1_000_000), "content")) == LONGEST_TEXT
    assert field_text(Document(meta={"tags": ["x"] * 5_000}), "meta.tags") == " ".join(["x"] * 1_000)


def test_the_value_itself_can_be_read():
    assert field_value(DOCUMENT, "meta.tags") == ["a", 1, None, {}]


@pytest.mark.parametrize("fields", [[], ["title"], ["content", "content"], ["meta."], ["meta.a..b"], "id"])
def test_names_that_are_no_fields_are_refused(fields):
    with pytest.raises(ConfigurationError, match=r"fields of Here must be different names out of 'content' and 'meta"):
        require_fields(fields, "Here")
