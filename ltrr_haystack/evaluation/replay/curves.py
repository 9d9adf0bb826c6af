"""How a replay went over time: the data behind the plots."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from ltrr_haystack.evaluation.replay.figures import NDCG, Figures
from ltrr_haystack.evaluation.replay.fixed import ORACLE, RRF_FULL
from ltrr_haystack.evaluation.replay.outcomes import SPLITS, Numbers, Outcomes

WINDOWS = 40
BINS = 10
CERTAIN = 1e-6
"""Below this spread nothing was left to chance."""


def curves(figures: Figures) -> dict[str, Any]:
    """
    Give the curves of a replay, means over all seeds, in plain JSON types.

    :param figures: The replay's figures.
    :returns: `data`, `impressions`, `seeds`, `click_model`; `x` (searches at the end of each window); `quality`
        (system → `nDCG@10`, `candidates`, `arm_calls`, each one number for each window); `gain` (system → nDCG@10 less
        that of `rrf_full`, by window); `regret` (system → summed up nDCG@10 lost against the oracle by the end of each
        window); `candidates_saved` (system → share of `rrf_full`'s candidates that was not asked for, by window);
        `arm_calls_saved` (the same of its arm calls); `arm_shares` (learning system → kind of query, `all` among them
        → arm → share of the searches in which it ran, by window, `null` where there was none); `safe_start` (learning
        system → share of searches held back, by window); `reliability` (learning system → bins with `probability`,
        `observed`, `searches` and `z`: how often the preferred allocation was played against how likely it was said to
        be, and how many standard deviations lie between the two); `splits` (system → split → nDCG@10 with `low` and
        `high`); `latency` (system → seconds a search); `notes` (learning system → seed → trainings of the ranker,
        speed, safe start).
    """
    replay = figures.replay
    impressions = replay.settings.impressions
    edges = np.unique(np.linspace(0, impressions, min(WINDOWS, impressions) + 1).astype(int))
    streams = {system: [part.splits["stream"] for part in parts] for system, parts in replay.parts.items()}
    quality = {
        system: {
            NDCG: _windowed([outcomes.column(NDCG) for outcomes in of], edges),
            "candidates": _windowed([outcomes.candidates for outcomes in of], edges),
            "arm_calls": _windowed([outcomes.arm_calls for outcomes in of], edges),
        }
        for system, of in streams.items()
    }
    return {
        "data": replay.precomputed.data.name,
        "impressions": impressions,
        "seeds": list(replay.settings.seeds),
        "click_model": replay.settings.click_model,
        "x": edges[1:].tolist(),
        "quality": quality,
        "regret": {system: _regret(of, streams[ORACLE], edges) for system, of in streams.items()},
        "gain": {
            system: (np.array(of[NDCG]) - np.array(quality[RRF_FULL][NDCG])).tolist() for system, of in quality.items()
        },
        "candidates_saved": _saved(quality, "candidates"),
        "arm_calls_saved": _saved(quality, "arm_calls"),
        "arm_shares": {system: _arm_shares(streams[system], edges) for system in replay.learning},
        "safe_start": {
            system: _windowed([np.array(outcomes.safe_start, dtype=np.float64) for outcomes in streams[system]], edges)
            for system in replay.learning
        },
        "reliability": {system: _reliability(streams[system]) for system in replay.learning},
        "splits": {
            system: {
                row.split: {"mean": row.means[NDCG].mean, "low": row.means[NDCG].low, "high": row.means[NDCG].high}
                for row in figures.rows
                if row.system == system and row.split in SPLITS
            }
            for system in replay.parts
        },
        "latency": {
            row.system: dict(zip(("mean", "median", "p95"), row.latency, strict=True))
            for row in figures.rows
            if row.split == "stream" and row.latency is not None
        },
        "notes": {system: {part.seed: part.notes for part in replay.parts[system]} for system in replay.learning},
    }


def _windowed(columns: list[Numbers], edges: Numbers) -> list[float]:
    mean = np.mean(columns, axis=0)
    return [float(mean[start:end].mean()) for start, end in pairwise(edges)]


def _saved(quality: Mapping[str, Mapping[str, list[float]]], column: str) -> dict[str, list[float]]:
    full = np.array(quality[RRF_FULL][column])
    return {system: (1 - np.array(of[column]) / full).tolist() for system, of in quality.items()}


def _regret(streams: list[Outcomes], oracle: list[Outcomes], edges: Numbers) -> list[float]:
    lost = np.mean(
        [best.column(NDCG) - outcomes.column(NDCG) for best, outcomes in zip(oracle, streams, strict=True)], axis=0
    )
    return [float(total) for total in np.cumsum(lost)[edges[1:] - 1]]


def _arm_shares(streams: list[Outcomes], edges: Numbers) -> dict[str, dict[str, list[float | None]]]:
    kinds = np.array([outcomes.kinds for outcomes in streams])
    shares: dict[str, dict[str, list[float | None]]] = {}
    for kind in ("all", *np.unique(kinds).tolist()):
        of_kind = np.ones(kinds.shape, dtype=bool) if kind == "all" else kinds == kind
        shares[kind] = {}
        for arm in streams[0].depths:
            ran = np.array([outcomes.depths[arm] for outcomes in streams]) > 0
            shares[kind][arm] = [
                float(ran[:, start:end][of_kind[:, start:end]].mean()) if of_kind[:, start:end].any() else None
                for start, end in pairwise(edges)
            ]
    return shares


def _reliability(streams: list[Outcomes]) -> list[dict[str, float]]:
    forecast = np.concatenate([outcomes.forecast for outcomes in streams])
    played = np.concatenate([outcomes.preferred for outcomes in streams]).astype(np.float64)
    place = np.minimum((forecast * BINS).astype(int), BINS - 1)
    return [
        _bin(forecast[place == number], played[place == number]) for number in range(BINS) if (place == number).any()
    ]


def _bin(forecast: Numbers, played: Numbers) -> dict[str, float]:
    spread = float(np.sqrt(np.sum(forecast * (1 - forecast))))
    surplus = float(played.sum() - forecast.sum())
    return {
        "probability": float(forecast.mean()),
        "observed": float(played.mean()),
        "searches": len(forecast),
        "z": surplus / spread if spread > CERTAIN else 0.0,
    }
