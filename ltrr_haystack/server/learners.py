"""Makes the learner for a folder of pipelines."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from haystack import Pipeline
from haystack.core.component import Component

from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.learning import BackgroundLearner, ClientLimits, Learner, TrainingSchedule
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.routers import load_router
from ltrr_haystack.store import LTRRStore

RewardWaitFrom = Literal["option", "variable", "default"]

REWARD_WAIT_VARIABLE = "LTRR_REWARD_WAIT"
REWARD_WAIT = 1800.0
CLIENT_SHARE_VARIABLE = "LTRR_CLIENT_SHARE"
TRAIN_EVERY_VARIABLE = "LTRR_TRAIN_EVERY"
TRAIN_EVERY = 2_000


def load_learner(folder: str | Path, *, reward_wait: float | None = None, store: LTRRStore | None = None) -> Learner:
    """
    Make the learner for a folder of pipelines, with the policy of the router in its YAML files.

    :param folder: The folder, or one YAML file.
    :param reward_wait: Seconds that a decision waits for feedback; see `configured_reward_wait` if left out.
    :param store: The store with the log; the router's own if left out.
    :returns: The learner.
    :raises ConfigurationError: If a YAML file cannot be read, or there is not exactly one BanditRouter.
    """
    router = load_router(folder)
    return _learner(router.store if store is None else store, router, reward_wait)


def background_learner(
    pipelines: Mapping[str, Pipeline], interval: float, reward_wait: float | None = None
) -> BackgroundLearner | None:
    """
    Make the background learner of a server.

    :param pipelines: Name → pipeline.
    :param interval: Seconds between two passes.
    :param reward_wait: Seconds that a decision waits for feedback; see `configured_reward_wait` if left out.
    :returns: The learner, not started, which also has the ranker trained; `None` if no pipeline has a BanditRouter, or
        a FeedbackWriter learns inline.
    :raises ConfigurationError: If several pipelines have a BanditRouter, or `LTRR_REWARD_WAIT` or `LTRR_TRAIN_EVERY`
        is not a number.
    """
    writers = [each for _, each in _components(pipelines) if isinstance(each, FeedbackWriter)]
    if any(writer.learn == "inline" for writer in writers):
        return None
    routers = {name: each for name, each in _components(pipelines) if isinstance(each, BanditRouter)}
    if len(routers) > 1:
        raise ConfigurationError(
            f"the pipelines {sorted(routers)} each have a BanditRouter, but a server learns for one router only: move "
            "them to separate folders and serve these separately"
        )
    learners = [_learner(router.store, router, reward_wait) for router in routers.values()]
    if not learners:
        return None
    return BackgroundLearner(learners[0], interval=interval, training=training_schedule(learners[0].store))


def training_schedule(store: LTRRStore) -> TrainingSchedule | None:
    """
    Make the schedule by which the page model is fitted and the ranker trained.

    :param store: The store with the log.
    :returns: The schedule; `None` if `LTRR_TRAIN_EVERY` is 0.
    :raises ConfigurationError: If `LTRR_TRAIN_EVERY` is not a whole number.
    """
    every = configured_train_every()
    return None if every == 0 else TrainingSchedule(store, every)


def find_routers(pipelines: Mapping[str, Pipeline]) -> list[BanditRouter]:
    """
    Find the routers of pipelines.

    :param pipelines: Name → pipeline.
    :returns: Their BanditRouters.
    """
    return [each for _, each in _components(pipelines) if isinstance(each, BanditRouter)]


def configured_reward_wait() -> float:
    """
    Get the reward wait: how long a decision waits for feedback before it is learned from.

    :returns: Seconds, from the environment variable `LTRR_REWARD_WAIT`; half an hour if it is not set.
    :raises ConfigurationError: If the variable is not a number of seconds.
    """
    text = os.environ.get(REWARD_WAIT_VARIABLE)
    if text is None:
        return REWARD_WAIT
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ConfigurationError(f"{REWARD_WAIT_VARIABLE} must be a number of seconds, got {text!r}")
    return seconds


def reward_wait_from(given: float | None) -> RewardWaitFrom:
    """
    Tell where the reward wait comes from.

    :param given: The reward wait that was asked for, if one was.
    :returns: What decides: that (`option`), the environment (`variable`), or neither of them (`default`).
    """
    if given is not None:
        return "option"
    return "default" if os.environ.get(REWARD_WAIT_VARIABLE) is None else "variable"


def configured_train_every() -> int:
    """
    Get after how many settled searches the ranker is trained.

    :returns: The number, from the environment variable `LTRR_TRAIN_EVERY`; 2,000 if it is not set, 0 for never.
    :raises ConfigurationError: If the variable is not a whole number.
    """
    text = os.environ.get(TRAIN_EVERY_VARIABLE)
    if text is None:
        return TRAIN_EVERY
    if not text.isdecimal():
        raise ConfigurationError(f"{TRAIN_EVERY_VARIABLE} must be a whole number, 0 for never; got {text!r}")
    return int(text)


def configured_limits() -> ClientLimits:
    """
    Get the limits for what one client can contribute to learning.

    :returns: The limits, with the share from the environment variable `LTRR_CLIENT_SHARE` if it is set.
    :raises ConfigurationError: If the variable is not a number from 0 to 1.
    """
    text = os.environ.get(CLIENT_SHARE_VARIABLE)
    if text is None:
        return ClientLimits()
    try:
        return ClientLimits(share=float(text))
    except ValueError:
        raise ConfigurationError(f"{CLIENT_SHARE_VARIABLE} must be a number from 0 to 1, got {text!r}") from None


def _learner(store: LTRRStore, router: BanditRouter, reward_wait: float | None) -> Learner:
    wait = configured_reward_wait() if reward_wait is None else reward_wait
    return Learner(store, router.policy or VWPolicy(), reward_wait=wait, limits=configured_limits())


def _components(pipelines: Mapping[str, Pipeline]) -> Iterable[tuple[str, Component]]:
    return ((name, component) for name, pipeline in pipelines.items() for _, component in pipeline.walk())
