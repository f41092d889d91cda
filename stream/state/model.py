"""Policy and calibration, compiled into the tables that the hot path reads.

The plain formulas are in `stream.scoring`; here they are evaluated once for everything that can be enumerated: raw tier
and segment for each of the 125 cells of the R-F-M cube.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
from xxhash import xxh32_intdigest

from stream.scoring.alive import log_odds_gone
from stream.scoring.calibration import Calibration
from stream.scoring.churn import DETRACTOR_SCORE_MAX
from stream.scoring.churn_model import ChurnModel, compile_churn
from stream.scoring.policy import LEVELS, Policy
from stream.scoring.rfm import EdgeTable, compile_edges
from stream.scoring.segments import compile_segments
from stream.scoring.tiers import compile_tiers

__all__ = ["Model", "compile_model"]


@dataclass(frozen=True, slots=True)
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
    min_stay: int

    r: float
    alpha: float
    a: float
    b: float
    alive_weight: float
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
    level_logits: tuple[float, ...]
    #: Log-odds of being gone right after order number 1, 2, 3 …: ln(a / (b + x)).
    log_odds_at_once: tuple[float, ...]
    warn_level: int


_FINGERPRINT_SEED: Final = 1
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
    >>> from stream.scoring.alive import log_odds_gone
from stream.scoring.calibration import DEFAULT_CALIBRATION
    >>> from stream.scoring.policy import default_policy
    >>> model = compile_model(default_policy(), DEFAULT_CALIBRATION)
    >>> model.number, model.segments[124], model.gap_weights
    (1, 'champions', (0.0, 0.3, 0.7, 1.2, 1.8))
    """
    churn = compile_churn(policy.churn, calibration.churn, calibration.alive)
    edges = compile_edges(calibration.rfm)
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
        min_stay=policy.tier_min_stay_ms,
        r=calibration.alive.r,
        alpha=calibration.alive.alpha,
        a=calibration.alive.a,
        b=calibration.alive.b,
        alive_weight=calibration.churn.p_alive,
        bias=calibration.churn.bias,
        gap_weights=(0.0, *calibration.churn.gap),
        gap_ratios=policy.churn.gap_ratios,
        gap_min=churn.gap_min,
        rhythm_orders_min=policy.churn.rhythm_orders_min,
        complaint_weight=calibration.churn.complaint,
        complaint_cap=policy.churn.complaint_cap,
        detractor_weight=calibration.churn.detractor,
        detractor_ms=round(churn.detractor_for),
        detractor_score_max=DETRACTOR_SCORE_MAX,
        level_logits=churn.thresholds,
        log_odds_at_once=tuple(log_odds_gone(calibration.alive, x, 0.0, 0.0) for x in range(_TABLED_ORDERS)),
        warn_level=LEVELS.index(policy.churn.warn_from),
    )
