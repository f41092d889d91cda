"""What a customer looks for, returns, answers and leaves behind, with the numbers behind each; known of some only.

Each section is there where the customer has what it is about; see `stream.state.character` and its neighbours.
"""

from __future__ import annotations

from typing import Any, Final

from stream.commands.explain_words import DECIMALS
from stream.contracts.money import from_minor
from stream.contracts.times import format_time
from stream.scoring import anomaly, conduct, needs
from stream.scoring.anomaly import GAP, MEASURES, ORDER_VALUE
from stream.scoring.conduct import CONDUCT
from stream.scoring.needs import DISCOUNTED, NEEDS, NEW_CATEGORY, POINT, REPEAT_CATEGORY
from stream.scoring.periods import PERIOD, PERIOD_DAYS, counts_of
from stream.scoring.satisfaction import OTHER_WEIGHT
from stream.scoring.units import DAY, NEVER
from stream.state import baskets
from stream.state.answers import indices
from stream.state.carts import left_at, step, touched_at
from stream.state.character import conduct_figures, market_classes, need_figures
from stream.state.customer import Customer
from stream.state.interactions import TYPE_NAMES
from stream.state.model import Model
from stream.state.unusual import histories
from stream.state.view import cell_of

_SOURCES: Final = TYPE_NAMES | {
    NEW_CATEGORY: "new_category",
    REPEAT_CATEGORY: "repeat_category",
    DISCOUNTED: "discounted",
}


def explain_character(c: Customer, model: Model, exponent: int) -> dict[str, Any]:
    """The sections of an explanation that not every customer has, at the customer's own `as_of`."""
    found = {
        "needs": _needs(c, model),
        "conduct": _conduct(c, model),
        "market_segments": _market_segments(c, model),
        "satisfaction": _satisfaction(c, model),
        "open_cart": _open_cart(c, model),
        "usual": _usual(c, model, exponent),
    }
    return {name: section for name, section in found.items() if section}


def _needs(c: Customer, model: Model) -> dict[str, Any]:
    figures, policy = need_figures(c, model), model.policy.needs
    if figures is None:
        return {}
    found: dict[str, Any] = {
        "half_life_days": policy.half_life_days,
        "points_min": policy.points_min,
        "margin": policy.margin,
        "sources": _sources(c, model),
        "points": round(figures.points, DECIMALS),
        "shares": {name: round(share, DECIMALS) for name, share in zip(NEEDS[1:], figures.shares, strict=True)},
        "said": NEEDS[c.need],
        "called_for": NEEDS[needs.dominant(policy, figures, c.need)],
    }
    if c.need != needs.NONE:
        found["strength"] = round(needs.strength(figures, c.need), DECIMALS)
    return found


def _sources(c: Customer, model: Model) -> list[dict[str, Any]]:
    """What has points, the newest first."""
    periods = {} if c.activity is None else c.activity.periods
    spoken = model.needs.points
    earned = [
        (period, code, count)
        for counts in (periods, baskets.tallies(c))
        for period, code, count in counts_of(counts)
        if code in spoken
    ]
    newest = max(period for period, _, _ in earned)
    return [
        {
            "source": _SOURCES[code],
            "need": NEEDS[spoken[code][0]],
            "period_from": format_time(period * PERIOD),
            "days_before_newest": (newest - period) * PERIOD_DAYS,
            "count": count,
            "points_each": spoken[code][1] / POINT,
            "weight": round(0.5 ** ((newest - period) / model.needs.half_life), DECIMALS),
        }
        for period, code, count in sorted(earned, key=lambda one: (-one[0], one[1]))
    ]


def _conduct(c: Customer, model: Model) -> dict[str, Any]:
    figures, policy = conduct_figures(c, model), model.policy.conduct
    if figures is None:
        return {}
    return {
        "orders": figures.orders,
        "returned": figures.returned,
        "share": round(figures.share, DECIMALS),
        "z": policy.z,
        "at_least": round(figures.at_least, DECIMALS),
        "returned_share": model.calibration.returned_share,
        "population_min": policy.population_min,
        "population": figures.population,
        "orders_min": policy.orders_min,
        "returned_min": policy.returned_min,
        "watch_from": policy.watch,
        "high_from": policy.high,
        "margin": policy.margin,
        "said": CONDUCT[c.conduct],
        "called_for": CONDUCT[conduct.level(policy, figures, c.conduct)],
    }


def _market_segments(c: Customer, model: Model) -> dict[str, Any]:
    market, rules = model.market, model.policy.market_segments.rules
    if not rules:
        return {}
    classes = market_classes(c, model, cell_of(c, model) if c.n else 0)
    said, holds = market.names(c.market_segments), market.names(market.bits(classes))
    found: dict[str, Any] = {"classes": {name: classes[name] for name in market.uses}}
    if c.registered_at:
        found["registration"] = {
            "registered_at": format_time(c.registered_at),
            "days": round((c.as_of - c.registered_at) / DAY, DECIMALS),
            "ages": dict(model.policy.market_segments.registration_ages),
            "age": classes["registration_age"],
        }
    found["rules"] = [
        {"name": rule.name, "when": rule.when, "holds": rule.name in holds, "said": rule.name in said} for rule in rules
    ]
    return found


def _satisfaction(c: Customer, model: Model) -> dict[str, Any]:
    policy, found = model.policy.satisfaction, dict[str, Any]()
    if c.nps_score >= 0:
        found["nps"] = {"score": c.nps_score, "at": format_time(c.nps_at)}
    if c.answers is None:
        return found
    if c.answers.csat is not None:
        at, score = c.answers.csat
        found["csat"] = {"score": score, "at": format_time(at)}
    if c.answers.csi is not None:
        at, score, values = c.answers.csi
        weights = dict(policy.weights)
        found["csi"] = {
            "at": format_time(at),
            "dimensions": {name: {"score": one, "weight": weights.get(name, OTHER_WEIGHT)} for name, one in values},
            **{name: round(index, DECIMALS) for name, index in indices(score, values, policy).items()},
        }
    return found


def _open_cart(c: Customer, model: Model) -> dict[str, Any]:
    left = left_at(c, model)
    if left == NEVER:
        return {}
    return {
        "touched_at": format_time(touched_at(c)),
        "step": step(c),
        "left_after_hours": model.policy.carts.left_after_hours,
        "left_at": format_time(left),
        "left": c.as_of >= left,
    }


def _usual(c: Customer, model: Model, exponent: int) -> dict[str, Any]:
    """The range in which the next figure of each kind is not unusual."""
    policy = model.policy.anomaly
    found: dict[str, Any] = {}
    for name, history in histories(c, model).items():
        usual = anomaly.usual(policy, MEASURES[name], history)
        if usual is None:
            continue
        unit = {ORDER_VALUE.name: 10**exponent, GAP.name: DAY}.get(name, 1)
        found[name] = {
            "history": [
                from_minor(round(one), exponent) if name == ORDER_VALUE.name else round(one / unit, DECIMALS)
                for one in history
            ],
            "spreads": policy.z,
            "spread_min": dict(policy.spread_min)[name],
            "low": round(usual.low / unit, DECIMALS),
            "middle": round(usual.middle / unit, DECIMALS),
            "high": round(usual.high / unit, DECIMALS),
        }
    return found
