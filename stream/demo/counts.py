"""How far the worker is, as Redis says."""

from __future__ import annotations

from typing import NamedTuple

from stream.calibration.population import reading, shard_clock
from stream.store.keys import Keys
from stream.store.meta import read_meta
from stream.store.scripts import Client, call

DONE = "done"


class Counts(NamedTuple):
    """What became of the events read, and what is still to be done."""

    applied: int
    duplicates: int
    dead_letters: int
    undelivered: int
    """Messages in the outboxes."""
    due: int
    """Customers whose timer is before their shard's clock."""

    @property
    def read(self) -> int:
        """Events accounted for."""
        return self.applied + self.duplicates + self.dead_letters


async def read_counts(redis: Client, prefix: str, partitions: int) -> Counts:
    """Sum over all shards.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    sums = {"applied": 0, "duplicates": 0, "dead_letters": 0}
    undelivered = due = 0
    for shard in range(partitions):
        keys = Keys(prefix, shard)
        counters = await reading(redis, prefix, shard).counters()
        for name in sums:
            sums[name] += counters.get(name, 0)
        undelivered += int(await call(redis, "LLEN", keys.outbox))
        clock = await shard_clock(redis, prefix, shard)
        if clock is not None:
            due += int(await call(redis, "ZCOUNT", keys.timers, "-inf", f"({clock}"))
    return Counts(**sums, undelivered=undelivered, due=due)


async def all_adopted(redis: Client, prefix: str, partitions: int, fingerprint: int) -> bool:
    """Whether every shard has brought all of its customers to the model with this fingerprint.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    for shard in range(partitions):
        meta = read_meta(await call(redis, "HGETALL", Keys(prefix, shard).meta)).other
        if meta.get("model") != str(fingerprint) or meta.get("cursor") != DONE:
            return False
    return True
