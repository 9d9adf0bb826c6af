import numpy as np
import pytest

from ltrr_haystack.errors import ConfigurationError, SnapshotError
from ltrr_haystack.intents.embedding import PROBE, embedded, require_embedder


class Fixed:
    def __init__(self, embedding):
        self.embedding = embedding

    def run(self, text):
        return {"embedding": self.embedding}


class TestEmbedded:
    def test_has_length_1(self):
        assert embedded(Fixed([3.0, 4.0]), "love").tolist() == pytest.approx([0.6, 0.8])

    @pytest.mark.parametrize("wrong", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0], [], [[1.0]]])
    def test_what_is_no_vector_is_refused_and_the_embedder_named(self, wrong):
        with pytest.raises(ConfigurationError, match="Fixed gave an embedding of shape"):
            embedded(Fixed(wrong), "love")


class TestRequireEmbedder:
    def test_the_one_of_training_will_do(self, embedder):
        require_embedder(embedder, embedded(embedder, PROBE))

    def test_without_embeddings_any_will_do(self, embedder):
        require_embedder(None, np.zeros(0, np.float32))
        require_embedder(embedder, np.zeros(0, np.float32))

    def test_without_an_embedder_one_is_asked_for(self, embedder):
        with pytest.raises(SnapshotError, match="of 32 dimensions, and QueryIntents has no embedder"):
            require_embedder(None, embedded(embedder, PROBE))

    def test_another_model_of_the_same_dimension_is_told_apart(self, embedder, make_embedder):
        with pytest.raises(SnapshotError, match="another embedder than LetterEmbedder: 32 and 32 dimensions"):
            require_embedder(make_embedder(-1.0), embedded(embedder, PROBE))

    def test_another_dimension_is_told(self, embedder):
        with pytest.raises(SnapshotError, match="another embedder than Fixed: 32 and 2 dimensions, likeness 0"):
            require_embedder(Fixed([1.0, 2.0]), embedded(embedder, PROBE))
