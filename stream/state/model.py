"""Policy and calibration, compiled into the tables that the hot path reads.

The plain formulas are in `stream.scoring`; here they are evaluated once for everything that can be enumerated: raw tier
and segment for each of the 125 cells of the R-F-M cube.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import exp, inf, log
from typing import Final

import msgspec
from xxhash import xxh32_intdigest

from stream.scoring.abc import compile_abc
from stream.scoring.alive import log_odds_gone, rhythm
from stream.scoring.calibration import Calibration
from stream.scoring.churn_model import ChurnModel, compile_churn
from stream.scoring.churn_signs import (
    CAMPAIGN_IGNORED,
    CART_LEFT,
    REPEAT_COMPLAINTS,
    SIGNS,
    VISITS_FALLING,
    bit_of,
)
from stream.scoring.clv import OrdersTable, orders_table
from stream.scoring.gamma_gamma import SpendParams
from stream.scoring.lifecycle import CompiledLifecycle, compile_lifecycle
from stream.scoring.market_classes import compile_market_segments
from stream.scoring.market_segments import MarketTable
from stream.scoring.matrix import CompiledMatrices, compile_matrices
from stream.scoring.needs import NeedsTable, compile_needs
from stream.scoring.playbook import CompiledPlaybook, compile_playbook, follow_up_waits
from stream.scoring.policy import LEVELS, Policy
from stream.scoring.rfm import CELLS, EdgeTable, compile_edges
from stream.scoring.satisfaction import DETRACTOR_MAX
from stream.scoring.segments import compile_segments
from stream.scoring.themes import ThemesTable, compile_themes
from stream.scoring.tiers import compile_tiers, value_score
from stream.scoring.units import DAY, NEVER, WEEK
from stream.state.interactions import TYPE_CODES

__all__ = ["Model", "compile_model"]


# Compared by identity: two that are equal share nothing, and what tables are cached by need not be read through.
@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Everything `evaluation` needs, as plain attributes. Times in ms, weights in log-odds."""

    policy: Policy
    calibration: Calibration
    churn: ChurnModel

    #: Number of the calibration, as decisions name it.
    number: int
    #: 32-bit fingerprint of policy and calibration; a record says under which it was last looked at.
    fingerprint: int
    #: What a recalibration decision gives as its cause.
    name: str

    window: int
    edges: EdgeTable
    recency_edges: tuple[int, ...]
    frequency_edges: tuple[float, ...]
    monetary_edges: tuple[float, ...]
    raw_tiers: tuple[tuple[int, ...], ...]
    segments: tuple[str, ...]
    #: Value score of each cell.
    value_scores: tuple[float, ...]
    min_stay: int

    r: float
    alpha: float
    a: float
    b: float
    alive_weight: float
    #: Factors on a customer's own rhythm, and on how far a silence has gone.
    rhythm_weight: float
    quiet_weight: float
    bias: float
    #: Weight of having reached 0, 1, 2 … steps.
    gap_weights: tuple[float, ...]
    gap_ratios: tuple[float, ...]
    gap_min: float
    rhythm_orders_min: int
    complaint_weight: float
    complaint_cap: int
    detractor_weight: float
    detractor_ms: int
    detractor_score_max: int
    #: By the bits of signs, see `churn_signs.bit_of`: what these add to the logit.
    sign_weights: tuple[float, ...]
    level_logits: tuple[float, ...]
    #: Log-odds of being gone right after order number 1, 2, 3 …: ln(a / (b + x)).
    log_odds_at_once: tuple[float, ...]

    #: By class said: revenue from which a customer is in B, and in A; minor units.
    abc_cuts: tuple[tuple[int, int], ...]
    lifecycle: CompiledLifecycle
    #: How far apart in its table are what follows a stage said (returned or not), and neighbours in the other figures.
    said_stride: int
    orders_stride: int
    tenure_stride: int
    gap_stride: int

    matrices: CompiledMatrices
    needs: NeedsTable
    themes: ThemesTable
    market: MarketTable
    #: Whether a rule segment depends on how long ago somebody registered.
    ages_matter: bool
    playbook: CompiledPlaybook
    #: See `playbook.follow_up_waits`.
    follow_up_ms: tuple[tuple[int, ...], ...]
    #: By number of the action: 32-bit hash of its name, never 0, as records keep it.
    action_hashes: tuple[int, ...]
    #: How long the outcome of an action is waited for, ms.
    outcome_ms: int
    #: Discounted orders of active customers, and what one of these brings.
    orders: OrdersTable
    spend: SpendParams

    # Tables for the moment of an order, where the silence is zero; see `order_path`.
    #: First ratio of the gap table; infinite where it has none.
    fresh_gap: float
    #: How many orders the tables reach.
    tabled_orders: int
    #: Recency and frequency part of the cell, by orders in the window.
    fresh_cells: tuple[int, ...]
    #: Age at which the recency score of a fresh order falls, ms.
    fresh_age: int
    #: By repeat orders: level without other evidence; the factor by which alpha + t grows until the next level or
    #: stage; the part of the place in the table of the lifecycle that follows from the number of orders.
    fresh_levels: tuple[tuple[int, float, int], ...]
    warn_level: int

    def fresh_cell(self, frequency: int) -> int:
        """What `fresh_cells` holds for so many orders in the window, also where it does not reach."""
        aged = bisect_right(self.recency_edges, 0)
        return (4 - aged) * 25 + bisect_right(self.frequency_edges, frequency) * 5

    def fresh_level(self, x: int, span: int = 0) -> tuple[int, float, int]:
        """What `fresh_levels` holds for so many repeat orders, also where it does not reach.

        `span`: from the first order to the last, ms; it matters only where the rhythm has a weight.
        """
        return _fresh_level(self.calibration, self.churn, self.lifecycle, x, log(self.a / (self.b + x)), span)


