"""Looks at a run while it goes on, waits for what is to come of it, and reads back what has."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from redis.exceptions import RedisError

from stream.contracts.decisions import Message
from stream.contracts.times import parse_time
from stream.contracts.topics import Topics
from stream.store.connection import connect
from tests.kit.place import DEADLINE_SECONDS, LOOK_SECONDS, PARTITIONS, Logs, Place, fill, topics_of
from tests.kit.workers import Worker, workers

ACCOUNTED = ("applied", "duplicates", "dead_letters")


class Look:
    """Reads what a run has come to."""

    def __init__(self, place: Place, logs: Logs, **waits: float) -> None:
        """`waits` are for the client of Redis: how long it waits, how often it tries."""
        self.place = place
        self.totals = {shard: sum(map(len, logs.get(shard, {}).values())) for shard in range(PARTITIONS)}
        self.total = sum(self.totals.values())
        self._redis = connect(place.redis, **waits)

    async def close(self) -> None:
        await self._redis.aclose()

    async def counters(self, shard: int) -> Counter[str]:
        found = await self._redis.hgetall(self.place.keys(shard).counters)
        return Counter({name.decode(): int(value) for name, value in found.items()})

    async def accounted(self) -> int:
        """Events read, applied and committed so far."""
        counts = [await self.counters(shard) for shard in range(PARTITIONS)]
        return sum(count[name] for count in counts for name in ACCOUNTED)

    async def settled(self) -> bool:
        """Whether every event is accounted for, no timer is due and nothing waits to be sent."""
        for shard, total in self.totals.items():
            keys = self.place.keys(shard)
            counts = await self.counters(shard)
            if sum(counts[name] for name in ACCOUNTED) < total:
                return False
            clock = int(await self._redis.hget(keys.meta, "clock") or 0)
            if await self._redis.zcount(keys.timers, "-inf", f"({clock}") or await self._waiting(shard):
                return False
        return True

    async def until(
        self,
        condition: Callable[[], Awaitable[bool]],
        what: str,
        crew: Iterable[Worker] = (),
        seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """Wait for an awaitable condition; fail when it takes too long, or when nobody is left to bring it about."""
        crew = list(crew)
        deadline = time.monotonic() + seconds
        while True:
            with suppress(RedisError, OSError):  # the server is away for a while in some tests
                if await condition():
                    return
            ends = "\n".join(worker.end_of_log() for worker in crew)
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}\n{ends}"
            assert not crew or any(worker.running for worker in crew), f"all workers ended: {what}\n{ends}"
            await asyncio.sleep(LOOK_SECONDS)

    async def until_said(self, worker: Worker, text: str, times: int = 0) -> None:
        """Wait until a worker has logged a text more than so many times."""

        async def said() -> bool:
            return worker.said(text) > times

        await self.until(said, f"a worker says {text!r}", [worker])

    async def progress(self, share: float, crew: Iterable[Worker] = ()) -> None:
        """Wait until so much of the logs is accounted for."""

        async def there() -> bool:
            return await self.accounted() >= share * self.total

        await self.until(there, f"{share:.0%} accounted for", crew)

    async def settle(self, crew: Iterable[Worker] = (), seconds: float = DEADLINE_SECONDS) -> None:
        """Wait until there is nothing more to come."""
        await self.until(self.settled, f"all of {self.totals} accounted for, swept and sent", crew, seconds)

    async def waiting(self) -> int:
        """Messages decided and not yet taken off the outboxes."""
        return sum([await self._waiting(shard) for shard in range(PARTITIONS)])

    async def _waiting(self, shard: int) -> int:
        return int(await self._redis.hget(self.place.keys(shard).meta, "waiting") or 0)

    async def redis_memory(self) -> int:
        """Resident memory of Redis, bytes."""
        return int((await self._redis.info("memory"))["used_memory_rss"])

    async def generation(self) -> int:
        """The highest group generation under which a shard is claimed."""
        found = [await self._redis.hget(self.place.keys(shard).meta, "generation") for shard in range(PARTITIONS)]
        return max(int(generation or -1) for generation in found)

    async def owners(self) -> set[str]:
        """Owner tokens of the shards."""
        found = [await self._redis.hget(self.place.keys(shard).meta, "owner") for shard in range(PARTITIONS)]
        return {owner.decode() for owner in found if owner}

    async def read(self) -> Kept:
        """Everything the run has in Redis."""
        kept = Kept()
        for shard in range(PARTITIONS):
            keys = self.place.keys(shard)
            ids = [customer.decode() for customer in await self._redis.zrange(keys.timers, 0, -1)]
            for first in range(0, len(ids), 2_000):
                some = ids[first : first + 2_000]
                blobs = await self._redis.hmget(keys.records, some)
                kept.records |= {customer: blob for customer, blob in zip(some, blobs, strict=True) if blob is not None}
            kept.counters += await self.counters(shard)
            kept.histograms[shard] = await self._sums(keys.histograms)
            kept.customers[shard] = ids
            kept.cells[shard] = {}
            start = f"{keys.base}:"
            async for key in self._redis.scan_iter(match=f"{keys.base}:r:*", count=5_000):
                kept.cells[shard][key.decode().removeprefix(start)] = await self._sums(key)
        return kept

    async def _sums(self, key: str | bytes) -> dict[str, int]:
        return {name.decode(): int(value) for name, value in (await self._redis.hgetall(key)).items()}


@dataclass
class Kept:
    """What Redis holds of a run."""

    records: dict[str, bytes] = field(default_factory=dict)
    counters: Counter[str] = field(default_factory=Counter)
    histograms: dict[int, dict[str, int]] = field(default_factory=dict)
    customers: dict[int, list[str]] = field(default_factory=dict)
    cells: dict[int, dict[str, dict[str, int]]] = field(default_factory=dict)


def outputs_of(topics: Topics) -> list[str]:
    """Full names of the topics that decisions and dead letters leave by."""
    return [
        topics.tier_changes,
        topics.churn_warnings,
        topics.customer_changes,
        topics.follow_ups,
        topics.customer_scores,
        topics.dead_letters,
    ]


def message_of(record: ConsumerRecord, topics: Topics) -> Message:
    """A record of an output topic as the message it was made of, its topic without the prefix."""
    headers = dict(record.headers)
    return Message(
        headers["ce_id"].decode(),
        record.topic.removeprefix(topics.prefix),
        (record.key or b"").decode(),
        headers["ce_type"].decode(),
        parse_time(headers["ce_time"].decode()),
        record.value,
    )


async def committed(place: Place, topics: Iterable[str]) -> AsyncIterator[ConsumerRecord]:
    """All records that a read_committed reader finds in these topics, those of a partition in order."""
    tps = [TopicPartition(topic, shard) for topic in topics for shard in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=place.kafka,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 << 20,
    )
    await consumer.start()
    try:
        consumer.assign(tps)
        # Of a read_committed consumer: the last stable offsets. Nothing is in flight, so these are the ends.
        unread = {tp: end for tp, end in (await consumer.end_offsets(tps)).items() if end}
        while unread:
            for records in (await consumer.getmany(*unread, timeout_ms=500)).values():
                for record in records:
                    yield record
            for tp, end in list(unread.items()):
                if await consumer.position(tp) >= end:
                    del unread[tp]
    finally:
        await consumer.stop()


async def sent(place: Place, *names: str) -> list[Message]:
    """What a read_committed reader finds in these output topics, by default in all; topics without their prefix."""
    wanted = [place.topics.prefix + name for name in names] or outputs_of(place.topics)
    return [message_of(record, place.topics) async for record in committed(place, wanted)]


async def run_through(
    place: Place, logs: Logs, directory: Path, count: int = 1, seconds: float = DEADLINE_SECONDS
) -> tuple[Kept, list[Message], float]:
    """Fill, run workers until nothing more is to come, stop them; what is kept and sent, and how long they took."""
    look = Look(place, logs)
    try:
        async with topics_of(place):
            await fill(place, logs)
            began = time.monotonic()
            with workers(place, directory, count) as crew:
                await look.settle(crew, seconds)
                took = time.monotonic() - began
                codes = [worker.stop() for worker in crew]
            assert not any(codes), codes
            return await look.read(), await sent(place), took
    finally:
        await look.close()
