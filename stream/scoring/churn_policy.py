"""What the business decides about churn: the levels, when to warn, what counts as evidence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from stream.scoring.churn_samples import GAP_STEPS_MAX
from stream.scoring.table_reader import DAYS_MAX, PolicyError, TableReader

LEVELS = ("none", "low", "medium", "high", "churned")
"""Churn levels from the mildest on. The place of a level in this table is its rank."""


@dataclass(frozen=True, slots=True)
class ChurnPolicy:
    """When to speak of churn, and what counts as evidence.

    How much each piece of evidence weighs is not decided here but learned: see
    `calibration.ChurnCoefficients`, which has one weight for each ratio of `gap_ratios`.
    """

    levels: tuple[tuple[str, float], ...]
    """(level, least risk) for each of `LEVELS` but the first, risk strictly rising inside (0, 1)."""
    warn_from: str
    """The level whose reaching is a warning."""
    gap_ratios: tuple[float, ...]
    """Steps of silence, in units of the customer's usual gap; strictly rising."""
    gap_days_min: float
    """Days; a usual gap is never taken as shorter."""
    rhythm_orders_min: int
    """Orders that a customer needs to have a usual gap."""
    complaint_cap: int
    """Open complaints beyond this add nothing."""
    detractor_days: float
    """Days during which an NPS answer of 6 or less counts."""
    horizon_days: int
    """Days within which a customer orders again, or is lost; what risk is learned from."""
    cart_days: float
    """Days during which a cart that was left behind counts."""
    campaigns_min: int
    """Campaigns without an answer from which they are ignored."""
    repeat_complaints_min: int
    """Complaints within a year from which they are repeated."""

    def __post_init__(self) -> None:
        if tuple(name for name, _ in self.levels) != LEVELS[1:]:
            raise PolicyError(f"policy: churn.levels: must be {', '.join(LEVELS[1:])}, each once")
        risks = tuple(risk for _, risk in self.levels)
        if not all(0 < risk < 1 for risk in risks) or not _rising(risks):
            raise PolicyError(f"policy: churn.levels = {risks}: must rise from level to level, between 0 and 1")
        if self.warn_from not in LEVELS[1:]:
            allowed = ", ".join(LEVELS[1:])
            raise PolicyError(f"policy: churn.warn_from = {self.warn_from!r}: must be one of {allowed}")
        if len(self.gap_ratios) > GAP_STEPS_MAX:
            raise PolicyError(
                f"policy: churn.gap_ratios has {len(self.gap_ratios)} steps: must be at most {GAP_STEPS_MAX}"
            )
        if not _rising((0.0, *self.gap_ratios)):
            raise PolicyError(
                f"policy: churn.gap_ratios = {list(self.gap_ratios)}: must rise from step to step, above 0"
            )


def read(table: TableReader) -> ChurnPolicy:
    """Read the section ``[churn]``."""
    levels = table.table("levels")
    churn = ChurnPolicy(
        levels=tuple((name, levels.number(name, above=0, below=1)) for name in LEVELS[1:]),
        warn_from=table.text("warn_from"),
        gap_ratios=table.numbers("gap_ratios"),
        gap_days_min=table.number("gap_days_min", above=0, maximum=DAYS_MAX),
        # Two orders make one gap; fewer have none.
        rhythm_orders_min=table.integer("rhythm_orders_min", minimum=2, maximum=1_000),
        complaint_cap=table.integer("complaint_cap", minimum=0, maximum=1_000),
        detractor_days=table.number("detractor_days", minimum=0, maximum=DAYS_MAX),
        horizon_days=table.integer("horizon_days", minimum=1, maximum=DAYS_MAX),
        cart_days=table.number("cart_days", minimum=0, maximum=DAYS_MAX),
        campaigns_min=table.integer("campaigns_min", minimum=1, maximum=1_000),
        repeat_complaints_min=table.integer("repeat_complaints_min", minimum=1, maximum=1_000),
    )
    levels.done()
    table.done()
    return churn


def _rising(numbers: tuple[float, ...]) -> bool:
    return all(low < high for low, high in pairwise(numbers))
