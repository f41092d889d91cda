"""An explanation in plain words, one thought a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream.commands.explain_action_text import action_lines
from stream.commands.explain_character_text import character_lines
from stream.commands.explain_churn_text import churn_lines
from stream.commands.explain_classes_text import class_lines
from stream.commands.explain_words import number, numbers


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
        yield from character_lines(found)
        yield from action_lines(found["action"])
        return
    yield from _rfm(found["rfm"])
    yield from _value(found["rfm"], found["value_score"])
    yield from _tier(found["tier"], found["value_score"]["score"])
    yield from _segment(found["segment"])
    yield from churn_lines(found["churn"], found["as_of"])
    yield from class_lines(found, found["rfm"]["currency"])
    yield from character_lines(found)
    yield from action_lines(found["action"])
    yield from _next(found["next"])


def _rfm(rfm: dict[str, Any]) -> Iterator[str]:
    recency, frequency, monetary = rfm["recency"], rfm["frequency"], rfm["monetary"]
    yield ""
    yield f"How lately, how often, how much: orders of the last {rfm['window_days']} days"
    if not rfm["in_window"]:
        yield "  No order is within the window: each score is 1."
    yield f"  recency    {number(recency['days'])} days since the last order; {_edges(recency)}: R = {recency['score']}"
    yield f"  frequency  {frequency['orders']} orders; {_edges(frequency)}: F = {frequency['score']}"
    yield (
        f"  monetary   {monetary['amount']} {rfm['currency']} after refunds; {_edges(monetary)}: "
        f"M = {monetary['score']}"
    )
    yield "  A score is 1 plus the number of edges reached; for recency it is 5 minus that number."


def _edges(figure: dict[str, Any]) -> str:
    return f"edges {numbers(figure['edges'])}"


def _value(rfm: dict[str, Any], value: dict[str, Any]) -> Iterator[str]:
    scores = (rfm["recency"]["score"], rfm["frequency"]["score"], rfm["monetary"]["score"])
    weighed = zip(value["weights"], scores, strict=True)
    terms = " + ".join(f"{number(weight)} · ({score} - 1)/4" for weight, score in weighed)
    total = " + ".join(map(number, value["weights"]))
    yield ""
    yield "Value"
    yield f"  value score = 100 · ({terms}) / ({total}) = {value['score']:.6f}"


def _tier(tier: dict[str, Any], score: float) -> Iterator[str]:
    mid, high, margin = (number(tier[name]) for name in ("mid_from", "high_from", "margin"))
    yield f"  tiers: high from {high}, mid from {mid}; whoever is in one keeps it down to {margin} below"
    yield f"  {score:.6f} calls for {tier['called_for']}; said is {tier['said']}, since {tier['since']}"
    if "held_until" in tier:
        stay = number(tier["min_stay_days"])
        yield f"  A lower tier is said after {stay} days at the earliest: {tier['held_until']}"


def _segment(segment: dict[str, Any]) -> Iterator[str]:
    if segment["rule"] is None:
        yield f"  segment {segment['name']}: no rule of table {segment['table']} matches these scores"
        return
    box = ", ".join(f"{name.upper()} {low} to {high}" for name, (low, high) in segment["box"].items())
    yield f"  segment {segment['name']}: rule {segment['rule']} of table {segment['table']} ({box})"


def _next(change: dict[str, Any] | None) -> Iterator[str]:
    yield ""
    if change is None:
        yield "Next: if nothing happens, nothing changes any more."
        return
    yield f"Next, if nothing happens: {change['at']}"
    for name, (before, after) in change["changes"].items():
        yield f"  {name}: {before or 'none'} becomes {after or 'none'}"
    window = change["window"]
    yield f"  In the window there are {window['orders']} orders of {window['amount']} then."
