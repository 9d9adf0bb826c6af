import asyncio
import threading

import pytest
from haystack import Document

from factories import ids
from ltrr_haystack.components.wrapped_retriever import WrappedRetriever
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.types import Understanding

LOVE = Understanding("love", "love")


class Noting:
    """Brings what it is given, and notes what it was asked for and on which thread."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def run(self, query, filters=None, top_k=None):
        self.asked.append((query, filters, top_k, threading.current_thread()))
        return self.answer


class Reading(Noting):
    """Takes what is understood."""

    def run(self, query, filters=None, top_k=None, understanding=None):
        return super().run(query, understanding, top_k)


class Awaited(Noting):
    """Can be awaited."""

    async def run_async(self, query, filters=None, top_k=None):
        return self.run(query, filters, top_k)


def documents(count):
    return {"documents": [Document(id=f"{number}", content="love") for number in range(count)]}


def test_brings_no_more_than_asked_for_and_empty_filters_are_none():
    retriever = Noting(documents(3))
    assert ids(WrappedRetriever("mine", retriever).ask("love", {}, 2, LOVE)) == ["0", "1"]
    assert retriever.asked[0][:3] == ("love", None, 2)


class Filtered(Noting):
    """Has filters of its own, and hands on what another retriever brings."""

    def __init__(self, answer, filters, retriever=None):
        super().__init__(answer)
        self.filters = filters
        self.retriever = retriever


def test_the_retriever_s_own_filters_hold_beside_those_of_the_run():
    """A filter of a run would replace them."""
    visible = {"field": "meta.visible", "operator": "==", "value": True}
    song = {"field": "meta.type", "operator": "==", "value": "song"}
    retriever = Filtered(documents(1), visible, Filtered(None, None))
    wrapped = WrappedRetriever("mine", retriever)
    wrapped.ask("love", None, 1)
    wrapped.ask("love", song, 1)
    assert [asked[1] for asked in retriever.asked] == [visible, {"operator": "AND", "conditions": [visible, song]}]
    inner = Filtered(documents(1), None, Filtered(None, visible))
    WrappedRetriever("mine", inner).ask("love", song, 1)
    assert inner.asked[0][1] == {"operator": "AND", "conditions": [visible, song]}


def test_what_is_understood_goes_to_those_that_take_it():
    retriever = Reading(documents(1))
    WrappedRetriever("mine", retriever).ask("love", None, 2, LOVE)
    assert retriever.asked[0][1] is LOVE


def test_is_awaited_where_it_can_be_and_else_asked_in_a_thread():
    for kind, same in ((Awaited, True), (Noting, False)):
        retriever = kind(documents(1))
        found = asyncio.run(WrappedRetriever("mine", retriever).ask_async("love", {"field": "meta.a"}, 1))
        assert ids(found) == ["0"]
        assert (retriever.asked[0][3] is threading.current_thread()) is same


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "must return a dictionary with a list of `documents`"),
        ({"documents": None}, "must return a dictionary with a list of `documents`"),
        ({"documents": ["love"]}, "must return Haystack Documents, got str"),
    ],
)
def test_what_is_no_answer_is_an_error_that_names_the_retriever(answer, reason):
    with pytest.raises(TypeError, match=f"Noting {reason}"):
        WrappedRetriever("mine", Noting(answer)).ask("love", None, 1)


def test_documents_without_id_or_metadata_are_left_out():
    broken = Document(id="broken")
    object.__setattr__(broken, "id", 7)
    assert ids(WrappedRetriever("mine", Noting({"documents": [broken, Document(id="a")]})).ask("love", None, 1)) == [
        "a"
    ]


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(ConfigurationError, match="arm 'mine' must be a component with run"):
        WrappedRetriever("mine", object())
