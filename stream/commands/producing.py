"""Events onto the log: in the order given, each customer's on one partition, in large batches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer

from stream.store.keys import shard_of

BATCH_BYTES: Final = 256 * 1024
UNDER_WAY_MAX: Final = 64
"""Batches on their way at a time; it bounds memory."""


class Producer:
    """Writes events to the partition of their customer. Use it within ``async with``.

    Parameters
    ----------
    bootstrap
        Brokers, ``host:port,…``.
    topics
        Plain name of a topic to its full name.
    partitions
        Number of partitions of each.

    Notes
    -----
    An event is on its way once its batch is full, or at `flush`. Within a partition the order is that of `add`.
    """

    def __init__(self, bootstrap: str, topics: Mapping[str, str], partitions: int) -> None:
        self._topics = topics
        self._shard_of = lru_cache(maxsize=1 << 17)(lambda key: shard_of(key.decode(), partitions))
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
        )
        self._open: dict[tuple[str, int], Any] = {}
        self._under_way: set[asyncio.Future[Any]] = set()

    async def add(self, topic: str, key: bytes, value: bytes) -> None:
        """Write one event.

        Raises
        ------
        aiokafka.errors.KafkaError
            A batch could not be delivered: this one's or an earlier one's.
        """
        place = (topic, self._shard_of(key))
        batch = self._open.get(place)
        if batch is None:
            batch = self._open[place] = self._producer.create_batch()
        if batch.append(key=key, value=value, timestamp=None) is None:
            # What was added to the shard's other topics before must not come after it: a worker that finds one topic
            # at its end for a second goes on without it.
            for other in [one for one in self._open if one[1] == place[1]]:
                await self._send(other)
            self._open[place] = self._producer.create_batch()
            self._open[place].append(key=key, value=value, timestamp=None)

    async def flush(self) -> None:
        """Wait until everything written so far is on the log."""
        for place in list(self._open):
            await self._send(place)
        await asyncio.gather(*self._under_way)
        self._under_way.clear()

    async def __aenter__(self) -> Self:
        try:
            await self._producer.start()
        except BaseException:
            await self._producer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self.flush()
        finally:
            await self._producer.stop()

    async def _send(self, place: tuple[str, int]) -> None:
        topic, partition = place
        batch = self._open.pop(place)
        batch.close()
        self._under_way.add(await self._producer.send_batch(batch, self._topics[topic], partition=partition))
        if len(self._under_way) >= UNDER_WAY_MAX:
            done, self._under_way = await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            for future in done:
                future.result()
