"""What is true of a customer at a moment, and when that next changes if nothing happens.

`assess` is the only place where a classification is decided. It runs for every event that counts, so it is the fast
form of `stream.scoring`: tables instead of calls, one pass for the classification and for the moment to look again. A
law (`tests/property`) holds it equal to the plain formulas.
"""

from __future__ import annotations

from bisect import bisect_right
from math import ceil, exp, log
from typing import NamedTuple

from stream.scoring.abc import A, B, C
from stream.scoring.alive import rhythm
from stream.scoring.units import WEEK, second_after
from stream.state.ages import next_age
from stream.state.appointments import next_appointment
from stream.state.carts import left_at
from stream.state.customer import NEVER, TIER_NONE, Customer
from stream.state.doings import signs_at, signs_change
from stream.state.interactions import open_tickets
from stream.state.ledger import advance, leaving
from stream.state.model import EXPONENT_MAX, Model


class Assessment(NamedTuple):
    """What is true: ranks, and the name of the segment; and when to look again, ms."""

    tier: int
    segment: str
    level: int
    abc: int
    lifecycle: int
    due: int


#: Makes an `Assessment` of its fields at half the cost.
_made = tuple.__new__


def assess(c: Customer, as_of: int, model: Model) -> Assessment:  # noqa: C901, PLR0912, PLR0915 - one pass, see above
    """Move the customer's sums to `as_of` and say what is true there, given what was said so far.

    Parameters
    ----------
    c
        The customer; only sums and `as_of` change, what was said does not.
    as_of
        Moment, ms; not before the customer's own.
    model
        The rules.

    Returns
    -------
    The classification, and the first whole second after `as_of` at which it may change by silence (`NEVER` if it
    cannot). That moment takes for granted that the classification is now said.
    """
    times, index, window = c.times, c.window_from, model.window
    if c.folded is None and (index == len(times) or times[index] > as_of - window):
        c.as_of = as_of
    else:
        advance(c, as_of, window)
        index = c.window_from
    n = c.n
    stages = model.lifecycle
    if not n:
        stage = stages.table[stages.place(c.lifecycle, 0, 0, 0, 0, 0)]
        return Assessment(TIER_NONE, "", 0, 0, stage, _besides_orders(c, model))
    first_at, last_at = c.first_at, c.last_at
    silence, span = as_of - last_at, last_at - first_at
    # Here, and below: min and max are calls.
    due = NEVER

    cell = abc = 0
    frequency = c.frequency
    if frequency:
        monetary = c.monetary
        b_from, a_from = model.abc_cuts[c.abc]
        abc = A if monetary >= a_from else B if monetary >= b_from else C
        edges = model.recency_edges
        aged = bisect_right(edges, silence)
        cell = (
            (4 - aged) * 25
            + bisect_right(model.frequency_edges, frequency) * 5
            + bisect_right(model.monetary_edges, monetary)
        )
        plainly = c.folded is None and c.refunds is None and index < len(times)
        due = times[index] + window if plainly else leaving(c, as_of, window)
        if aged < 4 and last_at + edges[aged] < due:  # noqa: PLR2004 - four edges make five scores
            due = last_at + edges[aged]

    said = c.tier
    tier = model.raw_tiers[said][cell]
    if tier < said:
        stays_until = c.tier_since + model.min_stay
        if as_of < stays_until:
            tier = said
            if stays_until < due:  # noqa: PLR1730
                due = stays_until

    x = n - 1
    others = model.bias
    if c.tickets is not None:
        others += model.complaint_weight * min(open_tickets(c), model.complaint_cap)
    if 0 <= c.nps_score <= model.detractor_score_max:
        fades_at = c.nps_at + model.detractor_ms
        if as_of < fades_at:
            others += model.detractor_weight
            if fades_at < due:  # noqa: PLR1730
                due = fades_at
    left = NEVER
    if c.counters is not None:
        left = left_at(c, model)
        others += model.sign_weights[signs_at(c, model, left)]
    due = -(-due // 1000) * 1000
    step = 0
    if n >= model.rhythm_orders_min and span > 0:
        step, step_at = gap_step(model, span / x, last_at, as_of)
        others += model.gap_weights[step]
        if step_at < due:  # noqa: PLR1730
            due = step_at

    weeks, alpha = span / WEEK, model.alpha
    if model.rhythm_weight:
        others += model.rhythm_weight * rhythm(model.churn.alive, x, weeks, model.churn.horizon_weeks)
    at_once, rate, levels = model.log_odds_at_once, model.r + x, model.level_logits
    log_odds = at_once[x] if x < len(at_once) else log(model.a / (model.b + x))
    rate_from = alpha + weeks
    grown = log((alpha + (as_of - first_at) / WEEK) / rate_from) if silence else 0.0
    gone = log_odds + rate * grown
    level = bisect_right(levels, others + model.alive_weight * gone + model.quiet_weight * grown)
    fallen = bisect_right(stages.gone, gone)
    # Of the next level and the next cut of P(alive), whichever comes first.
    exponent = EXPONENT_MAX
    if level < len(levels):
        exponent = (levels[level] - others - model.alive_weight * log_odds) / (
            model.alive_weight * rate + model.quiet_weight
        )
    if fallen < len(stages.gone):
        sooner = (stages.gone[fallen] - log_odds) / rate
        if sooner < exponent:  # noqa: PLR1730
            exponent = sooner
    if exponent < EXPONENT_MAX:
        crossing = ceil((first_at + (rate_from * exp(exponent) - alpha) * WEEK) / 1000) * 1000
        if crossing < due:
            # It is not reached yet; where rounding puts the moment behind us, it is in the next second.
            due = crossing if crossing > as_of else min(due, second_after(as_of))
    # As `CompiledLifecycle.place`.
    place = (
        (2 * c.lifecycle + (last_at > c.lifecycle_since)) * model.said_stride
        + bisect_right(stages.orders, n) * model.orders_stride
        + bisect_right(stages.tenure_ms, span) * model.tenure_stride
        + bisect_right(stages.gap_steps, step) * model.gap_stride
        + fallen
    )
    if c.counters is not None:
        # Asked last, it need not look further than what else is due.
        due = signs_change(c, model, left, due)
    if c.registered_at:
        older = next_age(c, as_of, model)
        if older < due:  # noqa: PLR1730
            due = older
    return _made(Assessment, (tier, model.segments[cell], level, abc, stages.table[place], due))


def _besides_orders(c: Customer, model: Model) -> int:
    """When something but the silence after orders next changes, ms: the cart is left behind, the profile gets older."""
    due, left = next_age(c, c.as_of, model), left_at(c, model)
    return left if c.as_of < left < due else due


def next_due(c: Customer, model: Model) -> int:
    """When a customer is to be looked at again if nothing happens, ms, or `NEVER`: see `assess` and `appointments`."""
    return min(assess(c, c.as_of, model).due, next_appointment(c, model))


def gap_reached(c: Customer, model: Model) -> tuple[int, float]:
    """How many steps of the gap table the silence has reached at `as_of`, and the usual gap in ms (0 without one)."""
    if c.n < model.rhythm_orders_min or c.last_at <= c.first_at:
        return 0, 0.0
    usual = (c.last_at - c.first_at) / (c.n - 1)
    return gap_step(model, usual, c.last_at, c.as_of)[0], max(model.gap_min, usual)


def gap_step(model: Model, mean_gap: float, last_at: int, as_of: int) -> tuple[int, int]:
    """How many steps of the gap table the silence has reached, and when it reaches the next (`NEVER` if none)."""
    usual = mean_gap if mean_gap > model.gap_min else model.gap_min  # noqa: FURB136 - max is a call
    for reached, ratio in enumerate(model.gap_ratios):
        moment = ceil((last_at + ratio * usual) / 1000) * 1000
        if moment > as_of:
            return reached, moment
    return len(model.gap_ratios), NEVER
