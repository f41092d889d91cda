"""What a customer will bring: discounted expected orders times expected spend.

Customer lifetime value over a horizon of months is P(alive) * D * spend. D, the expected orders of a customer who is
active, with those of month k discounted by k months, is a sum of hypergeometric terms: too dear for the hot path, and
not to be had in native code. So it is tabled once for each set of parameters, over repeat orders and age, and read by
cubic interpolation. The look-up uses + - * / and log only, so that native code repeats it bit by bit.

What is tabled is D * (alpha + age) / (r + repeats): the same without the customer's own rate of orders. It changes
slowly in the logarithms of both, which makes a small table exact to one part in a thousand (`RELATIVE_ERROR_MAX`).

References
----------
Fader, Hardie, Lee (2005), "RFM and CLV: using iso-value curves for customer base analysis", Journal of Marketing
Research 42(4).
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log, log1p
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from stream.scoring.alive import Params
from stream.scoring.bg_nbd import MBG, Floats, orders_if_alive

WEEKS_PER_MONTH: Final = 365 / 84
"""A twelfth of 365 days."""

RELATIVE_ERROR_MAX: Final = 1e-3
"""Of `discounted_orders` against `discounted_orders_exact`, for a, b, r up to 10, and up to `REPEATS_TABLED` orders."""

STEPS_PER_UNIT: Final = 4.0
"""Knots of the table in one unit of a natural logarithm."""

REPEATS_TABLED: Final = 100_000
AGE_WEEKS_TABLED: Final = 5_200.0
"""A century. Beyond both, customers are taken for those at the border, with their own rate."""

_TABLES_KEPT: Final = 8


class OrdersTable(NamedTuple):
    """D * (alpha + age) / (r + repeats) at knots of ln(1 + repeats) and ln(1 + age / alpha)."""

    r: float
    alpha: float
    rows: int
    """Knots over repeat orders; at least 4."""
    columns: int
    """Knots over age; at least 4."""
    cells: tuple[float, ...]
    """``rows * columns`` figures, row by row."""


def discounted_orders_exact(
    params: Params, horizon_months: int, discount_yearly: float, repeats: ArrayLike, age_weeks: ArrayLike
) -> Floats:
    """Discounted expected orders of active customers under MBG/NBD, by the formula.

    Parameters
    ----------
    horizon_months
        Months ahead; the orders of month k count as if they came at its end.
    discount_yearly
        0.10 where an order of a year ahead is worth 1 / 1.10 of one today.
    repeats, age_weeks
        Orders after the first, and weeks since it; arrays.

    Examples
    --------
    >>> cdnow = Params(0.525, 6.183, 0.891, 1.614)
    >>> discounted_orders_exact(cdnow, 12, 0.10, [0, 2], [38.86, 38.86]).round(4).tolist()
    [0.4843, 2.1615]
    """
    total, so_far = np.zeros(()), np.zeros(())
    for month in range(1, horizon_months + 1):
        reached = orders_if_alive(MBG, params, repeats, age_weeks, month * WEEKS_PER_MONTH)
        total = total + (reached - so_far) / (1 + discount_yearly) ** (month / 12)
        so_far = reached
    return np.asarray(total, np.float64)


@lru_cache(_TABLES_KEPT)
def orders_table(params: Params, horizon_months: int, discount_yearly: float) -> OrdersTable:
    """Table of `discounted_orders_exact` for these parameters; made once, some milliseconds.

    Examples
    --------
    >>> table = orders_table(Params(0.525, 6.183, 0.891, 1.614), 12, 0.10)
    >>> table.rows, table.columns, round(discounted_orders(table, 2, 38.86), 3)
    (48, 28, 2.162)
    """
    rows = ceil(log1p(REPEATS_TABLED) * STEPS_PER_UNIT) + 1
    columns = max(4, ceil(log1p(AGE_WEEKS_TABLED / params.alpha) * STEPS_PER_UNIT) + 1)
    repeats = np.expm1(np.arange(rows) / STEPS_PER_UNIT)[:, None]
    age = params.alpha * np.expm1(np.arange(columns) / STEPS_PER_UNIT)[None, :]
    exact = discounted_orders_exact(params, horizon_months, discount_yearly, repeats, age)
    cells = exact * (params.alpha + age) / (params.r + repeats)
    return OrdersTable(params.r, params.alpha, rows, columns, tuple(cells.ravel().tolist()))


def discounted_orders(table: OrdersTable, repeats: int, age_weeks: float) -> float:
    """Discounted expected orders of one active customer, from the table.

    Cubic interpolation through the four knots around the customer in each direction. The order of the operations is
    part of the function: native code repeats it.

    Parameters
    ----------
    repeats
        Orders after the first, at least 0.
    age_weeks
        Weeks since the first order, at least 0.
    """
    down = log(1.0 + repeats) * STEPS_PER_UNIT
    across = log(1.0 + age_weeks / table.alpha) * STEPS_PER_UNIT
    down = min(down, table.rows - 1.0)
    across = min(across, table.columns - 1.0)
    row = min(max(int(down), 1), table.rows - 3)
    column = min(max(int(across), 1), table.columns - 3)
    s, t = down - row, across - column
    # Lagrange's weights of the knots at -1, 0, 1 and 2.
    s0, s1 = s * (s - 1.0) * (2.0 - s) / 6.0, (s + 1.0) * (s - 1.0) * (s - 2.0) / 2.0
    s2, s3 = (s + 1.0) * s * (2.0 - s) / 2.0, (s + 1.0) * s * (s - 1.0) / 6.0
    t0, t1 = t * (t - 1.0) * (2.0 - t) / 6.0, (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0
    t2, t3 = (t + 1.0) * t * (2.0 - t) / 2.0, (t + 1.0) * t * (t - 1.0) / 6.0
    cells, width = table.cells, table.columns
    at = (row - 1) * width + column - 1
    found = s0 * (cells[at] * t0 + cells[at + 1] * t1 + cells[at + 2] * t2 + cells[at + 3] * t3)
    at += width
    found += s1 * (cells[at] * t0 + cells[at + 1] * t1 + cells[at + 2] * t2 + cells[at + 3] * t3)
    at += width
    found += s2 * (cells[at] * t0 + cells[at + 1] * t1 + cells[at + 2] * t2 + cells[at + 3] * t3)
    at += width
    found += s3 * (cells[at] * t0 + cells[at + 1] * t1 + cells[at + 2] * t2 + cells[at + 3] * t3)
    return found * (table.r + repeats) / (table.alpha + age_weeks)


def clv(p_alive: float, orders: float, spend_minor: float) -> int:
    """Customer lifetime value over the horizon, minor units, half to even.

    Parameters
    ----------
    p_alive
        Probability that the customer is active.
    orders
        `discounted_orders` of the customer.
    spend_minor
        `gamma_gamma.expected_spend` of the customer.

    Examples
    --------
    >>> clv(0.5, 2.2, 3_000.0)
    3300
    """
    return round(p_alive * orders * spend_minor)


def value_at_stake(orders: float, spend_minor: float) -> int:
    """What the horizon would bring if the customer stayed, minor units, half to even; arguments as in `clv`.

    Examples
    --------
    >>> value_at_stake(2.2, 3_000.0)
    6600
    """
    return round(orders * spend_minor)
