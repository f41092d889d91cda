"""A level of conduct rests on what the share of returned orders is at least."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import binomtest

from stream.scoring.conduct import HIGH, NONE, WATCH, figures, level, wilson_lower
from stream.scoring.table_reader import PolicyError

from .models import POLICY

CONDUCT = POLICY.conduct


@pytest.mark.golden
@pytest.mark.parametrize(("hits", "trials"), [(0, 5), (1, 10), (5, 10), (10, 10), (37, 400)])
def test_the_bound_is_wilsons(hits, trials):
    """Against scipy's independent implementation, 95 % two-sided."""
    expected = binomtest(hits, trials).proportion_ci(0.95, method="wilson").low
    assert wilson_lower(hits, trials, 1.959963984540054) == pytest.approx(expected, abs=1e-12)


def test_nobody_without_orders_has_figures():
    assert figures(CONDUCT, 0, 0, 0.1) is None
    assert level(CONDUCT, None, HIGH) == NONE


@pytest.mark.parametrize(
    ("orders", "returned", "expected"),
    [
        (4, 4, NONE),  # too few orders
        (40, 2, NONE),  # too few returned
        (5, 5, HIGH),
        (10, 4, NONE),
        (10, 5, WATCH),
        (10, 8, HIGH),
        (1_000, 100, NONE),  # like everybody
        (1_000, 230, WATCH),
        (1_000, 450, HIGH),
    ],
)
def test_a_population_that_returns_one_in_ten(orders, returned, expected):
    assert level(CONDUCT, figures(CONDUCT, orders, returned, 0.1)) == expected


def test_a_population_without_returns_is_not_taken_at_its_word():
    assert figures(CONDUCT, 10, 1, 0.0).population == CONDUCT.population_min


def test_a_level_is_left_below_its_margin():
    """At 0.19 of a population of 0.1, watch (2 times) is kept down to 1.6 times."""
    between = figures(CONDUCT, 1_000, 210, 0.1)
    assert 1.6 * 0.1 < between.at_least < 2 * 0.1
    assert [level(CONDUCT, between, said) for said in (NONE, WATCH, HIGH)] == [NONE, WATCH, WATCH]
    below = figures(CONDUCT, 1_000, 175, 0.1)
    assert [level(CONDUCT, below, said) for said in (NONE, WATCH, HIGH)] == [NONE, NONE, NONE]


@pytest.mark.parametrize("change", [{"watch": 4.0}, {"watch": 0.5}])
def test_multiples_must_rise_from_one(change):
    with pytest.raises(PolicyError, match=r"conduct\.watch = .*must be 1 <= watch < high"):
        replace(CONDUCT, **change)
