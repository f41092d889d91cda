"""What grows with the number of customers: a worker's rate and memory, and what Redis holds of each."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from stream.embedded import EmbeddedKafka, EmbeddedRedis
from stream.embedded.ports import LOOPBACK, free_ports
from stream.settings import Settings
from stream.store.connection import connect
from tests.bench.fill import Crowd, fill
from tests.bench.ours import memory_mb
from tests.kit.live import ACCOUNTED, Look
from tests.kit.place import PARTITIONS, Place, topics_of
from tests.kit.place import fill as write
from tests.kit.workers import Worker, workers

CACHED_MAX: Final[int] = Settings.model_fields["cached_customers_max"].default
#: Keeps a million in memory, though a worker deals its limit out to its shards and they have not quite the same number.
CACHED_ALL: Final = 1_100_000
#: Customers, and the cache limits under which a worker meets them.
CASES: Final = (
    (10_000, (CACHED_MAX,)),
    (50_000, (CACHED_MAX,)),
    (100_000, (CACHED_MAX,)),
    (1_000_000, (CACHED_MAX, CACHED_ALL)),
    (3_000_000, (CACHED_MAX,)),
)
ORDERS: Final = 8
COLD_EVENTS: Final = 200_000
WARM_EVENTS: Final = 2_000_000
PIECE_EVENTS: Final = 200_000

BYTES_CUSTOMERS: Final = 50_000
BYTES_ORDERS: Final = (2, 8, 50)
BYTES_DAYS: Final = 365.0

RUN_SECONDS_MAX: Final = 300.0
LOOK_SECONDS: Final = 0.01
NO_REWRITE: Final = {"auto-aof-rewrite-percentage": "0"}
"""Redis rewrites its file when it has grown enough: that would be in some figures and not in others."""


class Size(NamedTuple):
    """A worker that starts beside so many customers, of eight orders each, who then order on in turn.

    Attributes
    ----------
    customers
        In Redis.
    cached_max
        Setting `cached_customers_max`.
    claim_seconds
        From the claim of a shard to the first events applied and committed.
    cold
        Events a second over the first `COLD_EVENTS`, all of customers who have to be loaded.
    warm
        Events a second once the worker has in memory all customers, or as many as it may. In the latter case each
        event is of one who is not there, and has another one leave: customers in turn are the worst there is.
    messages
        Decisions an event.
    cached
        Customers in memory at the end.
    resident_mb, peak_mb
        Memory of the worker when all is delivered, and at most.
    """

    customers: int
    cached_max: int
    claim_seconds: float
    cold: float
    warm: float
    messages: float
    cached: int
    resident_mb: float
    peak_mb: float


class Growth(NamedTuple):
    """All of it.

    Attributes
    ----------
    sizes
        By number of customers and cache limit.
    redis_bytes
        Redis memory a customer, timer and index included, by orders of each; nothing waits for delivery.
    """

    sizes: list[Size]
    redis_bytes: dict[int, float]

    def size(self, customers: int, cached_max: int = CACHED_MAX) -> Size:
        """The figures of one case."""
        return next(one for one in self.sizes if one[:2] == (customers, cached_max))

    @property
    def warm_ratio(self) -> float:
        """Rate with a million customers in memory over that with 50 000."""
        return self.size(1_000_000, CACHED_ALL).warm / self.size(50_000).warm

    @property
    def cached_bytes(self) -> float:
        """Memory of a worker for each customer it keeps, by what it grows from 10 000 to a million."""
        many, few = self.size(1_000_000, CACHED_ALL), self.size(10_000)
        return (many.resident_mb - few.resident_mb) * 2**20 / (many.cached - few.cached)


class Seen(NamedTuple):
    """Events committed by each shard at a moment, seconds."""

    at: float
    events: list[int]

    @property
    def total(self) -> int:
        """Of all shards."""
        return sum(self.events)


def growth(directory: Path) -> Growth:
    """Measure everything; about five minutes on two cores.

    Raises
    ------
    AssertionError
        A worker did not apply what was written for it.
    """
    redis_bytes = {orders: asyncio.run(bytes_a_customer(orders)) for orders in BYTES_ORDERS}
    sizes: list[Size] = []
    with EmbeddedKafka() as kafka:
        # Once for nothing: the first also pays for what the broker's virtual machine compiles.
        for customers, limits in (CASES[0], *CASES):
            with EmbeddedRedis(settings=NO_REWRITE) as redis:
                sizes += asyncio.run(_sizes(Place(kafka.bootstrap, redis.url), customers, limits, directory))
    return Growth(sizes[1:], redis_bytes)


async def bytes_a_customer(orders: int) -> float:
    """Redis memory a customer with so many orders within a year."""
    with EmbeddedRedis(settings={"appendonly": "no"}) as redis:
        client = connect(redis.url)
        before = (await client.info("memory"))["used_memory"]
        await fill(redis.url, "scorer", Crowd(BYTES_CUSTOMERS, orders, BYTES_DAYS))
        used = (await client.info("memory"))["used_memory"] - before
        await client.aclose()
    return float(used / BYTES_CUSTOMERS)


async def _sizes(place: Place, customers: int, limits: Sequence[int], directory: Path) -> list[Size]:
    crowd, sizes, written = Crowd(customers, ORDERS, partitions=PARTITIONS), [], 0
    await fill(place.redis, place.name, crowd)
    look = Look(place, {})
    try:
        async with topics_of(place):
            for limit in limits:
                first = max(COLD_EVENTS, min(customers, limit))
                warm_from = await _write(place, crowd, written, written + first)
                ends = await _write(place, crowd, written + first, written + first + WARM_EVENTS, warm_from)
                written += first + WARM_EVENTS
                sizes.append(await _size(look, customers, limit, warm_from, ends, directory))
    finally:
        await look.close()
    return sizes


async def _write(place: Place, crowd: Crowd, first: int, last: int, before: Sequence[int] = ()) -> list[int]:
    """Write some of a crowd's further orders; how many each shard has then, with those before."""
    counts = list(before) or [0] * crowd.partitions
    for start in range(first, last, PIECE_EVENTS):
        pieces = [crowd.returns(shard, start, min(start + PIECE_EVENTS, last)) for shard in range(crowd.partitions)]
        await write(place, {shard: {"orders": piece} for shard, piece in enumerate(pieces)})
        counts = [count + len(piece) for count, piece in zip(counts, pieces, strict=True)]
    return counts


