"""
What a ranker's tests have in common.

`union` makes twenty candidates in the order of bm25, d0 first, which dense has in the opposite order; `likes` makes a
ranking model that likes one feature.
"""

from dataclasses import replace

import numpy as np
import pytest
from haystack import Document

from factories import action_set, decision, judged_query, remember, unite
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.fitting import TrainingSettings, fit
from ltrr_haystack.ranking.model import RankingModel, lightgbm
from ltrr_haystack.ranking.place_prior import PlacePrior

ARMS = ("bm25", "dense", "recall")


def union(documents=20, arms=ARMS, query_id="q1", **changes):
    """
    The union follows bm25; dense has the documents in the opposite order.

    An arm named recall brings what people chose before, and finds nothing.
    """
    words = dict.fromkeys(arms, (0, 100))
    made = decision(query_id, "sad songs", actions=action_set(**words), **changes)
    bm25 = [Document(id=f"d{row}", content="text", score=float(documents - row)) for row in range(documents)]
    dense = [replace(each, score=(row + 1.0) / documents) for row, each in enumerate(bm25)][::-1]
    return unite(made, {"bm25": bm25, "dense": dense}, UnionJoiner(list(arms), weights={"dense": 0.0}))


def likes(feature, *, arms=ARMS, schema=None, most=1.0):
    """The bytes of a model that likes one feature, which is never above `most`: the more of it, the better."""
    schema = (schema or FeatureSchema.of_arms(arms)).without_memory(("recall",))
    draw = np.random.default_rng(0)
    queries = []
    for number in range(100):
        features = np.full((10, len(schema.names)), np.nan)
        liked = draw.random(10)
        features[:, schema.columns[feature]] = liked * most
        queries.append(judged_query(f"query {number}", features, grades=liked))
    settings = TrainingSettings(rounds=100, learning_rate=0.3, min_leaf=20, feature_fraction=1.0)
    return fit(queries, schema, settings, seed=0).to_bytes()


def likes_low_ranks():
    """The bytes of a model that likes what bm25 has far down, whatever other arms there are."""
    ranks = np.arange(1, 101, dtype=np.float64)
    data = lightgbm().Dataset(np.column_stack([1.0 / ranks, np.full(100, 2.0)]), label=ranks / 10)
    trees = lightgbm().train({"objective": "regression", "verbosity": -1}, data, num_boost_round=5).model_to_string()
    return RankingModel(FeatureSchema(("arm.bm25.reciprocal_rank", "query.tokens")), trees).to_bytes()


def remember_one(store, query="sad songs", object_id="d1"):
    """Have the memory index know one document for a query."""
    remember(store, {(query, object_id): (40.0, 30.0)})


def calm(store, **settings):
    """A ranker that draws nothing by chance."""
    return LTRRanker(store, explore=False, **settings)


def click_rates(number):
    """What the default page model expects of the first places."""
    return pytest.approx(PlacePrior().expected(np.arange(1, number + 1)).tolist())


def places(result):
    return [int(candidate.object_id[1:]) for candidate in result["ranking"].candidates]


def ids(result):
    return [candidate.object_id for candidate in result["ranking"].candidates]


def scores(result):
    return [candidate.score for candidate in result["ranking"].candidates]


def by_object(ranking):
    return {each.object_id: features for each, features in zip(ranking.candidates, ranking.features, strict=True)}
