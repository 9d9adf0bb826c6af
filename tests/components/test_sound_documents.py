import logging
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from haystack import Document

from ltrr_haystack.components.sound_documents import LeftOut, fault_of


def document(object_id: Any = "d", content: Any = "love", meta: Any = None) -> Document:
    made = Document(id="d", content="love")
    for field, value in (("id", object_id), ("content", content), ("meta", {} if meta is None else meta)):
        object.__setattr__(made, field, value)
    return made


def tower(levels: int) -> list[Any]:
    built: list[Any] = []
    for _ in range(levels):
        built = [built]
    return built


def cycle() -> dict[str, Any]:
    meta: dict[str, Any] = {"title": "again"}
    meta["again"] = [meta] * 50
    return meta


def bomb() -> dict[str, Any]:
    """Ten lists of ten lists of ten lists …: 10^30 values in the memory of a few hundred."""
    value: list[Any] = []
    for _ in range(30):
        value = [value] * 10
    return {"bomb": value}


class Sulking:
    def refuse(self, *_: object) -> Any:
        raise RuntimeError("ask me nothing")

    __str__ = __repr__ = refuse


class Mimicking:
    def tolist(self) -> "Mimicking":
        return self


SOUND = {
    "flat": document(meta={"title": "t", "year": 1999, "price": 1.5, "live": True, "label": None, "tags": ["a", "b"]}),
    "no content": document(content=None),
    "an id in any script": document("日本の歌 №7"),
    "numbers that are not finite": document(meta={"price": math.nan, "most": [math.inf, -math.inf]}),
    "nested": document(meta={"product": {"ean": 4006381, "names": {"en": ["a"]}}, "pair": (1, 2), "set": {3}}),
    "dates and the like": document(
        meta={
            "day": date(2026, 1, 1),
            "at": datetime(2026, 1, 1, tzinfo=UTC),
            "price": Decimal("1.5"),
            "uuid": UUID(int=7),
        }
    ),
    "NumPy's numbers": document(meta={"year": np.int64(1999), "price": np.float32(1.5), "vector": np.zeros(3)}),
    "a large number": document(meta={"number": 10**300, "deep": [-(10**300)]}),
    "half of a surrogate pair in its text": document(content="a\ud800", meta={"title": "\ud800"}),
    "fifty levels": document(meta={"tower": tower(48)}),
    "an id of 2,048 bytes": document("x" * 2048),
}
UNSOUND = {
    "an id that is a number": (document(7), "its id is no text"),
    "no id": (document(None), "its id is no text"),
    "an empty id": (document(""), "its id is empty, longer than 2048 bytes, or holds NUL"),
    "an id of 5,000 bytes": (document("x" * 5000), "its id is empty, longer than 2048 bytes"),
    "an id of 1,500 letters and 3,000 bytes": (document("é" * 1500), "its id is empty, longer than 2048 bytes"),
    "NUL in the id": (document("a\0b"), "or holds NUL"),
    "half of a surrogate pair in the id": (document("a\ud800"), "or half of a surrogate pair"),
    "content that is a number": (document(content=7), "its content is no text"),
    "content that is bytes": (document(content=b"love"), "its content is no text"),
    "no metadata": (document(meta=["title"]), "its metadata is no dictionary"),
    "a key that is a number": (document(meta={7: "x"}), "its metadata has a key that is no text"),
    "an inner key that is a number": (document(meta={"years": {2020: 1}}), "its metadata has a key that is no text"),
    "5,000 digits": (document(meta={"number": 10**5000}), "a whole number that no double can reach"),
    "5,000 digits further in": (document(meta={"numbers": [1, {"x": -(10**5000)}]}), "no double can reach"),
    "a cycle": (document(meta=cycle()), "more than 20,000 values"),
    "a thin cycle": (document(meta=(lambda meta: meta.update(again=meta) or meta)({})), "or holds itself"),
    "3,000 levels": (document(meta={"tower": tower(3000)}), "nested deeper than 50 levels"),
    "a bomb": (document(meta=bomb()), "more than 20,000 values"),
    "a value that raises": (document(meta={"x": Sulking()}), "it cannot be read"),
    "a value that never ends": (document(meta={"x": Mimicking()}), "nested deeper than 50 levels"),
}


@pytest.mark.parametrize("good", SOUND.values(), ids=SOUND)
def test_can_be_carried(good):
    assert fault_of(good) is None


@pytest.mark.parametrize(("bad", "reason"), UNSOUND.values(), ids=UNSOUND)
def test_cannot_be_carried(bad, reason):
    assert reason in fault_of(bad)


def test_a_document_whose_parts_cannot_be_read_cannot_be_carried():
    class Odd(Document):
        @property
        def meta(self):
            raise RuntimeError("no metadata for you")

        @meta.setter
        def meta(self, _):
            pass

    assert fault_of(Odd(id="d")) == "it cannot be read"


class TestLeftOut:
    def test_tells_at_once_and_then_now_and_then(self, caplog):
        now = [100.0]
        told = LeftOut("bm25", pause=60.0, clock=lambda: now[0])
        with caplog.at_level(logging.WARNING):
            for _ in range(10):
                told.note({"its id is no text": 2})
                now[0] += 10
        assert [record.getMessage().split(" out of")[0] for record in caplog.records] == [
            "Arm 'bm25' left 2 documents",
            "Arm 'bm25' left 12 documents",
        ]
        assert "its id is no text" in caplog.text

    def test_each_reason_has_its_own_time(self, caplog):
        told = LeftOut("bm25")
        with caplog.at_level(logging.WARNING):
            told.note({"one": 1})
            told.note({"one": 1, "another": 3})
        assert len(caplog.records) == 2
