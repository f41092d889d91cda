"""How far the worker is, as Redis says."""

from __future__ import annotations

from typing import NamedTuple

from stream.calibration.population import reading, shard_clock
from stream.store.calls import Client, call
from stream.store.keys import Keys
from stream.store.meta import read_meta

DONE = "done"


class Counts(NamedTuple):
    """What became of the events read, and what is still to be done."""

    read: int
    """Events read, by the positions: they are kept beside the other counts, and not computed from them."""
    applied: int
    duplicates: int
    dead_letters: int
    undelivered: int
    """Messages in the outboxes."""
    due: int
    """Customers whose timer is before their shard's clock."""

    @property
    def accounted(self) -> bool:
        """Whether every event read ended in exactly one of applied, duplicate, dead letter."""
        return self.read == self.applied + self.duplicates + self.dead_letters


async def read_counts(redis: Client, prefix: str, partitions: int) -> Counts:
    """Sum over all shards.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    sums = {"applied": 0, "duplicates": 0, "dead_letters": 0}
    read = undelivered = due = 0
    for shard in range(partitions):
        keys = Keys(prefix, shard)
        counters = await reading(redis, prefix, shard).counters()
        for name in sums:
            sums[name] += counters.get(name, 0)
        meta = read_meta(await call(redis, "HGETALL", keys.meta))
        undelivered += meta.waiting
        # The logs begin at 0, and hold nothing but events.
        read += sum(meta.positions.values())
        clock = await shard_clock(redis, prefix, shard)
        if clock is not None:
            due += int(await call(redis, "ZCOUNT", keys.timers, "-inf", f"({clock}"))
    return Counts(read, **sums, undelivered=undelivered, due=due)


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
