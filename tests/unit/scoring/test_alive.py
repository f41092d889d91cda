"""P(alive) gives the published figures, and those of an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from stream.scoring import bg_nbd
from stream.scoring.alive import Params, age_at_log_odds, log_odds, log_odds_gone, p_alive
from stream.scoring.calibration import DEFAULT_CALIBRATION

PAPER = Params(r=0.243, alpha=4.414, a=0.793, b=2.426)
FITTED = Params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)

# Repeat orders, weeks to the last, weeks to now: fresh, silent, busy, and over before it began.
CUSTOMERS = [
    (0, 0.0, 0.0),
    (0, 0.0, 38.86),
    (1, 2.0, 39.0),
    (2, 30.43, 38.86),
    (26, 30.857, 31.0),
    (7, 9.0, 80.0),
]


@pytest.mark.golden
@pytest.mark.parametrize(
    ("repeats", "last", "bg", "mbg"),
    [(2, 30.43, 0.726579, 0.774419), (0, 0.0, 1.0, 0.637253)],
)
def test_published_points(repeats, last, bg, mbg):
    assert float(bg_nbd.p_alive(bg_nbd.BG, PAPER, repeats, last, 38.86)) == pytest.approx(bg, abs=1e-6)
    assert p_alive(PAPER, repeats, last, 38.86) == pytest.approx(mbg, abs=1e-6)


@pytest.mark.golden
def test_the_busiest_customer_of_the_excel_note():
    assert float(bg_nbd.p_alive(bg_nbd.BG, FITTED, 26, 30.857, 31.0)) == pytest.approx(0.9688523, abs=1e-6)


@pytest.mark.golden
@pytest.mark.parametrize("params", [PAPER, DEFAULT_CALIBRATION.alive])
@pytest.mark.parametrize("customer", CUSTOMERS)
def test_agrees_with_lifetimes(lifetimes, params, customer):
    theirs = lifetimes("ModifiedBetaGeoFitter", params._asdict()).conditional_probability_alive(*customer)
    assert p_alive(params, *customer) == pytest.approx(np.ravel(theirs)[0], abs=1e-6)


def test_one_by_one_equals_many_at_once():
    x, t_x, t = np.array(CUSTOMERS).T
    r, alpha, a, b = PAPER
    together = expit(-(np.log(a / (b + x)) + (r + x) * np.log((alpha + t) / (alpha + t_x))))
    assert [p_alive(PAPER, *customer) for customer in CUSTOMERS] == pytest.approx(together.tolist(), rel=1e-12)


def test_the_closed_form_of_the_definitions_is_the_inverse():
    """T* = (alpha + tx) * (((1 - theta) / theta) * (b + x) / a) ** (1 / (r + x)) - alpha."""
    r, alpha, a, b = PAPER
    for repeats, last, _ in CUSTOMERS:
        for theta in (0.05, 0.4, 0.5, 0.9):
            written_out = (alpha + last) * ((1 - theta) / theta * (b + repeats) / a) ** (1 / (r + repeats)) - alpha
            ours = age_at_log_odds(PAPER, repeats, last, log_odds(1 - theta))
            assert ours == pytest.approx(written_out, rel=1e-9)


def test_a_level_beyond_all_dates_is_never_reached():
    assert age_at_log_odds(Params(1e-4, 6.0, 0.9, 1.6), 0, 0.0, 3.0) == float("inf")


def test_a_hectic_past_and_a_long_silence_do_not_overflow():
    assert log_odds_gone(PAPER, 500, 10.0, 2_000.0) > 2_000
    assert p_alive(PAPER, 500, 10.0, 2_000.0) == 0.0
