"""The part of an explanation that is about class, stage, worth and cells, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream.commands.explain_words import conditions, listed, number, numbers, yes


def class_lines(found: dict[str, Any], currency: str) -> Iterator[str]:
    """The lines of what `explain_classes` gives."""
    yield from _abc(found["abc"], currency)
    yield from _lifecycle(found["lifecycle"])
    yield from _loyalty(found["loyalty"])
    yield from _clv(found["clv"], currency)
    yield from _profitability(found["profitability"], currency)
    yield from _matrix(found["matrix"])


def _abc(abc: dict[str, Any], currency: str) -> Iterator[str]:
    yield ""
    yield "Class of revenue"
    yield (
        f"  A from {abc['a_from']}, B from {abc['b_from']} {currency}; whoever is in one keeps it down to "
        f"{number(abc['margin'])} of that below"
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
        reached = "no step" if stage["gap_step"] is None else f"step {number(stage['gap_step'])}"
        steps = numbers(stage["gap_steps"])
        usual = f"{stage['usual_gap_days']:.6f}"
        yield f"  silent for {stage['silence_days']:.6f} days, usual gap {usual}: {reached} of {steps}"
    yield f"  ordered since that stage was said: {yes(stage['returned'])}"
    yield f"  rule {stage['rule']} ({conditions(stage['conditions'])}) calls for {stage['called_for']}"


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
    yield from listed("gaps between the orders kept, in days", loyalty["gaps_days"])
    terms = " + ".join(f"{number(weights[name])} · {share:.6f}" for name, share in shares.items())
    total = " + ".join(map(number, weights.values()))
    yield f"  loyalty = 100 · ({terms}) / ({total}) = {loyalty['score']:.6f}"


def _clv(clv: dict[str, Any], currency: str) -> Iterator[str]:
    p, spend = clv["parameters"], clv["spend"]
    yield ""
    yield f"Lifetime value: {clv['horizon_months']} months ahead, at {number(clv['discount_yearly'])} a year"
    yield (
        f"  {clv['discounted_orders']:.6f} orders while a customer: MBG/NBD with r, alpha, a, b = "
        f"{numbers(p.values())}, {clv['repeats']} repeat orders, {clv['age_weeks']:.6f} weeks"
    )
    yield (
        f"  population's spend = v · p / (q - 1) = {number(spend['v'])} · {number(spend['p'])} / "
        f"({number(spend['q'])} - 1) = {spend['population']:.6f}"
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
        f"= {clv['clv']} {currency}: score {clv['score']} of edges {numbers(clv['edges'])}"
    )
    factors = f"{clv['discounted_orders']:.6f} · {spend['expected']:.6f}"
    yield f"  at stake, if they left: {factors} = {clv['value_at_stake']} {currency}"


def _profitability(profit: dict[str, Any], currency: str) -> Iterator[str]:
    yield ""
    yield "Profitability"
    yield (
        f"  profit = {profit['revenue']} · {number(profit['gross_margin'])} - {profit['discounts']} of discounts "
        f"- {profit['returns']} returns · {profit['return_cost']} "
        f"- {profit['contacts']} contacts · {profit['contact_cost']} "
        f"= {profit['profit']} {currency}: score {profit['score']} of edges {numbers(profit['edges'])}"
    )


def _matrix(matrices: list[dict[str, Any]]) -> Iterator[str]:
    yield ""
    yield "Matrices"
    for matrix in matrices:
        axes = " and ".join(
            f"{axis['axis']} {axis['figure']:.6f} is {axis['range']} (cuts {numbers(axis['cuts'])})"
            for axis in (matrix["rows"], matrix["columns"])
        )
        yield f"  {matrix['name']}: {axes}: {matrix['cell']}; said is {matrix['said'] or 'none'}"