_FINGERPRINT_SEED: Final = 1
#: Beyond this, e**x is a moment further off than any timer; it also keeps `exp` from overflowing.
EXPONENT_MAX: Final = 60.0
#: Customers with more orders are rare enough to take a logarithm.
_TABLED_ORDERS: Final = 1_000


def compile_model(policy: Policy, calibration: Calibration) -> Model:
    """Compile the rules.

    Raises
    ------
    ValueError
        Policy and calibration do not fit together (numbers of gap steps).

    Examples
    --------
    >>> from stream.scoring.calibration import DEFAULT_CALIBRATION
    >>> from stream.scoring.policy import default_policy
    >>> model = compile_model(default_policy(), DEFAULT_CALIBRATION)
    >>> model.number, model.segments[124], model.gap_weights
    (1, 'champions', (0.0, 0.3, 0.7, 1.2, 1.8))
    """
    churn = compile_churn(policy, calibration.churn, calibration.alive)
    edges = compile_edges(calibration.rfm)
    log_odds = tuple(log_odds_gone(calibration.alive, x, 0.0, 0.0) for x in range(_TABLED_ORDERS))
    aged = bisect_right(edges.age_ms, 0)
    abc = compile_abc(calibration.abc, policy.abc.margin)
    lifecycle = compile_lifecycle(policy.lifecycle, policy.churn)
    market = compile_market_segments(policy.market_segments, policy.segments, policy.matrices)
    playbook = compile_playbook(policy.playbook)
    identity = repr(policy).encode() + msgspec.json.encode(calibration)
    fingerprint = xxh32_intdigest(identity, _FINGERPRINT_SEED)
    return Model(
        policy=policy,
        calibration=calibration,
        churn=churn,
        number=calibration.number,
        fingerprint=fingerprint,
        name=f"{calibration.number}+{fingerprint:08x}",
        window=policy.window_ms,
        edges=edges,
        recency_edges=edges.age_ms,
        frequency_edges=edges.frequency,
        monetary_edges=edges.monetary_minor,
        raw_tiers=compile_tiers(policy),
        segments=compile_segments(policy.segments),
        value_scores=tuple(value_score(r, f, m, policy.weights) for r, f, m in CELLS),
        min_stay=policy.tier_min_stay_ms,
        r=calibration.alive.r,
        alpha=calibration.alive.alpha,
        a=calibration.alive.a,
        b=calibration.alive.b,
        alive_weight=calibration.churn.p_alive,
        rhythm_weight=calibration.churn.rhythm,
        quiet_weight=calibration.churn.quiet,
        bias=calibration.churn.bias,
        gap_weights=(0.0, *calibration.churn.gap),
        gap_ratios=policy.churn.gap_ratios,
        gap_min=churn.gap_min,
        rhythm_orders_min=policy.churn.rhythm_orders_min,
        complaint_weight=calibration.churn.complaint,
        complaint_cap=policy.churn.complaint_cap,
        detractor_weight=calibration.churn.detractor,
        detractor_ms=round(churn.detractor_for),
        detractor_score_max=DETRACTOR_MAX,
        sign_weights=_sign_weights(calibration),
        level_logits=churn.thresholds,
        log_odds_at_once=log_odds,
        abc_cuts=((abc.b, abc.a), (abc.b, abc.a), (abc.b_kept, abc.a), (abc.b_kept, abc.a_kept)),
        lifecycle=lifecycle,
        said_stride=lifecycle.place(0, 1, 0, 0, 0, 0),
        orders_stride=lifecycle.place(0, 0, 1, 0, 0, 0),
        tenure_stride=lifecycle.place(0, 0, 0, 1, 0, 0),
        gap_stride=lifecycle.place(0, 0, 0, 0, 1, 0),
        matrices=compile_matrices(policy.matrices),
        needs=compile_needs(policy.needs, TYPE_CODES),
        themes=compile_themes(policy.themes),
        market=market,
        ages_matter="registration_age" in market.uses,
        playbook=playbook,
        follow_up_ms=follow_up_waits(policy.playbook.cadence_days),
        action_hashes=tuple(xxh32_intdigest(one.action.encode()) or 1 for one in playbook.actions),
        outcome_ms=policy.playbook.outcome_days * DAY,
        orders=orders_table(calibration.alive, policy.clv.horizon_months, policy.clv.discount_yearly),
        spend=calibration.spend,
        fresh_gap=policy.churn.gap_ratios[0] if policy.churn.gap_ratios else inf,
        tabled_orders=_TABLED_ORDERS - 1,
        fresh_cells=tuple(
            (4 - aged) * 25 + bisect_right(edges.frequency, frequency) * 5 for frequency in range(_TABLED_ORDERS)
        ),
        fresh_age=edges.age_ms[aged] if aged < len(edges.age_ms) else NEVER,
        fresh_levels=tuple(_fresh_level(calibration, churn, lifecycle, x, log_odds[x]) for x in range(_TABLED_ORDERS)),
        warn_level=LEVELS.index(policy.churn.warn_from),
    )


