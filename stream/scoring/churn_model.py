"""What churn evidence weighs: the decided and the learned half, joined.

What counts as evidence, and from which risk each level is said, is in the policy. How much each piece weighs
is in the calibration, because it is learned. `compile_churn` makes one table of the two, with times in
milliseconds and risks as log-odds, and refuses halves that do not fit each other.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from stream.scoring.alive import Params, log_odds
from stream.scoring.churn_signs import SIGNS, SignRules
from stream.scoring.policy import Policy
from stream.scoring.units import DAY, WEEK


class ChurnCoefficients(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights of the evidence, on the log-odds scale.

    What has a default here is not in documents of earlier versions, which stay readable. The defaults of `rhythm` and
    `quiet` are 0: until a horizon was waited for, risk is that of having left, and after it, that of no order within
    the horizon.
    """

    bias: float
    p_alive: float
    """Factor on the log-odds of being gone; above 0, or silence would have no end in sight."""
    gap: tuple[float, ...]
    """One for each of the policy's `gap_ratios`, never falling: a longer silence is no comfort."""
    complaint: float
    """For each open complaint."""
    detractor: float
    rhythm: float = 0.0
    """Factor on the log-odds that who is still there orders nothing within the horizon, at the last order."""
    quiet: float = 0.0
    """Factor on the growth of the logarithm of a customer's age since the last order: what a silence adds to that."""
    # Judgement, as of the other evidence: each moves an even chance to between 55 and 62 in 100.
    visits_falling: float = 0.4
    cart_left: float = 0.2
    campaign_ignored: float = 0.2
    repeat_complaints: float = 0.5

    def __post_init__(self) -> None:
        if not self.p_alive > 0:
            raise ValueError(f"p_alive = {self.p_alive}: must be above 0")
        if list(self.gap) != sorted(self.gap) or (self.gap and self.gap[0] < 0):
            raise ValueError(f"gap = {self.gap}: must never fall, and be at least 0")
        for name in _AT_LEAST_ZERO:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must be at least 0")


_AT_LEAST_ZERO: Final = ("complaint", "detractor", "rhythm", "quiet", *SIGNS)


class ChurnModel(NamedTuple):
    """Policy and calibration joined, times in milliseconds."""

    alive: Params
    coefficients: ChurnCoefficients
    thresholds: tuple[float, ...]
    """Logit from which each level but `none` is said, rising."""
    gap_ratios: tuple[float, ...]
    gap_min: float
    rhythm_orders_min: int
    complaint_cap: int
    detractor_for: float
    horizon: int
    """How long a customer is waited for, milliseconds."""
    horizon_weeks: float
    signs: SignRules


def compile_churn(policy: Policy, coefficients: ChurnCoefficients, alive: Params) -> ChurnModel:
    """Join what was decided with what was learned.

    Raises
    ------
    ValueError
        When the calibration's weights are for other gap steps than the policy's.
    """
    churn = policy.churn
    if len(coefficients.gap) != len(churn.gap_ratios):
        raise ValueError(
            f"the calibration has {len(coefficients.gap)} gap weights, the policy has "
            f"{len(churn.gap_ratios)} churn.gap_ratios: there must be one weight for each ratio"
        )
    return ChurnModel(
        alive=alive,
        coefficients=coefficients,
        thresholds=tuple(log_odds(risk) for _, risk in churn.levels),
        gap_ratios=churn.gap_ratios,
        gap_min=churn.gap_days_min * DAY,
        rhythm_orders_min=churn.rhythm_orders_min,
        complaint_cap=churn.complaint_cap,
        detractor_for=churn.detractor_days * DAY,
        horizon=churn.horizon_days * DAY,
        horizon_weeks=churn.horizon_days * DAY / WEEK,
        signs=SignRules(
            visits=policy.visits,
            carts=policy.carts,
            cart_for=round(churn.cart_days * DAY),
            campaigns_min=churn.campaigns_min,
            complaints_min=churn.repeat_complaints_min,
        ),
    )
