"""Why a customer is said to be what they are: every number that leads there, and the steps between.

Nothing is rounded on the way to a decision, and what is shown is enough to work each figure out again: values and
edges to a score, scores and weights to the value score, that and the thresholds to the tier, contributions to a risk.
"""

from __future__ import annotations

from typing import Any, Final

from stream.commands.explain_action import explain_action
from stream.commands.explain_character import explain_character
from stream.commands.explain_classes import class_name, explain_classes
from stream.commands.explain_signs import explain_signs
from stream.commands.explain_words import DECIMALS
from stream.contracts.money import from_minor
from stream.contracts.times import format_time
from stream.scoring.alive import RHYTHM_MAX
from stream.scoring.churn import level
from stream.scoring.lifecycle import STAGES
from stream.scoring.policy import LEVELS
from stream.scoring.rfm import cell
from stream.scoring.tiers import TIERS, value_score
from stream.state.customer import NEVER, UNSET, Customer
from stream.state.evaluation import assess
from stream.state.model import Model
from stream.state.view import at_moment, churn, reasons, rfm

LOOKS_MAX: Final = 1_000
"""Moments looked ahead for the next change. At most of them, nothing is found to have changed."""


def explain(
    blob: bytes, customer_id: str, as_of: int | None, model: Model, *, currency: str, exponent: int
) -> dict[str, Any]:
    """Explain a stored record at `as_of` (ms; never before its own), or at its own when None.

    Parameters
    ----------
    blob
        The record.
    model
        Rules in force.
    currency, exponent
        Name of the base currency, and digits of its minor unit.

    Returns
    -------
    dict
        What `scorer explain --json` prints. A customer without an order that counts has no scores to explain.

    Raises
    ------
    RecordError
        The bytes are no record of this version.
    """
    c = at_moment(blob, customer_id, as_of, model)
    found: dict[str, Any] = {
        "customer_id": customer_id,
        "calibration": model.number,
        "said": {
            "tier": TIERS[c.tier],
            "segment": c.segment or None,
            "level": LEVELS[c.level],
            "abc": class_name(c.abc),
            "lifecycle": STAGES[c.lifecycle],
        },
    }
    if c.as_of != UNSET:
        found["as_of"] = format_time(c.as_of)
    others = {**explain_character(c, model, exponent), "action": explain_action(c, model)}
    if not c.n:
        return found | others
    figures = rfm(c, model, exponent)
    return found | {
        "rfm": _rfm(c, figures, model, currency, exponent),
        "value_score": _value(figures, model),
        "tier": _tier(c, figures, model),
        "segment": _segment(figures, model),
        "churn": _churn(c, model),
        **explain_classes(c, model, exponent),
        **others,
        "next": _next(c, model, exponent),
    }


def _rfm(c: Customer, figures: dict[str, Any], model: Model, currency: str, exponent: int) -> dict[str, Any]:
    edges = model.calibration.rfm
    return {
        "window_days": model.policy.window_days,
        "currency": currency,
        "in_window": c.frequency > 0,
        "recency": {
            "days": figures["recency_days"],
            "edges": [round(edge, DECIMALS) for edge in edges.recency_days],
            "score": figures["r"],
        },
        "frequency": {
            "orders": figures["frequency"],
            "edges": [round(edge, DECIMALS) for edge in edges.frequency],
            "score": figures["f"],
        },
        "monetary": {
            "amount": figures["monetary"],
            "edges": [round(edge / 10**exponent, DECIMALS) for edge in edges.monetary_minor],
            "score": figures["m"],
        },
    }


def _value(figures: dict[str, Any], model: Model) -> dict[str, Any]:
    weights = model.policy.weights
    return {"weights": list(weights), "score": value_score(figures["r"], figures["f"], figures["m"], weights)}


