"""
The decision log as Vowpal Wabbit reads it from decision services: one JSON object a line (`vw --dsjson`).

A decision here is factored: each arm has a depth of its own, drawn under one budget. A contextual-bandit event has one
choice. So a decision becomes one event for each of its arms that has more than one level, in which

- the actions are the arm's levels, 0 among them where the arm could rest;
- the chosen action is the level that was drawn;
- the probability is that of the level, all things considered (`level_probabilities`), not that of the whole allocation;
- the cost is minus the arm's credit at that level (`policy.credit.leave_one_out`): what would have been missed without
  it, beside the others as they were to be drawn. What running the arm costs is known and not to be learned, so it is no
  part of the cost; it is in the event as `_ltrr.arm_cost`, which VW skips.

A level of 0 is worth 0 by definition, and its line has nothing but a constant. All other features have the names that
the package's own policy gives them, so that a model trained on the file by

    vw --dsjson --cb_adf --cb_type mtr -b 18 -l 0.03 -q qa -q dh -d log.dsjson

has its weights in the same places. What the file cannot say: the credit of the levels below the drawn one, which is
known too and from which the package's own policy learns.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ltrr_haystack.evaluation.interchange.files import replacing
from ltrr_haystack.evaluation.interchange.levels import level_probabilities
from ltrr_haystack.policy.credit import leave_one_out
from ltrr_haystack.policy.vw_workspace import escaped, features_text, is_finite, magnitude
from ltrr_haystack.store import LTRRStore, read_log
from ltrr_haystack.types import Arm, SettledDecision

Namespace = dict[str, float]


def dsjson_events(settled: SettledDecision) -> Iterator[dict[str, Any]]:
    """
    Turn a settled decision into contextual-bandit events, one for each arm that had a choice.

    :param settled: The decision and what came of it.
    :returns: The events, in the order of the arms, in plain JSON types.
    """
    decision = settled.decision
    credit = leave_one_out(settled)
    shared = {
        "q": {"c": 1.0, **_namespace(features_text(decision.features.query))},
        "t": _namespace(features_text(decision.features.time)),
    }
    moment = datetime.fromtimestamp(decision.decided_at, UTC)
    likely = level_probabilities(decision)
    for arm in decision.actions.arms:
        probabilities = likely[arm.name]
        drawn = decision.allocation.get(arm.name, 0)
        levels = list(probabilities)
        if len(levels) < 2:
            continue
        chosen = levels.index(drawn)
        order = [chosen, *(place for place in range(len(levels)) if place != chosen)]
        earned = credit.get(arm.name, {}).get(drawn, 0.0)
        event_id = f"{decision.query_id}.{arm.name}"
        history = decision.features.history.get(arm.name, {})
        yield {
            "_label_cost": -earned if earned else 0.0,
            "_label_probability": probabilities[drawn],
            "_label_Action": chosen + 1,
            "_labelIndex": chosen,
            "o": [{"EventId": event_id, "v": earned}] if earned else [],
            "Timestamp": f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z",
            "Version": "1",
            "EventId": event_id,
            "a": [place + 1 for place in order],
            "c": {**shared, "_multi": [_action(arm, level, history) for level in levels]},
            "p": [probabilities[levels[place]] for place in order],
            "VWState": {"m": f"{decision.policy}/{decision.policy_version}"},
            "_ltrr": {"arm": arm.name, "levels": levels, "arm_cost": arm.cost(drawn), "mode": decision.mode},
        }


def write_dsjson(store: LTRRStore, out: Path) -> int:
    """
    Write the settled decisions of a store as dsjson.

    ### Usage example

    ```python
    from pathlib import Path
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.evaluation.interchange import write_dsjson

    write_dsjson(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), Path("log.dsjson"))
    ```

    :param store: The store with the log.
    :param out: The file.
    :returns: How many events were written.
    :raises ConfigurationError: If the file cannot be written.
    """
    events = 0
    with replacing(out) as file:
        for settled in read_log(store):
            for event in dsjson_events(settled):
                file.write(json.dumps(event, separators=(",", ":"), allow_nan=False) + "\n")
                events += 1
    return events


def _action(arm: Arm, level: int, history: Mapping[str, float]) -> dict[str, Namespace]:
    if level == 0:
        return {"d": {"rest": 1.0}}
    name, kind = f"a={escaped(arm.name)}", f"k={escaped(arm.kind)}"
    known = " ".join(
        f"{escaped(arm.name)}^{magnitude(key, value)}" for key, value in history.items() if is_finite(value)
    )
    return {
        "d": {f"{name}^{level}": 1.0, f"{kind}^{level}": 1.0},
        "a": {name: 1.0, kind: 1.0},
        "h": _namespace(known),
    }


def _namespace(text: str) -> Namespace:
    """
    Features of VW's text form as a JSON object: the same names, the same numbers.

    A name that begins with an underscore would be taken for one of VW's own fields.
    """
    features: Namespace = {}
    for feature in text.split():
        name, _, number = feature.partition(":")
        features["%5F" + name[1:] if name.startswith("_") else name] = float(number or 1)
    return features
