"""The part of an explanation that is about churn, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream.commands.explain_signs import sign_lines, sign_reason
from stream.commands.explain_words import number
from stream.scoring.churn_signs import SIGNS


def churn_lines(churn: dict[str, Any], as_of: str) -> Iterator[str]:
    """The lines of the section ``churn`` at the moment `as_of`, as it is printed."""
    yield ""
    yield "Churn: each reason adds to the logarithm of the odds that the customer is lost"
    for part in churn["contributions"]:
        told = sign_reason(part) if part["code"] in SIGNS else _reason(part, churn)
        yield f"  {part['weight']:+.6f}  {part['code']}: {told}"
    yield f"  {number(churn['bias'])}  bias"
    yield f"  {churn['logit']:+.6f}  sum; risk = 1 / (1 + e^-({churn['logit']:.6f})) = {churn['risk']:.6f}"
    levels = ", ".join(f"{name} from {number(risk)}" for name, risk in churn["levels"].items())
    yield f"  levels: {levels}; that is {churn['level']}"
    yield f"  A rise to {churn['warn_from']} or above is a warning."
    p, evidence = churn["parameters"], churn["evidence"]
    yield "  p_alive = k · (ln(a / (b + x)) + (r + x) · ln((alpha + T) / (alpha + t))), where"
    yield (
        f"    k = {number(churn['p_alive_coefficient'])}, r = {number(p['r'])}, alpha = {number(p['alpha'])}, "
        f"a = {number(p['a'])}, b = {number(p['b'])}, and x = {churn['orders'] - 1}, the orders after the first;"
    )
    yield f"    T and t are weeks from the first order, {churn['first_order_at']},"
    yield f"    to now, {as_of}, and to the last order, {churn['last_order_at']}"
    yield from _weights(evidence)
    if "signs" in churn:
        yield from sign_lines(churn["signs"])


def _weights(evidence: dict[str, Any]) -> Iterator[str]:
    """What each piece of evidence weighs, whether it is there or not."""
    weeks = f"{number(evidence['horizon_days'])} / 7"
    yield (
        f"  rhythm = {number(evidence['rhythm'])} · ln(q / (1 - q)), of which the logarithm is at most "
        f"{number(evidence['rhythm_max'])} either way;"
    )
    yield f"    q = ((alpha + t) / (alpha + t + {weeks}))^(r + x): no order for {weeks} weeks"
    yield f"  quiet = {number(evidence['quiet'])} · ln((alpha + T) / (alpha + t))"
    steps = ", ".join(
        f"{number(weight)} from {number(step)}"
        for step, weight in zip(evidence["gap_steps"], evidence["gap_weights"], strict=True)
    )
    yield (
        f"  gap = {steps} usual gaps: the mean one, at least {number(evidence['gap_days_min'])} days, from "
        f"{evidence['rhythm_orders_min']} orders on"
    )
    yield (
        f"  open_complaints = {number(evidence['complaint'])} for each, {evidence['complaint_cap']} count at most; "
        f"detractor = {number(evidence['detractor'])} for {number(evidence['detractor_days'])} days"
    )


def _reason(part: dict[str, Any], churn: dict[str, Any]) -> str:
    detail, evidence = part["detail"], churn["evidence"]
    match part["code"]:
        case "p_alive":
            return (
                f"{churn['orders']} orders, then {number(detail['days_since_last_order'])} days of silence: "
                f"still a customer with probability {detail['p_alive']:.6f}"
            )
        case "rhythm":
            return (
                f"{churn['orders']} orders: a customer orders nothing within {number(detail['horizon_days'])} days "
                f"with probability {detail['p_no_order']:.6f}"
            )
        case "quiet":
            return (
                f"{number(detail['days_since_last_order'])} days of silence: ln((alpha + T) / (alpha + t)) is "
                f"{detail['growth']:.6f}"
            )
        case "gap":
            return _gap(detail, evidence)
        case "open_complaints":
            return (
                f"{number(detail['open'])} complaints are open ({number(evidence['complaint'])} for each, "
                f"{evidence['complaint_cap']} count at most)"
            )
        case _:
            return (
                f"answered {number(detail['score'])} of 10, {number(detail['days_since_answer'])} days ago "
                f"(counts for {number(evidence['detractor_days'])} days)"
            )


def _gap(detail: dict[str, float], evidence: dict[str, Any]) -> str:
    ratio = detail["days_since_last_order"] / detail["usual_gap_days"]
    steps = ", ".join(
        f"{number(weight)} from {number(step)}"
        for step, weight in zip(evidence["gap_steps"], evidence["gap_weights"], strict=True)
    )
    return f"silent for {ratio:.3f} times the usual {number(detail['usual_gap_days'])} days ({steps} times)"