def _tier(c: Customer, figures: dict[str, Any], model: Model) -> dict[str, Any]:
    policy = model.policy
    raw = model.raw_tiers[c.tier][cell(figures["r"], figures["f"], figures["m"])]
    tier: dict[str, Any] = {
        "said": TIERS[c.tier],
        "since": format_time(c.tier_since),
        "called_for": TIERS[raw],
        "mid_from": policy.tier_mid,
        "high_from": policy.tier_high,
        "margin": policy.tier_margin,
        "min_stay_days": policy.tier_min_stay_days,
    }
    if raw < c.tier:
        tier["held_until"] = format_time(c.tier_since + model.min_stay)
    return tier


def _segment(figures: dict[str, Any], model: Model) -> dict[str, Any]:
    table = model.policy.segments
    r, f, m = figures["r"], figures["f"], figures["m"]
    for number, rule in enumerate(table.rules, 1):
        if rule.matches(r, f, m):
            box = {"r": list(rule.r), "f": list(rule.f), "m": list(rule.m)}
            return {"name": rule.name, "table": table.name, "rule": number, "box": box}
    return {"name": table.rest, "table": table.name, "rule": None, "box": None}


def _churn(c: Customer, model: Model) -> dict[str, Any]:
    parts, policy = reasons(c, model), model.policy.churn
    silence = churn(c, model)
    logit, doings = model.bias + sum(part.weight for part in parts), explain_signs(c, model)
    return {
        "first_order_at": format_time(c.first_at),
        "last_order_at": format_time(c.last_at),
        "orders": c.n,
        "bias": model.bias,
        "contributions": [
            {
                "code": part.code,
                "weight": round(part.weight, DECIMALS),
                "detail": {name: round(value, DECIMALS) for name, value in part.detail.items()},
            }
            for part in parts
        ],
        "p_alive": silence["p_alive"],
        "p_alive_coefficient": model.alive_weight,
        "evidence": {
            "gap_steps": list(model.gap_ratios),
            "gap_weights": list(model.gap_weights[1:]),
            "complaint": model.complaint_weight,
            "complaint_cap": model.complaint_cap,
            "detractor": model.detractor_weight,
            "detractor_days": policy.detractor_days,
            "gap_days_min": policy.gap_days_min,
            "rhythm_orders_min": policy.rhythm_orders_min,
            "rhythm": model.rhythm_weight,
            "rhythm_max": RHYTHM_MAX,
            "quiet": model.quiet_weight,
            "horizon_days": policy.horizon_days,
        },
        **({"signs": doings} if doings else {}),
        "parameters": {"r": model.r, "alpha": model.alpha, "a": model.a, "b": model.b},
        "logit": round(logit, DECIMALS),
        "risk": silence["risk"],
        "levels": dict(policy.levels),
        "warn_from": policy.warn_from,
        "level": LEVELS[level(logit, model.level_logits)],
    }


def _next(c: Customer, model: Model, exponent: int) -> dict[str, Any] | None:
    """The first moment at which silence changes what is said, and what it changes; None where there is none."""
    before = _state(c, model)
    said = (c.tier, c.segment, c.level, c.abc, c.lifecycle)
    # What is due by now and not said yet comes first.
    due = c.as_of
    for _ in range(LOOKS_MAX):
        found = assess(c, due, model)
        if found[:-1] != said:
            became = {
                "tier": TIERS[found.tier],
                "segment": found.segment or None,
                "level": LEVELS[found.level],
                "abc": class_name(found.abc),
                "lifecycle": STAGES[found.lifecycle],
            }
            after = _state(c, model) | became
            changes = {name: [before[name], after[name]] for name in before if before[name] != after[name]}
            figures = {"orders": c.frequency, "amount": from_minor(c.monetary, exponent)}
            return {"at": format_time(due), "changes": changes, "window": figures}
        if found.due == NEVER:
            return None
        due = found.due
    return None


def _state(c: Customer, model: Model) -> dict[str, Any]:
    figures = rfm(c, model, 0)
    return {
        "tier": TIERS[c.tier],
        "segment": c.segment or None,
        "level": LEVELS[c.level],
        "abc": class_name(c.abc),
        "lifecycle": STAGES[c.lifecycle],
        "r": figures["r"],
        "f": figures["f"],
        "m": figures["m"],
        "risk": churn(c, model)["risk"],
    }