def _sign_weights(calibration: Calibration) -> tuple[float, ...]:
    # Added in the order in which `churn_signs.signs` gives them: another would round otherwise.
    order = (VISITS_FALLING, CAMPAIGN_IGNORED, REPEAT_COMPLAINTS, CART_LEFT)
    return tuple(
        sum(getattr(calibration.churn, code) for code in order if bits & bit_of(code))
        for bits in range(1 << len(SIGNS))
    )


def _fresh_level(
    calibration: Calibration, churn: ChurnModel, lifecycle: CompiledLifecycle, x: int, log_odds: float, span: int = 0
) -> tuple[int, float, int]:
    """What `Model.fresh_levels` holds, of the moment of an order after `x` others, without other evidence."""
    bias, weight, r = calibration.churn.bias, calibration.churn.p_alive, calibration.alive.r
    if calibration.churn.rhythm:
        bias += calibration.churn.rhythm * rhythm(calibration.alive, x, span / WEEK, churn.horizon_weeks)
    level, fallen = bisect_right(churn.thresholds, bias + weight * log_odds), bisect_right(lifecycle.gone, log_odds)
    place = lifecycle.place(0, 0, bisect_right(lifecycle.orders, x + 1), 0, 0, fallen)
    exponent = EXPONENT_MAX
    if level < len(churn.thresholds):
        rate = weight * (r + x) + calibration.churn.quiet
        exponent = (churn.thresholds[level] - bias - weight * log_odds) / rate
    if fallen < len(lifecycle.gone):
        exponent = min(exponent, (lifecycle.gone[fallen] - log_odds) / (r + x))
    return level, exp(exponent) if exponent < EXPONENT_MAX else inf, place
