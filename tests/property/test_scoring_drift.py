"""The population stability index: never negative, the same both ways, and 0 only where nothing moved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.scoring.drift import MOVED, psi

counts = st.lists(st.integers(0, 1_000), min_size=5, max_size=5).filter(any)


def shares_of(found):
    return [count / sum(found) for count in found]


@given(counts, counts)
def test_it_is_never_negative_and_the_same_both_ways(before, now):
    index = psi(shares_of(before), shares_of(now))
    assert index >= 0
    assert index == pytest.approx(psi(shares_of(now), shares_of(before)))


@given(counts)
def test_nothing_moved_is_nothing(found):
    assert psi(shares_of(found), shares_of(found)) == 0


@given(counts, st.integers(1, 50))
def test_only_shares_matter(found, times):
    assert psi(shares_of(found), shares_of([times * count for count in found])) == pytest.approx(0, abs=1e-12)


@pytest.mark.golden
def test_a_worked_example():
    # Yurdakul (2018), "Statistical properties of population stability index", Western Michigan University, p. 2: each
    # term is (actual - expected) * ln(actual / expected); worked here by hand for two bins.
    assert psi((0.5, 0.5), (0.6, 0.4)) == pytest.approx(0.1 * 0.182321557 + (-0.1) * -0.223143551, abs=1e-9)
    assert psi((0.5, 0.5), (0.6, 0.4)) < MOVED


def test_bins_must_be_the_same():
    with pytest.raises(ValueError, match="5 bins before and 4 now"):
        psi((0.2,) * 5, (0.25,) * 4)
