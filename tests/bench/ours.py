"""The worker itself, everything switched on, as a process; timed from its first applied event to its last."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from stream.state import ledger
from stream.state.codec import decode
from stream.store.connection import connect
from stream.store.keys import Keys
from tests.bench.workload import Workload

START_SECONDS_MAX = 60.0
RUN_SECONDS_MAX = 300.0
LOOK_SECONDS = 0.01


async def run(kafka: str, redis_url: str, name: str, load: Workload, log: Path) -> dict[str, float]:
    """Run a fresh worker over the prefilled topics.

    Returns
    -------
    seconds
        From the first commit seen to the last event applied and committed.
    seconds_delivered
        Until the last decision is delivered as well.
    cpu_seconds
        User and system time of the worker, start included.
    resident_mb
        Peak resident memory of the worker.
    """
    environment = os.environ | {
        "STREAM_KAFKA": kafka,
        "STREAM_REDIS_URL": redis_url,
        "STREAM_TOPIC_PREFIX": "bench.",
        "STREAM_GROUP_ID": name,
        "STREAM_KEY_PREFIX": name,
        "STREAM_PARTITIONS": str(load.partitions),
        "STREAM_CLOCK": "event",
        "STREAM_TOPIC_IDLE_SECONDS": "0",
        "STREAM_WEB_PORT": "0",
    }
    redis = connect(redis_url)
    keys = [Keys(name, shard) for shard in range(load.partitions)]
    with log.open("w", encoding="utf-8") as output:
        worker = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs in this loop meanwhile
            [sys.executable, "-m", "stream.cli", "worker"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            launched = time.perf_counter()
            began, before = 0.0, 0
            while True:
                counters = [await redis.hgetall(key.counters) for key in keys]
                read = sum(int(counter.get(b"applied", 0)) for counter in counters)
                now = time.perf_counter()
                if read and not began:
                    began, before = now, read
                if read >= load.events:
                    break
                limit = RUN_SECONDS_MAX if began else START_SECONDS_MAX
                if worker.poll() is not None or now - (began or launched) > limit:
                    raise RuntimeError(f"the worker applied {read} of {load.events} events; its log: {log}")
                await asyncio.sleep(LOOK_SECONDS)
            seconds = (now - began) * load.events / (load.events - before)
            while sum([await redis.llen(key.outbox) for key in keys]):  # noqa: ASYNC110 - Redis tells nobody
                await asyncio.sleep(LOOK_SECONDS)
            delivered = time.perf_counter() - began
        finally:
            worker.terminate()
            _, _, usage = os.wait4(worker.pid, 0)  # noqa: ASYNC222 - as above
            worker.returncode = 0
    await redis.aclose()
    return {
        "seconds": seconds,
        "seconds_delivered": delivered,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "resident_mb": usage.ru_maxrss / 1024,
    }


async def sums(redis_url: str, name: str, load: Workload, window: int) -> dict[str, tuple[int, int]]:
    """Orders and money of each customer, from the records."""
    redis = connect(redis_url)
    found: dict[str, tuple[int, int]] = {}
    for shard in range(load.partitions):
        keys = Keys(name, shard)
        customers = [customer.decode() for customer in await redis.zrange(keys.timers, 0, -1)]
        blobs = await redis.hmget(keys.records, customers)
        for customer, blob in zip(customers, blobs, strict=True):
            c = decode(customer, blob)
            ledger.rebuild(c, window)
            found[customer] = (c.n, sum(c.gross))
    await redis.aclose()
    return found
