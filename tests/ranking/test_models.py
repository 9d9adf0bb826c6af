import json
import sys

import numpy as np
import pytest

from ltrr_haystack.errors import MissingExtraError, SnapshotError
from ltrr_haystack.ranking.models import SITUATIONS, RankingModels


@pytest.fixture(scope="module")
def models(model, of_new):
    return RankingModels({"with_memory": model, "without_memory": of_new})


class TestRankingModels:
    def test_both_come_back_from_bytes_to_the_bit(self, models):
        again = RankingModels.from_bytes(models.to_bytes())
        assert tuple(again.models) == SITUATIONS
        for situation, model in models.models.items():
            assert again.models[situation].schema == model.schema
            features = np.random.default_rng(0).random((50, len(model.schema.names)))
            np.testing.assert_array_equal(again.models[situation].scores(features), model.scores(features))
        assert again.to_bytes() == models.to_bytes()

    def test_they_come_back_in_whatever_order_they_were_given(self, models):
        other = RankingModels(dict(reversed(models.models.items())))
        assert other.to_bytes() == models.to_bytes()
        again = RankingModels.from_bytes(other.to_bytes())
        assert again.models["without_memory"].trees == models.models["without_memory"].trees

    @pytest.mark.parametrize("situation", SITUATIONS)
    def test_one_alone_comes_back_alone(self, models, situation):
        alone = RankingModels({situation: models.models[situation]})
        again = RankingModels.from_bytes(alone.to_bytes())
        assert list(again.models) == [situation]
        assert again.models[situation].trees == models.models[situation].trees

    def test_a_changed_byte_anywhere_is_noticed(self, models):
        payload = models.to_bytes()
        for place in range(0, len(payload), len(payload) // 97):
            damaged = bytearray(payload)
            damaged[place] ^= 1
            with pytest.raises(SnapshotError):
                RankingModels.from_bytes(bytes(damaged))

    def test_what_describes_the_models_is_checked_as_the_trees_are(self, models):
        first, _, trees = models.to_bytes().partition(b"\n")
        header = json.loads(first)
        header["models"]["new"]["features"][0] = "arm.other.present"
        with pytest.raises(SnapshotError, match="the ranking models are damaged"):
            RankingModels.from_bytes(json.dumps(header).encode() + b"\n" + trees)

    @pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
    def test_a_part_of_them_is_damaged(self, models, share):
        payload = models.to_bytes()
        with pytest.raises(SnapshotError, match="the ranking models are damaged: their checksum does not fit"):
            RankingModels.from_bytes(payload[: int(len(payload) * share)])

    @pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"tree", b"[]\n", b"{}\n", b"null", b'"text"', b"1\n2"])
    def test_what_is_no_model_is_no_model(self, payload):
        with pytest.raises(SnapshotError, match=rf"these {len(payload)} bytes are no ranking models"):
            RankingModels.from_bytes(payload)

    def test_the_format_before_the_two_models_is_refused_by_name(self, model):
        """One model with its features in the header, as it was written before there were two."""
        header = {"format": "ltrr-ranker/1", "features": list(model.schema.names), "checksum": "0" * 32}
        with pytest.raises(SnapshotError, match="have format 'ltrr-ranker/1', this version reads 'ltrr-ranker/2'"):
            RankingModels.from_bytes(f"{json.dumps(header)}\n{model.trees}".encode())

    def test_a_format_of_the_future_is_refused_by_name(self, models):
        first, _, rest = models.to_bytes().partition(b"\n")
        header = json.dumps({**json.loads(first), "format": "ltrr-ranker/3"}).encode()
        with pytest.raises(SnapshotError, match="have format 'ltrr-ranker/3', this version reads 'ltrr-ranker/2'"):
            RankingModels.from_bytes(header + b"\n" + rest)

    def test_without_lightgbm_it_says_how_to_get_it(self, models, monkeypatch):
        payload = models.to_bytes()
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        with pytest.raises(MissingExtraError, match=r'pip install "ltrr-haystack\[ranking\]"'):
            RankingModels.from_bytes(payload)
