"""Events that are all known beforehand, written while things break, each shard's in order of time.

Beside a year of everyday life there are records written twice by their producer, records that are refused, and
beats: every topic of every shard has something to read at any time. A worker goes on without a topic that is silent
for too long; so that none is, and what is said is the oracle's to the last word, the beats come often, and the
workers of a run are more patient than any fault is long (see `play`).
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaProducer

from tests.kit.everyday import Event, everyday
from tests.kit.memory import sharded
from tests.kit.place import PARTITIONS, Logs, Place
from tests.kit.verdict import expected_of
from tests.oracle import Result, shard_of

CURRENCY = "EUR"
EVENTS = 100_000
#: About as many as a customer of `everyday` has on average.
EVENTS_OF_A_CUSTOMER = 105
BEAT_EVERY = 150
TWICE_SHARE = 0.01
REFUSED_SHARE = 0.002
TICK_SECONDS = 0.1
#: Longer than the broker is ever away.
PRODUCER_SECONDS = 120.0
REFUSED = {"type": "order.completed", "amount": "1", "currency": "XXX"}
BEATS = (
    ("profiles", {"type": "customer.updated", "region": "n"}),
    ("interactions", {"type": "login"}),
    ("privacy", {"type": "customer.export"}),
)


class Written(NamedTuple):
    """One event, and the plain name of the topic it is written to."""

    topic: str
    event: Event


@dataclass(frozen=True)
class Load:
    """All events of a run, in order of time."""

    written: list[Written]

    @classmethod
    def of(cls, seed: int, events: int = EVENTS) -> Load:
        """At least so many events; the same for the same seed."""
        rng = random.Random(f"load {seed}")
        customers = math.ceil(events / EVENTS_OF_A_CUSTOMER)
        while sum(map(len, (year := everyday(customers, seed)).values())) < events:
            customers += math.ceil(customers / 10)
        timed = sorted(
            (Written(topic, event) for topic, of_topic in year.items() for event in of_topic), key=_moment_and_number
        )
        return cls(list(_seasoned(timed, rng)))

    def __len__(self) -> int:
        return len(self.written)

    @cached_property
    def events(self) -> dict[str, list[Event]]:
        """By plain topic name, as the oracle wants them."""
        found: dict[str, list[Event]] = {}
        for topic, event in self.written:
            found.setdefault(topic, []).append(event)
        return found

    @cached_property
    def logs(self) -> Logs:
        """What every log holds when all is written."""
        return sharded(self.events, PARTITIONS)

    def expected(self) -> Result:
        """What the oracle says."""
        return expected_of(self.events, CURRENCY)


def _moment_and_number(written: Written) -> tuple[float, int]:
    event = written.event
    return event["occurred_at"], int(event["event_id"].removeprefix("e-"))


def _seasoned(timed: list[Written], rng: random.Random) -> Iterator[Written]:
    """The same, with beats, with records that come twice, and with records that are refused."""
    clerks = [_customer_of(shard) for shard in range(PARTITIONS)]
    for number, one in enumerate(timed):
        at = {"occurred_at": one.event["occurred_at"]}
        if number % BEAT_EVERY == 0:
            for topic, beat in BEATS:
                for clerk in clerks:
                    yield Written(topic, {"event_id": f"b-{number}-{topic}", **at, "customer_id": clerk, **beat})
        yield one
        if one.topic in {"orders", "interactions"} and rng.random() < TWICE_SHARE:
            yield one
        if one.topic == "orders" and rng.random() < REFUSED_SHARE:
            yield Written("orders", one.event | REFUSED | {"event_id": f"r-{number}"})


def _customer_of(shard: int) -> str:
    """A customer of that shard, the same every time."""
    return next(name for n in count() if shard_of(name := f"clerk-{n}", PARTITIONS) == shard)


class Writer:
    """Writes a load: a share of what is left at every tick, so that it never runs out, until it is told to hurry.

    Parameters
    ----------
    load
        What is written.
    place
        Where.
    seconds
        In about this time two thirds are written.
    """

    def __init__(self, load: Load, place: Place, seconds: float) -> None:
        self._load = load
        self._place = place
        self._share = TICK_SECONDS / seconds
        self._hurry = asyncio.Event()
        self._writing = asyncio.Lock()
        self._done = 0

    def hurry(self) -> None:
        """Write all that is left, without any pause."""
        self._hurry.set()

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[int]:
        """Write nothing for a while; gives how many events are on the log by now."""
        async with self._writing:
            yield self._done

    async def run(self) -> None:
        """Write everything."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._place.kafka,
            # What is sent again when the broker comes back is neither doubled nor overtaken.
            enable_idempotence=True,
            request_timeout_ms=int(PRODUCER_SECONDS * 1000),
        )
        await producer.start()
        try:
            while self._done < len(self._load):
                n = max(PARTITIONS, int((len(self._load) - self._done) * self._share))
                async with self._writing:
                    some = self._load.written[self._done : self._done + n]
                    await self._write(producer, some)
                    self._done += len(some)
                await self._tick()
        finally:
            await producer.stop()

    async def _tick(self) -> None:
        if self._hurry.is_set():
            self._share = max(self._share, 0.1)
            return
        try:
            async with asyncio.timeout(TICK_SECONDS):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _write(self, producer: AIOKafkaProducer, some: list[Written]) -> None:
        sent = []
        for topic, event in some:
            customer = event["customer_id"]
            shard = shard_of(customer, PARTITIONS)
            name = self._place.topics.prefix + topic
            sent.append(await producer.send(name, orjson.dumps(event), customer.encode(), partition=shard))
        await asyncio.gather(*sent)
