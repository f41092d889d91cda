"""Laws of the histogram: it keeps its error, forgets without a trace, and cares for neither order nor parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stream.scoring.quantiles import RELATIVE_ERROR_MAX, Histogram, bucket, representative

small = st.integers(0, 300)
figures = small | st.integers(0, 10**7) | st.integers(0, 2**52)
near_powers = st.builds(lambda k, d: (1 << k) + d, st.integers(7, 51), st.integers(-3, 3))
populations = st.lists(figures | near_powers, min_size=1, max_size=60)


def histogram_of(values):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(figures | near_powers)
def test_the_middle_of_a_bucket_is_near_every_figure_in_it(value):
    assert abs(representative(bucket(value)) - value) <= RELATIVE_ERROR_MAX * value
    assert bucket(int(representative(bucket(value)))) == bucket(value)


@given(figures, figures)
def test_buckets_keep_the_order_of_figures(one, other):
    low, high = sorted((one, other))
    assert bucket(low) <= bucket(high)


@given(populations, st.floats(0, 1))
def test_quantiles_are_within_the_promised_error(values, q):
    exact = float(np.quantile(np.array(values, dtype=float), q))
    assert histogram_of(values).quantile(q) == pytest.approx(exact, rel=RELATIVE_ERROR_MAX * (1 + 1e-9), abs=1e-9)


@given(populations, populations)
def test_what_is_taken_out_leaves_no_trace(stays, goes):
    histogram = histogram_of(stays + goes)
    for value in goes:
        histogram.remove(value)
    assert histogram == histogram_of(stays)


@given(populations, populations)
def test_merging_is_putting_together(one, other):
    merged = histogram_of(one)
    merged.merge(histogram_of(other))
    assert merged == histogram_of(one + other)


@given(populations, st.randoms())
def test_order_does_not_matter(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert histogram_of(shuffled) == histogram_of(values)


@given(populations)
def test_counts_are_all_there_is(values):
    histogram = histogram_of(values)
    assert Histogram(histogram.counts) == histogram
    assert histogram.total == len(values)


class Churning(RuleBasedStateMachine):
    """Customers come, change and go; the histogram is always that of those who are there."""

    def __init__(self):
        super().__init__()
        self.histogram = Histogram()
        self.values = []

    @rule(value=figures)
    def comes(self, value):
        self.values.append(value)
        self.histogram.add(value)

    @precondition(lambda self: self.values)
    @rule(data=st.data(), value=figures)
    def changes(self, data, value):
        at = data.draw(st.integers(0, len(self.values) - 1))
        self.histogram.remove(self.values[at])
        self.histogram.add(value)
        self.values[at] = value

    @precondition(lambda self: self.values)
    @rule(data=st.data())
    def goes(self, data):
        at = data.draw(st.integers(0, len(self.values) - 1))
        self.histogram.remove(self.values.pop(at))

    @invariant()
    def holds_those_who_are_there(self):
        assert self.histogram == histogram_of(self.values)


TestChurning = Churning.TestCase
