"""Loyalty and profitability by hand."""

from __future__ import annotations

import pytest

from stream.scoring.loyalty import PERIOD, LoyaltyPolicy, loyalty, parts
from stream.scoring.profitability import ProfitabilityPolicy, profit_minor
from stream.scoring.table_reader import PolicyError
from stream.scoring.units import DAY

EVEN = LoyaltyPolicy((1, 1, 1, 1))


def parts_of(*days, as_of=None):
    times = [day * DAY for day in days]
    return parts(times, len(times), times[0], times[-1], times[-1] if as_of is None else as_of * DAY)


def test_one_order_says_little():
    assert parts_of(0) == (0, 0, 0, 1)
    assert parts_of(0, as_of=299) == (0, 0, 0, 0.1)
    assert loyalty(parts_of(0, as_of=299), EVEN) == 2.5


def test_two_orders_have_no_rhythm():
    assert parts_of(0, 73) == (0.5, 0.2, 0, 2 / 3)


def test_even_gaps_are_regular_and_a_clump_is_not():
    assert parts_of(0, 10, 20, 30).regularity == 1
    # Gaps of 0 and 20: mean 10, standard deviation 10.
    assert parts_of(0, 0, 20).regularity == 0.5
    assert parts_of(5, 5, 5).regularity == 0


def test_tenure_counts_up_to_a_year():
    assert parts_of(0, 365).tenure == 1
    assert parts_of(0, 3_650).tenure == 1


def test_a_period_begins_every_thirty_days_after_the_first_order():
    times = [7 * DAY, 7 * DAY + PERIOD - 1, 7 * DAY + PERIOD]
    assert parts(times[:2], 2, times[0], times[1], times[1]).periods == 1
    assert parts(times[:2], 2, times[0], times[1], times[2]).periods == 0.5
    assert parts(times, 3, times[0], times[2], times[2]).periods == 1


def test_of_folded_orders_the_times_that_are_kept_speak():
    kept = [300 * DAY, 310 * DAY, 320 * DAY]
    assert parts(kept, 100, 0, 320 * DAY, 320 * DAY) == (0.99, 320 / 365, 1, 1)
    assert parts([], 100, 0, 320 * DAY, 320 * DAY) == (0.99, 320 / 365, 0, 0)


def test_a_weight_of_0_leaves_a_part_out():
    assert loyalty(parts_of(0, 73), LoyaltyPolicy((1, 0, 0, 0))) == 50
    with pytest.raises(PolicyError, match="not all 0"):
        LoyaltyPolicy((0, 0, 0, 0))


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ((10_000, 0, 0, 0), 3_000),
        ((10_000, 250, 0, 0), 2_750),
        ((10_000, 0, 2, 1), 1_600),
        ((0, 0, 1, 0), -400),
        ((5, 0, 0, 0), 2),
        ((15, 0, 0, 0), 4),
        ((10**18 + 5, 0, 0, 0), 3 * 10**17 + 2),
    ],
)
def test_profit_is_margin_less_costs(figures, expected):
    assert profit_minor(*figures, ProfitabilityPolicy(3_000, 400, 600)) == expected


def test_a_margin_of_more_than_all_is_refused():
    with pytest.raises(PolicyError, match="from 0 to 1"):
        ProfitabilityPolicy(10_001, 0, 0)
