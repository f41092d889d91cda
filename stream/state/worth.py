"""What a customer is worth: loyalty, lifetime value, profit, and the cells of the matrices that follow.

These need not be known at every event. They are looked at again where tier, segment, level, class, stage, need or
conduct changed, and after what seldom happens: refunds, contacts with service, profiles; and where somebody asks.
"""

from __future__ import annotations

from bisect import bisect_right
from math import log
from typing import NamedTuple

import numpy as np

from stream.scoring.matrix import cells
from stream.scoring.periods import PERIOD, counts_of
from stream.scoring.policy import Policy
from stream.scoring.profitability import profit_minor
from stream.scoring.units import DAY
from stream.state.baskets import discount_since
from stream.state.customer import CELL_MASK, MATRIX_BITS, Customer
from stream.state.interactions import SERVICE, TYPE_CODES
from stream.state.model import Model
from stream.state.order_figures import order_times, returns
from stream.state.plain.figures import figure_tables, figures

_SERVICE = frozenset(TYPE_CODES[kind] for kind in SERVICE)
_NO_TIMES = np.empty(0, np.int64)


class Worth(NamedTuple):
    """Figures of a customer with orders, at their own `as_of`.

    Attributes
    ----------
    loyalty
        0 to 100.
    orders
        Discounted orders of the policy's horizon, if the customer is active.
    spend
        Expected value of one of them, minor units.
    clv, at_stake
        Lifetime value given P(alive), and that of a customer who stays; minor units.
    profit
        Of the window, minor units.
    """

    loyalty: float
    orders: float
    spend: float
    clv: int
    at_stake: int
    profit: int


def worth(c: Customer, model: Model) -> Worth:
    """Figures of a customer with orders, at their own `as_of`."""
    times, x, frequency = order_times(c), c.n - 1, c.frequency
    at_once = model.log_odds_at_once
    found = figures(
        *figure_tables(model),
        np.frombuffer(times, np.int64) if times else _NO_TIMES,
        c.n,
        c.first_at,
        c.last_at,
        c.as_of,
        at_once[x] if x < len(at_once) else log(model.a / (model.b + x)),
        c.monetary / frequency if frequency else 0.0,
        frequency,
    )
    return Worth(*found, profit(c, model.policy))


def profit(c: Customer, policy: Policy) -> int:
    """What the window leaves after costs, minor units; of a customer whose sums are at its own `as_of`."""
    start = c.as_of - policy.window_ms
    return profit_minor(c.monetary, discount_since(c, start), returns(c), contacts(c, start), policy.profitability)


def contacts(c: Customer, start: int) -> int:
    """Contacts with service in the periods that end after a moment, ms."""
    if c.activity is None or c.counters is None or _SERVICE.isdisjoint(c.counters):
        return 0
    return sum(
        count
        for period, code, count in counts_of(c.activity.periods)
        if code in _SERVICE and (period + 1) * PERIOD > start
    )


def matrix_of(c: Customer, model: Model, figures: Worth, cell: int) -> int:
    """The cells of a customer with orders, as the record keeps them; `cell` is the place in the R-F-M cube."""
    found = 0
    for number, place in enumerate(cells(model.matrices, axes_of(c, model, figures, cell))):
        found |= (place + 1) << number * MATRIX_BITS
    return found


def axes_of(c: Customer, model: Model, figures: Worth, cell: int) -> tuple[float, ...]:
    """The figures that matrices cross, in the order of `stream.scoring.matrix.AXES`."""
    calibration = model.calibration
    return (
        model.value_scores[cell],
        cell // 25 + 1,
        cell // 5 % 5 + 1,
        cell % 5 + 1,
        figures.loyalty,
        bisect_right(calibration.clv_edges_minor, figures.clv) + 1,
        bisect_right(calibration.profit_edges_minor, figures.profit) + 1,
        (c.last_at - c.first_at) / DAY,
    )


def cell_in(matrix: int, number: int) -> int:
    """The cell that a record keeps of one matrix, plus 1; 0 for none.

    >>> cell_in(0b00011_00000, 0), cell_in(0b00011_00000, 1)
    (0, 3)
    """
    return matrix >> number * MATRIX_BITS & CELL_MASK


def cell_names(matrix: int, model: Model) -> dict[str, str]:
    """Name of the cell said, by matrix; those without one left out."""
    found = {}
    for number, (name, names) in enumerate(zip(model.matrices.matrices, model.matrices.names, strict=True)):
        said = name_of(names, cell_in(matrix, number))
        if said is not None:
            found[name] = said
    return found


def name_of(names: tuple[str, ...], cell: int) -> str | None:
    """Name of a cell as `cell_in` gives it; none of one that an earlier policy had."""
    return names[cell - 1] if 0 < cell <= len(names) else None
