"""An explanation in plain words, one thought a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream.commands.explain_classes_text import class_lines


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The lines that `scorer explain` prints of what `explain` gives."""
    moment = f" at {found['as_of']}" if "as_of" in found else ""
    yield f"Customer {found['customer_id']}{moment}, calibration {found['calibration']}"
    said = found["said"]
    yield (
        f"Said: tier {said['tier']}, segment {said['segment'] or 'none'}, churn level {said['level']}, "
        f"class {said['abc'] or 'none'}, stage {said['lifecycle']}"
    )
    if "rfm" not in found:
        yield "No order of this customer counts, so there is nothing to score."
        return
    yield from _rfm(found["rfm"])
    yield from _value(found["rfm"], found["value_score"])
    yield from _tier(found["tier"], found["value_score"]["score"])
    yield from _segment(found["segment"])
    yield from _churn(found["churn"], found["as_of"])
    yield from class_lines(found, found["rfm"]["currency"])
    yield from _next(found["next"])


def _rfm(rfm: dict[str, Any]) -> Iterator[str]:
    recency, frequency, monetary = rfm["recency"], rfm["frequency"], rfm["monetary"]
    yield ""
    yield f"How lately, how often, how much: orders of the last {rfm['window_days']} days"
    if not rfm["in_window"]:
        yield "  No order is within the window: each score is 1."
    yield f"  recency    {recency['days']:g} days since the last order; {_edges(recency)}: R = {recency['score']}"
    yield f"  frequency  {frequency['orders']} orders; {_edges(frequency)}: F = {frequency['score']}"
    yield (
        f"  monetary   {monetary['amount']} {rfm['currency']} after refunds; {_edges(monetary)}: "
        f"M = {monetary['score']}"
    )
    yield "  A score is 1 plus the number of edges reached; for recency it is 5 minus that number."


def _edges(figure: dict[str, Any]) -> str:
    return "edges " + ", ".join(f"{edge:.6f}".rstrip("0").rstrip(".") for edge in figure["edges"])


def _value(rfm: dict[str, Any], value: dict[str, Any]) -> Iterator[str]:
    scores = (rfm["recency"]["score"], rfm["frequency"]["score"], rfm["monetary"]["score"])
    terms = " + ".join(f"{weight:g} · ({score} - 1)/4" for weight, score in zip(value["weights"], scores, strict=True))
    total = " + ".join(f"{weight:g}" for weight in value["weights"])
    yield ""
    yield "Value"
    yield f"  value score = 100 · ({terms}) / ({total}) = {value['score']:.6f}"


def _tier(tier: dict[str, Any], score: float) -> Iterator[str]:
    mid, high, margin = tier["mid_from"], tier["high_from"], tier["margin"]
    yield f"  tiers: high from {high:g}, mid from {mid:g}; whoever is in one keeps it down to {margin:g} below"
    yield f"  {score:.6f} calls for {tier['called_for']}; said is {tier['said']}, since {tier['since']}"
    if "held_until" in tier:
        yield f"  A lower tier is said after {tier['min_stay_days']:g} days at the earliest: {tier['held_until']}"


def _segment(segment: dict[str, Any]) -> Iterator[str]:
    if segment["rule"] is None:
        yield f"  segment {segment['name']}: no rule of table {segment['table']} matches these scores"
        return
    box = ", ".join(f"{name.upper()} {low} to {high}" for name, (low, high) in segment["box"].items())
    yield f"  segment {segment['name']}: rule {segment['rule']} of table {segment['table']} ({box})"


def _churn(churn: dict[str, Any], as_of: str) -> Iterator[str]:
    yield ""
    yield "Churn: each reason adds to the logarithm of the odds that the customer is lost"
    for part in churn["contributions"]:
        yield f"  {part['weight']:+.6f}  {part['code']}: {_reason(part, churn)}"
    yield f"  {churn['bias']:+.6f}  bias"
    yield f"  {churn['logit']:+.6f}  sum; risk = 1 / (1 + e^-({churn['logit']:.6f})) = {churn['risk']:.6f}"
    levels = ", ".join(f"{name} from {risk:g}" for name, risk in churn["levels"].items())
    yield f"  levels: {levels}; that is {churn['level']}"
    yield f"  A rise to {churn['warn_from']} or above is a warning."
    p = churn["parameters"]
    yield "  p_alive = k · (ln(a / (b + x)) + (r + x) · ln((alpha + T) / (alpha + t))), where"
    yield (
        f"    k = {churn['p_alive_coefficient']:g}, r = {p['r']:g}, alpha = {p['alpha']:g}, a = {p['a']:g}, "
        f"b = {p['b']:g}, and x = {churn['orders'] - 1}, the orders after the first;"
    )
    yield f"    T and t are weeks from the first order, {churn['first_order_at']},"
    yield f"    to now, {as_of}, and to the last order, {churn['last_order_at']}"


def _reason(part: dict[str, Any], churn: dict[str, Any]) -> str:
    detail, evidence = part["detail"], churn["evidence"]
    if part["code"] == "p_alive":
        return (
            f"{churn['orders']} orders, then {detail['days_since_last_order']:g} days of silence: "
            f"still a customer with probability {detail['p_alive']:.6f}"
        )
    if part["code"] == "gap":
        ratio = detail["days_since_last_order"] / detail["usual_gap_days"]
        steps = ", ".join(
            f"{weight:g} from {step:g}"
            for step, weight in zip(evidence["gap_steps"], evidence["gap_weights"], strict=True)
        )
        return f"silent for {ratio:.3f} times the usual {detail['usual_gap_days']:g} days ({steps} times)"
    if part["code"] == "open_complaints":
        return (
            f"{detail['open']:g} complaints are open ({evidence['complaint']:g} for each, "
            f"{evidence['complaint_cap']} count at most)"
        )
    return (
        f"answered {detail['score']:g} of 10, {detail['days_since_answer']:g} days ago "
        f"(counts for {evidence['detractor_days']:g} days)"
    )


def _next(change: dict[str, Any] | None) -> Iterator[str]:
    yield ""
    if change is None:
        yield "Next: if nothing happens, nothing changes any more."
        return
    yield f"Next, if nothing happens: {change['at']}"
    for name, (before, after) in change["changes"].items():
        yield f"  {name}: {before or 'none'} becomes {after or 'none'}"
