"""The two ranking models of a pipeline: for pages with and without evidence in the memory index."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal, Self, get_args

from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.model import RankingModel

FORMAT = "ltrr-ranker/2"

Situation = Literal["with_memory", "without_memory"]
"""
Whether the memory index has evidence about at least one candidate of the page.

A router asks another question: whether earlier searches of the query have been learned from (`Features.is_new_query`).
"""

SITUATIONS: tuple[Situation, ...] = get_args(Situation)

_WRITTEN: Mapping[Situation, str] = {"with_memory": "remembered", "without_memory": "new"}
"""Their names within a snapshot."""


class RankingModels:
    """
    Ranking models by situation.

    Memory features are stronger than all others, so a model that is trained with them relies on them and ranks badly
    where they are missing. Pages without memory have a model of their own, which is trained without these features.

    :param models: Situation → its model; where there is none, the union's own order stays. They are kept in the order
        of `SITUATIONS`.
    """

    def __init__(self, models: Mapping[Situation, RankingModel]) -> None:
        self.models: dict[Situation, RankingModel] = {name: models[name] for name in SITUATIONS if name in models}

    def __repr__(self) -> str:
        return f"RankingModels({dict(self.models)})"

    def to_bytes(self) -> bytes:
        """
        Write the models.

        :returns: One line of JSON that describes and checks them, then LightGBM's texts one after the other.
        """
        described = {
            _WRITTEN[situation]: {"features": list(model.schema.names), "characters": len(model.trees)}
            for situation, model in self.models.items()
        }
        trees = "".join(model.trees for model in self.models.values())
        header = {"format": FORMAT, "models": described, "checksum": _checksum(described, trees)}
        return f"{json.dumps(header)}\n{trees}".encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """
        Read what `to_bytes` wrote.

        :param payload: The models' bytes.
        :returns: The models.
        :raises DamagedSnapshotError: If they are damaged.
        :raises SnapshotError: If they are no ranking models of a format that is known here.
        :raises MissingExtraError: If LightGBM is not installed.
        """
        try:
            first, _, trees = payload.decode().partition("\n")
            header = json.loads(first)
            found, described, checksum = header["format"], header.get("models"), header["checksum"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SnapshotError(
                f"these {len(payload)} bytes are no ranking models: the first line is not the description expected"
            ) from error
        if found != FORMAT:
            raise SnapshotError(f"the ranking models have format '{found}', this version reads '{FORMAT}'")
        if checksum != _checksum(described, trees):
            raise DamagedSnapshotError("the ranking models are damaged: their checksum does not fit")
        models: dict[Situation, RankingModel] = {}
        for situation in SITUATIONS:
            if of := described.get(_WRITTEN[situation]):
                models[situation] = RankingModel(FeatureSchema(tuple(of["features"])), trees[: of["characters"]])
                trees = trees[of["characters"] :]
        return cls(models)


def _checksum(described: object, trees: str) -> str:
    return blake2b(f"{json.dumps(described)}\n{trees}".encode(), digest_size=16).hexdigest()
