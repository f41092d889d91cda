"""What anyone may read of a shard in Redis, whoever owns it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from stream.store.calls import Client, call
from stream.store.keys import Keys
from stream.store.outbox import fitting
from stream.store.scripts import LOAD, SCAN

LOAD_CUSTOMERS_MAX: Final = 2_000
"""Records of one load. It bounds what one reply holds in memory; more per reply was not faster."""

BEGINNING: Final = "0"
"""Cursor of a scan that begins, or has come to its end."""

HEADS_MAX: Final = 512
"""Entries of one read of the outbox: the bound where they are as small as their heads."""

_encode = msgspec.msgpack.Encoder().encode


class ShardReads:
    """Reads of one shard.

    Parameters
    ----------
    redis
        A client from `stream.store.connection.connect`; several shards may share it.
    keys
        Names of the shard's keys.

    Notes
    -----
    All methods raise `StoreUnavailable` when Redis cannot be reached. Any other error of redis-py is a bug and passes
    through.
    """

    def __init__(self, redis: Client, keys: Keys) -> None:
        self.keys = keys
        self._redis = redis

    async def look(self, customers: Sequence[str]) -> list[bytes | None]:
        """Records of these customers, in the same order, whoever owns the shard; ``None`` for one that has none.

        Nothing may be written on them: see `ShardStore.load`.
        """
        found: list[bytes | None] = []
        for first in range(0, len(customers), LOAD_CUSTOMERS_MAX):
            found += (await self._load(customers[first : first + LOAD_CUSTOMERS_MAX]))[1]
        return found

    async def _load(self, customers: Sequence[str]) -> tuple[Sequence[bytes | None], list[bytes | None]]:
        """Owner, generation and last commit, and the records."""
        held, records = await LOAD(self._redis, [self.keys.meta, self.keys.records], [_encode(list(customers))])
        return held, records

    async def due(self, before_ms: int, limit: int) -> list[str]:
        """Customers whose timer is before this moment, the earliest first, at most ``limit``."""
        timers = self.keys.timers
        found = await call(self._redis, "ZRANGEBYSCORE", timers, "-inf", f"({before_ms}", "LIMIT", 0, limit)
        return [customer.decode() for customer in found]

    async def scan(self, cursor: str, count: int) -> tuple[str, list[str]]:
        """Some customers of the shard, about ``count``.

        Begin with `BEGINNING` and go on with the returned cursor until it is `BEGINNING` again. A customer that is
        there all the time is given at least once; some more than once, and all if Redis was restarted meanwhile.
        """
        run, _, place = cursor.partition(":")
        reply = await SCAN(self._redis, [self.keys.timers], [run, place, str(count)])
        following = BEGINNING if reply[1] == b"0" else f"{reply[0].decode()}:{reply[1].decode()}"
        return following, [customer.decode() for customer in reply[2:]]

    async def customers(self) -> int:
        """Number of customers of the shard."""
        return int(await call(self._redis, "ZCARD", self.keys.timers))

    async def outbox(self, messages_max: int) -> list[bytes]:
        """The oldest entries that wait for delivery.

        Parameters
        ----------
        messages_max
            Messages that they hold at most, unless the first entry alone has more. With 0 nothing is read.
        """
        return (await self._oldest(messages_max))[0]

    async def _oldest(self, messages_max: int) -> tuple[list[bytes], list[bytes]]:
        """The same, each with its head."""
        if not messages_max:
            return [], []
        heads = await call(self._redis, "LRANGE", self.keys.heads, 0, min(messages_max, HEADS_MAX) - 1)
        count = fitting(heads, messages_max)
        entries = list(await call(self._redis, "LRANGE", self.keys.outbox, 0, count - 1)) if count else []
        return entries, heads[: len(entries)]

    async def histograms(self) -> dict[str, int]:
        """Count of customers by bin."""
        return await self._sums(self.keys.histograms)

    async def counters(self) -> dict[str, int]:
        """What was read and decided since the shard began."""
        return await self._sums(self.keys.counters)

    async def cell(self, suffix: str) -> dict[str, int]:
        """One cell of a rolling table; empty if there is none."""
        return await self._sums(self.keys.cell(suffix))

    async def _sums(self, key: str) -> dict[str, int]:
        found = await call(self._redis, "HGETALL", key)
        return {name.decode(): int(value) for name, value in found.items()}
