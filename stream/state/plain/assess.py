"""What is true of a plain customer at a moment, and when that next changes if nothing happens.

The same steps as in `stream.state.evaluation`, which is the plain form; a law holds the two equal.
"""

from __future__ import annotations

from math import ceil, exp, log
from typing import Final

from stream.native.jit import inlined, native
from stream.scoring.abc import A, B, C
from stream.scoring.alive import IDLE_MIN, RHYTHM_MAX
from stream.scoring.units import WEEK
from stream.state.customer import NEVER
from stream.state.model import EXPONENT_MAX
from stream.state.plain import tables as table
from stream.state.plain.layout import (
    ABC,
    AS_OF,
    FREQUENCY,
    LAST_AT,
    LEDGER_AT,
    LIFECYCLE,
    LIFECYCLE_SINCE,
    MONETARY,
    ROOM,
    TIER,
    TIER_SINCE,
    WINDOW_FROM,
    Doubles,
    Longs,
    Memory,
    N,
)
from stream.state.plain.rules import Rules
from stream.state.plain.tables import reached

_CELLS: Final = 125
_SECOND: Final = 1_000
_AGED_MAX: Final = 4


@inlined
def assess(memory: Memory, row: Longs, rules: Rules, as_of: int) -> tuple[int, int, int, int, int, int]:
    """Move the sums of a customer with orders to `as_of` (ms) and say what is true there, given what was said so far.

    Returns
    -------
    Tier, cell, churn level, class, stage, and when to look again.
    """
    _advance(memory, row, as_of - rules.window)
    row[AS_OF] = as_of
    n, last_at, first_at = row[N], row[LAST_AT], memory.heap[row[LEDGER_AT]]
    due = NEVER
    cell = cell_of(rules, row)
    if row[FREQUENCY]:
        due = min(due, memory.heap[row[LEDGER_AT] + row[WINDOW_FROM]] + rules.window)
        aged = edges_reached(rules.recency_edges, as_of - last_at)
        if aged < _AGED_MAX:
            due = min(due, last_at + rules.recency_edges[aged])
    tier = rules.raw_tiers[row[TIER] * _CELLS + cell]
    if tier < row[TIER] and as_of < row[TIER_SINCE] + rules.min_stay:
        tier = row[TIER]
        due = min(due, row[TIER_SINCE] + rules.min_stay)
    due = -(-due // _SECOND) * _SECOND

    step, step_at = gap_step(rules, row, first_at)
    due = min(due, step_at)
    others = rules.bias + rules.gap_weights[step]
    if rules.reals[table.RHYTHM_WEIGHT]:
        others += rules.reals[table.RHYTHM_WEIGHT] * rhythm(rules, row, first_at)
    grown = growth(rules, row, first_at)
    gone = rules.log_odds[n - 1] + (rules.r + (n - 1)) * grown
    logit = others + rules.alive_weight * gone + rules.reals[table.QUIET_WEIGHT] * grown
    level = edges_reached(rules.level_logits, logit)
    cuts = rules.wholes[table.GONE_CUTS]
    fallen = reached(rules.reals, table.STAGE_GONE, cuts, gone)
    # Of the next level and the next cut of P(alive), whichever comes first.
    odds, exponent = rules.log_odds[n - 1], EXPONENT_MAX
    if level < len(rules.level_logits):
        rate = rules.alive_weight * (rules.r + (n - 1)) + rules.reals[table.QUIET_WEIGHT]
        exponent = (rules.level_logits[level] - others - rules.alive_weight * odds) / rate
    if fallen < cuts:
        exponent = min(exponent, (rules.reals[table.STAGE_GONE + fallen] - odds) / (rules.r + (n - 1)))
    if exponent < EXPONENT_MAX:
        grown = (rules.alpha + (last_at - first_at) / WEEK) * exp(exponent)
        crossing = ceil((first_at + (grown - rules.alpha) * WEEK) / _SECOND) * _SECOND
        if crossing < due:
            # It is not reached yet; where rounding puts the moment behind us, it is in the next second.
            due = crossing if crossing > as_of else min(due, (as_of // _SECOND + 1) * _SECOND)
    return tier, cell, level, class_of(rules, row), _stage(rules, row, first_at, step, fallen), due


@native
def class_of(rules: Rules, row: Longs) -> int:
    """Class of revenue, given what was said so far."""
    if not row[FREQUENCY]:
        return 0
    cuts = 2 * row[ABC]
    if row[MONETARY] >= rules.wholes[table.ABC_CUTS + cuts + 1]:
        return A
    return B if row[MONETARY] >= rules.wholes[table.ABC_CUTS + cuts] else C


@native
def _stage(rules: Rules, row: Longs, first_at: int, step: int, fallen: int) -> int:
    """Stage of the lifecycle, see `stream.scoring.lifecycle.CompiledLifecycle.place`."""
    place = 2 * row[LIFECYCLE] + (row[LAST_AT] > row[LIFECYCLE_SINCE])
    wholes = rules.wholes
    orders, tenure, gaps = wholes[table.ORDER_CUTS], wholes[table.TENURE_CUTS], wholes[table.GAP_CUTS]
    place = place * (orders + 1) + reached(wholes, table.STAGE_ORDERS, orders, row[N])
    place = place * (tenure + 1) + reached(wholes, table.STAGE_TENURE, tenure, row[LAST_AT] - first_at)
    place = place * (gaps + 1) + reached(wholes, table.STAGE_GAPS, gaps, step)
    return int(wholes[table.STAGES + place * (wholes[table.GONE_CUTS] + 1) + fallen])


@native
def _advance(memory: Memory, row: Longs, start: int) -> None:
    """Let orders at or before `start` leave the window."""
    times, index = row[LEDGER_AT], row[WINDOW_FROM]
    while index < row[N] and memory.heap[times + index] <= start:
        row[FREQUENCY] -= 1
        row[MONETARY] -= memory.heap[times + row[ROOM] + index]
        index += 1
    row[WINDOW_FROM] = index


@native
def cell_of(rules: Rules, row: Longs) -> int:
    """Place in the R-F-M cube at the customer's `as_of`."""
    if not row[FREQUENCY]:
        return 0
    return (
        (_AGED_MAX - edges_reached(rules.recency_edges, row[AS_OF] - row[LAST_AT])) * 25
        + edges_reached(rules.frequency_edges, row[FREQUENCY]) * 5
        + edges_reached(rules.monetary_edges, row[MONETARY])
    )


@native
def edges_reached(edges: Doubles | Longs, value: float) -> int:
    """Edges, of a few in order, that are at or below a value: `bisect_right`."""
    return reached(edges, 0, len(edges), value)


@native
def has_rhythm(rules: Rules, row: Longs, first_at: int) -> bool:
    """Whether there are orders enough to know a usual gap."""
    return bool(row[N] >= rules.rhythm_orders_min and row[LAST_AT] > first_at)


@native
def usual_gap(rules: Rules, row: Longs, first_at: int) -> float:
    """The gap that is usual for a customer who has a rhythm, ms."""
    return float(max(rules.gap_min, (row[LAST_AT] - first_at) / (row[N] - 1)))


@native
def gap_step(rules: Rules, row: Longs, first_at: int) -> tuple[int, int]:
    """How many steps of the gap table the silence has reached, and when it reaches the next (`NEVER` if none)."""
    if not has_rhythm(rules, row, first_at):
        return 0, NEVER
    usual = usual_gap(rules, row, first_at)
    for step in range(len(rules.gap_ratios)):
        moment: int = ceil((row[LAST_AT] + rules.gap_ratios[step] * usual) / _SECOND) * _SECOND
        if moment > row[AS_OF]:
            return step, moment
    return len(rules.gap_ratios), NEVER


@native
def log_odds_gone(rules: Rules, row: Longs, first_at: int) -> float:
    """Log-odds of being gone, at the customer's `as_of`."""
    return float(rules.log_odds[row[N] - 1] + (rules.r + (row[N] - 1)) * growth(rules, row, first_at))


@native
def growth(rules: Rules, row: Longs, first_at: int) -> float:
    """How far the silence has gone, as `stream.scoring.alive.quiet`."""
    if row[AS_OF] == row[LAST_AT]:
        return 0.0
    now, then = (row[AS_OF] - first_at) / WEEK, (row[LAST_AT] - first_at) / WEEK
    return log((rules.alpha + now) / (rules.alpha + then))


@native
def rhythm(rules: Rules, row: Longs, first_at: int) -> float:
    """As `stream.scoring.alive.rhythm`."""
    last = rules.alpha + (row[LAST_AT] - first_at) / WEEK
    idle = (rules.r + (row[N] - 1)) * log(last / (last + rules.reals[table.HORIZON_WEEKS]))
    if idle > IDLE_MIN:
        idle -= log(1 - exp(idle))
    return float(min(max(idle, -RHYTHM_MAX), RHYTHM_MAX))
