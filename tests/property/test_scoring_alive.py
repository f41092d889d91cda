"""Laws that P(alive) obeys for every customer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.scoring import bg_nbd
from stream.scoring.alive import (
    Params,
    age_at_log_odds,
    log_odds,
    log_odds_gone,
    p_alive,
    probability,
)

CDNOW = Params(r=0.243, alpha=4.414, a=0.793, b=2.426)

repeats = st.integers(0, 500)
weeks = st.floats(0, 2_000, allow_nan=False)
positive = st.floats(0.05, 50)
populations = st.builds(Params, positive, positive, positive, st.floats(1.05, 50))


@given(populations, repeats, weeks, weeks, weeks)
def test_silence_never_makes_a_customer_more_alive(params, x, last, quiet, longer):
    soon, later = p_alive(params, x, last, last + quiet), p_alive(params, x, last, last + quiet + longer)
    assert 0 <= later <= soon <= 1


@given(populations, repeats, weeks, weeks)
def test_surviving_the_chance_to_leave_after_the_first_order_is_a_sign_of_life(params, x, last, quiet):
    """MBG/NBD doubts one-time buyers, whom BG/NBD never does, and trusts all others a little more."""
    mbg = p_alive(params, x, last, last + quiet)
    bg = float(bg_nbd.p_alive(bg_nbd.BG, params, x, last, last + quiet))
    if x == 0:
        assert mbg < bg == 1
    else:
        assert mbg >= bg


@given(st.integers(1, 200), weeks, st.floats(0.05, 0.95))
def test_the_age_is_the_inverse_of_the_odds(x, last, theta):
    level = log_odds(theta)
    age = age_at_log_odds(CDNOW, x, last, level)
    assert log_odds_gone(CDNOW, x, last, age) == pytest.approx(level, rel=1e-9, abs=1e-9)


@given(populations, repeats, weeks, st.floats(-20, 20), st.floats(0.01, 5))
def test_a_higher_level_comes_later(params, x, last, level, more):
    assert age_at_log_odds(params, x, last, level) <= age_at_log_odds(params, x, last, level + more)


@given(populations, st.integers(0, 100), weeks)
def test_on_the_day_of_an_order_only_the_number_of_orders_speaks(params, x, last):
    assert log_odds_gone(params, x + 1, last, last) < log_odds_gone(params, x, last, last)


@given(st.floats(-1e6, 1e6))
def test_a_probability_stays_in_bounds_and_mirrors(value):
    assert 0 <= probability(value) <= 1
    assert probability(value) + probability(-value) == pytest.approx(1)


@given(st.floats(1e-6, 1 - 1e-6))
def test_log_odds_and_back(theta):
    assert probability(log_odds(theta)) == pytest.approx(theta)
