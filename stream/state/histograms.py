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


def count_deltas(deltas: dict[str, int], before: Buckets | None, after: Buckets | None) -> None:
    """Add one customer's move between buckets to a batch's deltas, by field ``f:…``, ``m:…``, ``l:…``.

    Examples
    --------
    >>> deltas = {}
    >>> count_deltas(deltas, (1, 50, 7), (2, 50, 8))
    >>> deltas
    {'f:1': -1, 'f:2': 1, 'l:7': -1, 'l:8': 1}
    """
    for place, name in enumerate("fml"):
        old = before[place] if before is not None else None
        new = after[place] if after is not None else None
        if old != new:
            for index, by in ((old, -1), (new, 1)):
                if index is not None:
                    field = f"{name}:{index}"
                    deltas[field] = deltas.get(field, 0) + by
