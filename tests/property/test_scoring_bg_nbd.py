"""Laws of the models of orders and spend, whatever the parameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.scoring.alive import Params
from stream.scoring.alive import p_alive as one_alive
from stream.scoring.bg_nbd import BG, MBG, _integrated, expected_orders, orders_if_alive, p_alive, repeat_shares
from stream.scoring.bg_nbd_fit import LEAST, MOST, Grouped, _Likelihood, fit, grouped, misplaced
from stream.scoring.gamma_gamma import SpendParams, expected_spend
from stream.scoring.gamma_gamma_fit import _Likelihood as _SpendLikelihood
from stream.scoring.gamma_gamma_fit import fit_spend

positive = st.floats(0.05, 20)
populations = st.builds(Params, positive, st.floats(0.05, 100), positive, positive)
families = st.sampled_from([BG, MBG])
repeats = st.integers(0, 300)
weeks = st.floats(0.01, 500)


@given(populations, repeats, weeks, weeks)
def test_columns_and_the_hot_path_agree(params, x, last, quiet):
    assert float(p_alive(MBG, params, x, last, last + quiet)) == pytest.approx(one_alive(params, x, last, last + quiet))


@given(families, populations, repeats, weeks, weeks)
@settings(max_examples=60)
def test_the_formula_is_the_integral_over_inclinations(family, params, x, age, ahead):
    ours = orders_if_alive(family, params, x, age, ahead)
    stays = np.array([params.b + x + family.chances_at_start])
    integral = _integrated(params.a, stays, np.array([params.r + x]), np.array([ahead / (params.alpha + age)]))
    assert float(ours) == pytest.approx(float(integral[0]), rel=1e-6)


@given(families, populations, repeats, weeks, weeks, weeks)
def test_orders_are_never_fewer_in_a_longer_time_nor_more_than_those_of_one_who_stays(
    family, params, x, age, soon, later
):
    first, both = (float(orders_if_alive(family, params, x, age, ahead)) for ahead in (soon, soon + later))
    assert 0 < first <= both * (1 + 1e-9)
    assert both <= (params.r + x) / (params.alpha + age) * (soon + later) * (1 + 1e-9)


def test_an_inclination_of_one_is_no_hole():
    around = [float(orders_if_alive(MBG, Params(0.5, 6.0, a, 1.6), 3, 20.0, 52.0)) for a in (1 - 1e-4, 1.0, 1 + 1e-4)]
    assert around[1] == pytest.approx((around[0] + around[2]) / 2, rel=1e-6)


def test_where_gamma_functions_overflow_the_integral_steps_in():
    """scipy gives no number for these; the expected ones are mpmath's, with 40 digits."""
    for params, x, age, expected in (
        (Params(1.0, 0.12893335545907644, 9.0, 0.09597651220908804), 2805, 0.22528833536086335, 351.76199706),
        (
            Params(0.5260131782456146, 0.01705567058314928, 0.0016683150323039597, 247.32645833314817),
            0,
            0.0320604,
            555.808,
        ),
    ):
        assert float(orders_if_alive(MBG, params, x, age, 52.0)) == pytest.approx(expected, rel=1e-5)


@given(families, populations, st.floats(0.1, 50))
@settings(max_examples=60)
def test_shares_of_repeat_orders_are_shares(family, params, ahead):
    shares = repeat_shares(family, params, [ahead], 40)[:, 0]
    assert (shares >= -1e-12).all()
    assert shares.sum() <= 1 + 1e-9
    least = float(shares @ np.arange(41))
    assert least <= float(expected_orders(family, params, ahead)) * (1 + 1e-6)


@given(families, populations, st.lists(st.tuples(st.integers(0, 9), weeks, weeks), min_size=1, max_size=6))
@settings(max_examples=40)
def test_the_slope_is_that_of_the_likelihood(family, params, rows):
    x, last, quiet = np.array(rows).T
    likelihood = _Likelihood(family, grouped(x, np.where(x > 0, last, 0), last + quiet))
    _, slope = likelihood.at(params)
    for place, by in enumerate(slope):
        step = 1e-5 * params[place]
        up, down = (
            likelihood.at(Params(*(value + sign * step * (one == place) for one, value in enumerate(params))))[0]
            for sign in (1, -1)
        )
        assert (up - down) / (2 * step) == pytest.approx(by, rel=1e-3, abs=1e-3 * (1 + abs(slope).max()))


