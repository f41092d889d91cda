"""What a customer adds to the population's histograms, from which the next cut-points are taken.

A customer with an order in the window is in three histograms, one bucket each: orders (`f`), revenue (`m`), time of the
last order (`l`). The record says in which, so that leaving a bucket takes out exactly what was put in, whatever changed
in between.
"""

from __future__ import annotations

from stream.scoring.quantiles import bucket, recency_bucket
from stream.state.customer import Customer

Buckets = tuple[int, int, int]


def buckets_of(c: Customer) -> Buckets | None:
    """Where a customer belongs now; None without an order in the window."""
    if not c.frequency:
        return None
    return bucket(c.frequency), bucket(c.monetary), recency_bucket(c.last_at)


class BucketDeltas:
    """How the counts of buckets change with one batch.

    Examples
    --------
    >>> deltas = BucketDeltas()
    >>> c = Customer("c-1")
    >>> c.frequency, c.monetary, c.last_at = 1, 50, 0
    >>> deltas.follow(c)
    >>> deltas.fields(), c.buckets
    ({'f:1': 1, 'm:50': 1, 'l:0': 1}, (1, 50, 0))
    """

    def __init__(self) -> None:
        self._frequency: dict[int, int] = {}
        self._monetary: dict[int, int] = {}
        self._last: dict[int, int] = {}

    def follow(self, c: Customer) -> None:
        """Move a customer from the buckets it is in to those it belongs in, and note that on the record."""
        before = c.buckets
        after = buckets_of(c)
        if after == before:
            return
        c.buckets = after
        if before is not None:
            self._count(before, -1)
        if after is not None:
            self._count(after, 1)

    def _count(self, buckets: Buckets, by: int) -> None:
        f, m, last = buckets
        counts = self._frequency
        counts[f] = counts.get(f, 0) + by
        counts = self._monetary
        counts[m] = counts.get(m, 0) + by
        counts = self._last
        counts[last] = counts.get(last, 0) + by

    def fields(self) -> dict[str, int]:
        """Changes by field of the histogram hash, ``f:…``, ``m:…``, ``l:…``; zeros left out."""
        return {
            f"{name}:{index}": by
            for name, counts in (("f", self._frequency), ("m", self._monetary), ("l", self._last))
            for index, by in counts.items()
            if by
        }
