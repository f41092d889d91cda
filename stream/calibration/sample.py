"""The customers that models are learned from: a bounded part of all, always the same for the same customers.

Those with the smallest hashes of their ids are taken. Which ones these are depends neither on the order in which Redis
gives them nor on how they lie on shards, so that equal records make equal models; and who was in the sample stays in
it while the population grows slowly, so that two calibrations compare.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh64_intdigest

from stream.calibration.population import SCAN_CUSTOMERS, portions, reading
from stream.scoring.bg_nbd import Floats
from stream.scoring.policy import Policy
from stream.scoring.units import WEEK
from stream.state import ledger
from stream.state.codec import decode
from stream.state.customer import UNSET
from stream.state.order_figures import returned
from stream.state.worth import profit
from stream.store.calls import Client

_SEED: Final = 0
_HASHES: Final = 1 << 64

Row = tuple[str, tuple[int, ...]]
"""Id, repeat orders, milliseconds from the first order to the last and to the moment, and the other columns."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Customers with an order that counts, a place in each column for each; shape ``(n,)``.

    Attributes
    ----------
    repeats
        Orders after the first.
    last, age
        Weeks from the first order to the last, and to the moment of the sample.
    frequency
        Orders in the window.
    monetary
        What they brought, minor units.
    profit
        The same after costs, minor units.
    orders, returned
        Orders that are kept one by one, and how many of them were refunded, in part or whole, or cancelled.
    """

    repeats: Integers
    last: Floats
    age: Floats
    frequency: Integers
    monetary: Integers
    profit: Integers
    orders: Integers
    returned: Integers

    def __len__(self) -> int:
        return len(self.repeats)


def rows_of(records: Iterable[tuple[str, bytes]], policy: Policy, as_of: int) -> list[Row]:
    """What is learned from of these customers at `as_of` (ms; a record that is further on is taken where it is).

    Raises
    ------
    RecordError
        A record that this version cannot read.
    """
    rows: list[Row] = []
    for customer, blob in records:
        c = decode(customer, blob)
        if c.as_of == UNSET:
            continue
        ledger.rebuild(c, policy.window_ms)
        if c.as_of < as_of:
            ledger.advance(c, as_of, policy.window_ms)
        if c.n:
            times = c.last_at - c.first_at, c.as_of - c.first_at
            worth = c.frequency, c.monetary, profit(c, policy)
            rows.append((customer, (c.n - 1, *times, *worth, len(c.times), returned(c))))
    return rows


def sample_of(rows: Iterable[Row]) -> Sample:
    """Columns of these customers, by their ids: sums of floating-point numbers are the same wherever they were."""
    figures = [row for _, row in sorted(rows)]
    repeats, last, age, *others = np.array(figures, np.int64).reshape(-1, len(Sample.__slots__)).T
    return Sample(repeats, last / WEEK, age / WEEK, *others)


async def read_sample(
    redis: Client, prefix: str, partitions: int, policy: Policy, as_of: int, customers_max: int
) -> Sample:
    """Read the sample of all shards.

    Parameters
    ----------
    as_of
        Moment of the sample, ms.
    customers_max
        How many customers are taken at most. Of those without an order nothing is learned.

    Raises
    ------
    RecordError
        A record that this version cannot read.
    StoreUnavailable
        Redis cannot be reached.
    """
    chosen = await _choose(redis, prefix, partitions, customers_max)
    rows: list[Row] = []
    for shard, customers in chosen.items():
        store = reading(redis, prefix, shard)
        for first in range(0, len(customers), SCAN_CUSTOMERS):
            some = customers[first : first + SCAN_CUSTOMERS]
            blobs = await store.look(some)
            known = [(one, blob) for one, blob in zip(some, blobs, strict=True) if blob is not None]
            rows += rows_of(known, policy, as_of)
    return sample_of(rows)


async def _choose(redis: Client, prefix: str, partitions: int, customers_max: int) -> dict[int, list[str]]:
    """Of each shard the customers that are among those with the smallest hashes."""
    smallest: dict[tuple[int, str], int] = {}
    below = (_HASHES, "")
    for shard in range(partitions):
        async for found in portions(reading(redis, prefix, shard)):
            keys = ((xxh64_intdigest(customer.encode(), _SEED), customer) for customer in found)
            smallest.update((key, shard) for key in keys if key < below)
            if len(smallest) > 2 * customers_max:
                kept = sorted(smallest)[:customers_max]
                smallest, below = {key: smallest[key] for key in kept}, kept[-1]
    chosen: dict[int, list[str]] = {}
    for key in sorted(smallest)[:customers_max]:
        chosen.setdefault(smallest[key], []).append(key[1])
    return chosen
