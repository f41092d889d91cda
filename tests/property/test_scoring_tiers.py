"""Laws of the tiers, for every policy that is allowed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stream.scoring.policy import default_policy
from stream.scoring.rfm import CELLS, cell
from stream.scoring.tiers import (
    HIGH,
    LOW,
    MID,
    NONE,
    compile_tiers,
    held_until,
    raw_tier,
    said_tier,
    value_score,
)
from stream.scoring.units import NEVER, SECOND

ranks = st.sampled_from([NONE, LOW, MID, HIGH])
one_to_five = st.integers(1, 5)
weights = st.tuples(*[st.floats(0.01, 100)] * 3)
times = st.integers(0, 10**13)


@st.composite
def policies(draw):
    mid = draw(st.floats(1, 98))
    high = draw(st.floats(mid + 0.5, 100))
    margin = draw(st.floats(0, 0.99)) * min(mid, high - mid)
    return replace(default_policy(), weights=draw(weights), tier_mid=mid, tier_high=high, tier_margin=margin)


@given(one_to_five, one_to_five, one_to_five, weights)
def test_the_value_score_goes_from_0_to_100_and_rises_with_each_score(r, f, m, w):
    here = value_score(r, f, m, w)
    assert 0 <= here <= 100
    for more in ((min(r + 1, 5), f, m), (r, min(f + 1, 5), m), (r, f, min(m + 1, 5))):
        assert value_score(*more, w) >= here
    assert value_score(1, 1, 1, w) == 0
    assert value_score(5, 5, 5, w) == 100


@given(policies())
def test_a_better_past_or_a_better_score_never_gives_a_lower_tier(policy):
    table = compile_tiers(policy)
    for below, above in pairwise(table):
        assert all(low <= high for low, high in zip(below, above, strict=True))
    for row in table:
        by_score = sorted(CELLS, key=lambda three: value_score(*three, policy.weights))
        tiers = [row[cell(*three)] for three in by_score]
        assert tiers == sorted(tiers)


@given(policies(), st.floats(0, 100), ranks)
def test_a_raw_tier_once_said_stays(policy, score, said):
    """Asking again without news changes nothing: the brakes do not make a tier swing by themselves."""
    raw = raw_tier(score, said, policy)
    assert raw_tier(score, raw, policy) == raw


@given(ranks, ranks, times, times, st.integers(0, 10**11))
def test_the_end_of_a_stay_is_where_the_lower_tier_is_said(raw, said, as_of, since, stay):
    due = held_until(raw, said, as_of, since, stay)
    now = said_tier(raw, said, as_of, since, stay)
    if due == NEVER:
        assert now == raw
    else:
        assert now == said
        assert due > as_of
        assert said_tier(raw, said, due, since, stay) == raw
        assert said_tier(raw, said, max(as_of, due - SECOND), since, stay) == said


@given(ranks, ranks, times, times, st.integers(0, 10**11))
def test_good_news_never_waits(raw, said, as_of, since, stay):
    assert said_tier(raw, said, as_of, since, stay) >= min(raw, said)
    if raw >= said:
        assert said_tier(raw, said, as_of, since, stay) == raw
