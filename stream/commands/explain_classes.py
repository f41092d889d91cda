"""Why a customer has this class, stage, worth and cells: the numbers behind each, and the row that decided.

Figures are rounded to `DECIMALS`, money to whole minor units where it is paid, and to fractions of them where a figure
is only on the way to another one.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import log
from typing import Any

from stream.commands.explain_words import DECIMALS
from stream.contracts.money import from_minor
from stream.contracts.times import format_time
from stream.scoring.abc import CLASSES, NONE, compile_abc, rank
from stream.scoring.alive import log_odds_gone, probability
from stream.scoring.lifecycle import STAGES, stage
from stream.scoring.loyalty import PARTS, PERIOD, loyalty, parts
from stream.scoring.matrix import AXES, Axis
from stream.scoring.profitability import BASIS_POINTS
from stream.scoring.units import DAY, WEEK
from stream.state.baskets import discount_since
from stream.state.customer import Customer
from stream.state.evaluation import gap_reached
from stream.state.model import Model
from stream.state.order_figures import order_times, returns
from stream.state.view import cell_of
from stream.state.worth import axes_of, cell_in, contacts, matrix_of, name_of, worth


def explain_classes(c: Customer, model: Model, exponent: int) -> dict[str, Any]:
    """The sections of an explanation of a customer with orders, at their own `as_of`, that are about classes."""
    return {
        "abc": _abc(c, model, exponent),
        "lifecycle": _lifecycle(c, model),
        "loyalty": _loyalty(c, model),
        "clv": _clv(c, model, exponent),
        "profitability": _profitability(c, model, exponent),
        "matrix": _matrix(c, model),
    }


def class_name(number: int) -> str | None:
    """Name of a class by its rank; None without one."""
    return CLASSES[number] if number != NONE else None


def _abc(c: Customer, model: Model, exponent: int) -> dict[str, Any]:
    edges, margin = model.calibration.abc, model.policy.abc.margin
    called_for = rank(c.monetary, c.abc, compile_abc(edges, margin)) if c.frequency else NONE
    return {
        "revenue": from_minor(c.monetary, exponent),
        "in_window": c.frequency > 0,
        "a_from": from_minor(edges.a_minor, exponent),
        "b_from": from_minor(edges.b_minor, exponent),
        "margin": margin,
        "said": class_name(c.abc),
        "called_for": class_name(called_for),
    }


def _lifecycle(c: Customer, model: Model) -> dict[str, Any]:
    gone, (step, usual) = _gone(c, model), gap_reached(c, model)
    tenure, returned = c.last_at - c.first_at, c.last_at > c.lifecycle_since
    called_for = stage(model.lifecycle, c.lifecycle, returned, c.n, tenure, step, gone)
    rule, conditions = _row_of_lifecycle(c, model, step, gone)
    return {
        "said": STAGES[c.lifecycle],
        "since": format_time(c.lifecycle_since) if c.lifecycle_since else None,
        "called_for": STAGES[called_for],
        "rule": rule,
        "conditions": conditions,
        "orders": c.n,
        "tenure_days": round(tenure / DAY, DECIMALS),
        "returned": returned,
        "silence_days": round((c.as_of - c.last_at) / DAY, DECIMALS),
        "usual_gap_days": round(usual / DAY, DECIMALS) if usual else None,
        "gap_steps": list(model.gap_ratios),
        "gap_step": model.gap_ratios[step - 1] if step else None,
        "p_alive": round(probability(-gone), DECIMALS),
    }


def _row_of_lifecycle(c: Customer, model: Model, step: int, gone: float) -> tuple[int, dict[str, Any]]:
    """Number of the first row that matches, from 1 on, and its conditions; there is one, or the policy is refused."""
    tenure, returned = c.last_at - c.first_at, c.last_at > c.lifecycle_since
    number, row = next(
        (number, row)
        for number, row in enumerate(model.policy.lifecycle.rows, 1)
        if (not row.said or STAGES[c.lifecycle] in row.said)
        and row.returned in {None, returned}
        and c.n >= (row.orders_min or 0)
        and (row.orders_max is None or c.n <= row.orders_max)
        and tenure >= round((row.tenure_days_min or 0) * DAY)
        and (row.gap_min is None or row.gap_min in model.gap_ratios[:step])
        and (row.p_alive_max is None or gone >= _log_odds(row.p_alive_max))
    )
    conditions = {
        "from": list(row.said) or None,
        "returned": row.returned,
        "orders_min": row.orders_min,
        "orders_max": row.orders_max,
        "tenure_days_min": row.tenure_days_min,
        "gap_min": row.gap_min,
        "p_alive_max": row.p_alive_max,
    }
    return number, {name: value for name, value in conditions.items() if value is not None}


def _log_odds(p_alive: float) -> float:
    """Log-odds of being gone at which P(alive) is this, as the table of the lifecycle has them."""
    return log((1 - p_alive) / p_alive)


def _gone(c: Customer, model: Model) -> float:
    last, age = (c.last_at - c.first_at) / WEEK, (c.as_of - c.first_at) / WEEK
    return log_odds_gone(model.churn.alive, c.n - 1, last, age)


def _loyalty(c: Customer, model: Model) -> dict[str, Any]:
    times, weights = order_times(c), model.policy.loyalty.weights
    found = parts(times, c.n, c.first_at, c.last_at, c.as_of)
    periods = (c.as_of - times[0]) // PERIOD + 1 if times else 0
    gaps = [(later - at) / DAY for at, later in pairwise(times)]
    return {
        "parts": {name: round(part, DECIMALS) for name, part in zip(PARTS, found, strict=True)},
        "weights": dict(zip(PARTS, weights, strict=True)),
        "orders": c.n,
        "tenure_days": round((c.last_at - c.first_at) / DAY, DECIMALS),
        "gaps_days": [round(gap, DECIMALS) for gap in gaps],
        "gap_variation": round(1 / found.regularity - 1, DECIMALS) if found.regularity else None,
        "periods": periods,
        "periods_with_order": round(found.periods * periods),
        "score": round(loyalty(found, model.policy.loyalty), DECIMALS),
    }


def _clv(c: Customer, model: Model, exponent: int) -> dict[str, Any]:
    figures, spend, policy, unit = worth(c, model), model.spend, model.policy.clv, 10**exponent
    own = spend.p * c.frequency
    return {
        "horizon_months": policy.horizon_months,
        "discount_yearly": policy.discount_yearly,
        "repeats": c.n - 1,
        "age_weeks": round((c.as_of - c.first_at) / WEEK, DECIMALS),
        "parameters": {"r": model.r, "alpha": model.alpha, "a": model.a, "b": model.b},
        "discounted_orders": round(figures.orders, DECIMALS),
        "spend": {
            "p": spend.p,
            "q": spend.q,
            "v": round(spend.v_minor / unit, DECIMALS),
            "population": round(spend.mean_minor / unit, DECIMALS),
            "orders": c.frequency,
            "mean": round(c.monetary / c.frequency / unit, DECIMALS) if c.frequency else None,
            "weight": round(own / (own + spend.q - 1), DECIMALS),
            "expected": round(figures.spend / unit, DECIMALS),
        },
        "p_alive": round(probability(-_gone(c, model)), DECIMALS),
        "clv": from_minor(figures.clv, exponent),
        "value_at_stake": from_minor(figures.at_stake, exponent),
        "edges": [round(edge / unit, DECIMALS) for edge in model.calibration.clv_edges_minor],
        "score": bisect_right(model.calibration.clv_edges_minor, figures.clv) + 1,
    }


def _profitability(c: Customer, model: Model, exponent: int) -> dict[str, Any]:
    policy, start, profit = model.policy.profitability, c.as_of - model.window, worth(c, model).profit
    return {
        "revenue": from_minor(c.monetary, exponent),
        "gross_margin": policy.margin_basis_points / BASIS_POINTS,
        "discounts": from_minor(discount_since(c, start), exponent),
        "returns": returns(c),
        "return_cost": from_minor(policy.return_cost_minor, exponent),
        "contacts": contacts(c, start),
        "contact_cost": from_minor(policy.contact_cost_minor, exponent),
        "profit": from_minor(profit, exponent),
        "edges": [round(edge / 10**exponent, DECIMALS) for edge in model.calibration.profit_edges_minor],
        "score": bisect_right(model.calibration.profit_edges_minor, profit) + 1,
    }


def _matrix(c: Customer, model: Model) -> list[dict[str, Any]]:
    figures, cell = worth(c, model), cell_of(c, model)
    by_axis = dict(zip(AXES, axes_of(c, model, figures, cell), strict=True))
    now = matrix_of(c, model, figures, cell)
    return [
        {
            "name": matrix.name,
            "rows": _axis(matrix.rows, by_axis),
            "columns": _axis(matrix.columns, by_axis),
            "cell": name_of(model.matrices.names[number], cell_in(now, number)),
            "said": name_of(model.matrices.names[number], cell_in(c.matrix, number)),
        }
        for number, matrix in enumerate(model.policy.matrices)
    ]


def _axis(axis: Axis, by_axis: dict[str, float]) -> dict[str, Any]:
    figure = by_axis[axis.axis]
    return {
        "axis": axis.axis,
        "figure": round(figure, DECIMALS),
        "cuts": list(axis.cuts),
        "range": axis.names[bisect_right(axis.cuts, figure)],
    }
