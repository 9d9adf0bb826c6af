import math
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from haystack import Document

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.candidate_features import MetadataFeatures, metadata
from ltrr_haystack.ranking.candidate_features.metadata import age_days, identity, log1p
from ltrr_haystack.types import Understanding

QUERY = Understanding("sea", "sea", ("sea",))
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()


def test_reads_what_is_declared(monkeypatch):
    monkeypatch.setattr(metadata.time, "time", lambda: NOON)
    features = MetadataFeatures(
        {
            "meta.popularity": {"transform": "log1p", "monotone": "increasing"},
            "meta.shop.price": {"monotone": "decreasing"},
            "meta.published": {"transform": "age_days"},
            "meta.year": None,
        }
    )
    assert features.names == (
        "static.meta.popularity.log1p",
        "static.meta.shop.price.identity",
        "static.meta.published.age_days",
        "static.meta.year.identity",
    )
    assert features.monotone == {"static.meta.popularity.log1p": 1, "static.meta.shop.price.identity": -1}
    known = Document(meta={"popularity": math.e - 1, "shop": {"price": 9.5}, "published": "2026-03-01", "year": 1999})
    values = features.compute(QUERY, [known, Document(content="x")])
    assert values[0].tolist() == pytest.approx([1.0, 9.5, 1.5, 1999.0])
    assert np.isnan(values[1]).all()


def test_no_candidates_have_no_rows():
    assert MetadataFeatures({"meta.year": None}).compute(QUERY, []).shape == (0, 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3.0), (-2.5, -2.5), (np.float32(0.5), 0.5), (np.int64(7), 7.0), (True, 1.0)],
)
def test_a_number_is_read(value, expected):
    assert identity(value) == expected


@pytest.mark.parametrize("value", [None, "3", [], {}, object(), math.nan, math.inf, 10**400])
def test_what_is_no_number_is_unknown(value):
    assert math.isnan(identity(value))
    assert math.isnan(log1p(value))


def test_logarithms_keep_the_sign():
    assert log1p(math.e - 1) == pytest.approx(1.0)
    assert log1p(1 - math.e) == pytest.approx(-1.0)
    assert log1p(0) == 0.0


@pytest.mark.parametrize(
    ("value", "days"),
    [
        ("2026-03-02T12:00:00", 0.0),
        ("2026-03-01T12:00:00Z", 1.0),
        ("2026-03-02T12:00:00+12:00", 0.5),
        ("2026-03-03T12:00:00Z", -1.0),
        (date(2026, 3, 1), 1.5),
        (datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=12))), 1.5),
        (NOON - 86_400, 1.0),
    ],
)
def test_ages_are_in_days(value, days):
    assert age_days(value, NOON) == pytest.approx(days)


@pytest.mark.parametrize("value", [None, "yesterday", "", True, [], "2026-13-01", "9" * 5_000])
def test_what_is_no_date_is_unknown(value):
    assert math.isnan(age_days(value, NOON))


@pytest.mark.parametrize(
    "settings", [{"transform": "sqrt"}, {"monotone": "up"}, {"transfrom": "log1p"}, {"transform": None}]
)
def test_unknown_settings_are_refused(settings):
    with pytest.raises(ConfigurationError, match=r"field 'meta\.price' of MetadataFeatures has the settings"):
        MetadataFeatures({"meta.price": settings})


def test_unknown_fields_are_refused():
    with pytest.raises(ConfigurationError, match="fields of MetadataFeatures"):
        MetadataFeatures({"price": None})


def test_goes_through_yaml():
    features = MetadataFeatures({"meta.price": {"transform": "log1p", "monotone": "decreasing"}, "meta.year": None})
    again = MetadataFeatures.from_dict(features.to_dict())
    assert (again.names, again.monotone, again.fields) == (features.names, features.monotone, features.fields)
