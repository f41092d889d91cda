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
    >>> deltas.move((1, 50, 7), (2, 50, 8))
    >>> deltas.move(None, (2, 60, 8))
    >>> deltas.fields()
    {'f:1': -1, 'f:2': 2, 'm:60': 1, 'l:7': -1, 'l:8': 2}
    """

    def __init__(self) -> None:
        self._by_name: tuple[dict[int, int], ...] = ({}, {}, {})

    def move(self, before: Buckets | None, after: Buckets | None) -> None:
        """One customer goes from some buckets to others; None: is in none."""
        for place, counts in enumerate(self._by_name):
            old = None if before is None else before[place]
            new = None if after is None else after[place]
            if old != new:
                if old is not None:
                    counts[old] = counts.get(old, 0) - 1
                if new is not None:
                    counts[new] = counts.get(new, 0) + 1

    def fields(self) -> dict[str, int]:
        """Changes by field of the histogram hash, ``f:…``, ``m:…``, ``l:…``; zeros left out."""
        return {
            f"{name}:{index}": by
            for name, counts in zip("fml", self._by_name, strict=True)
            for index, by in counts.items()
            if by
        }
