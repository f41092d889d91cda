"""The part of an explanation that is about needs, conduct, rule segments, answers and carts, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream.commands.explain_words import listed, number, yes


def character_lines(found: dict[str, Any]) -> Iterator[str]:
    """The lines of what `explain_character` gives."""
    for name, told in _SECTIONS.items():
        if name in found:
            yield ""
            yield from told(found[name])


def _needs(needs: dict[str, Any]) -> Iterator[str]:
    yield f"Needs: points lose half their weight in {number(needs['half_life_days'])} days, towards the newest period"
    for one in needs["sources"]:
        points = f"{one['count']} · {number(one['points_each'])} · {one['weight']:.6f}"
        yield (
            f"  {one['need']}: {points} for {one['source']}, 30 days from {one['period_from']} "
            f"({one['days_before_newest']} days before the newest)"
        )
    shares = ", ".join(f"{name} {share:.6f}" for name, share in needs["shares"].items())
    yield f"  shares of {needs['points']:.6f} points: {shares}"
    yield (
        f"  A need is said from {number(needs['points_min'])} points on, and kept until another leads by more than "
        f"{number(needs['margin'])}"
    )
    strength = f", strength {needs['strength']:.6f} = (share - 1/4) / (3/4)" if "strength" in needs else ""
    yield f"  that calls for {needs['called_for']}; said is {needs['said']}{strength}"


def _conduct(conduct: dict[str, Any]) -> Iterator[str]:
    yield "Conduct: orders refunded or cancelled"
    yield (
        f"  {conduct['returned']} of {conduct['orders']} orders: {conduct['share']:.6f}, at least "
        f"{conduct['at_least']:.6f} (Wilson's bound, z = {number(conduct['z'])})"
    )
    yield (
        f"  population: {number(conduct['population'])}, the greater of {number(conduct['returned_share'])} and "
        f"{number(conduct['population_min'])}"
    )
    yield (
        f"  watch from {number(conduct['watch_from'])} times that, high from {number(conduct['high_from'])}, kept down "
        f"to {number(conduct['margin'])} of that below; from {conduct['orders_min']} orders and "
        f"{conduct['returned_min']} returned ones on"
    )
    yield f"  that calls for {conduct['called_for']}; said is {conduct['said']}"


def _market_segments(segments: dict[str, Any]) -> Iterator[str]:
    yield "Rule segments"
    yield "  " + ", ".join(f"{name} {value or 'unknown'}" for name, value in segments["classes"].items())
    if "registration" in segments:
        one = segments["registration"]
        ages = ", ".join(f"{name} from {number(days)}" for name, days in one["ages"].items())
        yield f"  registered {one['registered_at']}, {number(one['days'])} days ago: {one['age']} ({ages})"
    for rule in segments["rules"]:
        yield f"  {rule['name']}: {rule['when']}: {yes(rule['holds'])}; said is {yes(rule['said'])}"


def _satisfaction(answers: dict[str, Any]) -> Iterator[str]:
    yield "Answers, the latest"
    for name, of in (("nps", 10), ("csat", 5)):
        if name in answers:
            yield f"  {name}: {answers[name]['score']} of {of}, at {answers[name]['at']}"
    if "csi" not in answers:
        return
    csi = answers["csi"]
    yield f"  csi: {csi['csi']:.6f}, at {csi['at']}"
    if csi["dimensions"]:
        scores = csi["dimensions"].items()
        terms = ", ".join(f"{name} {number(one['score'])} (weight {number(one['weight'])})" for name, one in scores)
        yield f"    10 times the weighted mean of {terms}"
    if "acsi" in csi:
        yield f"  acsi: {csi['acsi']:.6f} = (overall + expectations + ideal - 3) / 27 · 100"


def _open_cart(cart: dict[str, Any]) -> Iterator[str]:
    yield "Open cart"
    yield (
        f"  {cart['step']}, last touched {cart['touched_at']}; left behind {number(cart['left_after_hours'])} hours "
        f"later, {cart['left_at']}: {yes(cart['left'])}"
    )


def _usual(usual: dict[str, Any]) -> Iterator[str]:
    yield "Usual ranges: what the next figure is held against"
    for name, one in usual.items():
        scale, unit = _SCALES[name]
        yield (
            f"  {name}: from {one['low']:.6f} over {one['middle']:.6f} to {one['high']:.6f} {unit}: the median and "
            f"{number(one['spreads'])} spreads either way, {scale};"
        )
        yield f"    a spread is 1.4826 times the median distance from the median, at least {number(one['spread_min'])}"
        yield from listed(f"  {name} so far", one["history"])


_SECTIONS = {
    "needs": _needs,
    "conduct": _conduct,
    "market_segments": _market_segments,
    "satisfaction": _satisfaction,
    "open_cart": _open_cart,
    "usual": _usual,
}

_SCALES = {
    "order_value": ("on logarithms", "of money"),
    "gap": ("on logarithms", "days between orders"),
    "refund_share": ("as they are", "of a period's orders returned"),
    "visit_rate": ("on square roots", "visits in a period of 30 days"),
}
