"""What is known of some customers only, as others see it: needs, behaviour, satisfaction, conduct, profile."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from stream.contracts.times import format_time
from stream.scoring import behaviour, needs
from stream.scoring.conduct import CONDUCT
from stream.scoring.needs import NEEDS
from stream.scoring.units import NEVER
from stream.state import baskets
from stream.state.answers import indices
from stream.state.carts import left_at, touched_at
from stream.state.character import conduct_figures, need_figures
from stream.state.customer import Customer
from stream.state.interactions import TYPE_CODES, TYPE_NAMES, open_tickets
from stream.state.model import Model

DECIMALS: Final = 6


def needs_view(c: Customer, model: Model) -> dict[str, Any]:
    """Shares of the needs, the dominant one and how far it stands out."""
    figures = need_figures(c, model)
    if figures is None:
        return {}
    shares = zip(NEEDS[1:], figures.shares, strict=True)
    view: dict[str, Any] = {"shares": {name: round(share, DECIMALS) for name, share in shares}}
    if c.need != needs.NONE:
        view |= {"dominant": NEEDS[c.need], "strength": round(needs.strength(figures, c.need), DECIMALS)}
    return view


def satisfaction_view(c: Customer, model: Model) -> dict[str, Any]:
    """The latest answers: would recommend (0 to 10), satisfied (1 to 5), and the indices (0 to 100)."""
    view: dict[str, Any] = {"nps": c.nps_score} if c.nps_score >= 0 else {}
    answers = c.answers
    if answers is None:
        return view
    if answers.csat is not None:
        view["csat"] = answers.csat[1]
    if answers.csi is not None:
        _, score, values = answers.csi
        found = indices(score, values, model.policy.satisfaction)
        view |= {name: round(index, DECIMALS) for name, index in found.items()}
    return view


def behaviour_view(c: Customer, model: Model) -> dict[str, Any]:
    """Counts, funnel, the last steps and what follows what, preferences, the open cart, complaints, refunds."""
    counters = c.counters or {}
    counts = {TYPE_NAMES[code]: n for code, (n, _) in sorted(counters.items())}
    view: dict[str, Any] = {"interactions": counts} if counts else {}
    if any(name in counts for name in _STEPS):
        found = behaviour.funnel((*(counts.get(name, 0) for name in _STEPS), c.n))
        view["funnel"] = dict(zip(behaviour.STEPS, found.reached, strict=True))
    if c.activity is not None:
        steps = [behaviour.Step(at, event, TYPE_NAMES[code]) for at, event, code in c.activity.path]
        view["path"] = [{"type": step.kind, "at": format_time(step.at)} for step in steps]
        view["transitions"] = _transitions(behaviour.transitions(steps))
        channel = behaviour.preferred(c.activity.channels)
        if channel is not None:
            view["preferred_channel"] = channel
    category = behaviour.preferred(baskets.orders_by_category(c))
    if category is not None:
        view["preferred_category"] = category
    if left_at(c, model) != NEVER:
        view["open_cart_since"] = format_time(touched_at(c))
    if c.tickets:
        view["open_complaints"] = open_tickets(c)
    if c.refunds:
        view["orders_with_refunds"] = len(c.refunds)
    figures = conduct_figures(c, model)
    if figures is not None:
        view["conduct"] = {"level": CONDUCT[c.conduct], "returned_share": round(figures.share, DECIMALS)}
    return view


def profile_view(c: Customer) -> dict[str, Any]:
    """What profile events said."""
    profile: dict[str, Any] = {}
    if c.registered_at:
        profile["registered_at"] = format_time(c.registered_at)
    if c.kind is not None:
        profile["kind"] = c.kind[2]
    if c.region is not None:
        profile["region"] = c.region[2]
    return profile


_STEPS: Final = tuple(name for name in behaviour.FUNNEL.values() if name in TYPE_CODES)


def _transitions(counts: Counter[tuple[str, str]]) -> dict[str, int]:
    return {f"{was} > {became}": n for (was, became), n in sorted(counts.items())}
