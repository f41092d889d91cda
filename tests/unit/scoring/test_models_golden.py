"""The models give the published figures of CDNOW, those of the package `lifetimes`, and end where others fail."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from stream.scoring.alive import Params
from stream.scoring.bg_nbd import BG, MBG, conditional_orders, expected_orders, p_alive, repeat_shares
from stream.scoring.bg_nbd_fit import LEAVING_FLAG, MOST, fit, grouped, log_likelihood, misplaced, repeat_counts
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.gamma_gamma import SpendParams, expected_spend
from stream.scoring.gamma_gamma_fit import fit_spend, spend_misplaced
from tests.datasets import cdnow, online_retail
from tests.datasets.buyers import buyers

pytestmark = pytest.mark.golden

# Fader, Hardie, Lee (2005), table 2, with the digits of their spreadsheet; the other two as `lifetimes` finds them.
PUBLISHED = {BG: Params(0.2426, 4.4136, 0.7929, 2.4259), MBG: Params(0.525, 6.183, 0.891, 1.614)}
LOG_LIKELIHOOD = -9582.429
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}
SPEND_LOG_LIKELIHOOD = -4055.92
CENTS = 100

HOLDOUT_ACTUAL = [0.2367, 0.6970, 1.3925, 1.5600, 2.5323, 2.9474, 3.8621, 6.3594]
HOLDOUT_EXPECTED = [0.2251, 0.5231, 1.0441, 1.5203, 2.1638, 2.6538, 3.5040, 6.1570]
FIRST_TEN_SPENDS = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]

# Repeat orders, weeks to the last, weeks to now.
CUSTOMERS = [
    (0, 0.0, 1.0),
    (0, 0.0, 38.86),
    (1, 2.0, 39.0),
    (2, 30.43, 38.86),
    (26, 30.857, 31.0),
    (7, 9.0, 80.0),
    (29, 150.0, 160.0),
]


@pytest.fixture(scope="module")
def sample():
    """The 2 357 customers of the papers, with 39 weeks held out."""
    return buyers(cdnow.load("sample").events["orders"], date(1997, 9, 30), date(1998, 6, 30))


@pytest.fixture(scope="module")
def customers(sample):
    return grouped(sample.repeats, sample.last, sample.age)


@pytest.fixture(scope="module")
def fitted(customers):
    return {family: fit(family, customers) for family in (BG, MBG)}


@pytest.fixture(scope="module")
def spend(sample):
    again = sample.repeats > 0
    return fit_spend(sample.mean[again] * CENTS, sample.repeats[again])


def test_the_customers_are_those_of_the_papers(sample):
    assert len(sample.repeats) == 2_357
    assert (sample.repeats > 0).sum() == 946
    assert sample.holdout_weeks == 39


@pytest.mark.parametrize("family", [BG, MBG])
def test_parameters_are_the_published_ones(fitted, family):
    assert fitted[family].params == pytest.approx(PUBLISHED[family], rel=0.01)
    assert fitted[family].flags == ()


def test_the_likelihood_is_the_published_one(fitted, customers):
    assert fitted[BG].log_likelihood == pytest.approx(LOG_LIKELIHOOD, abs=0.5)
    assert log_likelihood(BG, PUBLISHED[BG], customers) == pytest.approx(LOG_LIKELIHOOD, abs=0.01)


@pytest.mark.parametrize("family", [BG, MBG])
def test_the_models_fit_this_population_well(fitted, customers, family):
    actual, expected = repeat_counts(family, fitted[family].params, customers)
    assert actual.sum() == pytest.approx(2_357)
    assert expected.sum() == pytest.approx(2_357)
    assert misplaced(actual, expected) < 0.015


def test_points_of_the_excel_note_and_the_r_package():
    found = PUBLISHED[BG]
    assert float(expected_orders(BG, found, 52)) == pytest.approx(1.444004, rel=1e-3)
    assert float(conditional_orders(BG, found, 26, 30.857, 31.0, 52)) == pytest.approx(25.75659, rel=1e-3)
    assert float(p_alive(BG, found, 26, 30.857, 31.0)) == pytest.approx(0.9688523, rel=1e-3)
    assert float(conditional_orders(BG, found, 2, 30.43, 38.86, 39)) == pytest.approx(1.226, rel=1e-3)


def test_points_with_the_rounded_parameters():
    rounded = Params(0.243, 4.414, 0.793, 2.426)
    assert p_alive(BG, rounded, [2, 0], [30.43, 0], 38.86) == pytest.approx([0.726579, 1.0], abs=1e-6)
    assert p_alive(MBG, rounded, [2, 0], [30.43, 0], 38.86) == pytest.approx([0.774419, 0.637253], abs=1e-6)
    assert repeat_shares(BG, rounded, [39], 0)[0, 0] == pytest.approx(0.5737864, rel=1e-3)
    assert expected_orders(BG, rounded, [1, 3, 6]) == pytest.approx([0.0532679, 0.1508652, 0.2807559], rel=1e-3)


def test_what_is_held_out_comes_as_expected_for_each_number_of_orders(sample, fitted):
    expected = conditional_orders(BG, fitted[BG].params, sample.repeats, sample.last, sample.age, sample.holdout_weeks)
    columns = [np.minimum(sample.repeats, 7) == orders for orders in range(8)]
    assert [sample.holdout[one].mean() for one in columns] == pytest.approx(HOLDOUT_ACTUAL, abs=1e-4)
    assert [expected[one].mean() for one in columns] == pytest.approx(HOLDOUT_EXPECTED, abs=0.02)


def test_spend_has_the_published_parameters(spend):
    params = spend.params
    assert (params.p, params.q, params.v_minor / CENTS) == pytest.approx(tuple(SPEND.values()), rel=0.01)
    # A density of cents is a hundredth of one of dollars, for each of 946 customers.
    assert spend.log_likelihood + 946 * np.log(CENTS) == pytest.approx(SPEND_LOG_LIKELIHOOD, abs=0.5)
    assert spend.flags == ()


def test_the_first_ten_spends(sample, spend):
    first = zip(sample.mean[:10], sample.repeats[:10], strict=True)
    ours = [expected_spend(spend.params, mean * CENTS, int(orders)) / CENTS for mean, orders in first]
    assert ours == pytest.approx(FIRST_TEN_SPENDS, abs=0.1)


def test_spend_fits_this_population(sample, spend):
    again = sample.repeats > 0
    assert spend_misplaced(spend.params, sample.mean[again] * CENTS, sample.repeats[again]) < 0.06


@pytest.mark.parametrize("params", [*PUBLISHED.values(), Params(1.2, 10.0, 0.05, 3.0), Params(0.8, 2.0, 4.0, 3.0)])
@pytest.mark.parametrize("family", [BG, MBG])
def test_agrees_with_lifetimes_for_each_customer(lifetimes, family, params):
    theirs = lifetimes({BG: "BetaGeoFitter", MBG: "ModifiedBetaGeoFitter"}[family], params._asdict())
    for customer in CUSTOMERS:
        alive = theirs.conditional_probability_alive(*customer)
        assert float(p_alive(family, params, *customer)) == pytest.approx(np.ravel(alive)[0], abs=1e-6)
        for weeks in (1.0, 39.0, 104.0):
            orders = theirs.conditional_expected_number_of_purchases_up_to_time(weeks, *customer)
            ours = float(conditional_orders(family, params, *customer, weeks))
            assert ours == pytest.approx(np.ravel(orders)[0], rel=1e-6, abs=1e-6)
    for weeks in (1.0, 39.0, 104.0):
        random = theirs.expected_number_of_purchases_up_to_time(weeks)
        assert float(expected_orders(family, params, weeks)) == pytest.approx(np.ravel(random)[0], rel=1e-6)
        shares = [np.ravel(theirs.probability_of_n_purchases_up_to_time(weeks, n))[0] for n in range(6)]
        assert repeat_shares(family, params, [weeks], 5)[:, 0] == pytest.approx(shares, abs=1e-6)


def test_agrees_with_lifetimes_on_spend(lifetimes):
    params = SpendParams(6.25, 3.74, 15.44)
    theirs = lifetimes("GammaGammaFitter", {"p": 6.25, "q": 3.74, "v": 15.44})
    for mean, orders in ((22.35, 2), (0.0, 0), (73.7, 5)):
        spend = theirs.conditional_expected_average_profit(orders, mean)
        assert expected_spend(params, mean, orders) == pytest.approx(np.ravel(spend)[0], rel=1e-6)


@pytest.fixture(scope="module")
def wholesale(shared_data):
    """Online Retail by 2011-08-31: nobody is seen to leave."""
    events = online_retail.load(shared_data).events["orders"]
    return buyers(events, date(2011, 8, 31), date(2011, 12, 9))


@pytest.mark.parametrize("family", [BG, MBG])
def test_where_nobody_leaves_the_fit_ends_bounded_and_flagged(wholesale, family):
    assert len(wholesale.repeats) == 3_317
    found = fit(family, grouped(wholesale.repeats, wholesale.last, wholesale.age))
    assert found.flags[0].startswith(LEAVING_FLAG)
    assert all(0 < value <= most for value, most in zip(found.params, MOST, strict=True))
    # What orders there are is learned all the same.
    assert found.params[:2] == pytest.approx((0.7227, 9.42), rel=0.01)


def test_the_shipped_parameters_are_those_of_this_population(fitted, spend):
    assert pytest.approx(fitted[MBG].params, rel=0.01) == DEFAULT_CALIBRATION.alive
    assert DEFAULT_CALIBRATION.spend.mean_minor == pytest.approx(spend.params.mean_minor, rel=0.01)
