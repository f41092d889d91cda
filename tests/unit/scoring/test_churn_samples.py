"""Samples lie on a grid of one's own, fit one integer, and are counted under what was said and what came of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from stream.scoring.churn_samples import (
    FEATURE_BITS,
    MINUTE,
    QUARTER,
    QUARTERS_KEPT,
    SIGNS,
    Evidence,
    grid_offset,
    next_moment,
    outcome_fields,
    pack,
    quarter,
    read_counted,
    read_said,
    take,
    taken_at,
    unpack,
)
from stream.scoring.units import DAY

HORIZON = 60 * DAY
AT = 1_500_000_000_000
LEAST = Evidence(repeats=0, last=0.0, age=0.0)
MOST = Evidence(repeats=9_999, last=999.0, age=9_999.0, gap_step=99, complaints=99, signs=2 ** len(SIGNS) - 1)


@pytest.mark.parametrize("customer", [0, 1, 2**53, 2**63, 2**64 - 1])
def test_a_grid_has_one_moment_in_every_horizon(customer):
    offset = grid_offset(customer, HORIZON)
    assert 0 <= offset < HORIZON
    first = next_moment(offset, HORIZON, AT)
    assert AT < first <= AT + HORIZON
    assert first % MINUTE == 0
    assert next_moment(offset, HORIZON, first - 1) == first
    assert next_moment(offset, HORIZON, first) == first + HORIZON


def test_customers_are_spread_over_the_horizon():
    offsets = [grid_offset(xxh3_64_intdigest(b"c-%d" % customer), HORIZON) for customer in range(1_000)]
    by_tenth = [sum(offset * 10 // HORIZON == tenth for offset in offsets) for tenth in range(10)]
    assert min(by_tenth) > 70


@pytest.mark.parametrize("evidence", [LEAST, MOST])
def test_what_is_beyond_the_bins_is_in_the_last_one(evidence):
    features = pack(evidence)
    assert 0 <= features < 2**FEATURE_BITS
    assert pack(unpack(features)) == features


def test_the_extremes_are_told_apart_everywhere():
    assert all(low != high for low, high in zip(unpack(pack(LEAST)), unpack(pack(MOST)), strict=True))


@pytest.mark.parametrize("at", [AT, 0, -852_120 * MINUTE])
@pytest.mark.parametrize("evidence", [LEAST, MOST])
@pytest.mark.parametrize(("logit", "warned"), [(-99.0, False), (99.0, True)])
def test_a_sample_is_one_signed_word_and_never_none(at, evidence, logit, warned):
    sample = take(evidence, logit, at, warned=warned)
    assert sample != 0
    assert -(2**63) <= sample < 2**63
    assert taken_at(sample) == at


@given(st.integers(0, 639), st.floats(0, 127), st.floats(0, 200))
def test_bins_are_fine_enough_to_tell_what_is_said_of_a_customer(repeats, last, silence):
    """Where they are not at their ends, the middle of the bins is not far off what a model would say."""
    evidence = Evidence(repeats, last if repeats else 0.0, (last if repeats else 0.0) + silence)
    kept = unpack(pack(evidence))
    assert kept.repeats == pytest.approx(repeats, rel=0.15, abs=1e-9)
    assert kept.last == pytest.approx(evidence.last, rel=0.34, abs=0.5)
    gaps = silence * (repeats + 1) / (4 + evidence.last)
    if gaps < 90:
        assert (kept.age - kept.last) * (kept.repeats + 1) / (4 + kept.last) == pytest.approx(gaps, rel=0.34, abs=0.1)


def test_a_sample_is_counted_under_its_evidence_and_what_was_said():
    evidence = Evidence(repeats=7, last=30.0, age=41.0, gap_step=2, complaints=1, signs=5)
    sample = take(evidence, 1.1, AT, warned=True)
    counts: dict[str, int] = {}
    for last_at in (AT - 1, AT, AT + 1):
        for field in outcome_fields(sample, last_at):
            counts[field] = counts.get(field, 0) + 1
    (counted,) = read_counted(counts, AT)
    assert counted == (quarter(AT), unpack(pack(evidence)), 2, 1)
    (said,) = read_said(counts, AT)
    assert said == (quarter(AT), 1.125, True, 2, 1)


def test_quarters_of_long_ago_are_not_learned_from():
    now = 100 * QUARTER
    counts = {f"y:{when}:0:1": 1 for when in range(80, 101)} | {f"v:{when}:0:1": 1 for when in range(80, 101)}
    expected = list(range(101 - QUARTERS_KEPT, 101))
    assert [counted.quarter for counted in read_counted(counts, now)] == expected
    assert [said.quarter for said in read_said(counts, now)] == expected
