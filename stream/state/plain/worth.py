"""What a plain customer is worth, and the cells of the matrices that follow.

The same steps as in `stream.state.worth`, `stream.scoring.clv` and `stream.scoring.loyalty`, which are the plain forms;
a law holds them equal, to the bit.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Final, NamedTuple

from stream.native.jit import native
from stream.scoring.clv import STEPS_PER_UNIT
from stream.scoring.loyalty import GAPS_MIN, PERIOD, YEAR_DAYS
from stream.scoring.profitability import BASIS_POINTS
from stream.scoring.units import DAY, WEEK
from stream.state.customer import MATRIX_BITS
from stream.state.plain.assess import cell_of, edges_reached, log_odds_gone
from stream.state.plain.layout import (
    AS_OF,
    FREQUENCY,
    LAST_AT,
    LEDGER_AT,
    MONETARY,
    Longs,
    Memory,
    N,
)
from stream.state.plain.rules import Rules

# Axes of a matrix by their places in `stream.scoring.matrix.AXES`.
_VALUE: Final = 0
_RECENCY: Final = 1
_FREQUENCY: Final = 2
_MONETARY: Final = 3
_LOYALTY: Final = 4
_CLV: Final = 5
_PROFIT: Final = 6


class Worth(NamedTuple):
    """As `stream.state.worth.Worth`."""

    loyalty: float
    orders: float
    spend: float
    clv: int
    at_stake: int
    profit: int


@native
def worth(memory: Memory, row: Longs, rules: Rules) -> Worth:
    """Figures of a customer with orders, at their own `as_of`."""
    first_at = memory.heap[row[LEDGER_AT]]
    orders = _discounted_orders(rules, row[N] - 1, (row[AS_OF] - first_at) / WEEK)
    spend = _expected_spend(rules, row)
    p_alive = probability(-log_odds_gone(rules, row, first_at))
    return Worth(
        _loyalty(memory, row, rules, first_at),
        orders,
        spend,
        round(p_alive * orders * spend),
        round(orders * spend),
        _margin(row[MONETARY], rules.margin_basis_points),
    )


@native
def probability(log_odds: float) -> float:
    """As `stream.scoring.alive.probability`."""
    if log_odds >= 0:
        return 1 / (1 + exp(-log_odds))
    odds = exp(log_odds)
    return odds / (1 + odds)


@native
def _discounted_orders(rules: Rules, repeats: int, age: float) -> float:
    """As `stream.scoring.clv.discounted_orders`."""
    down = min(log(1.0 + repeats) * STEPS_PER_UNIT, rules.order_rows - 1.0)
    across = min(log(1.0 + age / rules.alpha) * STEPS_PER_UNIT, rules.order_columns - 1.0)
    row = min(max(int(down), 1), rules.order_rows - 3)
    column = min(max(int(across), 1), rules.order_columns - 3)
    s, t = down - row, across - column
    at = (row - 1) * rules.order_columns + column - 1
    found = s * (s - 1.0) * (2.0 - s) / 6.0 * _across(rules, at, t)
    at += rules.order_columns
    found += (s + 1.0) * (s - 1.0) * (s - 2.0) / 2.0 * _across(rules, at, t)
    at += rules.order_columns
    found += (s + 1.0) * s * (2.0 - s) / 2.0 * _across(rules, at, t)
    at += rules.order_columns
    found += (s + 1.0) * s * (s - 1.0) / 6.0 * _across(rules, at, t)
    return found * (rules.r + repeats) / (rules.alpha + age)


@native
def _across(rules: Rules, at: int, t: float) -> float:
    """Interpolated between four neighbours in age."""
    cells = rules.order_cells
    t0, t1 = t * (t - 1.0) * (2.0 - t) / 6.0, (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0
    t2, t3 = (t + 1.0) * t * (2.0 - t) / 2.0, (t + 1.0) * t * (t - 1.0) / 6.0
    return float(cells[at] * t0 + cells[at + 1] * t1 + cells[at + 2] * t2 + cells[at + 3] * t3)


@native
def _expected_spend(rules: Rules, row: Longs) -> float:
    """As `stream.scoring.gamma_gamma.expected_spend`."""
    mean = row[MONETARY] / row[FREQUENCY] if row[FREQUENCY] else 0.0
    own = rules.spend_p * row[FREQUENCY]
    weight = own / (own + rules.spend_q - 1.0)
    return float((1.0 - weight) * rules.spend_mean + weight * mean)


@native
def _loyalty(memory: Memory, row: Longs, rules: Rules, first_at: int) -> float:
    n, weights = row[N], rules.loyalty_weights
    weighed = total = 0.0
    weighed += weights[0] * ((n - 1) / n)
    total += weights[0]
    weighed += weights[1] * min(1.0, (row[LAST_AT] - first_at) / DAY / YEAR_DAYS)
    total += weights[1]
    weighed += weights[2] * _regularity(memory, row)
    total += weights[2]
    weighed += weights[3] * _periods(memory, row)
    total += weights[3]
    return float(100 * weighed / total)


@native
def _regularity(memory: Memory, row: Longs) -> float:
    heap, first, gaps = memory.heap, row[LEDGER_AT], row[N] - 1
    span = heap[first + gaps] - heap[first]
    if gaps < GAPS_MIN or not span:
        return 0.0
    mean = span / gaps
    squares = 0.0
    for at in range(first, first + gaps):
        off = (heap[at + 1] - heap[at]) / mean - 1
        squares += off * off
    return 1 / (1 + sqrt(squares / gaps))


@native
def _periods(memory: Memory, row: Longs) -> float:
    heap, first = memory.heap, row[LEDGER_AT]
    with_order, last = 0, -1
    for at in range(first, first + row[N]):
        period = (heap[at] - heap[first]) // PERIOD
        if period != last:
            with_order += 1
            last = period
    return float(with_order / ((row[AS_OF] - heap[first]) // PERIOD + 1))


@native
def _margin(revenue: int, basis_points: int) -> int:
    """As `stream.scoring.profitability.margin_minor`; a plain customer has no costs."""
    rest = revenue % BASIS_POINTS * basis_points
    below = revenue // BASIS_POINTS * basis_points + rest // BASIS_POINTS
    left = 2 * (rest % BASIS_POINTS)
    return int(below + (left > BASIS_POINTS or (left == BASIS_POINTS and below % 2 == 1)))


@native
def matrix_of(memory: Memory, row: Longs, rules: Rules, figures: Worth) -> int:
    """The cells, as the record keeps them."""
    found = start = 0
    for number in range(len(rules.row_axis)):
        row_end, column_end = rules.row_ends[number], rules.column_ends[number]
        figure = _figure(memory, row, rules, figures, rules.row_axis[number])
        place = _reached(rules, start, row_end, figure) * (column_end - row_end + 1)
        figure = _figure(memory, row, rules, figures, rules.column_axis[number])
        place += _reached(rules, row_end, column_end, figure)
        found |= (place + 1) << number * MATRIX_BITS
        start = column_end
    return found


@native
def _figure(memory: Memory, row: Longs, rules: Rules, figures: Worth, axis: int) -> float:  # noqa: PLR0911 - an axis each
    cell = cell_of(rules, row)
    if axis == _VALUE:
        return float(rules.value_scores[cell])
    if axis == _RECENCY:
        return float(cell // 25 + 1)
    if axis == _FREQUENCY:
        return float(cell // 5 % 5 + 1)
    if axis == _MONETARY:
        return float(cell % 5 + 1)
    if axis == _LOYALTY:
        return float(figures.loyalty)
    if axis == _CLV:
        return float(edges_reached(rules.clv_edges, figures.clv) + 1)
    if axis == _PROFIT:
        return float(edges_reached(rules.profit_edges, figures.profit) + 1)
    return float((row[LAST_AT] - memory.heap[row[LEDGER_AT]]) / DAY)


@native
def _reached(rules: Rules, start: int, end: int, figure: float) -> int:
    count = 0
    for at in range(start, end):
        count += rules.cuts[at] <= figure
    return count
