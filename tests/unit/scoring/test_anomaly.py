"""A figure is an anomaly against one's own history only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.scoring.anomaly import (
    GAP,
    MAD_TO_DEVIATION,
    ORDER_VALUE,
    REFUND_SHARE,
    VISIT_RATE,
    OrderFacts,
    gaps,
    judge,
    refund_shares,
    usual,
)
from stream.scoring.periods import PERIOD
from stream.scoring.units import DAY

from .models import POLICY

RULES = POLICY.anomaly


@pytest.mark.golden
def test_the_constant_is_that_of_the_normal_distribution():
    """Iglewicz and Hoaglin (1993): MAD / 0.6745 estimates the standard deviation."""
    assert pytest.approx(1 / 0.6745, rel=1e-4) == MAD_TO_DEVIATION


@pytest.mark.golden
def test_the_modified_z_score():
    """Iglewicz and Hoaglin's 0.6745 (x - median) / MAD, on a scale that changes nothing: median 5, MAD 2, x = 17."""
    plain = replace(RULES, spread_min=(("refund_share", 1e-9),), periods_min=3)
    measure = REFUND_SHARE._replace(highest=float("inf"))
    found = judge(plain, measure, [1, 3, 5, 6, 8], 17)
    assert found.z == pytest.approx(0.6745 * (17 - 5) / 2, rel=1e-4)


def test_too_little_history_says_nothing():
    history = [2_000] * (RULES.orders_min - 1)
    assert judge(RULES, ORDER_VALUE, history, 10**9) is None
    assert usual(RULES, ORDER_VALUE, history) is None
    assert judge(RULES, ORDER_VALUE, [*history, 2_000], 10**9) is not None


def test_high_and_low_are_both_far():
    history = [40, 45, 38, 42, 41]
    high, low = judge(RULES, VISIT_RATE, history, 100), judge(RULES, VISIT_RATE, history, 0)
    assert (high.measure, high.value, high.usual) == ("visit_rate", 100, low.usual)
    assert low.z < -RULES.z < RULES.z < high.z
    assert low.usual.low < low.usual.middle < low.usual.high


def test_a_small_order_and_an_early_one_are_no_news():
    assert judge(RULES, ORDER_VALUE, [2_000] * 20, 1) is None
    assert judge(RULES, GAP, [90 * DAY] * 20, DAY) is None


def test_always_the_same_leaves_room_for_a_little():
    """A subscription of 9.99: 14.99 is within the least spread, 39.99 is not."""
    assert judge(RULES, ORDER_VALUE, [999] * 20, 1_499) is None
    assert judge(RULES, ORDER_VALUE, [999] * 20, 3_999) is not None


def test_one_wild_value_does_not_hide_a_wilder_one():
    history = [2_000, 2_500, 1_800, 2_200, 10**7, 2_000, 1_900, 2_100, 2_300]
    assert judge(RULES, ORDER_VALUE, history, 2 * 10**7) is not None


def test_what_was_there_lately_is_not_unusual():
    history = [2_000, 2_500, 1_800, 2_200, 10**7, 2_000, 1_900, 2_100, 2_300]
    assert judge(RULES, ORDER_VALUE, history, 10**7) is None
    assert judge(RULES, ORDER_VALUE, history, 10**6) is None


def test_whoever_stays_far_out_is_told_of_once():
    history = [2_000, 2_500, 1_800, 2_200, 2_000, 1_900, 2_100, 2_300, 2_000]
    assert judge(RULES, ORDER_VALUE, history, 60_000) is not None
    assert judge(RULES, ORDER_VALUE, [*history, 60_000], 70_000) is None
    assert judge(RULES, ORDER_VALUE, [*history, 60_000, 2_000], 70_000) is not None


def test_only_the_latest_are_looked_back_at():
    long_ago = [10**7] * 1_000
    recent = [2_000] * RULES.history_max
    found = judge(RULES, ORDER_VALUE, long_ago + recent, 10**7)
    assert found.usual.seen == RULES.history_max


def test_orders_in_one_breath_have_a_gap_that_can_be_compared():
    weekly = gaps([at * 7 * DAY for at in range(10)])
    assert weekly == [7 * DAY] * 9
    assert judge(RULES, GAP, weekly, 0) is None
    assert judge(RULES, GAP, weekly, 70 * DAY).z > 0
    assert judge(RULES, GAP, weekly, 8 * DAY) is None
    assert judge(RULES, GAP, [0] * 9, 3_000) is None


def test_refund_shares_of_periods_with_enough_orders():
    orders = [OrderFacts(at, returned) for at, returned in ((0, True), (1, False), (2, False), (PERIOD, True))]
    assert refund_shares(RULES, orders) == {0: 1 / 3}
    assert judge(RULES, REFUND_SHARE, [0.0] * 6, 1 / 3) is None
    found = judge(RULES, REFUND_SHARE, [0.0] * 6, 2 / 3)
    assert (found.usual.low, found.usual.high) == (0, pytest.approx(4 * 0.15))


def test_a_range_of_shares_ends_at_one():
    assert usual(RULES, REFUND_SHARE, [0.2, 0.9, 0.4, 0.8, 0.6]).high == 1


def test_visits_that_stop():
    busy = [40, 38, 45, 42, 41, 39]
    assert judge(RULES, VISIT_RATE, busy, 0).z < 0
    assert judge(RULES, VISIT_RATE, busy, 36) is None
    assert usual(RULES, VISIT_RATE, [0, 1, 0, 2, 1]).low == 0
