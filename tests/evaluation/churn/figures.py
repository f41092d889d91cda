"""What the warnings of a data set are worth, beside those of the rivals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.scoring.policy import Policy
from stream.scoring.units import DAY
from tests.evaluation.churn.histories import Histories
from tests.evaluation.churn.rivals import OURS, Scores, scores
from tests.evaluation.churn.walk import Walk

RESAMPLES = 400
SEED = 7

Flags = NDArray[np.bool_]
Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Rival:
    """One way to warn.

    Attributes
    ----------
    auc
        Over all moments.
    behind
        By how much it is behind the scorer, with the interval that holds 95 % of the resamples of customers.
    precision, recall
        At as many warnings as the scorer gave.
    """

    auc: float
    behind: tuple[float, float, float]
    precision: float
    recall: float


@dataclass(frozen=True)
class Figures:
    """A data set in figures."""

    name: str
    days: int
    horizon_days: int
    splits: tuple[int, ...]
    customers: int
    moments: int
    gone: float
    warned: float
    rivals: dict[str, Rival]
    levels: dict[str, tuple[float, float, float]]
    """By level, of being at or above it: share of the moments, precision, recall."""
    losses: int
    losses_warned: float
    median_lead_days: float | None
    fields: float
    """Different evidence fields that a quarter has, on average."""


def area(lost: Flags, score: Scores, weights: Weights | None = None) -> float:
    """Area under the receiver operating characteristic; samples may count more than once.

    >>> lost = np.array([True, False, True, False])
    >>> float(area(lost, np.array([0.9, 0.5, 0.5, 0.1])))
    0.875
    """
    return _Ranked(lost, score).area(np.ones(len(lost)) if weights is None else weights)


class _Ranked:
    """A score in order, to be weighed again and again."""

    def __init__(self, lost: Flags, score: Scores) -> None:
        self.order = np.argsort(score, kind="stable")
        self.lost = lost[self.order]
        in_order = score[self.order]
        self.starts = np.flatnonzero(np.r_[True, in_order[1:] != in_order[:-1]])

    def area(self, weights: Weights) -> float:
        mine = weights[self.order]
        gone = np.add.reduceat(mine * self.lost, self.starts)
        kept = np.add.reduceat(mine * ~self.lost, self.starts)
        below = np.cumsum(kept) - kept
        return float((gone * (below + kept / 2)).sum() / (gone.sum() * kept.sum()))


def measure(histories: Histories, walk: Walk, policy: Policy) -> Figures:
    """Compare."""
    lost = np.array([scored.moment.gone for scored in walk.scored])
    warned = np.array([scored.warned for scored in walk.scored])
    customers = np.array([scored.moment.customer for scored in walk.scored])
    by_way = scores(histories, walk)
    ranked = {name: _Ranked(lost, score) for name, score in by_way.items()}
    areas = {name: one.area(np.ones(len(lost))) for name, one in ranked.items()}
    drawn = _resampled(ranked, customers)
    rivals = {}
    for name, score in by_way.items():
        flagged = warned if name == OURS else _highest(score, int(warned.sum()))
        low, high = np.quantile(drawn[OURS] - drawn[name], (0.025, 0.975))
        behind = (areas[OURS] - areas[name], float(low), float(high))
        rivals[name] = Rival(areas[name], behind, *_precision_recall(lost, flagged))
    levels = {}
    for name, risk in policy.churn.levels:
        flagged = by_way[OURS] >= np.log(risk / (1 - risk))
        levels[name] = (float(flagged.mean()), *_precision_recall(lost, flagged))
    return Figures(
        name=histories.name,
        days=(histories.end - histories.start) // DAY,
        horizon_days=histories.horizon // DAY,
        splits=tuple(walk.splits),
        customers=len(set(customers.tolist())),
        moments=len(lost),
        gone=float(lost.mean()),
        warned=float(warned.mean()),
        rivals=rivals,
        levels=levels,
        losses=len(walk.losses),
        losses_warned=sum(loss.lead_days is not None for loss in walk.losses) / max(1, len(walk.losses)),
        median_lead_days=walk.median_lead_days,
        fields=walk.fields_a_quarter,
    )


def _resampled(ranked: dict[str, _Ranked], customers: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Areas of resamples: customers drawn with replacement, each with all its moments."""
    rng = np.random.default_rng(SEED)
    _, number = np.unique(customers, return_inverse=True)
    size = int(number.max()) + 1
    drawn: dict[str, list[float]] = {name: [] for name in ranked}
    for _ in range(RESAMPLES):
        weights = np.bincount(rng.integers(size, size=size), minlength=size).astype(float)[number]
        for name, one in ranked.items():
            drawn[name].append(one.area(weights))
    return {name: np.array(areas) for name, areas in drawn.items()}


def _highest(score: Scores, count: int) -> Flags:
    flagged = np.zeros(len(score), bool)
    flagged[np.argsort(-score, kind="stable")[:count]] = True
    return flagged


def _precision_recall(lost: Flags, flagged: Flags) -> tuple[float, float]:
    hits = float((lost & flagged).sum())
    return hits / max(1, flagged.sum()), hits / max(1, lost.sum())
