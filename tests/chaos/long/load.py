"""Numbered orders at a steady rate: what each customer must end with follows from how many were written.

Customers come in cohorts. One cohort after the other orders, each of its customers so many times, and is then never
heard of again: so a record stays small, and memory that grows is not the memory of what is known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from typing import NamedTuple

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2
from numpy.typing import NDArray

from tests.kit.writing import write

TICK_SECONDS = 0.05
PRODUCER_SECONDS = 120.0
#: Prime to the size of a cohort: neighbours in a log are not neighbours in the cohort.
STRIDE = 7_919
AMOUNTS = 19_901
TWICE_EVERY = 1_009
REFUSED_EVERY = 10_007


class Sums(NamedTuple):
    """By number of the customer: orders, and money in minor units."""

    orders: NDArray[np.int64]
    money: NDArray[np.int64]


@dataclass(frozen=True)
class Numbered:
    """So many different orders; beside them some are written twice, and some are of an unknown currency.

    Attributes
    ----------
    cohort
        Customers that order at the same time.
    each
        Orders of one customer.
    """

    orders: int
    partitions: int
    cohort: int = 25_000
    each: int = 40

    @property
    def twice(self) -> int:
        """Orders that are written twice."""
        return -(-self.orders // TWICE_EVERY)

    @property
    def refused(self) -> int:
        """Records that must become dead letters."""
        return -(-self.orders // REFUSED_EVERY)

    @property
    def written(self) -> int:
        """Records in the logs when all is written."""
        return self.orders + self.twice + self.refused

    def sums(self) -> Sums:
        """What every customer must end with."""
        numbers = np.arange(self.orders, dtype=np.int64)
        customers = self._customer(numbers)
        amounts = _amount(numbers)
        # A sum of doubles is exact as long as it stays below 2**53.
        return Sums(np.bincount(customers), np.bincount(customers, amounts).astype(np.int64))

    def _customer(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        era = self.cohort * self.each
        return number // era * self.cohort + number % era * STRIDE % self.cohort

    def records(self, first: int, n: int, now_ms: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Partition, key and value of the records of `n` orders, which happen at `now_ms`."""
        seconds, ms = divmod(now_ms, 1_000)
        numbers = np.arange(first, min(first + n, self.orders), dtype=np.int64)
        for number, customer, amount in zip(
            numbers.tolist(), self._customer(numbers).tolist(), _amount(numbers).tolist(), strict=True
        ):
            key = b"c-%d" % customer
            whole, cents = divmod(amount, 100)
            value = (
                b'{"event_id":"e-%d","type":"order.completed","customer_id":"c-%d","order_id":"o-%d",'
                b'"occurred_at":%d.%03d,"amount":"%d.%02d","currency":"%s"}'
            )
            said = (customer, number, seconds, ms, whole, cents)
            record = (murmur2(key) & 0x7FFFFFFF) % self.partitions, key, value % (number, *said, b"EUR")
            yield record
            if number % TWICE_EVERY == 0:
                yield record
            if number % REFUSED_EVERY == 0:
                yield *record[:2], value % (-1 - number, *said, b"XXX")


def _amount(number: NDArray[np.int64]) -> NDArray[np.int64]:
    return 100 + number * STRIDE % AMOUNTS


def produce(load: Numbered, rate: float, kafka: str, topic: str, written: Synchronized[int]) -> None:
    """Write the load at `rate` orders a second; a process of its own. `written` is told what the broker has."""
    asyncio.run(_produce(load, rate, kafka, topic, written))


async def _produce(load: Numbered, rate: float, kafka: str, topic: str, written: Synchronized[int]) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, enable_idempotence=True, request_timeout_ms=int(PRODUCER_SECONDS * 1000)
    )
    await producer.start()
    try:
        await producer.partitions_for(topic)
        began, done = time.monotonic(), 0
        while done < load.orders:
            owed = min(int((time.monotonic() - began) * rate), done + int(rate))
            if owed > done:
                records = list(load.records(done, owed - done, int(time.time() * 1000)))
                await asyncio.gather(*await write(producer, topic, records))
                written.value += len(records)
                done = owed
            await asyncio.sleep(TICK_SECONDS)
    finally:
        await producer.stop()
