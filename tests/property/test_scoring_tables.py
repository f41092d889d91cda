"""Laws of the tables: complete, monotone, and equal to the slow way of saying the same."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from statistics import fmean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.scoring.abc import A, AbcEdges, AbcPolicy, C, classes, compile_abc, fit_edges, rank
from stream.scoring.alive import log_odds_gone, probability
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.lifecycle import (
    NOBODY_GONE,
    STAGES,
    LifecyclePolicy,
    LifecycleRow,
    compile_lifecycle,
    next_fall,
    stage,
)
from stream.scoring.loyalty import PARTS, LoyaltyPolicy, loyalty, parts
from stream.scoring.policy import default_policy
from stream.scoring.profitability import margin_minor
from stream.scoring.units import DAY, NEVER, WEEK

POLICY = default_policy()
SHARES = AbcPolicy(0.7, 0.2, 0.1)
ALIVE = DEFAULT_CALIBRATION.alive
GAPS = POLICY.churn.gap_ratios

stages = st.integers(0, len(STAGES) - 1)
whole = st.integers(0, 8)


# -- A, B, C ----------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 127), min_size=1, max_size=40))
def test_learned_edges_give_the_classes_of_sorting_and_adding_up(revenues):
    """Below 128 a bucket holds one figure, so the histogram knows all."""
    cuts = compile_abc(fit_edges(Counter(revenues), SHARES), 0.1)
    assert [rank(one, 0, cuts) for one in revenues] == classes(revenues, SHARES)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=40))
def test_the_first_class_brings_its_share_and_no_customer_too_many(revenues):
    found = classes(revenues, SHARES)
    best = [revenue for revenue, one in zip(revenues, found, strict=True) if one == A]
    assert sum(best) * 10 >= sum(revenues) * 7
    # Without those who brought least among them, it is not reached.
    assert sum(revenue for revenue in best if revenue > min(best)) * 10 < sum(revenues) * 7


@given(st.integers(1, 10**12), st.integers(0, 10**12), st.floats(0, 0.99), st.integers(0, 10**13), st.integers(0, 3))
def test_a_class_rises_with_revenue_and_with_the_class_said_and_stays_once_said(b, more, margin, revenue, said):
    cuts = compile_abc(AbcEdges(a_minor=b + more, b_minor=b), margin)
    found = rank(revenue, said, cuts)
    assert C <= found <= A
    assert rank(revenue + 1, said, cuts) >= found
    assert rank(revenue, max(said - 1, 0), cuts) <= found
    assert rank(revenue, found, cuts) == found


# -- lifecycle --------------------------------------------------------------------------------------------------


def maybe(strategy):
    return st.none() | strategy


rows = st.builds(
    LifecycleRow,
    to=st.sampled_from(STAGES),
    said=st.lists(st.sampled_from(STAGES), max_size=3, unique=True).map(tuple),
    returned=maybe(st.booleans()),
    orders_min=maybe(whole),
    orders_max=maybe(whole),
    tenure_days_min=maybe(st.sampled_from([0.5, 1.0, 30.0])),
    gap_min=maybe(st.sampled_from(GAPS)),
    p_alive_max=maybe(st.sampled_from([0.1, 0.5, 0.9])),
)
policies = st.lists(rows, max_size=6).map(lambda made: LifecyclePolicy((*made, LifecycleRow("repeat"))))


@settings(max_examples=60)
@given(
    policies,
    st.lists(
        st.tuples(stages, st.booleans(), whole, st.integers(0, 40 * DAY), st.integers(0, len(GAPS)), st.floats(-9, 9)),
        min_size=1,
        max_size=20,
    ),
)
def test_the_table_says_what_the_first_matching_row_says(policy, customers):
    compiled = compile_lifecycle(policy, POLICY.churn)
    for said, returned, n, tenure, gap, odds in customers:
        # What is nearer to a cut than a probability can tell is on either side of it.
        gone = round(odds, 9) if n else NOBODY_GONE
        for row in policy.rows:
            if (
                (not row.said or STAGES[said] in row.said)
                and (row.returned is None or row.returned == returned)
                and n >= (row.orders_min or 0)
                and (row.orders_max is None or n <= row.orders_max)
                and tenure >= (row.tenure_days_min or 0) * DAY
                and (row.gap_min is None or (gap and GAPS[gap - 1] >= row.gap_min))
                and (row.p_alive_max is None or probability(-gone) <= row.p_alive_max)
            ):
                assert STAGES[stage(compiled, said, returned, n, tenure, gap, gone)] == row.to
                break


@given(stages, st.booleans(), whole, st.integers(0, 400 * DAY), st.integers(0, len(GAPS)), st.floats(-9, 9))
def test_saying_a_stage_does_not_make_another_true(said, returned, n, tenure, gap, gone):
    """Once said, nothing has come since: the stage holds, or two looks at one moment would not agree."""
    compiled = compile_lifecycle(POLICY.lifecycle, POLICY.churn)
    found = stage(compiled, said, returned, n, tenure, gap if n else 0, gone if n else NOBODY_GONE)
    again = stage(compiled, found, False, n, tenure, gap if n else 0, gone if n else NOBODY_GONE)
    assert again == found


@given(whole, st.integers(0, 400 * DAY), st.integers(0, 4_000 * DAY))
def test_the_next_fall_is_ahead_and_nothing_falls_before_it(repeats, tenure, silence):
    compiled = compile_lifecycle(POLICY.lifecycle, POLICY.churn)
    last_at = tenure if repeats else 0
    as_of = last_at + silence

    def fallen(moment):
        gone = log_odds_gone(ALIVE, repeats, last_at / WEEK, moment / WEEK)
        return sum(cut <= gone for cut in compiled.gone)

    due = next_fall(compiled, ALIVE, repeats, 0, last_at, as_of)
    if due == NEVER:
        assert fallen(as_of) == len(compiled.gone)
    else:
        assert due > as_of
        assert due % 1_000 == 0
        assert fallen(max(as_of, due - 1_001)) == fallen(as_of)
        assert fallen(due + 1_000) > fallen(as_of)


# -- loyalty and profit -----------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 800 * DAY), min_size=1, max_size=30), st.integers(0, 400 * DAY))
def test_loyalty_is_the_mean_of_its_parts(moments, silence):
    times = sorted(moments)
    as_of = times[-1] + silence
    found = parts(times, len(times), times[0], times[-1], as_of)
    gaps = [after - before for before, after in pairwise(times)]
    regular = 1 / (1 + pstdev(gaps) / fmean(gaps)) if len(gaps) > 1 and times[-1] > times[0] else 0
    periods = {(at - times[0]) // (30 * DAY) for at in times}
    expected = (
        Fraction(len(times) - 1, len(times)),
        min(Fraction(1), Fraction(times[-1] - times[0], 365 * DAY)),
        regular,
        Fraction(len(periods), (as_of - times[0]) // (30 * DAY) + 1),
    )
    assert found == pytest.approx([float(one) for one in expected], rel=1e-9, abs=1e-9)
    assert 0 <= loyalty(found, POLICY.loyalty) <= 100 + 1e-9


@given(*[st.floats(0, 1)] * 4, st.integers(0, 3), st.floats(0, 1))
def test_a_better_part_never_makes_less_loyal(repeat, tenure, regularity, periods, which, better):
    weights = LoyaltyPolicy((3.0, 2.0, 2.0, 3.0))
    found = parts([0], 1, 0, 0, 0)._replace(repeat=repeat, tenure=tenure, regularity=regularity, periods=periods)
    improved = found._replace(**{PARTS[which]: max(found[which], better)})
    assert loyalty(improved, weights) >= loyalty(found, weights)


@given(st.integers(0, 10**18), st.integers(0, 10_000))
def test_a_margin_is_the_exact_share_rounded_half_to_even(revenue, basis_points):
    assert margin_minor(revenue, basis_points) == round(Fraction(revenue * basis_points, 10_000))
