"""The pipelines of the YAML files, for people who wire in code."""

from collections.abc import Mapping, Sequence
from typing import Any

from haystack import Pipeline
from haystack.components.retrievers.types import TextRetriever

from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.components.impression_writer import ImpressionWriter
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.policy.actions import arm_settings
from ltrr_haystack.policy.protocol import Policy
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import Arm, Mode

NAMES = ("understanding", "router", "joiner", "ranker", "impressions")
"""Components of every search pipeline; the arms' components are named like the arms."""


def build_search_pipeline(
    retrievers: Mapping[str, TextRetriever | RetrievalArm],
    *,
    arms: dict[str, dict[str, Any]] | list[Arm],
    budget: int,
    baseline: dict[str, int],
    store: LTRRStore,
    policy: Policy | None = None,
    mode: Mode = "live",
    key: str = "id",
    weights: dict[str, float] | None = None,
    timeout: float = 1.0,
    top_k: int = 10,
    poll_interval: float = 1.0,
    seed: int | None = None,
    understanding: QueryUnderstanding | None = None,
    min_candidates: int = 0,
    log_timeout: float = 1.0,
    fallback: Sequence[str] | None = None,
    fallback_timeout: float = 2.0,
    ranker: LTRRanker | None = None,
) -> Pipeline:
    """
    Put a learning pipeline over the retrievers you have.

    ```python
    from haystack.components.retrievers import InMemoryBM25Retriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore, MemoryIndexRetriever, build_search_pipeline

    documents = InMemoryDocumentStore()
    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    pipeline = build_search_pipeline(
        {"bm25": InMemoryBM25Retriever(documents), "memory": MemoryIndexRetriever(store, documents)},
        arms={
            "bm25": {"kind": "lexical", "levels": [0, 10, 30]},
            "memory": {"kind": "memory", "levels": [0, 10]},
        },
        budget=40,
        baseline={"bm25": 30},
        store=store,
    )
    pipeline.run({"understanding": {"query": "sad songs"}})["impressions"]["documents"]
    ```

    :param retrievers: Arm → any component with `run(query, filters, top_k)`, or a `RetrievalArm` of your own settings.
    :param arms: Arm → `kind`, `levels` and costs, as `BanditRouter` takes them; the same names as `retrievers`.
    :param budget: Most candidates that one query may draw.
    :param baseline: Arm → depth in the pipeline as it is without learning.
    :param store: The store that all components share.
    :param policy: What decides; a `VWPolicy` if left out.
    :param mode: `baseline`, `apprentice` or `live`.
    :param key: What a document is known by: `id`, or a metadata path such as `meta.sku`.
    :param weights: Arm → weight in the union's own order.
    :param timeout: Seconds that a plain retriever has.
    :param top_k: How many documents a search shows.
    :param poll_interval: Seconds between two checks for newer models.
    :param seed: Makes the router's choices repeatable.
    :param understanding: A `QueryUnderstanding` of your own settings.
    :param min_candidates: Fewest candidates that one query draws.
    :param log_timeout: Seconds that a search waits until it is in the log.
    :param fallback: Arms of the baseline that are asked where those that were drawn bring nothing; all of its arms if
        left out.
    :param fallback_timeout: Seconds after the decision within which they must answer.
    :param ranker: An `LTRRanker` of your own settings, `top_k` and `poll_interval` among them.
    :returns: A pipeline with the inputs `understanding.query`, `router.user_id`, `router.session_id`, `router.context`,
        `router.filters` and `ranker.top_k`, and the output of `impressions`.
    :raises ConfigurationError: If retrievers and arms do not carry the same names, or a name is taken.
    """
    arms = arm_settings(arms)
    _same_names(retrievers, arms)
    wrapped = {
        name: each if isinstance(each, RetrievalArm) else RetrievalArm(name, each, timeout=timeout)
        for name, each in retrievers.items()
    }
    names = [name for name in arms if baseline.get(name, 0) > 0] if fallback is None else fallback
    _known_arms(names, arms)
    pipeline = Pipeline()
    pipeline.add_component("understanding", understanding or QueryUnderstanding())
    pipeline.add_component(
        "router",
        BanditRouter(
            arms,
            budget,
            baseline,
            store,
            policy=policy,
            mode=mode,
            poll_interval=poll_interval,
            seed=seed,
            min_candidates=min_candidates,
        ),
    )
    pipeline.add_component(
        "joiner",
        UnionJoiner(
            list(arms),
            weights=weights,
            key=key,
            fallback={name: wrapped[name] for name in names},
            fallback_timeout=fallback_timeout,
        ),
    )
    pipeline.add_component("ranker", ranker or LTRRanker(store, top_k=top_k, poll_interval=poll_interval, key=key))
    pipeline.add_component("impressions", ImpressionWriter(store, timeout=log_timeout))
    pipeline.connect("understanding.understanding", "router.understanding")
    pipeline.connect("router.decision", "joiner.decision")
    for name in arms:
        pipeline.add_component(name, wrapped[name])
        pipeline.connect(f"router.{name}", f"{name}.request")
        pipeline.connect(f"{name}.result", f"joiner.{name}")
    pipeline.connect("joiner.candidates", "ranker.candidates")
    pipeline.connect("ranker.ranking", "impressions.ranking")
    return pipeline


def build_feedback_pipeline(writer: FeedbackWriter) -> Pipeline:
    """
    A pipeline that takes UBI events.

    :param writer: The component that judges and stores them.
    :returns: A pipeline with the input `feedback.events`.
    """
    pipeline = Pipeline()
    pipeline.add_component("feedback", writer)
    return pipeline


def _known_arms(fallback: Sequence[str], arms: Mapping[str, object]) -> None:
    if unknown := sorted(set(fallback) - set(arms)):
        raise ConfigurationError(f"fallback names the unknown arms {unknown}; the arms are {sorted(arms)}")


def _same_names(retrievers: Mapping[str, object], arms: Mapping[str, object]) -> None:
    if set(retrievers) != set(arms):
        lonely = sorted(set(retrievers) ^ set(arms))
        raise ConfigurationError(f"retrievers and arms must carry the same names; only one of them has {lonely}")
    taken = sorted(set(arms) & set(NAMES))
    if taken:
        raise ConfigurationError(f"an arm cannot be named {taken}: these are names of the pipeline's own components")
