"""What is true of a customer at a moment, and when that next changes if nothing happens.

`evaluate` is the only place where a classification is decided; `next_due` its counterpart, the moment to look again.
Both read the customer's sums and the compiled `Model`. They are the fast form of `stream.scoring` (tables instead of
calls, since they run for every event); a law holds them equal to the plain one.
"""

from __future__ import annotations

from bisect import bisect_right
from math import exp, log

from stream.scoring.units import WEEK, ceil_to_second
from stream.state.customer import NEVER, TIER_NONE, Customer
from stream.state.interactions import open_tickets
from stream.state.ledger import advance
from stream.state.model import Model

#: Beyond this, e**x is a moment further off than any timer; it also keeps `exp` from overflowing.
_EXPONENT_MAX = 60.0


def cell_of(c: Customer, model: Model) -> int:
    """The customer's place in the R-F-M cube, ``(r-1)*25 + (f-1)*5 + (m-1)``; 0 when the window is empty."""
    if not c.frequency:
        return 0
    return (
        (4 - bisect_right(model.recency_edges, c.as_of - c.last_at)) * 25
        + bisect_right(model.frequency_edges, c.frequency) * 5
        + bisect_right(model.monetary_edges, c.monetary)
    )


def gap_step(c: Customer, model: Model) -> tuple[int, int]:
    """How many steps of the gap table the silence has reached, and when the next is (`NEVER` if none).

    The usual gap is the mean one; below the policy's number of orders there is no rhythm to compare with.
    """
    if c.n < model.rhythm_orders_min or c.last_at <= c.first_at:
        return 0, NEVER
    usual = max(model.gap_min, (c.last_at - c.first_at) / (c.n - 1))
    reached = 0
    for ratio in model.gap_ratios:
        moment = ceil_to_second(c.last_at + ratio * usual)
        if moment > c.as_of:
            return reached, moment
        reached += 1
    return reached, NEVER


def evidence(c: Customer, model: Model) -> float:
    """Log-odds that the customer is leaving, from everything but P(alive) and the gap."""
    total = model.bias
    if c.tickets is not None:
        total += model.complaint_weight * min(open_tickets(c), model.complaint_cap)
    if 0 <= c.nps_score <= model.detractor_score_max and c.as_of < c.nps_at + model.detractor_ms:
        total += model.detractor_weight
    return total


def churn_logit(c: Customer, model: Model) -> float:
    """Log-odds that the customer is leaving, at `as_of`; only for customers with an order that counts."""
    x = c.n - 1
    alive = log(model.a / (model.b + x))
    silent = c.as_of - c.last_at
    if silent:
        alive += (model.r + x) * log(
            (model.alpha + (c.as_of - c.first_at) / WEEK) / (model.alpha + (c.last_at - c.first_at) / WEEK)
        )
    reached, _ = gap_step(c, model) if silent else (0, NEVER)
    return evidence(c, model) + model.alive_weight * alive + model.gap_weights[reached]


def evaluate(c: Customer, as_of: int, model: Model) -> tuple[int, str, int]:
    """Move the customer to `as_of` and say what is true there: tier, segment, level.

    Changes nothing of what was said; `due` is left to the caller, who first records what changed.
    """
    advance(c, as_of, model.window)
    if not c.n:
        return TIER_NONE, "", 0
    cell = cell_of(c, model)
    tier = model.raw_tiers[c.tier][cell]
    if tier < c.tier and as_of < c.tier_since + model.min_stay:
        tier = c.tier
    return tier, model.segments[cell], bisect_right(model.level_logits, churn_logit(c, model))


def next_due(c: Customer, model: Model) -> int:
    """The first whole second after `as_of` at which the classification may change by silence, or `NEVER`."""
    if not c.n:
        return NEVER
    as_of, last_at = c.as_of, c.last_at
    due = NEVER
    if c.frequency:
        edges = model.recency_edges
        index = bisect_right(edges, as_of - last_at)
        if index < len(edges):
            due = last_at + edges[index]
        if c.window_from < len(c.times):
            due = min(due, c.times[c.window_from] + model.window)
        if c.folded is not None:
            due = min([due, *(last + model.window for _, last, _, _ in c.folded if last + model.window > as_of)])
    reached, step_at = gap_step(c, model)
    if reached < len(model.gap_ratios):
        due = min(due, step_at)
    if 0 <= c.nps_score <= model.detractor_score_max:
        fades_at = c.nps_at + model.detractor_ms
        if as_of < fades_at:
            due = min(due, fades_at)
    if model.raw_tiers[c.tier][cell_of(c, model)] < c.tier:
        due = min(due, c.tier_since + model.min_stay)
    due = -(-due // 1000) * 1000
    if c.level < len(model.level_logits):
        due = min(due, _crossing(c, model, model.level_logits[c.level], reached))
    return due


def _crossing(c: Customer, model: Model, logit: float, gap_steps: int) -> int:
    """When the logit reaches `logit` by silence alone, other contributions as they are at `as_of`."""
    x = c.n - 1
    others = evidence(c, model) + model.gap_weights[gap_steps]
    exponent = ((logit - others) / model.alive_weight - log(model.a / (model.b + x))) / (model.r + x)
    if exponent > _EXPONENT_MAX:
        return NEVER
    weeks = (model.alpha + (c.last_at - c.first_at) / WEEK) * exp(exponent) - model.alpha
    moment = ceil_to_second(c.first_at + weeks * WEEK)
    return moment if c.as_of < moment < NEVER else NEVER