rows = st.lists(st.tuples(st.integers(0, 1_000), st.floats(0, 1_000), st.floats(0, 1_000)), min_size=1, max_size=8)


@given(families, rows)
@settings(max_examples=40)
def test_every_fit_ends_inside_its_bounds(family, rows):
    x, last, quiet = np.array(rows).T
    found = fit(family, grouped(x, np.where(x > 0, last, 0), np.where(x > 0, last, 0) + quiet))
    for value, least, most in zip(found.params, LEAST, MOST, strict=True):
        assert least * (1 - 1e-9) <= value <= most * (1 + 1e-9)
    assert np.isfinite(found.log_likelihood)


@given(families, rows, st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_the_order_of_customers_does_not_matter(family, rows, rng):
    mixed = rng.sample(rows, len(rows))
    found = [fit(family, grouped(*np.array(one).T)) for one in (rows, mixed) if all(last <= t for _, last, t in one)]
    assert len(set(found)) <= 1


def test_the_fit_finds_what_customers_were_made_with():
    rng = np.random.default_rng(1)
    made = Params(0.9, 5.0, 0.8, 2.5)
    count = 3_000
    age = rng.uniform(20, 104, count)
    rate, leaving = rng.gamma(made.r, 1 / made.alpha, count), rng.beta(made.a, made.b, count)
    x, last, now = np.zeros(count), np.zeros(count), np.zeros(count)
    there = rng.random(count) > leaving
    while there.any():
        now[there] += rng.exponential(1 / rate[there])
        there &= now < age
        x[there] += 1
        last[there] = now[there]
        there &= rng.random(count) > leaving
    found = fit(MBG, grouped(x, last, age))
    assert found.params == pytest.approx(made, rel=0.2)
    assert found.flags == ()


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 500)), min_size=1, max_size=8))
@settings(max_examples=40)
def test_every_fit_of_spend_ends_with_a_finite_mean(rows):
    mean, frequency = np.array(rows, float).T
    found = fit_spend(mean, frequency).params
    assert 0 < found.mean_minor < float("inf")


@given(
    st.floats(0.1, 50),
    st.floats(1.1, 50),
    st.floats(1, 1e5),
    st.lists(st.tuples(st.floats(1, 1e5), st.integers(1, 50)), min_size=1, max_size=5),
)
@settings(max_examples=40)
def test_the_slope_of_spend_is_that_of_the_likelihood(p, q, v, rows):
    likelihood = _SpendLikelihood(*np.array(rows, float).T)
    at = (p, q, v)
    _, slope = likelihood.at(*at)
    for place, by in enumerate(slope):
        step = 1e-5 * at[place]
        up, down = (
            likelihood.at(*(value + sign * step * (one == place) for one, value in enumerate(at)))[0]
            for sign in (1, -1)
        )
        assert (up - down) / (2 * step) == pytest.approx(by, rel=1e-3, abs=1e-3 * (1 + abs(by)))


@given(st.floats(0.1, 50), st.floats(1.1, 50), st.floats(1, 1e5), st.floats(0, 1e6), st.integers(0, 1_000))
def test_expected_spend_lies_between_the_own_mean_and_that_of_all(p, q, v, mean, frequency):
    params = SpendParams(p, q, v)
    low, high = sorted((mean, params.mean_minor))
    assert low * (1 - 1e-9) <= expected_spend(params, mean, frequency) <= high * (1 + 1e-9)
    assert expected_spend(params, mean, 0) == pytest.approx(params.mean_minor)


def test_customers_that_are_alike_count_as_many():
    one = Grouped(*(np.array([value]) for value in (2.0, 3.0, 9.0)), np.array([5.0]))
    assert fit(BG, one) == fit(BG, grouped([2] * 5, [3] * 5, [9] * 5))


def test_a_table_that_is_right_misplaces_nobody():
    table = np.array([3.0, 2.0, 1.0])
    assert misplaced(table, table) == 0
    assert misplaced(table, table[::-1]) == pytest.approx(1 / 3)
