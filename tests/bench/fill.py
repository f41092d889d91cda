"""Customers put into Redis by the worker's own state and store, without Kafka: a million in seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from stream.contracts.block import (
    AMOUNT,
    AT,
    CHANNEL_FROM,
    CHANNEL_SIZE,
    CUSTOMER_FROM,
    CUSTOMER_HASH,
    CUSTOMER_SIZE,
    EVENT_FROM,
    EVENT_SIZE,
    ORDER,
    PLAIN,
    WIDTH,
    EventBlock,
)
from stream.contracts.times import format_time
from stream.contracts.topics import Topics
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.state.announcements import Announcer
from stream.state.customer import UNSET
from stream.state.model import compile_model
from stream.state.shard import ShardState
from stream.store.commit import Commit
from stream.store.connection import connect
from stream.store.keys import Keys
from stream.store.shard_reads import BEGINNING
from stream.store.shard_store import ShardStore, new_owner
from stream.transport.rescoring import Rescoring
from tests.bench.workload import START
from tests.kit.memory import LIMITS, NOW_EVENT, Record

DAY_MS = 86_400_000
NAME = b"customer-"
DIGITS = 7
COMMIT_CUSTOMERS = 4_000
SEED = 7
#: Older than every assignment by a group, which counts from 1.
GENERATION = 0
EVENT, CHANNEL = b"fill", b"web"
#: Prime to every number of customers that is used: neighbours in a log are other customers.
STRIDE = 7_919


@dataclass(frozen=True)
class Crowd:
    """Customers who have ordered.

    Attributes
    ----------
    customers
        How many; as in `Workload` they are `customer-0000000` and so on.
    orders
        Of each.
    days
        Stretch of event time, from `START`, that the orders of each are spread over.
    """

    customers: int
    orders: int
    days: float = 1.0
    partitions: int = 4

    @cached_property
    def ids(self) -> NDArray[np.uint8]:
        """The id of each, a row of bytes."""
        numbers = np.arange(self.customers)[:, None]
        digits = numbers // 10 ** np.arange(DIGITS)[::-1] % 10 + ord("0")
        named = np.empty((self.customers, len(NAME) + DIGITS), np.uint8)
        named[:, : len(NAME)] = np.frombuffer(NAME, np.uint8)
        named[:, len(NAME) :] = digits
        return named

    @cached_property
    def shards(self) -> NDArray[np.int64]:
        """The shard of each, as `stream.store.keys.shard_of`, in columns: one by one it takes longer than the fill."""
        multiplier = np.uint32(0x5BD1E995)
        words = np.ascontiguousarray(self.ids).view("<u4")
        found = np.full(self.customers, 0x9747B28C ^ self.ids.shape[1], np.uint32)
        for column in range(words.shape[1]):
            word = words[:, column] * multiplier
            word = (word ^ word >> np.uint32(24)) * multiplier
            found = found * multiplier ^ word
        found = (found ^ found >> np.uint32(13)) * multiplier
        found ^= found >> np.uint32(15)
        return (found & np.uint32(0x7FFFFFFF)).astype(np.int64) % self.partitions

    def blocks(self, shard: int) -> Iterator[EventBlock]:
        """All orders of one shard, so many customers at a time."""
        ids = self.ids[self.shards == shard]
        draw = np.random.default_rng([SEED, shard])
        for first in range(0, len(ids), COMMIT_CUSTOMERS):
            yield self._block(ids[first : first + COMMIT_CUSTOMERS], draw)

    def returns(self, shard: int, first: int, last: int) -> list[Record]:
        """Further orders, by the customers in turn and one a ms: those of a shard from `first` to before `last`."""
        who = np.arange(first, last) * STRIDE % self.customers
        numbers = first + np.flatnonzero(self.shards[who] == shard)
        ids = self.ids[who[numbers - first]]
        size, joined, after = ids.shape[1], ids.tobytes(), 1_000 * START + int(self.days * DAY_MS)
        return [
            Record(number, 0, key := joined[at : at + size], _order(number, key, after + number))
            for at, number in zip(range(0, len(joined), size), numbers.tolist(), strict=True)
        ]

    def _block(self, ids: NDArray[np.uint8], draw: np.random.Generator) -> EventBlock:
        n, size = ids.shape
        text = np.concatenate([ids.ravel(), np.frombuffer(EVENT + CHANNEL, np.uint8)])
        joined = ids.tobytes()
        hashes = [xxh3_64_intdigest(joined[at : at + size]) for at in range(0, n * size, size)]
        rows = np.zeros((self.orders, n, WIDTH), np.int64)
        rows[..., PLAIN] = 1
        # Each has an order somewhere in each of as many equal stretches as it has orders.
        share = (np.arange(self.orders)[:, None] + draw.random((self.orders, n))) / self.orders
        rows[..., AT] = 1_000 * START + (share * self.days * DAY_MS).astype(np.int64)
        rows[..., AMOUNT] = draw.integers(100, 20_000, (self.orders, n))
        rows[..., ORDER] = draw.integers(-(2**63), 2**63, (self.orders, n))
        rows[..., CUSTOMER_FROM], rows[..., CUSTOMER_SIZE] = size * np.arange(n), size
        rows[..., CUSTOMER_HASH] = np.array(hashes, np.uint64).view(np.int64)
        rows[..., EVENT_FROM], rows[..., EVENT_SIZE] = n * size, len(EVENT)
        rows[..., CHANNEL_FROM], rows[..., CHANNEL_SIZE] = n * size + len(EVENT), len(CHANNEL)
        rows = rows.reshape(-1, WIDTH)
        return EventBlock(np.ascontiguousarray(rows[rows[:, AT].argsort(kind="stable")]), text, {})


def _order(number: int, customer: bytes, at: int) -> bytes:
    return (
        b'{"event_id":"evt-%012d","type":"order.completed","customer_id":"%b","order_id":"order-%010d",'
        b'"occurred_at":"%b","amount":"%d.%02d","currency":"EUR","channel":"web"}'
    ) % (number, customer, number, format_time(at).encode(), number % 199 + 1, number % 100)


async def fill(redis_url: str, prefix: str, crowd: Crowd) -> None:
    """Leave Redis as a worker does that has read all orders of a crowd and delivered what it had to say of them."""
    redis = connect(redis_url)
    try:
        for shard in range(crowd.partitions):
            await _fill(ShardStore(redis, Keys(prefix, shard), new_owner()), crowd)
    finally:
        await redis.aclose()


async def _fill(store: ShardStore, crowd: Crowd) -> None:
    model = compile_model(default_policy(), DEFAULT_CALIBRATION)
    # Nobody comes twice, so nobody need be kept.
    state = ShardState(model, Announcer(Topics()), replace(LIMITS, cached_customers_max=1), UNSET)
    rescoring = Rescoring({}, pause_seconds=0.0)
    assert rescoring.due(model.fingerprint, 0.0)
    meta = rescoring.step(BEGINNING, 0, 0.0)
    await store.claim(GENERATION)
    flight: asyncio.Task[int] | None = None
    for block in crowd.blocks(store.keys.shard):
        missing = state.missing(block)
        state.admit(missing, [None] * len(missing))
        done = state.apply(block, NOW_EVENT)
        commit = Commit.of(replace(done, counters={}, outbox=[]), meta=meta)
        if flight is not None:
            await flight
        flight = await store.begin(commit)
    if flight is not None:
        await flight
