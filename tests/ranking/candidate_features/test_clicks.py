import numpy as np
import pytest
from haystack import Document
from haystack.utils import Secret

from factories import decision, unite
from ltrr_haystack import LTRRanker, LTRRStore, Understanding
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.candidate_features import ClickFeatures
from ltrr_haystack.ranking.click_prior import ClickPrior, DocumentClicks, digest_of

DOCUMENTS = [Document(id="a"), Document(id="b")]


@pytest.fixture
def counted(store):
    prior = ClickPrior({"a": DocumentClicks(4.0, 1.0, {digest_of("love"): (3.0, 0.5)})})
    draft = prior.draft()
    store.add_snapshot(draft.kind, draft.payload, draft.card, activate=True)
    return store


def test_tells_how_documents_fared_for_other_queries(counted):
    features = ClickFeatures(counted, poll_interval=0.0)
    computed = features.compute(Understanding("Rain", "rain"), DOCUMENTS)
    assert np.array_equal(computed, [[6 / 3], [np.nan]], equal_nan=True)
    assert features.compute(Understanding("Love", "love"), DOCUMENTS)[0, 0] == pytest.approx(3 / 2.5)


def test_documents_are_known_by_what_feedback_knows_them_by(counted):
    """One has the id of another's metadata, and one no metadata, so that its id is what it is known by."""
    documents = [Document(id="b", meta={"sku": "a"}), Document(id="a", meta={"sku": "b"}), Document(id="a")]
    computed = ClickFeatures(counted, poll_interval=0.0, key="meta.sku").compute(
        Understanding("Rain", "rain"), documents
    )
    assert np.array_equal(computed, [[2.0], [np.nan], [2.0]], equal_nan=True)


def test_knows_nothing_before_a_ranker_was_trained(store):
    assert np.isnan(ClickFeatures(store).compute(Understanding("love", "love"), DOCUMENTS)).all()
    assert ClickFeatures(store).compute(Understanding("love", "love"), []).shape == (0, 1)


def test_a_ranker_that_names_no_features_logs_it(counted):
    candidates = unite(decision(query="rain"), {"bm25": ["a", "b"]})
    first, second = LTRRanker(counted, poll_interval=0.0).run(candidates)["ranking"].features
    assert first["clicks.over_expected"] == 2.0
    assert "clicks.over_expected" not in second


def test_refuses_a_key_that_is_none(store):
    with pytest.raises(ConfigurationError, match=r"key of ClickFeatures must be 'id' or like 'meta\.sku', got 'sku'"):
        ClickFeatures(store, key="sku")


def test_survives_a_round_trip():
    described = ClickFeatures(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), 5.0, "meta.sku").to_dict()
    again = ClickFeatures.from_dict(described)
    assert again.to_dict() == described
    assert (again.poll_interval, again.key) == (5.0, "meta.sku")
