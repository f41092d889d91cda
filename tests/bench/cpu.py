"""What events cost in CPU time, split into workers, Kafka and Redis; with one worker and with two."""

from __future__ import annotations

import asyncio
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from stream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.bench import ours
from tests.bench.workload import TOPICS, Workload, prefill

WORKERS = (1, 2)
JOIN_MS = 4_000
"""The broker waits so long for one more worker before it shares the partitions out, and again when one has come."""
CLAIMED = re.compile(r"Claimed shards \[(.*?)\]")
STOPPING = "Signal received"


class Reading(NamedTuple):
    """What workers took for a load; medians, where it was read several times.

    Attributes
    ----------
    workers
        How many.
    shards
        Partitions of the load.
    rate
        Events a second, of all workers.
    worker, kafka, redis
        CPU seconds a million events, which is CPU microseconds an event; from the first commit to the last delivered
        decision, of all workers.
    start
        Seconds from the start of the workers to the first commit; the broker's wait for more of them is in it.
    start_cpu
        CPU seconds of the workers in that time.
    resident
        Peak resident memory of the largest worker, MB.
    """

    workers: int
    shards: int
    rate: float
    worker: float
    kafka: float
    redis: float
    start: float
    start_cpu: float
    resident: float


def cpu(load: Workload, counts: Sequence[int], rounds: int, directory: Path) -> list[Reading]:
    """Read the load with each number of workers in turn, on the same servers.

    Raises
    ------
    AssertionError
        Orders and money of the customers are not what was written.
    RuntimeError
        The workers did not share the partitions evenly from the beginning.
    """
    with (
        EmbeddedKafka(properties={"group.initial.rebalance.delay.ms": str(JOIN_MS)}) as kafka,
        EmbeddedRedis() as redis,
    ):
        asyncio.run(prefill(kafka.bootstrap, TOPICS, load))
        expected, seen = load.sums(), []
        # The first also pays for what the broker's virtual machine compiles.
        for number, count in enumerate((counts[0], *(rounds * tuple(counts)))):
            log = directory / f"cpu-{number}.log"
            seen.append(read(kafka, redis, load, expected, log, count))
            # Whoever stops first may leave its share to the other for a moment.
            reading, _, _ = log.read_text(encoding="utf-8", errors="replace").partition(STOPPING)
            claimed = CLAIMED.findall(reading)
            if [len(shards.split(",")) for shards in claimed] != [load.partitions // count] * count:
                raise RuntimeError(
                    f"{count} workers were to share {load.partitions} shards evenly and once, and claimed"
                    f" {' and '.join(claimed)}; allow them more than JOIN_MS, {JOIN_MS} ms, to join"
                )
    return [middle(seen[1 + place :: len(counts)]) for place in range(len(counts))]


def middle(seen: Sequence[Reading]) -> Reading:
    """Medians of several readings by as many workers, of as many shards."""
    workers, shards, *figures = zip(*seen, strict=True)
    return Reading(workers[0], shards[0], *map(statistics.median, figures))


def read(
    kafka: EmbeddedKafka,
    redis: EmbeddedRedis,
    load: Workload,
    expected: Mapping[str, tuple[int, int]],
    log: Path,
    workers: int = 1,
) -> Reading:
    """Read prefilled topics, and see that the customers end with the orders and money expected.

    Parameters
    ----------
    log
        Of the workers; its name is that of the run, and no other run on these servers may have it.
    """
    servers = {"kafka": kafka.pid, "redis": redis.pid}
    seen = asyncio.run(ours.run(kafka.bootstrap, redis.url, log.stem, load, log, workers=workers, servers=servers))
    assert asyncio.run(ours.sums(redis.url, log.stem, load)) == expected, log.stem
    per_million = 1e6 / load.events
    return Reading(
        workers,
        load.partitions,
        load.events / seen["seconds"],
        per_million * seen["cpu_seconds_reading"],
        per_million * seen["cpu_seconds_reading_kafka"],
        per_million * seen["cpu_seconds_reading_redis"],
        seen["seconds_start"],
        seen["cpu_seconds_start"],
        seen["resident_mb"],
    )


_COLUMNS = {
    "workers": 0,
    "shards": 0,
    "events/s": 0,
    "worker µs": 2,
    "Kafka µs": 2,
    "Redis µs": 2,
    "start s": 1,
    "start CPU s": 1,
    "MB": 0,
}
"""Heads of the columns, and the digits behind the point."""


def as_text(seen: Sequence[Reading]) -> str:
    """A table for the terminal."""
    lines = ["CPU µs an event (or seconds a million)", "".join(f"{head:>13}" for head in _COLUMNS)]
    lines += [
        "".join(f"{value:13.{digits}f}" for value, digits in zip(one, _COLUMNS.values(), strict=True)) for one in seen
    ]
    return "\n".join(lines)
