"""The load: orders of about 220 bytes, customers drawn evenly or by Zipf's law, over a stretch of event time."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from stream.contracts.bundle import topic_names
from stream.contracts.topics import Topics
from tests.kit.topics import admin_at, make_counted
from tests.kit.writing import write
from tests.oracle import shard_of

TOPICS = Topics("bench.")
START = 1_735_689_600
"""2025-01-01T00:00:00Z, seconds: a year from it is over, and so nothing is ahead of its own record."""


@dataclass(frozen=True)
class Workload:
    """What to read.

    Attributes
    ----------
    days
        Stretch of event time that the orders are spread over: 1 is a day's backlog, 365 a year's history.
    zipf
        Exponent of Zipf's law, by which few customers have most orders; 0 draws them evenly.
    """

    events: int = 500_000
    customers: int = 50_000
    partitions: int = 4
    days: float = 1.0
    zipf: float = 0.0
    seed: int = 7

    def orders(self) -> Iterator[tuple[str, bytes, int]]:
        """Customer, JSON, and amount in minor units of each order, in order of time."""
        draw = random.Random(self.seed)
        customer_of = self._customers(draw)
        step = self.days * 86_400 / self.events
        for number in range(self.events):
            customer = f"customer-{customer_of():07d}"
            amount = draw.randrange(100, 20_000)
            at = datetime.fromtimestamp(START + number * step, UTC)
            order = {
                "event_id": f"evt-{number:012d}",
                "type": "order.completed",
                "customer_id": customer,
                "order_id": f"order-{number:010d}",
                "occurred_at": at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
                "amount": f"{amount // 100}.{amount % 100:02d}",
                "currency": "EUR",
                "channel": draw.choice(("web", "app", "store")),
            }
            yield customer, orjson.dumps(order), amount

    def _customers(self, draw: random.Random) -> Callable[[], int]:
        if not self.zipf:
            return lambda: draw.randrange(self.customers)
        shares = list(accumulate((rank + 1) ** -self.zipf for rank in range(self.customers)))
        return lambda: bisect(shares, draw.random() * shares[-1])

    def sums(self) -> dict[str, tuple[int, int]]:
        """Orders and money of each customer: what every system must end with."""
        count: Counter[str] = Counter()
        money: Counter[str] = Counter()
        for customer, _, amount in self.orders():
            count[customer] += 1
            money[customer] += amount
        return {customer: (count[customer], money[customer]) for customer in count}


async def prefill(bootstrap: str, topics: Topics, load: Workload) -> int:
    """Create the topics and write all orders; gives the mean size of a value in bytes."""
    await make_counted(bootstrap, {spec.name: spec.partitions for spec in topics.specs(load.partitions)})
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks=1)
    await producer.start()
    size = 0
    try:
        await producer.partitions_for(topics.orders)

        def records() -> Iterator[tuple[int, bytes, bytes]]:
            nonlocal size
            for customer, value, _ in load.orders():
                size += len(value)
                yield shard_of(customer, load.partitions), customer.encode(), value

        await asyncio.gather(*await write(producer, topics.orders, records()))
    finally:
        await producer.stop()
    return size // load.events


async def empty_outputs(bootstrap: str, topics: Topics, partitions: int) -> None:
    """Delete what was said of the orders before.

    Ids of messages are deterministic, and whoever begins without a record of what is delivered looks in the topics: he
    would read all of it, find there each message that he decides, and deliver nothing.
    """
    up_to_the_end = RecordsToDelete(before_offset=-1)
    async with admin_at(bootstrap) as admin:
        await admin.delete_records(
            {TopicPartition(name, shard): up_to_the_end for name in topic_names(topics) for shard in range(partitions)}
        )
