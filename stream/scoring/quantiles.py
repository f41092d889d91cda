"""Quantiles of all customers without a pass over customers.

A histogram over buckets that are wider the larger the figure. Figures below 128 have a bucket each; above,
each doubling is cut into 64 equal buckets, so a bucket is at most 1/64 of its lower end wide. Three things
follow.

* **Guarantee.** Every order statistic is off by at most 1/128 (0.8 percent) of itself, and none below 128 is
  off at all. A type-7 quantile is a mean of two neighbouring order statistics, so the same holds for it.
* **It forgets.** Counts go down as well as up: when a customer's figure changes, the old one is taken out,
  and the histogram is what it would be had it never been there. Sketches that sample or cluster cannot do
  that.
* **It merges.** Adding the counts of two histograms gives the histogram of both populations, in any order.

Buckets come from the bits of an integer, not from a logarithm: no rounding at a bucket's end, the same bucket
in every language, and a small fraction of a microsecond.

For recency the figure changes by itself with time, so what is kept is the time of the last order, in linear
buckets; `recency_edges` turns them into ages at the moment of asking, off by at most half of
`RECENCY_BUCKET`.

References
----------
Masson, Rim, Lee (2019), "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
guarantees", PVLDB 12(12): the guarantee and the decrementable, mergeable store. Hyndman, Fan (1996), "Sample
quantiles in statistical packages", The American Statistician 50(4): type 7.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from math import ceil, floor
from typing import Final

from stream.scoring.rfm import Four, edges_from_quantiles
from stream.scoring.units import DAY

SUB_BITS: Final = 6
"""Each doubling is cut into 2**6 = 64 buckets."""

RELATIVE_ERROR_MAX: Final = 1 / 2 ** (SUB_BITS + 1)
"""Half a bucket's width against its lower end."""

RECENCY_BUCKET: Final = DAY // 4
"""Milliseconds. Six hours: a year has 1 461 buckets, and an edge in days is off by an eighth of a day at
most."""

EDGE_DECIMALS: Final = 3

FIFTHS: Final = (0.2, 0.4, 0.6, 0.8)


def bucket(value: int) -> int:
    """Bucket of a figure.

    Parameters
    ----------
    value
        A count or an amount in minor units, at least 0.

    Raises
    ------
    ValueError
        When `value` is negative: no figure that is scored can be.

    Examples
    --------
    >>> [bucket(value) for value in (0, 1, 127, 128, 129, 130, 1_000_000)]
    [0, 1, 127, 128, 128, 129, 954]
    """
    if value < 0:
        raise ValueError(f"value = {value}: figures are at least 0")
    shift = value.bit_length() - (SUB_BITS + 1)
    return value if shift <= 0 else (shift << SUB_BITS) + (value >> shift)


def representative(bucket: int) -> float:
    """Middle of a bucket: within `RELATIVE_ERROR_MAX` of every figure in it.

    Examples
    --------
    >>> [representative(index) for index in (0, 127, 128, 954)]
    [0, 127, 128.5, 1003519.5]
    """
    shift = (bucket >> SUB_BITS) - 1
    if shift <= 0:
        return bucket
    return lowest(bucket) + ((1 << shift) - 1) / 2


def lowest(bucket: int) -> int:
    """Least figure of a bucket.

    Examples
    --------
    >>> [lowest(index) for index in (0, 127, 128, 954)]
    [0, 127, 128, 999424]
    """
    shift = max(0, (bucket >> SUB_BITS) - 1)
    return (bucket - (shift << SUB_BITS)) << shift


class Histogram:
    """How many figures are in each bucket.

    Parameters
    ----------
    counts
        Count by bucket, as it was kept; buckets with a count of 0 are left out.

    Raises
    ------
    ValueError
        When a count is, or would become, negative: something was taken out that was never put in.

    Examples
    --------
    >>> amounts = Histogram()
    >>> for amount in (100, 200, 300, 400, 50_000):
    ...     amounts.add(amount)
    >>> amounts.remove(50_000)
    >>> amounts.total, amounts.quantile(0.5)
    (4, 251.0)
    """

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts: dict[int, int] = {}
        for index, count in (counts or {}).items():
            self._change(index, count)

    def __eq__(self, other: object) -> bool:
        return self._counts == other._counts if isinstance(other, Histogram) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # its counts change

    @property
    def counts(self) -> dict[int, int]:
        """Count by bucket; a copy."""
        return dict(self._counts)

    @property
    def total(self) -> int:
        """How many figures there are."""
        return sum(self._counts.values())

    def add(self, value: int, count: int = 1) -> None:
        """Put a figure in, `count` times."""
        self._change(bucket(value), count)

    def remove(self, value: int, count: int = 1) -> None:
        """Take a figure out, `count` times."""
        self._change(bucket(value), -count)

    def merge(self, other: Histogram) -> None:
        """Put in everything that the other one holds."""
        for index, count in other._counts.items():
            self._change(index, count)

    def quantile(self, q: float) -> float:
        """Type-7 quantile, as `numpy.quantile` has by default, within `RELATIVE_ERROR_MAX` of the exact one.

        Parameters
        ----------
        q
            Between 0 and 1.

        Raises
        ------
        ValueError
            When there are no figures, or `q` is out of range.
        """
        return self.quantiles((q,))[0]

    def quantiles(self, qs: Iterable[float]) -> tuple[float, ...]:
        """Several quantiles, for one walk over the buckets."""
        return quantiles(self._counts, representative, qs)

    def _change(self, index: int, by: int) -> None:
        count = self._counts.get(index, 0) + by
        if count < 0:
            raise ValueError(f"bucket {index} would hold {count}: taken out more often than put in")
        if count:
            self._counts[index] = count
        else:
            self._counts.pop(index, None)


