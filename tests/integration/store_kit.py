"""Commits to a shard in Redis, and what is in it."""

from __future__ import annotations

from stream.state.packed import pack_records, pack_timers
from stream.store.commit import Commit


def bundle(body, messages=1):
    """As much of a bundle as the store looks at."""
    return b"SCB1" + messages.to_bytes(4, "little") + body


FIRST, SECOND, THIRD = bundle(b"first", 3), bundle(b"\xc1\x00", 70_000), bundle(b"third")
ALL = 70_004
"""Messages of the three."""


def full_commit(expected=-1, new=10):
    return Commit(
        positions=[("orders", expected, new)],
        records=pack_records([("c-1", b"\x00\xffone"), ("ö}{2", b"two")]),
        timers=pack_timers([("c-1", 5_000), ("ö}{2", float("inf"))]),
        histograms={"f:1": 2, "m:7": 1},
        cells={"r:h:2017010111": {"orders": 2}, "r:d:20170101": {"revenue": 2**60}},
        counters={"applied": 10, "duplicates": 0},
        outbox=[FIRST, SECOND, THIRD],
        meta={"clock": "1483271606000"},
    )


async def marks(shard):
    """What trim asks for, of all entries."""
    return (await shard.head(ALL)).marks


async def dump(redis, keys):
    """Every key of the shard with everything in it, as Redis would serialise it."""
    names = sorted([name async for name in redis.scan_iter(match=f"{keys.prefix}:*", count=1000)])
    return {name: await redis.dump(name) for name in names}
