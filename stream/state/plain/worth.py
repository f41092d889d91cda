"""What a plain customer is worth, and the cells of the matrices that follow.

The same steps as in `stream.state.worth`, `stream.scoring.clv` and `stream.scoring.loyalty`, which are the plain forms;
a law holds them equal, to the bit.
"""

from __future__ import annotations

from math import exp, log, sqrt

from stream.native.jit import inlined, native
from stream.scoring.clv import STEPS_PER_UNIT
from stream.scoring.loyalty import GAPS_MIN, PERIOD, YEAR_DAYS
from stream.scoring.profitability import BASIS_POINTS
from stream.scoring.units import DAY, WEEK
from stream.state.customer import CELL_MASK, MATRIX_BITS
from stream.state.plain import tables as table
from stream.state.plain.assess import cell_of, log_odds_gone
from stream.state.plain.layout import (
    AS_OF,
    FREQUENCY,
    LAST_AT,
    LEDGER_AT,
    MONETARY,
    Doubles,
    Longs,
    Memory,
    N,
)
from stream.state.plain.rules import Rules
from stream.state.plain.tables import reached
from stream.state.worth import Worth


@inlined
def worth(memory: Memory, row: Longs, rules: Rules) -> Worth:
    """Figures of a customer with orders, at their own `as_of`."""
    wholes, reals, first_at = rules.wholes, rules.reals, memory.heap[row[LEDGER_AT]]
    age = (row[AS_OF] - first_at) / WEEK
    # Functions of few arguments: each array is seven of them.
    orders = discounted_orders(wholes, reals, row[N] - 1, age / rules.alpha) * (rules.r + (row[N] - 1))
    orders /= rules.alpha + age
    spend = _expected_spend(reals, row[MONETARY], row[FREQUENCY])
    p_alive = probability(-log_odds_gone(rules, row, first_at))
    return Worth(
        _loyalty(memory.heap, reals, row[LEDGER_AT], row[N], row[AS_OF]),
        orders,
        spend,
        round(p_alive * orders * spend),
        round(orders * spend),
        _margin(row[MONETARY], wholes[table.MARGIN_BASIS_POINTS]),
    )


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
def _expected_spend(reals: Doubles, monetary: int, frequency: int) -> float:
    """As `stream.scoring.gamma_gamma.expected_spend`."""
    mean = monetary / frequency if frequency else 0.0
    own = reals[table.SPEND_P] * frequency
    weight = own / (own + reals[table.SPEND_Q] - 1.0)
    return float((1.0 - weight) * reals[table.SPEND_MEAN] + weight * mean)


@native
def _loyalty(heap: Longs, weights: Doubles, first: int, n: int, as_of: int) -> float:
    """As `stream.scoring.loyalty.loyalty`, of the ledger of `n` orders that begins at `first`."""
    weighed = total = 0.0
    weighed += weights[table.LOYALTY_WEIGHTS] * ((n - 1) / n)
    total += weights[table.LOYALTY_WEIGHTS]
    tenure = (heap[first + n - 1] - heap[first]) / DAY / YEAR_DAYS
    weighed += weights[table.LOYALTY_WEIGHTS + 1] * min(1.0, tenure)
    total += weights[table.LOYALTY_WEIGHTS + 1]
    weighed += weights[table.LOYALTY_WEIGHTS + 2] * _regularity(heap, first, n)
    total += weights[table.LOYALTY_WEIGHTS + 2]
    weighed += weights[table.LOYALTY_WEIGHTS + 3] * _periods(heap, first, n, as_of)
    total += weights[table.LOYALTY_WEIGHTS + 3]
    return float(100 * weighed / total)


@native
def _regularity(heap: Longs, first: int, n: int) -> float:
    gaps = n - 1
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
def _periods(heap: Longs, first: int, n: int, as_of: int) -> float:
    start = heap[first]
    with_order, ends = 0, start
    for at in range(first, first + n):
        if heap[at] >= ends:
            with_order += 1
            ends = start + ((heap[at] - start) // PERIOD + 1) * PERIOD
    return float(with_order / ((as_of - start) // PERIOD + 1))


@native
def _margin(revenue: int, basis_points: int) -> int:
    """As `stream.scoring.profitability.margin_minor`; a plain customer has no costs."""
    rest = revenue % BASIS_POINTS * basis_points
    below = revenue // BASIS_POINTS * basis_points + rest // BASIS_POINTS
    left = 2 * (rest % BASIS_POINTS)
    return int(below + (left > BASIS_POINTS or (left == BASIS_POINTS and below % 2 == 1)))


@inlined
def matrix_of(memory: Memory, row: Longs, rules: Rules, figures: Worth) -> int:
    """The cells, as the record keeps them."""
    wholes, reals, cell = rules.wholes, rules.reals, cell_of(rules, row)
    # In the order of `stream.scoring.matrix.AXES`.
    axes = (
        float(reals[table.VALUE_SCORES + cell]),
        float(cell // 25 + 1),
        float(cell // 5 % 5 + 1),
        float(cell % 5 + 1),
        float(figures.loyalty),
        float(reached(reals, table.CLV_EDGES, table.SCORE_EDGES, figures.clv) + 1),
        float(reached(reals, table.PROFIT_EDGES, table.SCORE_EDGES, figures.profit) + 1),
        float((row[LAST_AT] - memory.heap[row[LEDGER_AT]]) / DAY),
    )
    found = start = 0
    for number in range(wholes[table.MATRICES]):
        row_end, column_end = wholes[table.ROW_ENDS + number], wholes[table.COLUMN_ENDS + number]
        figure = axes[wholes[table.ROW_AXIS + number]]
        place = reached(reals, table.CUTS + start, row_end - start, figure) * (column_end - row_end + 1)
        figure = axes[wholes[table.COLUMN_AXIS + number]]
        place += reached(reals, table.CUTS + row_end, column_end - row_end, figure)
        found |= (place + 1) << number * MATRIX_BITS
        start = column_end
    return int(found)


@native
def cell_in(matrix: int, number: int) -> int:
    """As `stream.state.worth.cell_in`."""
    return matrix >> number * MATRIX_BITS & CELL_MASK
