import logging
import math

import numpy as np
import pytest
from haystack import Document, default_from_dict, default_to_dict

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.candidate_features import CombinedFeatures, MetadataFeatures, TextFeatures
from ltrr_haystack.ranking.candidate_features.protocol import signs_of
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import Understanding

QUERY = Understanding("sea", "sea", ("sea",))
DOCUMENTS = [Document(id="a", content="sea", meta={"price": 3}), Document(id="b", content="rain", meta={"price": 4})]


class Given:
    def __init__(self, names, values=None, monotone=None):
        self.names = tuple(names)
        self.values = values
        self.monotone = monotone or {}
        self.calls = []

    def warm_up(self):
        self.calls.append("warm_up")

    def close(self):
        self.calls.append("close")

    def compute(self, understanding, documents):
        if isinstance(self.values, Exception):
            raise self.values
        return np.full((len(documents), len(self.names)), self.values, dtype=np.float64)

    def to_dict(self):
        return default_to_dict(self, names=list(self.names), values=self.values)

    @classmethod
    def from_dict(cls, data):
        return default_from_dict(cls, data)


class Bare:
    names = ("bare",)

    def compute(self, understanding, documents):
        return np.array([[document.meta["price"]] for document in documents])

    def to_dict(self):
        return default_to_dict(self)


def test_puts_features_side_by_side():
    combined = CombinedFeatures([Given(["one", "two"], 1.5), Bare()])
    assert combined.names == ("one", "two", "bare")
    assert combined.compute(QUERY, DOCUMENTS).tolist() == [[1.5, 1.5, 3.0], [1.5, 1.5, 4.0]]


@pytest.mark.parametrize(
    ("value", "logged"),
    [(1 / 3, 0.333251953125), (1e9, 65504.0), (-1e9, -65504.0), (2049.0, 2048.0), (1e-9, 0.0), (0.5, 0.5)],
)
def test_values_are_what_the_log_holds_of_them(value, logged):
    assert CombinedFeatures([Given(["one"], value)]).compute(QUERY, DOCUMENTS[:1]).tolist() == [[logged]]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_unknown(value):
    assert np.isnan(CombinedFeatures([Given(["one"], value)]).compute(QUERY, DOCUMENTS)).all()


def test_what_fails_costs_its_own_features_and_is_reported_once(caplog):
    failing = Given(["one", "two"], ValueError("no such table"))
    combined = CombinedFeatures([failing, Bare()])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            values = combined.compute(QUERY, DOCUMENTS)
    assert np.isnan(values[:, :2]).all()
    assert values[:, 2].tolist() == [3.0, 4.0]
    [message] = [record.getMessage() for record in caplog.records]
    assert message.startswith("Ranking goes on without Given, until this is mended: ValueError: no such table")
    failing.values = 1.0
    assert combined.compute(QUERY, DOCUMENTS)[:, 0].tolist() == [1.0, 1.0]


def test_a_wrong_shape_is_a_failure(caplog):
    class Narrow(Given):
        def compute(self, understanding, documents):
            return np.ones((len(documents), 1))

    with caplog.at_level(logging.WARNING):
        assert np.isnan(CombinedFeatures([Narrow(["one", "two"])]).compute(QUERY, DOCUMENTS)).all()
    assert "expected 2 rows and 2 columns, got the shape (2, 1)" in caplog.text


def test_without_parts_there_are_no_columns():
    assert CombinedFeatures([]).compute(QUERY, DOCUMENTS).shape == (2, 0)


def test_gives_the_constraints_of_all_parts():
    parts = [Given(["one", "two"], 0.0, {"one": 1, "two": 0}), Bare(), Given(["three"], 0.0, {"three": -1})]
    names = CombinedFeatures(parts).names
    assert signs_of(names) == {"one.increasing": 1, "three.decreasing": -1}


def test_warms_up_and_closes_the_parts_that_can_be():
    part = Given(["one"], 0.0)
    combined = CombinedFeatures([part, Bare()])
    combined.warm_up()
    combined.close()
    assert part.calls == ["warm_up", "close"]


def test_two_features_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match="the features two are computed twice"):
        CombinedFeatures([Given(["one", "two"]), Given(["two"])])


@pytest.mark.parametrize("name", ["", "a b", "é", "a,b", "a:b", "\ud800", "a\0", "x" * 201])
def test_names_that_cannot_be_logged_are_refused(name):
    with pytest.raises(ConfigurationError, match=r"of a feature must be 1 to 200 printable ASCII characters"):
        CombinedFeatures([Given([name])])


def test_goes_through_yaml(monkeypatch, sqlite_url):
    monkeypatch.setenv("LTRR_STORE_URL", sqlite_url)
    monkeypatch.setenv("HAYSTACK_DESERIALIZATION_ALLOWLIST", f"ltrr_haystack,{Given.__module__}")
    parts = [TextFeatures(LTRRStore(), ["content"]), MetadataFeatures({"meta.price": {"monotone": "decreasing"}})]
    described = CombinedFeatures(parts).to_dict()
    again = CombinedFeatures.from_dict(described)
    assert again.to_dict() == described
    assert [type(part) for part in again.parts] == [TextFeatures, MetadataFeatures]
    assert signs_of(again.names) == {"static.meta.price.identity.decreasing": -1}


def test_a_part_without_a_type_is_refused():
    with pytest.raises(ConfigurationError, match=r"each part of CombinedFeatures must have a 'type', got \{\}"):
        CombinedFeatures.from_dict({"type": "", "init_parameters": {"parts": [{}]}})
