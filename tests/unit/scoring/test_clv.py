"""The table of discounted orders is the formula, to one part in a thousand, wherever customers are."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from stream.scoring import clv
from stream.scoring.alive import Params
from stream.scoring.bg_nbd import MBG, expected_orders, orders_if_alive
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.clv import (
    AGE_WEEKS_TABLED,
    RELATIVE_ERROR_MAX,
    REPEATS_TABLED,
    WEEKS_PER_MONTH,
    discounted_orders,
    discounted_orders_exact,
    orders_table,
)

POPULATIONS = [
    DEFAULT_CALIBRATION.alive,
    Params(1.2, 10.0, 0.05, 3.0),
    Params(0.05, 0.1, 0.5, 0.2),
    Params(3.0, 60.0, 1.0, 5.0),
    Params(0.8, 2.0, 4.0, 3.0),
    Params(9.7, 2.0, 10.2, 0.5),
    # Nobody leaves; hardly anybody stays; orders by the hour.
    Params(1.0, 10.0, 1e-3, 1.0),
    Params(0.7, 6.0, 2.0, 0.01),
    Params(0.3, 0.05, 1.0, 9.0),
    # The Complete Journey: hardly anybody leaves, and everybody comes every week.
    Params(1.1956, 0.9536, 0.3414, 479.2),
]

REPEATS = sorted({*range(12), *np.geomspace(12, REPEATS_TABLED, 25).astype(int).tolist()})
AGES = [0.0, *np.geomspace(1e-3, AGE_WEEKS_TABLED, 45).tolist()]


@pytest.mark.parametrize("params", POPULATIONS)
@pytest.mark.parametrize(("months", "discount"), [(12, 0.10), (36, 0.0)])
def test_the_table_is_the_formula(params, months, discount):
    table = orders_table(params, months, discount)
    exact = discounted_orders_exact(params, months, discount, np.array(REPEATS)[:, None], AGES)
    ours = [[discounted_orders(table, x, age) for age in AGES] for x in REPEATS]
    np.testing.assert_allclose(ours, exact, rtol=RELATIVE_ERROR_MAX)
    assert len(table.cells) == table.rows * table.columns


@pytest.mark.parametrize("params", POPULATIONS)
def test_beyond_the_table_a_customer_keeps_the_own_rate(params):
    table = orders_table(params, 12, 0.10)
    r, alpha, _, _ = params
    at_border = discounted_orders(table, 3, AGE_WEEKS_TABLED * 4)
    assert discounted_orders(table, 3, AGE_WEEKS_TABLED * 8) == pytest.approx(at_border / 2, rel=0.01)
    busy = discounted_orders(table, REPEATS_TABLED * 4, 500.0)
    assert 0 < busy <= (r + REPEATS_TABLED * 4) / (alpha + 500) * 12 * WEEKS_PER_MONTH


def test_the_look_up_needs_nothing_that_native_code_does_differently():
    """Its bits are repeated by native code; a power or an exponential would not be the same there."""
    source = inspect.getsource(discounted_orders).partition('"""')[2].partition('"""')[2]
    called = {name for name in ("exp", "**", "sqrt", "pow", "np.", "fsum") if name in source}
    assert not called


def test_without_discount_the_months_add_up_to_the_orders_of_the_horizon():
    params = DEFAULT_CALIBRATION.alive
    months = discounted_orders_exact(params, 12, 0.0, [0, 5], [10.0, 80.0])
    np.testing.assert_allclose(months, orders_if_alive(MBG, params, [0, 5], [10.0, 80.0], 12 * WEEKS_PER_MONTH))
    assert pytest.approx(365 / 7) == WEEKS_PER_MONTH * 12


def test_a_discount_takes_off_less_than_that_of_the_last_month():
    params = DEFAULT_CALIBRATION.alive
    plain, discounted = (float(discounted_orders_exact(params, 12, rate, 2, 30.0)) for rate in (0.0, 0.10))
    assert discounted < plain < 1.10 * discounted


def test_a_new_customer_is_the_random_customer_after_the_first_order():
    """Who stayed after the first order has the orders of everybody, divided by the share that stayed."""
    params = DEFAULT_CALIBRATION.alive
    active = float(orders_if_alive(MBG, params, 0, 0.0, 52))
    assert float(expected_orders(MBG, params, 52)) == pytest.approx(active * params.b / (params.a + params.b))


def test_tables_are_kept():
    params = Params(0.6, 7.0, 0.9, 1.7)
    assert orders_table(params, 12, 0.10) is orders_table(Params(*params), 12, 0.10)
    assert orders_table(params, 12, 0.10) is not orders_table(params, 24, 0.10)


def test_money_is_rounded_half_to_even():
    assert [clv.clv(0.5, 1.0, spend) for spend in (1.0, 3.0, 5.0)] == [0, 2, 2]
    assert [clv.value_at_stake(0.5, spend) for spend in (1.0, 3.0, 5.0)] == [0, 2, 2]
