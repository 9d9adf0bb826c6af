import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from haystack import component

from ltrr_haystack.components.search_inputs import check_context, check_filters, check_ids
from ltrr_haystack.errors import ConfigurationError, StoreError
from ltrr_haystack.learning.active import active_policy
from ltrr_haystack.policy.actions import arm_settings, parse_actions
from ltrr_haystack.policy.features import features_of
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.protocol import Policy
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.store import HistoryEntry, LTRRStore, Outage
from ltrr_haystack.types import Arm, ArmRequest, Decision, Mode, Understanding, evidence_key

MODES: tuple[Mode, ...] = ("baseline", "apprentice", "live")
"""From the most cautious to the boldest."""


@component
class BanditRouter:
    """
    Decides for every query which retrieval arms run and how many candidates each may bring, and logs how likely it was.

    A hybrid pipeline asks all of its retrievers for every query. Behind a BanditRouter a contextual bandit, trained on
    what people did with earlier results, asks those that are worth it for this query, to the depth that is worth it,
    under a budget of candidates. It explores a little, and every decision carries the probability with which it was
    made, so that another policy can be judged from the log.

    Only the arms that were chosen get an output, so the others' components do not run.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import BanditRouter, LTRRStore, QueryUnderstanding

    router = BanditRouter(
        arms={
            "bm25": {"kind": "lexical", "levels": [0, 10, 30]},
            "dense": {"kind": "dense", "levels": [0, 10, 30], "cost_per_call": 0.01},
        },
        budget=60,
        baseline={"bm25": 30, "dense": 30},
        store=LTRRStore(Secret.from_env_var("LTRR_STORE_URL")),
    )
    understanding = QueryUnderstanding().run("sad songs")["understanding"]
    router.run(understanding)
    # {'decision': Decision(…), 'bm25': ArmRequest(query='sad songs', depth=30), 'dense': ArmRequest(…)}
    ```
    """

    def __init__(
        self,
        arms: dict[str, dict[str, Any]] | list[Arm],
        budget: int,
        baseline: dict[str, int],
        store: LTRRStore,
        *,
        policy: Policy | None = None,
        mode: Mode = "live",
        poll_interval: float = 1.0,
        seed: int | None = None,
        min_candidates: int = 0,
    ) -> None:
        """
        Create a BanditRouter.

        :param arms: Arm → its settings: `kind` (`lexical`, `dense`, `memory` …), `levels` (the depths to choose from,
            ascending; without 0 the arm always runs), and optionally `cost_per_call` and `cost_per_candidate` in units
            of reward. A list of `Arm` objects is turned into this form.
        :param budget: Most candidates that one query may draw over all arms.
        :param baseline: Arm → depth in the pipeline as it is without learning, so without memory; played until the
            policy has shown on the log that it is worth more, in reward less cost.
        :param store: Where learned policies and the arms' history are read from.
        :param policy: What decides; a `VWPolicy` with its defaults if left out.
        :param mode: `baseline` plays the baseline, asks no policy and teaches it nothing; `apprentice` plays the
            baseline, and logs and learns what the policy would have done; `live` lets the policy decide once it is
            past its safe start.
        :param poll_interval: Seconds between two checks for a newer policy; 0 checks for every query.
        :param seed: Makes the choices repeatable; for tests and simulations.
        :param min_candidates: Fewest candidates that one query draws over all arms, so that no page is empty by choice.
        :raises ConfigurationError: If arms, budget, baseline or mode cannot work together.
        """
        self.arms = arm_settings(arms)
        self.budget = budget
        self.baseline = baseline
        self.store = store
        self.policy = policy
        self.mode = _known(mode)
        self.poll_interval = poll_interval
        self.seed = seed
        self.min_candidates = min_candidates
        self.actions = parse_actions(self.arms, budget, baseline, min_candidates)
        self.active = active_policy(store, policy or VWPolicy(), poll_interval=poll_interval)
        self._history_outage = Outage("Decisions are made without the arms' history")
        self._random = random.SystemRandom() if seed is None else random.Random(seed)
        self._warm = False
        component.set_output_types(self, decision=Decision, **dict.fromkeys(self.actions.names, ArmRequest))

    def change_policy(self, settings: Mapping[str, Any]) -> None:
        """
        Change settings of the policy: for trying out, before the first search.

        A policy other than a `VWPolicy` stays as it is.

        :param settings: Parameters of `VWPolicy` → what they shall be.
        :raises ConfigurationError: If a setting cannot work.
        """
        policy = self.policy or VWPolicy()
        if isinstance(policy, VWPolicy):
            self.policy = policy.with_settings(settings)
            self.active = active_policy(self.store, self.policy, poll_interval=self.poll_interval)

    def warm_up(self) -> None:
        """Open the store, and load the active policy before the first search."""
        self.store.warm_up()
        if not self._warm:
            self.active.current()
            self._warm = True

    async def warm_up_async(self) -> None:
        """Do what `warm_up` does without blocking the event loop."""
        await self.store.warm_up_async()
        if not self._warm:
            await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Release the store."""
        self._warm = False
        self.store.close()

    async def close_async(self) -> None:
        """Release the store without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def run(
        self,
        understanding: Understanding,
        user_id: str | None = None,
        session_id: str | None = None,
        context: dict[str, Any] | None = None,
        filters: dict[str, Any] | None = None,
        mode: str | None = None,
        client_id: str | None = None,
        client_address: str | None = None,
    ) -> dict[str, Any]:
        """
        Decide for one query.

        :param understanding: What QueryUnderstanding said of the query.
        :param user_id: Who searches.
        :param session_id: The session.
        :param context: What else is known of the moment (device, country, page …): name → text or number.
        :param filters: Haystack filters, handed on to every arm. What people do with a filtered page is evidence for
            the query with these filters alone.
        :param mode: A more cautious mode than the router's own, for this query; a bolder one changes nothing.
        :param client_id: The browser or program that the search comes from.
        :param client_address: A digest of the network address that the search comes from. Together with user, session
            and client it says whose search this is; what one client can add to what is learned is bounded, and searches
            that bear none of these are one client together (see `ClientLimits`).
        :returns: A dictionary with `decision`, and under the name of each chosen arm its `ArmRequest`.
        :raises ConfigurationError: If the mode is unknown.
        :raises InvalidInputError: If an id is no text or longer than the log takes (2,048 bytes), `context` is no
            mapping, or `filters` are no valid Haystack filters. The message begins with the input's name.
        """
        cautious = min(self.mode, _known(mode or self.mode), key=MODES.index)
        who = {
            "user_id": user_id,
            "session_id": session_id,
            "client_id": client_id,
            "client_address": client_address,
        }
        check_ids(who)
        check_context(context)
        check_filters(filters)
        decision = self._decide(understanding, who, context or {}, filters, cautious)
        requests = {
            arm: ArmRequest(understanding.query, depth, filters, understanding)
            for arm, depth in decision.allocation.items()
            if depth > 0
        }
        return {"decision": decision, **requests}

    def _decide(
        self,
        understanding: Understanding,
        who: Mapping[str, str | None],
        context: Mapping[str, Any],
        filters: Mapping[str, Any] | None,
        mode: Mode,
    ) -> Decision:
        policy, version = self.active.current() if mode != "baseline" else (StaticPolicy(), 0)
        history = self._history(evidence_key(understanding.normal_form, filters))
        features = features_of(
            understanding, who["user_id"], who["session_id"], context, history, filtered=bool(filters)
        )
        distribution = policy.distribution(self.actions, features)
        if mode != "live":
            distribution = _held_to_the_baseline(distribution)
        allocation = distribution.sample(self._random)
        return Decision(
            query_id=uuid4().hex,
            decided_at=time.time(),
            understanding=understanding,
            actions=self.actions,
            allocation=allocation,
            propensity=distribution.probability(allocation),
            mode=mode,
            policy=policy.name,
            policy_version=version,
            features=features,
            marginals=distribution.marginals,
            baseline_share=distribution.baseline_share,
            floor=distribution.floor,
            preferred=distribution.preferred if mode != "baseline" else {},
            safe_start=distribution.held_back,
            memory_share=distribution.memory_share,
            filters=filters or None,
            **who,
        )

    def _history(self, query_key: str) -> Mapping[str, HistoryEntry]:
        try:
            history = self.store.history(query_key)
        except StoreError as error:
            self._history_outage.report(error)
            return {}
        self._history_outage.mended()
        return history


def _held_to_the_baseline(wanted: JointDistribution) -> JointDistribution:
    return JointDistribution(
        wanted.actions, wanted.marginals, 1.0, wanted.floor, wanted.preferred, held_back=wanted.held_back
    )


def _known(mode: str) -> Mode:
    for known in MODES:
        if known == mode:
            return known
    raise ConfigurationError(f"mode '{mode}' is unknown; choose one of {', '.join(MODES)}")
