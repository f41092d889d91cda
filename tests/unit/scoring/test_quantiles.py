"""The histogram keeps its promise on populations that are made to break it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from stream.scoring.quantiles import (
    FIFTHS,
    RECENCY_BUCKET,
    RELATIVE_ERROR_MAX,
    Histogram,
    bucket,
    figure_edges,
    quantiles,
    recency_bucket,
    recency_edges,
    recency_quantiles,
    representative,
)
from stream.scoring.rfm import Edges, compile_edges
from stream.scoring.units import DAY

QS = (0, 0.001, 0.05, *FIFTHS, 0.5, 0.95, 0.999, 1)
SEEDED = np.random.default_rng(20260101)

POPULATIONS = {
    "one": [7],
    "two": [3, 90_000],
    "three": [0, 0, 5_000],
    "four": [1, 10, 100, 1_000],
    "constant": [12_345] * 1_000,
    "two points": [1] * 500 + [1_000_000] * 500,
    "zeros": [0] * 1_000,
    "zeros and a tail": [0] * 700 + (SEEDED.pareto(1.1, 300) * 1_000).astype(int).tolist(),
    "pareto": (SEEDED.pareto(1.2, 5_000) * 500).astype(int).tolist(),
    "exponential": SEEDED.exponential(30_000, 5_000).astype(int).tolist(),
    "lognormal": SEEDED.lognormal(8, 2, 5_000).astype(int).tolist(),
    "uniform small": SEEDED.integers(0, 20, 5_000).tolist(),
    "powers of two and neighbours": [2**k + d for k in range(1, 45) for d in (-1, 0, 1)],
    "ends of buckets": [end for shift in range(1, 30) for end in (64 << shift, (65 << shift) - 1, (65 << shift))],
    "huge": [2**62 + k for k in range(100)],
}


@pytest.mark.parametrize("name", POPULATIONS)
def test_relative_error_is_at_most_one_percent(name):
    values = POPULATIONS[name]
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = np.quantile(np.array(values, dtype=float), QS)
    assert RELATIVE_ERROR_MAX <= 0.01
    np.testing.assert_allclose(histogram.quantiles(QS), exact, rtol=RELATIVE_ERROR_MAX * (1 + 1e-9), atol=0)


def test_small_figures_are_exact():
    histogram = Histogram()
    for value in POPULATIONS["uniform small"]:
        histogram.add(value)
    exact = np.quantile(POPULATIONS["uniform small"], QS)
    assert histogram.quantiles(QS) == pytest.approx(exact.tolist(), rel=1e-12)


def test_buckets_leave_no_gap_and_never_go_back():
    indices = [bucket(value) for value in range(20_000)]
    assert all(after - before in {0, 1} for before, after in pairwise(indices))
    assert indices[:129] == list(range(129))


def test_a_quantile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no figures"):
        Histogram().quantile(0.5)
    with pytest.raises(ValueError, match="no figures"):
        recency_edges({5: 0}, DAY)


@pytest.mark.parametrize("q", [-0.01, 1.01, float("nan")])
def test_a_quantile_out_of_range_is_refused(q):
    with pytest.raises(ValueError, match="between 0 and 1"):
        Histogram({1: 1}).quantile(q)


def test_what_was_never_put_in_cannot_be_taken_out():
    histogram = Histogram({bucket(10): 1})
    histogram.remove(10)
    with pytest.raises(ValueError, match="bucket 10 would hold -1"):
        histogram.remove(10)
    assert histogram == Histogram()
    with pytest.raises(ValueError, match="would hold"):
        Histogram({3: -1})
    with pytest.raises(ValueError, match="less than nothing"):
        quantiles({1: 1, 2: -1}, representative, FIFTHS)


def test_a_negative_figure_is_refused():
    with pytest.raises(ValueError, match="at least 0"):
        bucket(-1)


def test_counts_handed_out_are_a_copy():
    histogram = Histogram({1: 1})
    histogram.counts[1] = 99
    assert histogram.total == 1
    assert histogram != "histogram"


def test_recency_ages_without_being_touched():
    as_of = 20_000 * DAY
    last = as_of - SEEDED.integers(0, 400 * DAY, 3_000)
    counts = {}
    for at in last.tolist():
        counts[recency_bucket(at)] = counts.get(recency_bucket(at), 0) + 1
    for later in (0, 17 * DAY + 12_345):
        ours = recency_quantiles(counts, as_of + later, QS)
        exact = np.quantile((as_of + later - last) / DAY, QS)
        np.testing.assert_allclose(ours, exact, rtol=0, atol=RECENCY_BUCKET / 2 / DAY)
        edges = recency_edges(counts, as_of + later)
        fifths = recency_quantiles(counts, as_of + later, FIFTHS)
        assert edges == pytest.approx([quantile + 1 for quantile in fifths], rel=0, abs=0.0005 + 1e-9)


def test_calibrated_recency_edges_are_whole_milliseconds_as_they_are_written():
    as_of = 1_700_000_000_123
    counts = {recency_bucket(as_of - day * DAY): 1 for day in range(98)}
    edges = recency_edges(counts, as_of)
    written = tuple(Fraction(repr(edge)) * DAY for edge in edges)
    assert compile_edges(Edges(edges, (1, 2, 3, 4), (1, 2, 3, 4))).age_ms == written


def test_an_order_of_this_hour_is_not_in_the_future():
    assert recency_quantiles({recency_bucket(DAY): 1}, DAY, (0.5,)) == (0.0,)


def test_edges_are_quantiles_plus_one():
    assert figure_edges(Histogram({bucket(value): 1 for value in range(101)})) == pytest.approx((21, 41, 61, 81))
