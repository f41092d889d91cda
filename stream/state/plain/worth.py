"""What a plain customer is worth, and the cells of the matrices that follow.

The same steps as in `stream.state.worth`, `stream.scoring.clv` and `stream.scoring.loyalty`, which are the plain forms;
a law holds them equal, to the bit.
"""

from __future__ import annotations

from stream.native.jit import inlined, native
from stream.scoring.profitability import BASIS_POINTS
from stream.scoring.units import DAY, WEEK
from stream.state.customer import CELL_MASK, MATRIX_BITS
from stream.state.plain import tables as table
from stream.state.plain.assess import cell_of, log_odds_gone
from stream.state.plain.figures import discounted_orders, expected_spend, loyalty, probability
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
    spend = expected_spend(reals, row[MONETARY] / row[FREQUENCY] if row[FREQUENCY] else 0.0, row[FREQUENCY])
    p_alive = probability(-log_odds_gone(rules, row, first_at))
    return Worth(
        loyalty(reals, memory.heap, row[LEDGER_AT], row[N], row[N], first_at, row[LAST_AT], row[AS_OF]),
        orders,
        spend,
        round(p_alive * orders * spend),
        round(orders * spend),
        _margin(row[MONETARY], wholes[table.MARGIN_BASIS_POINTS]),
    )


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
