"""A customer record as other people see it: the fixed public form, at a moment of the reader's choice.

Counts and sums are those of the moment; what was said (tier, segment, level) is what was last published. Every number
that explains a score is here, so that it can be recomputed from what is shown.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from stream.contracts.money import from_minor
from stream.contracts.times import format_time
from stream.scoring.abc import CLASSES
from stream.scoring.alive import log_odds_gone, probability
from stream.scoring.churn import Contribution, contributions, risk
from stream.scoring.lifecycle import STAGES
from stream.scoring.policy import LEVELS
from stream.scoring.rfm import scores
from stream.scoring.tiers import value_score
from stream.scoring.units import DAY, WEEK
from stream.state import ledger
from stream.state.advice import advised
from stream.state.codec import decode
from stream.state.customer import NEVER, TIER_NAMES, UNSET, Customer
from stream.state.doings import activity_of
from stream.state.evaluation import next_due
from stream.state.interactions import open_tickets
from stream.state.model import Model
from stream.state.portrait import DECIMALS, behaviour_view, needs_view, profile_view, satisfaction_view
from stream.state.worth import cell_names, worth

__all__ = ["DECIMALS"]


def describe_bytes(blob: bytes, customer_id: str, as_of: int | None, model: Model, exponent: int = 2) -> dict[str, Any]:
    """The public form of a stored record at `as_of` (ms; never before its own), or at its own when None.

    Raises
    ------
    RecordError
        The bytes are no record of this version.
    """
    return describe(at_moment(blob, customer_id, as_of, model), model, exponent)


def at_moment(blob: bytes, customer_id: str, as_of: int | None, model: Model) -> Customer:
    """A stored record with its sums at `as_of` (ms; never before its own), or at its own moment when None.

    Raises
    ------
    RecordError
        The bytes are no record of this version.
    """
    c = decode(customer_id, blob)
    ledger.rebuild(c, model.window)
    if as_of is not None and as_of > c.as_of != UNSET:
        ledger.advance(c, as_of, model.window)
    return c


def describe(c: Customer, model: Model, exponent: int = 2) -> dict[str, Any]:
    """The public form of a customer at its own `as_of`; keys without a value are absent.

    Parameters
    ----------
    c
        The customer.
    model
        Rules it was last looked at with.
    exponent
        Digits of the base currency's minor unit.
    """
    known = c.as_of != UNSET
    view: dict[str, Any] = {
        "customer_id": c.customer_id,
        "version": c.version,
        "calibration": model.number,
        "tier": TIER_NAMES[c.tier],
        "lifecycle": STAGES[c.lifecycle],
        "orders": c.n,
        "churn": {"level": LEVELS[c.level]},
    }
    if c.abc:
        view["abc"] = CLASSES[c.abc]
    matrix = cell_names(c.matrix, model)
    if matrix:
        view["matrix"] = matrix
    action = advised(c, model)
    if action is not None:
        view["action"] = action.action
    if known:
        view["as_of"] = format_time(c.as_of)
    if c.n:
        view |= _order_facts(c, model, exponent)
        due = c.due if c.due_is_exact else next_due(c, model)
        if due != NEVER:
            view["next_change_at"] = format_time(due)
    return view | extras(c, model)


def extras(c: Customer, model: Model) -> dict[str, Any]:
    """What is known of some customers only; what is empty left out."""
    found = {
        "needs": needs_view(c, model),
        "satisfaction": satisfaction_view(c, model),
        "behaviour": behaviour_view(c, model),
        "profile": profile_view(c),
        "market_segments": list(model.market.names(c.market_segments)),
    }
    return {name: value for name, value in found.items() if value}


def cell_of(c: Customer, model: Model) -> int:
    """Place of a customer with orders in the R-F-M cube at its own `as_of`, see `stream.scoring.rfm.cell`."""
    if not c.frequency:
        return 0
    return (
        (4 - bisect_right(model.recency_edges, c.as_of - c.last_at)) * 25
        + bisect_right(model.frequency_edges, c.frequency) * 5
        + bisect_right(model.monetary_edges, c.monetary)
    )


def rfm(c: Customer, model: Model, exponent: int) -> dict[str, Any]:
    """Recency in days, frequency, monetary and the three scores, at the customer's `as_of`."""
    r, f, m = scores(c.as_of - c.last_at, c.frequency, c.monetary, model.edges)
    return {
        "recency_days": round((c.as_of - c.last_at) / DAY, DECIMALS),
        "frequency": c.frequency,
        "monetary": from_minor(c.monetary, exponent),
        "r": r,
        "f": f,
        "m": m,
    }


def reasons(c: Customer, model: Model) -> list[Contribution]:
    """The parts of the churn score at the customer's `as_of`."""
    known = (c.n, c.first_at, c.last_at, c.as_of, open_tickets(c), c.nps_score, max(0, c.nps_at))
    return contributions(model.churn, *known, activity=activity_of(c, model))


def grounds(c: Customer, model: Model) -> list[str]:
    """Codes of the reasons that raise the risk at the customer's `as_of`, as the rolling tables count them."""
    return [part.code for part in reasons(c, model) if part.weight > 0] if c.n else []


def churn(c: Customer, model: Model) -> dict[str, Any]:
    """Risk, P(alive) and the reasons, largest first, at the customer's `as_of`."""
    parts = reasons(c, model)
    logit = model.bias + sum(part.weight for part in parts)
    gone = log_odds_gone(model.churn.alive, c.n - 1, (c.last_at - c.first_at) / WEEK, (c.as_of - c.first_at) / WEEK)
    return {
        "risk": round(risk(logit), DECIMALS),
        "p_alive": round(probability(-gone), DECIMALS),
        "reasons": [
            {
                "code": part.code,
                "weight": round(part.weight, DECIMALS),
                "detail": {name: round(value, DECIMALS) for name, value in part.detail.items()},
            }
            for part in sorted(parts, key=lambda part: -part.weight)
        ],
    }


def _order_facts(c: Customer, model: Model, exponent: int) -> dict[str, Any]:
    figures = rfm(c, model, exponent)
    silence = churn(c, model)
    value = worth(c, model)
    return {
        "segment": c.segment,
        "value_score": value_score(figures["r"], figures["f"], figures["m"], model.policy.weights),
        "first_order_at": format_time(c.first_at),
        "last_order_at": format_time(c.last_at),
        "tier_since": format_time(c.tier_since),
        "rfm": figures,
        "clv": from_minor(value.clv, exponent),
        "loyalty": round(value.loyalty, DECIMALS),
        "p_alive": silence["p_alive"],
        "churn": {"level": LEVELS[c.level], "risk": silence["risk"], "reasons": silence["reasons"]},
    }
