import json
import math
import pickle
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError
from ltrr_haystack.intents.classifier import IntentClassifier, softmax
from ltrr_haystack.intents.ngrams import buckets

HI, YO = buckets("hi"), buckets("yo")
COLUMNS = np.union1d(HI, YO)


def classifier(**changes):
    """`hi` is a song and `yo` an album: each of the seven n-grams of a word has the weight √7."""
    weights = np.stack([np.isin(COLUMNS, HI), np.isin(COLUMNS, YO), np.zeros(len(COLUMNS))], axis=1) * math.sqrt(7)
    made = IntentClassifier(
        ("song", "album", "podcast"), COLUMNS, weights.astype(np.float32), np.array([0.0, 1.0, -1.0], np.float32)
    )
    return replace(made, **changes)


def reading_embeddings():
    """Of two dimensions the first speaks for songs, the second for podcasts."""
    own = classifier()
    of_embedding = np.array([[3.0, 0.0, 0.0], [0.0, 0.0, 3.0]], np.float32)
    return replace(own, weights=np.vstack([own.weights, of_embedding]), probe=np.array([1.0, 0.0], np.float32))


class TestProbabilities:
    def test_of_a_known_word_worked_by_hand(self):
        """Seven n-grams of the value 1/√7 and the weight √7 sum to 7."""
        assert classifier().logits("hi").tolist() == pytest.approx([7.0, 1.0, -1.0])
        total = math.exp(7) + math.exp(1) + math.exp(-1)
        assert classifier().probabilities("hi") == {
            "song": pytest.approx(math.exp(7) / total),
            "album": pytest.approx(math.exp(1) / total),
            "podcast": pytest.approx(math.exp(-1) / total),
        }

    def test_the_likeliest_come_first(self):
        assert list(classifier().probabilities("yo")) == ["album", "song", "podcast"]

    def test_unknown_words_say_nothing(self):
        assert classifier().logits("quartz").tolist() == [0.0, 1.0, -1.0]
        assert classifier().logits("").tolist() == [0.0, 1.0, -1.0]

    def test_a_higher_temperature_is_less_decided(self):
        sure, unsure = classifier(), classifier(temperature=4.0)
        assert sure.probabilities("hi")["song"] > 0.99
        assert unsure.probabilities("hi")["song"] == pytest.approx(
            math.exp(7 / 4) / (math.exp(7 / 4) + math.exp(1 / 4) + math.exp(-1 / 4))
        )

    def test_the_embedding_is_read_where_it_was_trained_with(self):
        told = reading_embeddings().logits("quartz", np.array([0.6, 0.8], np.float32))
        assert told.tolist() == pytest.approx([1.8, 1.0, 1.4])

    def test_without_any_columns_the_bias_decides(self):
        bare = classifier(columns=COLUMNS[:0], weights=np.zeros((0, 3), np.float32))
        assert list(bare.probabilities("hi")) == ["album", "song", "podcast"]

    @settings(deadline=None)
    @given(st.text(max_size=80))
    def test_sum_to_1_whatever_was_typed(self, text):
        told = classifier().probabilities(text)
        assert sum(told.values()) == pytest.approx(1.0)
        assert all(0.0 <= probability <= 1.0 for probability in told.values())


def test_softmax_of_large_scores_is_finite():
    assert softmax(np.array([[1e4, 0.0], [-1e4, -1e4]])).tolist() == [[1.0, 0.0], [0.5, 0.5]]


class TestBytes:
    @pytest.mark.parametrize("made", [classifier(temperature=1.7), reading_embeddings()], ids=["words", "embeddings"])
    def test_go_there_and_back(self, made):
        read = IntentClassifier.from_bytes(made.to_bytes())
        assert (read.categories, read.temperature, read.dimension) == (
            made.categories,
            made.temperature,
            made.dimension,
        )
        for name in ("columns", "weights", "bias", "probe"):
            assert getattr(read, name).tolist() == getattr(made, name).tolist()
            assert getattr(read, name).dtype == getattr(made, name).dtype
        assert read.to_bytes() == made.to_bytes()

    def test_are_a_line_of_json_and_numbers(self):
        first, _, body = classifier().to_bytes().partition(b"\n")
        assert json.loads(first)["categories"] == ["song", "album", "podcast"]
        assert len(zlib.decompress(body)) == 4 * (len(COLUMNS) + 3 * len(COLUMNS) + 3)

    @pytest.mark.parametrize("payload", [b"", b"\n", b"null\n", b"[]\n", b"\x00\xff", b"{}\n", b'{"format": 1}\n'])
    def test_of_something_else_are_refused(self, payload):
        with pytest.raises(SnapshotError, match=f"these {len(payload)} bytes are no intent classifier"):
            IntentClassifier.from_bytes(payload)

    def test_that_would_execute_something_execute_nothing(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return (open, (str(tmp_path / "owned"), "w"))

        with pytest.raises(SnapshotError, match="are no intent classifier"):
            IntentClassifier.from_bytes(pickle.dumps(Evil()))
        assert list(tmp_path.iterdir()) == []

    def test_of_another_format_are_told(self):
        other = classifier().to_bytes().replace(b"ltrr-intents/1", b"ltrr-intents/9")
        with pytest.raises(SnapshotError, match="has format 'ltrr-intents/9', this version reads 'ltrr-intents/1'"):
            IntentClassifier.from_bytes(other)

    @pytest.mark.parametrize("place", [30, 60, -1, -20])
    def test_that_are_damaged_anywhere_are_refused(self, place):
        payload = bytearray(classifier().to_bytes())
        payload[place] ^= 1
        with pytest.raises(SnapshotError):
            IntentClassifier.from_bytes(bytes(payload))

    def test_that_were_cut_off_are_damaged(self):
        with pytest.raises(DamagedSnapshotError, match="its checksum does not fit"):
            IntentClassifier.from_bytes(classifier().to_bytes()[:-5])

    @settings(deadline=None)
    @given(st.binary(max_size=200))
    def test_of_any_kind_give_our_error(self, payload):
        with pytest.raises(SnapshotError):
            IntentClassifier.from_bytes(payload)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": np.zeros((3, 3), np.float32)}, "weights of shape"),
        ({"bias": np.zeros(2, np.float32)}, "bias of"),
        ({"temperature": 0.0}, "temperature must be a positive number"),
        ({"temperature": math.nan}, "temperature must be a positive number"),
        ({"bias": np.array([0.0, math.nan, 0.0], np.float32)}, "must be finite"),
        ({"columns": COLUMNS[::-1]}, "columns must be ascending"),
        ({"columns": COLUMNS + 2**20}, "columns must be from 0 to 1048575"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        classifier(**changes)
