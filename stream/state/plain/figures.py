"""The formulas of value and loyalty in native form, for rows and objects alike.

The plain forms are in `stream.scoring`; laws hold them equal, to the bit.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, log, sqrt
from typing import NamedTuple

from stream.native.jit import native
from stream.scoring.clv import STEPS_PER_UNIT
from stream.scoring.loyalty import GAPS_MIN, PERIOD, YEAR_DAYS
from stream.scoring.units import DAY, WEEK
from stream.state.model import Model
from stream.state.plain import tables as table
from stream.state.plain.layout import Doubles, Longs

_MODELS_KEPT = 8


class FigureTables(NamedTuple):
    """What `figures` reads of a model."""

    r: float
    alpha: float
    wholes: Longs
    reals: Doubles


@lru_cache(_MODELS_KEPT)
def figure_tables(model: Model) -> FigureTables:
    """The tables of a model."""
    return FigureTables(model.r, model.alpha, table.wholes(model), table.reals(model))


@native
def figures(
    r: float,
    alpha: float,
    wholes: Longs,
    reals: Doubles,
    times: Longs,
    n: int,
    first_at: int,
    last_at: int,
    as_of: int,
    gone_at_once: float,
    mean: float,
    frequency: int,
) -> tuple[float, float, float, int, int]:
    """What a customer with orders is worth at a moment, but for the profit: the fields of `worth.Worth`, in order.

    Parameters
    ----------
    r, alpha, wholes, reals
        `FigureTables`, one by one: a call from Python looks longer at a tuple than at what is in it.
    times
        Times of the orders that count and are kept one by one, rising; ms.
    n, first_at, last_at
        Orders that count, all time, and the times of the first and last of them.
    gone_at_once
        Log-odds of being gone right after the last order.
    mean, frequency
        Mean value of the orders in the window, minor units, and their number.
    """
    repeats = n - 1
    last, age = (last_at - first_at) / WEEK, (as_of - first_at) / WEEK
    orders = discounted_orders(wholes, reals, repeats, age / alpha) * (r + repeats)
    orders /= alpha + age
    spend = expected_spend(reals, mean, frequency)
    gone = gone_at_once + (r + repeats) * log((alpha + age) / (alpha + last))
    expected = probability(-gone) * orders * spend
    found = loyalty(reals, times, 0, len(times), n, first_at, last_at, as_of)
    return found, orders, spend, round(expected), round(orders * spend)


@native
def loyalty(
    weights: Doubles, heap: Longs, start: int, kept: int, n: int, first_at: int, last_at: int, as_of: int
) -> float:
    """As `stream.scoring.loyalty.loyalty` of its `parts`; the times kept one by one begin at `start`."""
    weighed = total = 0.0
    weighed += weights[table.LOYALTY_WEIGHTS] * ((n - 1) / n)
    total += weights[table.LOYALTY_WEIGHTS]
    weighed += weights[table.LOYALTY_WEIGHTS + 1] * min(1.0, (last_at - first_at) / DAY / YEAR_DAYS)
    total += weights[table.LOYALTY_WEIGHTS + 1]
    weighed += weights[table.LOYALTY_WEIGHTS + 2] * _regularity(heap, start, kept)
    total += weights[table.LOYALTY_WEIGHTS + 2]
    weighed += weights[table.LOYALTY_WEIGHTS + 3] * _periods(heap, start, kept, as_of)
    total += weights[table.LOYALTY_WEIGHTS + 3]
    return float(100 * weighed / total)


@native
def _regularity(heap: Longs, start: int, kept: int) -> float:
    gaps = kept - 1
    if gaps < GAPS_MIN or heap[start + gaps] == heap[start]:
        return 0.0
    mean = (heap[start + gaps] - heap[start]) / gaps
    squares = 0.0
    for at in range(start, start + gaps):
        off = (heap[at + 1] - heap[at]) / mean - 1
        squares += off * off
    return 1 / (1 + sqrt(squares / gaps))


@native
def _periods(heap: Longs, start: int, kept: int, as_of: int) -> float:
    if not kept:
        return 0.0
    begins = heap[start]
    with_order, ends = 0, begins
    for at in range(start, start + kept):
        if heap[at] >= ends:
            with_order += 1
            ends = begins + ((heap[at] - begins) // PERIOD + 1) * PERIOD
    return float(with_order / ((as_of - begins) // PERIOD + 1))


@native
def probability(log_odds: float) -> float:
    """As `stream.scoring.alive.probability`."""
    if log_odds >= 0:
        return 1 / (1 + exp(-log_odds))
    odds = exp(log_odds)
    return odds / (1 + odds)


@native
def discounted_orders(wholes: Longs, reals: Doubles, repeats: int, aged: float) -> float:
    """What the table of `stream.scoring.clv` holds for so many repeat orders, and an age in units of alpha."""
    rows, columns = wholes[table.ORDER_ROWS], wholes[table.ORDER_COLUMNS]
    down = min(log(1.0 + repeats) * STEPS_PER_UNIT, rows - 1.0)
    across = min(log(1.0 + aged) * STEPS_PER_UNIT, columns - 1.0)
    row = min(max(int(down), 1), rows - 3)
    column = min(max(int(across), 1), columns - 3)
    s, t = down - row, across - column
    at = table.ORDER_CELLS + (row - 1) * columns + column - 1
    found = s * (s - 1.0) * (2.0 - s) / 6.0 * _across(reals, at, t)
    found += (s + 1.0) * (s - 1.0) * (s - 2.0) / 2.0 * _across(reals, at + columns, t)
    found += (s + 1.0) * s * (2.0 - s) / 2.0 * _across(reals, at + 2 * columns, t)
    return float(found + (s + 1.0) * s * (s - 1.0) / 6.0 * _across(reals, at + 3 * columns, t))


@native
def _across(cells: Doubles, at: int, t: float) -> float:
    """Interpolated between four neighbours in age."""
    t0, t1 = t * (t - 1.0) * (2.0 - t) / 6.0, (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0
    t2, t3 = (t + 1.0) * t * (2.0 - t) / 2.0, (t + 1.0) * t * (t - 1.0) / 6.0
    return float(cells[at] * t0 + cells[at + 1] * t1 + cells[at + 2] * t2 + cells[at + 3] * t3)


@native
def expected_spend(reals: Doubles, mean: float, frequency: int) -> float:
    """As `stream.scoring.gamma_gamma.expected_spend`."""
    own = reals[table.SPEND_P] * frequency
    weight = own / (own + reals[table.SPEND_Q] - 1.0)
    return float((1.0 - weight) * reals[table.SPEND_MEAN] + weight * mean)
