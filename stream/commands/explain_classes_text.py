"""The part of an explanation that is about classes, stage, worth, cells and action, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def class_lines(found: dict[str, Any], currency: str) -> Iterator[str]:
    """The lines of what `explain_classes` gives."""
    yield from _abc(found["abc"], currency)
    yield from _lifecycle(found["lifecycle"])
    yield from _loyalty(found["loyalty"])
    yield from _clv(found["clv"], currency)
    yield from _profitability(found["profitability"], currency)
    yield from _matrix(found["matrix"])
    yield from _action(found["action"])


def _abc(abc: dict[str, Any], currency: str) -> Iterator[str]:
    yield ""
    yield "Class of revenue"
    yield (
        f"  A from {abc['a_from']}, B from {abc['b_from']} {currency}; whoever is in one keeps it down to "
        f"{abc['margin']:g} of that below"
    )
    yield f"  {abc['revenue']} calls for {abc['called_for'] or 'none'}; said is {abc['said'] or 'none'}"


def _lifecycle(stage: dict[str, Any]) -> Iterator[str]:
    yield ""
    since = f", since {stage['since']}" if stage["since"] else ""
    yield f"Stage of the lifecycle: said is {stage['said']}{since}"
    yield f"  {stage['orders']} orders over {stage['tenure_days']:.6f} days; P(alive) = {stage['p_alive']:.6f}"
    if stage["usual_gap_days"] is None:
        yield f"  silent for {stage['silence_days']:.6f} days, without a usual gap"
    else:
        reached = "no step" if stage["gap_step"] is None else f"step {stage['gap_step']:g}"
        steps = ", ".join(f"{step:g}" for step in stage["gap_steps"])
        usual = f"{stage['usual_gap_days']:.6f}"
        yield f"  silent for {stage['silence_days']:.6f} days, usual gap {usual}: {reached} of {steps}"
    yield f"  ordered since that stage was said: {_yes(stage['returned'])}"
    yield f"  rule {stage['rule']} ({_conditions(stage['conditions'])}) calls for {stage['called_for']}"


def _loyalty(loyalty: dict[str, Any]) -> Iterator[str]:
    shares, weights = loyalty["parts"], loyalty["weights"]
    variation, gaps = loyalty["gap_variation"], len(loyalty["gaps_days"])
    counted = f"{loyalty['periods_with_order']} of {loyalty['periods']}"
    yield ""
    yield "Loyalty"
    yield f"  repeat      {shares['repeat']:.6f}: all but the first of {loyalty['orders']} orders"
    yield f"  tenure      {shares['tenure']:.6f}: {loyalty['tenure_days']:.6f} of 365 days, at most 1"
    if variation is None:
        yield f"  regularity  {shares['regularity']:.6f}: of {gaps} gaps nothing can be said"
    else:
        yield f"  regularity  {shares['regularity']:.6f}: 1 / (1 + {variation:.6f}), the variation of {gaps} gaps"
    yield f"  periods     {shares['periods']:.6f}: {counted} periods of 30 days with an order"
    terms = " + ".join(f"{weights[name]:g} · {share:.6f}" for name, share in shares.items())
    total = " + ".join(f"{weight:g}" for weight in weights.values())
    yield f"  loyalty = 100 · ({terms}) / ({total}) = {loyalty['score']:.6f}"


def _clv(clv: dict[str, Any], currency: str) -> Iterator[str]:
    p, spend = clv["parameters"], clv["spend"]
    yield ""
    yield f"Lifetime value: {clv['horizon_months']} months ahead, at {clv['discount_yearly']:g} a year"
    yield (
        f"  {clv['discounted_orders']:.6f} orders while a customer: MBG/NBD with r = {p['r']:g}, "
        f"alpha = {p['alpha']:g}, a = {p['a']:g}, b = {p['b']:g}, {clv['repeats']} repeat orders, "
        f"{clv['age_weeks']:.6f} weeks"
    )
    yield (
        f"  population's spend = v · p / (q - 1) = {spend['v']:.6f} · {spend['p']:g} / ({spend['q']:g} - 1) "
        f"= {spend['population']:.6f}"
    )
    if spend["mean"] is None:
        yield f"  no order in the window: expected spend {spend['expected']:.6f}"
    else:
        yield (
            f"  own weight = p · x / (p · x + q - 1) = {spend['weight']:.6f} with x = {spend['orders']} orders of "
            f"{spend['mean']:.6f} on average"
        )
        yield f"  expected spend = (1 - weight) · population's + weight · own = {spend['expected']:.6f}"
    yield (
        f"  lifetime value = {clv['p_alive']:.6f} · {clv['discounted_orders']:.6f} · {spend['expected']:.6f} "
        f"= {clv['clv']} {currency}: score {clv['score']} of edges {_numbers(clv['edges'])}"
    )
    factors = f"{clv['discounted_orders']:.6f} · {spend['expected']:.6f}"
    yield f"  at stake, if they left: {factors} = {clv['value_at_stake']} {currency}"


def _profitability(profit: dict[str, Any], currency: str) -> Iterator[str]:
    yield ""
    yield "Profitability"
    yield (
        f"  profit = {profit['revenue']} · {profit['gross_margin']:g} - {profit['discounts']} of discounts "
        f"- {profit['returns']} returns · {profit['return_cost']} "
        f"- {profit['contacts']} contacts · {profit['contact_cost']} "
        f"= {profit['profit']} {currency}: score {profit['score']} of edges {_numbers(profit['edges'])}"
    )


def _matrix(matrices: list[dict[str, Any]]) -> Iterator[str]:
    yield ""
    yield "Matrices"
    for matrix in matrices:
        axes = " and ".join(
            f"{axis['axis']} {axis['figure']:.6f} is {axis['range']} (cuts {_numbers(axis['cuts'])})"
            for axis in (matrix["rows"], matrix["columns"])
        )
        yield f"  {matrix['name']}: {axes}: {matrix['cell']}; said is {matrix['said'] or 'none'}"


def _action(action: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield "Action"
    yield (
        f"  tier {action['tier']}, stage {action['lifecycle']}, churn level {action['level']}, need {action['need']}, "
        f"open complaint {_yes(action['open_complaint'])}"
    )
    if action["action"] == "none":
        yield f"  rule {action['rule']} ({_conditions(action['conditions'])}): none"
    else:
        yield (
            f"  rule {action['rule']} ({_conditions(action['conditions'])}): {action['action']} by {action['channel']} "
            f"within {action['deadline_days']} days"
        )
    if action["held_out"]:
        yield f"  This customer is among the {action['hold_out']:g} who are held out: nothing is said."
    if action["cadence_days"]:
        last = action["contacted_at"] or "none"
        yield f"  A follow-up is due {action['cadence_days']} days after the last order or contact ({last})."
    if "waiting_for" in action:
        waiting = action["waiting_for"]
        yield f"  The outcome of {waiting['action']}, given at {waiting['since']}, is waited for."


def _numbers(values: list[float]) -> str:
    return ", ".join(f"{value:.6f}".rstrip("0").rstrip(".") for value in values)


def _conditions(conditions: dict[str, Any]) -> str:
    return "; ".join(f"{name} {_told(value)}" for name, value in conditions.items()) or "everybody"


def _told(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, bool):
        return _yes(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _yes(value: bool) -> str:  # noqa: FBT001 - the thing itself
    return "yes" if value else "no"
