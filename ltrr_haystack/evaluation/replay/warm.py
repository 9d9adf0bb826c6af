"""Warm start from the labelled queries of a data set."""

from dataclasses import replace

from ltrr_haystack.evaluation.people import FIRST_SEARCH, labelled_sample
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.features import features_of
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.policy.warm_start import LabelledQuery, warm_start


def warm_start_from(precomputed: PrecomputedPipeline, policy: VWPolicy, *, size: int, seed: int) -> int:
    """
    Let a policy learn from labelled queries before the first person searches.

    Only the arms with precomputed results take part. The policy learns about the others live, as about any new arm:
    a memory arm, for example, finds nothing before people have acted.

    :param precomputed: The data set with the labels, and what its arms found.
    :param policy: The policy to train; `Learner.install` makes it the active one.
    :param size: How many labelled queries to draw; a data set with fewer gives all it has.
    :param seed: Seed of the draw and of the training.
    :returns: How many queries were learned from.
    """
    actions = parse_actions(precomputed.arms, precomputed.budget, precomputed.baseline, precomputed.min_candidates)
    known = tuple(arm for arm in actions.arms if arm.name in precomputed.found)
    baseline = {arm.name: actions.baseline.get(arm.name, 0) for arm in known}
    highest = 2**precomputed.data.highest_grade - 1
    queries = []
    for query, grades in labelled_sample(precomputed.data, size, seed=seed):
        understood = precomputed.understanding.run(query.text, FIRST_SEARCH)["understanding"]
        results = {
            arm.name: tuple(found.id for found in precomputed.found[arm.name][understood.query][: max(arm.levels)])
            for arm in known
        }
        relevance = {document: (2**grade - 1) / highest for document, grade in grades.items() if grade > 0}
        queries.append(LabelledQuery(understood, features_of(understood, "a person", "a session"), results, relevance))
    actions = replace(actions, arms=known, baseline=baseline)
    warm_start(policy, queries, actions, weights=precomputed.weights, rrf_k=precomputed.rrf_k, seed=seed)
    return len(queries)
