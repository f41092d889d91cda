"""From an order that is produced to the decision about it that can be read, at a steady rate.

An order's `occurred_at` is the moment at which it was due by the rate, not the moment at which the producer came to
write it: a producer, a broker or a worker that halts makes everything after it late, and that is counted.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stream.embedded import EmbeddedKafka, EmbeddedRedis
from stream.embedded.guarding import Guard
from tests.kit.place import PARTITIONS, Place, topics_of
from tests.kit.workers import Worker, workers
from tests.kit.writing import write
from tests.oracle import shard_of

TICK_SECONDS = 0.005
END_SECONDS_MAX = 1.0
"""The producer has so long to stop by itself should the bench be gone."""
START_SECONDS_MAX = 120.0
FROM_EVENT = b'"cause":{"kind":"event"'
#: Prime to the number of customers: neighbours in a log are other customers.
STRIDE = 7_919


@dataclass(frozen=True)
class Paced:
    """Orders at a steady rate.

    Attributes
    ----------
    rate
        Orders a second.
    seconds
        For so long they are written; the first `warm_seconds` of that are not measured.
    customers
        Who orders, in turn.
    """

    rate: int
    seconds: float = 60.0
    warm_seconds: float = 15.0
    customers: int = 50_000

    @property
    def orders(self) -> int:
        """How many in all."""
        return int(self.rate * self.seconds)

    def parties(self) -> list[tuple[bytes, int]]:
        """Key and partition of every customer."""
        return [
            (name.encode(), shard_of(name, PARTITIONS))
            for name in (f"customer-{number:07d}" for number in range(self.customers))
        ]

    def records(
        self, first: int, last: int, began: float, parties: list[tuple[bytes, int]]
    ) -> Iterator[tuple[int, bytes, bytes]]:
        """Partition, key and value of some orders of a run that began at a moment of the wall clock, seconds."""
        for number in range(first, last):
            key, shard = parties[number * STRIDE % self.customers]
            at_ms = int(1_000 * (began + number / self.rate))
            value = (
                b'{"event_id":"evt-%012d","type":"order.completed","customer_id":"%b","order_id":"order-%010d",'
                b'"occurred_at":%d.%03d,"amount":"%d.%02d","currency":"EUR","channel":"web"}'
            )
            yield shard, key, value % (number, key, number, *divmod(at_ms, 1_000), number % 200 + 1, number % 100)


class Latency(NamedTuple):
    """Milliseconds from an order to its decision; how many decisions were measured."""

    decisions: int
    p50: float
    p99: float
    p999: float
    highest: float


def latency(paced: Paced, directory: Path) -> Latency:
    """Run a broker, Redis, one worker, a producer and a reader of what is committed."""
    with EmbeddedKafka() as kafka, EmbeddedRedis() as redis:
        return asyncio.run(_latency(paced, Place(kafka.bootstrap, redis.url), directory))


async def _latency(paced: Paced, place: Place, directory: Path) -> Latency:
    async with topics_of(place):
        with workers(place, directory, clock="wall") as (worker,):
            await _ready(worker)
            producer = multiprocessing.get_context("spawn").Process(
                target=produce, args=(paced, place.kafka, place.topics.orders)
            )
            producer.start()
            assert producer.pid is not None
            with Guard(producer.pid, END_SECONDS_MAX):
                try:
                    waits = await _read(paced, place)
                    producer.join()
                finally:
                    producer.kill()
    if producer.exitcode:
        raise RuntimeError(f"the producer ended with {producer.exitcode}")
    if not len(waits):
        raise RuntimeError(f"no decision came; the worker said: {worker.end_of_log()}")
    p50, p99, p999, highest = np.percentile(waits, (50, 99, 99.9, 100)).tolist()
    return Latency(len(waits), p50, p99, p999, highest)


async def _ready(worker: Worker) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while not worker.said("Claimed shards"):
        if time.monotonic() > deadline or not worker.running:
            raise RuntimeError(f"the worker claimed nothing: {worker.end_of_log()}")
        await asyncio.sleep(0.05)


async def _read(paced: Paced, place: Place) -> np.ndarray:
    """Wait for decisions until the load is over, and note how late each is, ms."""
    topics = place.topics
    consumer = AIOKafkaConsumer(
        bootstrap_servers=place.kafka,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    decided = (topics.tier_changes, topics.churn_warnings, topics.customer_changes)
    consumer.assign([TopicPartition(topic, shard) for topic in decided for shard in range(PARTITIONS)])
    waits: list[float] = []
    began = time.monotonic()
    try:
        while time.monotonic() < began + paced.seconds:
            found = await consumer.getmany(timeout_ms=100)
            now = 1_000 * time.time()
            if time.monotonic() < began + paced.warm_seconds:
                continue
            waits += [
                now - record.timestamp for records in found.values() for record in records if FROM_EVENT in record.value
            ]
    finally:
        await consumer.stop()
    return np.array(waits)


def produce(paced: Paced, kafka: str, topic: str) -> None:
    """Write the load; a process of its own."""
    asyncio.run(_produce(paced, kafka, topic))


async def _produce(paced: Paced, kafka: str, topic: str) -> None:
    parties = paced.parties()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks=1)
    await producer.start()
    try:
        await producer.partitions_for(topic)
        began, done = time.time(), 0
        while done < paced.orders:
            owed = min(int((time.time() - began) * paced.rate), paced.orders)
            if owed > done:
                await write(producer, topic, paced.records(done, owed, began, parties))
                done = owed
            await asyncio.sleep(TICK_SECONDS)
        await producer.flush()
    finally:
        await producer.stop()
