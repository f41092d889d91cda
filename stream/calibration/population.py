"""What a calibration is made from: the histograms and clocks of all shards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from stream.state.customer import UNSET
from stream.store.calls import Client, call
from stream.store.keys import Keys
from stream.store.meta import read_meta
from stream.store.shard_reads import BEGINNING, ShardReads

CLOCK = "clock"

SCAN_CUSTOMERS: Final = 1_000
"""Customers asked for at a time; it bounds memory."""


@dataclass(frozen=True, slots=True)
class Population:
    """The customers of all shards, by bucket.

    Attributes
    ----------
    histograms
        Shard to field (``f:12``, ``m:345``, ``l:5000``) to number of customers.
    clocks
        Shard to its clock in ms, for shards that have applied an event.
    """

    histograms: dict[int, dict[str, int]]
    clocks: dict[int, int]

    @property
    def clock(self) -> int | None:
        """The latest clock of all shards, ms; None where no event was applied yet."""
        return max(self.clocks.values(), default=None)


def reading(redis: Client, prefix: str, shard: int) -> ShardReads:
    """A shard to read from."""
    return ShardReads(redis, Keys(prefix, shard))


async def shard_clock(redis: Client, prefix: str, shard: int) -> int | None:
    """Greatest `occurred_at` that a shard has applied, ms; None where there was none.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    meta = read_meta(await call(redis, "HGETALL", Keys(prefix, shard).meta))
    clock = int(meta.other.get(CLOCK, UNSET))
    return None if clock == UNSET else clock


async def portions(store: ShardReads) -> AsyncIterator[list[str]]:
    """The customers of a shard, some at a time. One may be given twice while Redis rearranges the set.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    cursor, more = BEGINNING, True
    while more:
        cursor, found = await store.scan(cursor, SCAN_CUSTOMERS)
        more = cursor != BEGINNING
        yield found


async def everybody(store: ShardReads) -> AsyncIterator[list[tuple[str, bytes]]]:
    """The customers of a shard and their records, each once, some at a time; errors as of `portions`."""
    seen: set[str] = set()
    async for found in portions(store):
        fresh = [customer for customer in dict.fromkeys(found) if customer not in seen]
        seen.update(fresh)
        blobs = await store.look(fresh)
        yield [(customer, blob) for customer, blob in zip(fresh, blobs, strict=True) if blob is not None]


async def read_population(redis: Client, prefix: str, partitions: int) -> Population:
    """Read histograms and clocks of shards 0 to ``partitions - 1``.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    histograms: dict[int, dict[str, int]] = {}
    clocks: dict[int, int] = {}
    for shard in range(partitions):
        histograms[shard] = await reading(redis, prefix, shard).histograms()
        clock = await shard_clock(redis, prefix, shard)
        if clock is not None:
            clocks[shard] = clock
    return Population(histograms, clocks)
