"""How good the warnings were: what was said of customers against what came of it.

Every figure is of predictions that were made before their outcome was known, and before anything was learned from it
(prequential evaluation). Quarter by quarter they show drift: a model that is losing touch is losing here first.

References
----------
Hanley, McNeil (1982), "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
Radiology 143(1): the area as the chance that one who was lost was given the higher risk, a tie counting half.

Brier (1950), "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

import msgspec

from stream.scoring.alive import probability
from stream.scoring.churn_causes import Trait
from stream.scoring.churn_samples import QUARTER, Said

RELIABILITY_BINS: Final = 10
"""Bins of risk, equally wide, of the reliability curve."""

DECIMALS: Final = 6


class ReliabilityBin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Customers of whom about the same risk was said."""

    said: float
    """Mean of the risk that was said."""
    gone: float
    """Share of them who did not order within the horizon."""
    customers: int


class QuarterFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same figures of the samples of one quarter."""

    begins_at: int
    """Milliseconds."""
    samples: int
    gone: int
    auc: float | None
    brier: float


class Validation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was said against what came of it; shares and areas in [0, 1], None where there is nothing to divide."""

    samples: int
    gone: int
    """Samples whose customer did not order within the horizon."""
    warned: int
    """Samples taken while the customer's level was a warning."""
    auc: float | None
    """Chance that of two, one lost and one not, the lost one was given the higher risk."""
    brier: float
    """Mean square of risk minus outcome; 0 is perfect, the share gone times the share kept is knowing nothing."""
    precision: float | None
    """Share of the warned who were lost."""
    recall: float | None
    """Share of the lost who were warned of."""
    reliability: tuple[ReliabilityBin, ...]
    """By risk, bins without a sample left out."""
    quarters: tuple[QuarterFigures, ...]


class ChurnNotes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the weights of the churn evidence were found, and how good the warnings were by then."""

    learned: bool
    """Whether the weights are from these samples; else there were too few, and those before are kept."""
    gone: int
    """Samples whose customer did not order within the horizon."""
    kept: int
    """Samples whose customer did."""
    validation: Validation | None = None
    traits: tuple[Trait, ...] = ()
    """What the lost and the kept had in common."""


def validate(said: Sequence[Said]) -> Validation | None:
    """Figures of all samples and of each quarter; None without a sample.

    Examples
    --------
    Of ten customers who were given a risk of 0.88, eight were lost; of ten who were given 0.12, one.

    >>> found = validate([Said(180, 2.0, True, 8, 2), Said(180, -2.0, False, 1, 9)])
    >>> found.auc, found.brier, found.precision, round(found.recall, 3)
    (0.853535, 0.128448, 0.8, 0.889)
    """
    if not said:
        return None
    gone, kept = sum(one.gone for one in said), sum(one.kept for one in said)
    warned_gone = sum(one.gone for one in said if one.warned)
    warned = sum(one.gone + one.kept for one in said if one.warned)
    return Validation(
        samples=gone + kept,
        gone=gone,
        warned=warned,
        auc=area(said),
        brier=_brier(said),
        precision=_share(warned_gone, warned),
        recall=_share(warned_gone, gone),
        reliability=_reliability(said),
        quarters=tuple(
            QuarterFigures(
                begins_at=quarter * QUARTER,
                samples=sum(one.gone + one.kept for one in of_quarter),
                gone=sum(one.gone for one in of_quarter),
                auc=area(of_quarter),
                brier=_brier(of_quarter),
            )
            for quarter, of_quarter in _by_quarter(said)
        ),
    )


def area(said: Iterable[Said]) -> float | None:
    """Area under the receiver operating characteristic; None where all or nobody was lost."""
    by_risk: dict[float, tuple[int, int]] = {}
    for one in said:
        gone, kept = by_risk.get(one.logit, (0, 0))
        by_risk[one.logit] = gone + one.gone, kept + one.kept
    # Whole numbers, doubled: no sum depends on its order.
    pairs_won = kept_below = 0
    for _, (gone, kept) in sorted(by_risk.items()):
        pairs_won += gone * (2 * kept_below + kept)
        kept_below += kept
    gone = sum(gone for gone, _ in by_risk.values())
    return _share(pairs_won, 2 * gone * kept_below)


def _brier(said: Sequence[Said]) -> float:
    total = sum(one.gone + one.kept for one in said)
    squares = sum(
        one.gone * (1 - risk) ** 2 + one.kept * risk**2 for one, risk in ((one, probability(one.logit)) for one in said)
    )
    return round(squares / total, DECIMALS)


def _reliability(said: Sequence[Said]) -> tuple[ReliabilityBin, ...]:
    bins: list[list[Said]] = [[] for _ in range(RELIABILITY_BINS)]
    for one in said:
        bins[min(int(probability(one.logit) * RELIABILITY_BINS), RELIABILITY_BINS - 1)].append(one)
    found = []
    for of_bin in bins:
        customers = sum(one.gone + one.kept for one in of_bin)
        if customers:
            risks = sum((one.gone + one.kept) * probability(one.logit) for one in of_bin)
            gone = sum(one.gone for one in of_bin)
            found.append(
                ReliabilityBin(round(risks / customers, DECIMALS), round(gone / customers, DECIMALS), customers)
            )
    return tuple(found)


def _by_quarter(said: Sequence[Said]) -> list[tuple[int, list[Said]]]:
    in_time = sorted(said, key=lambda one: one.quarter)
    return [(quarter, list(of_quarter)) for quarter, of_quarter in groupby(in_time, key=lambda one: one.quarter)]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, DECIMALS) if whole else None
