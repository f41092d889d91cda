"""What an event costs one worker by the number of its shards: the same load over more partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.bench.cpu import Reading, middle, read
from tests.bench.workload import TOPICS, Workload, prefill

SHARDS = (4, 16, 64)


def shards(load: Workload, counts: Sequence[int], rounds: int, directory: Path) -> list[Reading]:
    """Read the load with each number of shards, every time from a broker and a Redis of its own.

    Raises
    ------
    AssertionError
        Orders and money of the customers are not what was written.
    """
    expected, seen = load.sums(), []
    for count in counts:
        spread = replace(load, partitions=count)
        with EmbeddedKafka() as kafka, EmbeddedRedis() as redis:
            asyncio.run(prefill(kafka.bootstrap, TOPICS, spread))
            # The first also pays for what the broker's virtual machine compiles.
            read(kafka, redis, spread, expected, directory / f"warm-{count}.log")
            logs = [directory / f"shards-{count}-{number}.log" for number in range(rounds)]
            seen.append(middle([read(kafka, redis, spread, expected, log) for log in logs]))
    return seen
