"""Warm start from the labelled queries of a data set."""

from collections.abc import Mapping
from dataclasses import replace

from haystack.components.retrievers.types import TextRetriever

from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import DataSet
from ltrr_haystack.evaluation.people import labelled_sample
from ltrr_haystack.evaluation.systems import FIRST_SEARCH
from ltrr_haystack.policy.features import features_of
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.policy.warm_start import LabelledQuery, warm_start
from ltrr_haystack.types import ActionSet


def warm_start_from(
    data: DataSet,
    policy: VWPolicy,
    actions: ActionSet,
    retrievers: Mapping[str, TextRetriever],
    *,
    size: int,
    seed: int,
    weights: Mapping[str, float] | None = None,
    understanding: QueryUnderstanding | None = None,
) -> int:
    """
    Let a policy learn from labelled queries before the first person searches.

    Arms without a retriever here are left out, such as the memory index, which has nothing to show before people have
    acted: of them the policy learns live, as of any new arm.

    :param data: The data set with the labels.
    :param policy: The policy that shall learn; `Learner.install` makes it the active one.
    :param actions: What there will be to choose from.
    :param retrievers: Arm → its retriever.
    :param size: How many labelled queries to draw; a data set with fewer gives all it has.
    :param seed: Seed of the draw and of the training.
    :param weights: The joiner's weights.
    :param understanding: The pipeline's QueryUnderstanding, if it has settings of its own.
    :returns: How many queries were learned from.
    :raises ConfigurationError: If no arm has a retriever.
    """
    known = tuple(arm for arm in actions.arms if arm.name in retrievers)
    if not known:
        raise ConfigurationError(
            f"a warm start needs the retriever of at least one arm of {list(actions.names)}, got {sorted(retrievers)}"
        )
    baseline = {arm.name: actions.baseline.get(arm.name, 0) for arm in known}
    understand = understanding or QueryUnderstanding()
    highest = 2**data.highest_grade - 1
    queries = []
    for query, grades in labelled_sample(data, size, seed=seed):
        understood = understand.run(query.text, FIRST_SEARCH)["understanding"]
        results = {
            arm.name: tuple(
                found.id for found in retrievers[arm.name].run(query=query.text, top_k=max(arm.levels))["documents"]
            )
            for arm in known
        }
        relevance = {document: (2**grade - 1) / highest for document, grade in grades.items() if grade > 0}
        queries.append(LabelledQuery(understood, features_of(understood, "a person", "a session"), results, relevance))
    warm_start(policy, queries, replace(actions, arms=known, baseline=baseline), weights=weights, seed=seed)
    return len(queries)