def quantiles(counts: Mapping[int, int], middle: Callable[[int], float], qs: Iterable[float]) -> tuple[float, ...]:
    """Type-7 quantiles of figures that are known by bucket.

    Parameters
    ----------
    counts
        Figures in each bucket. Those with none may be left out.
    middle
        The figure that stands for a bucket; must rise with the bucket.
    qs
        Each between 0 and 1.

    Raises
    ------
    ValueError
        When there are no figures, a count is negative, or a `q` is out of range.

    Examples
    --------
    >>> quantiles({0: 1, 10: 1}, float, (0, 0.25, 1))
    (0.0, 2.5, 10.0)
    """
    buckets = sorted(index for index, count in counts.items() if count)
    # `ends[i]` figures are in the first i + 1 buckets.
    ends = list(accumulate(counts[index] for index in buckets))
    if not buckets:
        raise ValueError("no figures: a quantile of nothing is not defined")
    if min(counts.values()) < 0:
        raise ValueError("a bucket holds less than nothing: taken out more often than put in")
    return tuple(_interpolated(q, buckets, ends, middle) for q in qs)


def recency_bucket(at: int) -> int:
    """Bucket of the time of a last order, milliseconds.

    Examples
    --------
    >>> recency_bucket(0), recency_bucket(DAY - 1), recency_bucket(DAY)
    (0, 3, 4)
    """
    return at // RECENCY_BUCKET


def recency_quantiles(counts: Mapping[int, int], as_of: int, qs: Iterable[float]) -> tuple[float, ...]:
    """Type-7 quantiles of recency in days, each off by at most half of `RECENCY_BUCKET`.

    Parameters
    ----------
    counts
        Customers by `recency_bucket` of their last order.
    as_of
        Moment at which recency is taken, milliseconds.

    Examples
    --------
    >>> recency_quantiles({recency_bucket(0): 3}, 10 * DAY, (0.5,))
    (9.875,)
    """

    def age_days(reversed_bucket: int) -> float:
        middle = -reversed_bucket * RECENCY_BUCKET + RECENCY_BUCKET / 2
        # An order of this very hour may be earlier than the middle of its bucket.
        return max(0.0, as_of - middle) / DAY

    # The youngest customer has the latest order, so age rises against the bucket.
    return quantiles({-index: count for index, count in counts.items()}, age_days, qs)


def recency_edges(counts: Mapping[int, int], as_of: int) -> Four:
    """Recency edges in days at `as_of`, to the thousandth; arguments as in `recency_quantiles`.

    A thousandth of a day is 86 400 milliseconds. An edge on that grid is the same moment for whoever computes
    it, however it is written down.

    Examples
    --------
    >>> recency_edges({recency_bucket(day * DAY): 1 for day in range(6)}, 5 * DAY)
    (1.875, 2.875, 3.875, 4.875)
    """
    q20, q40, q60, q80 = edges_from_quantiles(recency_quantiles(counts, as_of, FIFTHS))
    return (
        round(q20, EDGE_DECIMALS),
        round(q40, EDGE_DECIMALS),
        round(q60, EDGE_DECIMALS),
        round(q80, EDGE_DECIMALS),
    )


def figure_edges(histogram: Histogram) -> Four:
    """Frequency or monetary edges of a population.

    Examples
    --------
    >>> figure_edges(Histogram({bucket(orders): 1 for orders in range(6)}))
    (2.0, 3.0, 4.0, 5.0)
    """
    return edges_from_quantiles(histogram.quantiles(FIFTHS))


def _interpolated(q: float, buckets: list[int], ends: list[int], middle: Callable[[int], float]) -> float:
    if not 0 <= q <= 1:
        raise ValueError(f"q = {q}: must be between 0 and 1")
    place = q * (ends[-1] - 1)
    # The order statistic with k smaller ones is in the first bucket whose end is above k.
    below = middle(buckets[bisect_right(ends, floor(place))])
    above = middle(buckets[bisect_right(ends, ceil(place))])
    return below + (place - floor(place)) * (above - below)