async def _size(
    look: Look, customers: int, limit: int, warm_from: Sequence[int], ends: Sequence[int], directory: Path
) -> Size:
    """Let a fresh worker read what was written for it: events of each shard up to the first warm one, and in all."""
    (port,) = free_ports(1)
    events = sum(ends)
    before = await _applied(look)
    with workers(look.place, directory, cached_customers_max=limit, web_port=port) as (worker,):
        claimed, seen = await _watch(look, worker, events)

        async def delivered() -> bool:
            return not await look.waiting()

        await look.until(delivered, "all is delivered", [worker], RUN_SECONDS_MAX)
        told = await asyncio.to_thread(_metrics, port)
        resident, peak = (memory_mb(worker.process.pid, name) for name in ("VmRSS", "VmHWM"))
        assert worker.stop() == 0, worker.end_of_log()
    applied = await _applied(look) - before
    assert applied == events, f"the worker applied {applied} of {events} events"
    return Size(
        customers,
        limit,
        seen[0].at - claimed,
        _rate([one for one in seen if one.total <= COLD_EVENTS]),
        # While all shards are at it: one that is still cold, or done already, leaves the others more of the machine.
        _rate([one for one in seen if _all_between(warm_from, one.events, ends)]),
        told.get("scorer_decisions_total", 0.0) / events,
        int(told["scorer_cached_customers"]),
        resident,
        peak,
    )


async def _applied(look: Look) -> int:
    return sum([(await look.counters(shard))["applied"] for shard in range(PARTITIONS)])


async def _watch(look: Look, worker: Worker, events: int) -> tuple[float, list[Seen]]:
    """When the first shard was claimed, and each growth of what is committed since."""
    before, owners = await _accounted(look), await look.owners()
    claimed, seen = 0.0, [Seen(0.0, [0] * PARTITIONS)]

    async def read() -> bool:
        nonlocal claimed
        if not claimed and await look.owners() != owners:
            claimed = time.perf_counter()
        done = [now - then for now, then in zip(await _accounted(look), before, strict=True)]
        if sum(done) > seen[-1].total:
            seen.append(Seen(time.perf_counter(), done))
        return sum(done) >= events

    await look.until(read, f"{events} events are applied", [worker], RUN_SECONDS_MAX)
    return claimed, seen[1:]


async def _accounted(look: Look) -> list[int]:
    counts = [await look.counters(shard) for shard in range(PARTITIONS)]
    return [sum(count[name] for name in ACCOUNTED) for count in counts]


def _all_between(first: Sequence[int], events: Sequence[int], last: Sequence[int]) -> bool:
    return all(a <= n < b for a, n, b in zip(first, events, last, strict=True))


def _rate(seen: Sequence[Seen]) -> float:
    """Events a second from the first to the last."""
    return (seen[-1].total - seen[0].total) / (seen[-1].at - seen[0].at)


def _metrics(port: int) -> dict[str, float]:
    """What the worker tells Prometheus, whatever the labels."""
    sums: dict[str, float] = {}
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics") as page:
        for family in text_string_to_metric_families(page.read().decode()):
            for sample in family.samples:
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def as_text(found: Growth) -> str:
    """A table for the terminal."""
    head = f"{'customers':>10}{'cache limit':>13}{'cold, /s':>11}{'warm, /s':>11}{'messages':>10}"
    lines = [head + f"{'in memory':>11}{'MB':>7}{'at most':>9}{'claim to first event':>22}"]
    for one in found.sizes:
        rates = f"{one.customers:>10}{one.cached_max:>13}{one.cold:>11.0f}{one.warm:>11.0f}{one.messages:>10.2f}"
        memory = f"{one.cached:>11}{one.resident_mb:>7.0f}{one.peak_mb:>9.0f}{one.claim_seconds:>20.2f} s"
        lines.append(rates + memory)
    lines.append(f"a million in memory / 50 000, warm rates: {found.warm_ratio:.2f}")
    lines.append(f"worker memory for each customer in it: {found.cached_bytes:.0f} B")
    lines += [f"Redis, a customer of {orders} orders: {size:.0f} B" for orders, size in found.redis_bytes.items()]
    return "\n".join(lines)
