"""A tier rises at once and falls slowly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.scoring.rfm import CELLS, cell
from stream.scoring.tiers import (
    HIGH,
    LOW,
    MID,
    NONE,
    TIERS,
    compile_tiers,
    held_until,
    raw_tier,
    said_tier,
    value_score,
)
from stream.scoring.units import DAY, NEVER

from .models import POLICY

STAY = 7 * DAY


@pytest.mark.parametrize(
    ("score", "after"),
    [
        # What a score gives whoever was none, low, mid or high; thresholds 40 and 70, margin 10.
        (0.0, (LOW, LOW, LOW, LOW)),
        (29.9, (LOW, LOW, LOW, LOW)),
        (30.0, (LOW, LOW, MID, MID)),
        (39.9, (LOW, LOW, MID, MID)),
        (40.0, (MID, MID, MID, MID)),
        (59.9, (MID, MID, MID, MID)),
        (60.0, (MID, MID, MID, HIGH)),
        (70.0, (HIGH, HIGH, HIGH, HIGH)),
    ],
)
def test_raw_tier_at_each_threshold(score, after):
    assert tuple(raw_tier(score, said, POLICY) for said in (NONE, LOW, MID, HIGH)) == after


def test_the_compiled_table_is_the_rule():
    table = compile_tiers(POLICY)
    assert len(table) == len(TIERS)
    for said, row in enumerate(table):
        for three in CELLS:
            assert row[cell(*three)] == raw_tier(value_score(*three, POLICY.weights), said, POLICY)


def test_noise_of_the_weights_does_not_miss_a_threshold():
    """As doubles, 100 * (0.2 * 0.5 + 0.7 * 0.5) is the number just below 45."""
    weights = (0.1, 0.2, 0.7)
    policy = replace(POLICY, weights=weights, tier_mid=45.0)
    assert value_score(1, 3, 3, weights) == 45.0
    assert raw_tier(value_score(1, 3, 3, weights), NONE, policy) == MID


@pytest.mark.parametrize(
    ("raw", "said", "days_ago", "expected"),
    [
        (HIGH, LOW, 0, HIGH),
        (LOW, HIGH, 0, HIGH),
        (LOW, HIGH, 6.999, HIGH),
        (LOW, HIGH, 7, LOW),
        (LOW, NONE, 0, LOW),
        (NONE, HIGH, 0, NONE),
        (MID, MID, 0, MID),
    ],
)
def test_good_news_at_once_bad_news_after_the_stay(raw, said, days_ago, expected):
    as_of = 1_000 * DAY
    assert said_tier(raw, said, as_of, as_of - int(days_ago * DAY), STAY) == expected


def test_a_held_tier_is_looked_at_again_at_the_end_of_its_stay():
    assert held_until(LOW, HIGH, DAY, 1, STAY) == STAY + 1_000
    assert held_until(LOW, HIGH, STAY + 1, 1, STAY) == NEVER
    assert held_until(HIGH, LOW, DAY, 1, STAY) == NEVER
    assert held_until(NONE, HIGH, DAY, 1, STAY) == NEVER
