"""What a customer adds to the population's histograms, from which the next cut-points are taken.

A customer with an order in the window is in three histograms, one bucket each: orders (`f`), revenue (`m`), time of the
last order (`l`). The record says in which, so that leaving a bucket takes out exactly what was put in, whatever changed
in between.

How many customers are at each stage of life (`s`) is the sum of all moves between stages that ever were; so it costs
nothing but at a move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from stream.scoring.lifecycle import STAGES
from stream.scoring.quantiles import RECENCY_BUCKET, SUB_BITS, bucket, recency_bucket
from stream.state.customer import Customer

Buckets = tuple[int, int, int]

#: Figures below it are their own bucket.
FINE = 2 << SUB_BITS


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
        self._left: list[Buckets] = []
        self._joined: list[Buckets] = []

    def follow(self, c: Customer) -> None:
        """Move a customer from the buckets it is in to those it belongs in, and note that on the record."""
        before, frequency = c.buckets, c.frequency
        if not frequency:
            after = None
        elif frequency < FINE:
            # As in `buckets_of`, without its calls: this is done for every customer of every batch.
            money = c.monetary
            shift = money.bit_length() - (SUB_BITS + 1)
            if shift > 0:
                money = (shift << SUB_BITS) + (money >> shift)
            after = frequency, money, c.last_at // RECENCY_BUCKET
        else:
            after = buckets_of(c)
        if after == before:
            return
        c.buckets = after
        if before is not None:
            self._left.append(before)
        if after is not None:
            self._joined.append(after)

    def fields(self) -> dict[str, int]:
        """Changes by field of the histogram hash, ``f:…``, ``m:…``, ``l:…``; zeros left out."""
        fields: dict[str, int] = {}
        # Counted a column at a time: that loop is not Python's.
        left, joined = _columns(self._left), _columns(self._joined)
        for name, out, into in zip("fml", left, joined, strict=True):
            counts = Counter(into)
            counts.subtract(Counter(out))
            for index, by in counts.items():
                if by:
                    fields[f"{name}:{index}"] = by
        return fields


def stage_fields(grown: Mapping[str, int]) -> dict[str, int]:
    """Changes by field of the histogram hash, ``s:…``; zeros left out, and the first stage, which nobody moves into.

    Parameters
    ----------
    grown
        By how many customers each stage grew.

    Examples
    --------
    >>> stage_fields({"prospect": -1, "first_purchase": 0, "repeat": 1})
    {'s:repeat': 1}
    """
    return {f"s:{stage}": by for stage, by in grown.items() if by and stage != STAGES[0]}


def _columns(rows: list[Buckets]) -> tuple[tuple[int, ...], ...]:
    return tuple(zip(*rows, strict=True)) or ((), (), ())
