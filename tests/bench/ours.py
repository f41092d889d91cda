"""The worker itself, everything switched on, as processes; timed from their first applied event to the last."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from resource import struct_rusage
from types import MappingProxyType
from typing import Any

from stream.embedded.guarding import Guard
from stream.state.codec import decode
from stream.store.calls import Client
from stream.store.connection import connect
from stream.store.keys import Keys
from tests.bench.workload import TOPICS, Workload, empty_outputs

START_SECONDS_MAX = 60.0
RUN_SECONDS_MAX = 300.0
LOOK_SECONDS = 0.01
END_SECONDS_MAX = 5.0
"""A worker has so long to stop by itself should the bench be gone."""


async def run(
    kafka: str,
    redis_url: str,
    name: str,
    load: Workload,
    log: Path,
    *,
    workers: int = 1,
    servers: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, float]:
    """Run fresh workers over the prefilled topics, as if nobody had before.

    Parameters
    ----------
    workers
        How many. They share what they are given evenly only if the broker waits for all of them before it begins.
    servers
        Process ids, by name, of what works beside them.

    Returns
    -------
    seconds_start
        From the start of the processes to the first commit seen.
    seconds
        From the first commit seen to the last event applied and committed.
    seconds_delivered
        Until the last decision is delivered as well.
    cpu_seconds
        User and system time of the workers, start included.
    cpu_seconds_start
        As much of it as was spent before the first commit was seen.
    cpu_seconds_reading
        As much of it as was spent from there until the last decision was delivered.
    cpu_seconds_reading_…
        The same of each of `servers`.
    resident_mb
        Peak resident memory of the largest worker.

    Notes
    -----
    What is of the reading alone is brought up from the events that were read then to all of the load.
    """
    environment = os.environ | {
        "STREAM_KAFKA": kafka,
        "STREAM_REDIS_URL": redis_url,
        "STREAM_TOPIC_PREFIX": TOPICS.prefix,
        "STREAM_GROUP_ID": name,
        "STREAM_KEY_PREFIX": name,
        "STREAM_PARTITIONS": str(load.partitions),
        "STREAM_CLOCK": "event",
        "STREAM_TOPIC_IDLE_SECONDS": "0",
        "STREAM_WEB_PORT": "0",
    }
    await empty_outputs(kafka, TOPICS, load.partitions)
    redis = connect(redis_url)
    keys = [Keys(name, shard) for shard in range(load.partitions)]
    usages: list[struct_rusage] = []
    with crew(workers, environment, log, usages) as processes:
        watched = {"workers": [process.pid for process in processes], **{name: [pid] for name, pid in servers.items()}}
        launched = time.perf_counter()
        began, before, spent_before = 0.0, 0, dict.fromkeys(watched, 0.0)
        while True:
            read = await _applied(redis, keys)
            now = time.perf_counter()
            if read and not began:
                began, before = now, read
                spent_before = _spent(watched)
            if read >= load.events:
                break
            limit = RUN_SECONDS_MAX if began else START_SECONDS_MAX
            if any(map(_ended, processes)) or now - (began or launched) > limit:
                raise RuntimeError(f"{read} of {load.events} events were applied; the log: {log}")
            await asyncio.sleep(LOOK_SECONDS)
        whole = load.events / (load.events - before)
        while sum(await _all(redis, "LLEN", [key.outbox for key in keys])):  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(LOOK_SECONDS)
        delivered, spent = time.perf_counter(), _spent(watched)
        peak = max(memory_mb(process.pid, "VmHWM") for process in processes)
    await redis.aclose()
    reading = {name: whole * (spent[name] - spent_before[name]) for name in watched}
    return {
        "seconds_start": began - launched,
        "seconds": whole * (now - began),
        "seconds_delivered": delivered - began,
        "cpu_seconds": sum(usage.ru_utime + usage.ru_stime for usage in usages),
        "cpu_seconds_start": spent_before["workers"],
        "cpu_seconds_reading": reading.pop("workers"),
        **{f"cpu_seconds_reading_{name}": seconds for name, seconds in reading.items()},
        "resident_mb": peak,
    }


async def _applied(redis: Client, keys: Sequence[Keys]) -> int:
    return sum(int(counted or 0) for counted in await _all(redis, "HGET", [key.counters for key in keys], "applied"))


async def _all(redis: Client, command: str, keys: Iterable[str], *arguments: str) -> list[Any]:
    """The same asked of each key in one exchange: looking must cost nothing beside what is looked at."""
    asked = redis.pipeline(transaction=False)
    for key in keys:
        asked.execute_command(command, key, *arguments)
    return await asked.execute()


def _spent(watched: Mapping[str, Sequence[int]]) -> dict[str, float]:
    return {name: sum(map(cpu_seconds, pids)) for name, pids in watched.items()}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process up to now."""
    # The name, in parentheses, may hold anything; the third field follows it.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int, name: str) -> float:
    """Memory of a process, as its status in ``/proc`` has it under that name (``VmRSS``, ``VmHWM``), MiB."""
    # What a parent is told when it has ended would be the parent's own, if that was more at the start.
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) / 1024


def prepare() -> None:
    """Have native code made, which takes longer on a machine that is new to it than a start may."""
    subprocess.run([sys.executable, "-m", "stream.transport.warm_up"], check=True)


@contextmanager
def crew(
    count: int, environment: Mapping[str, str], log: Path, usages: list[struct_rusage]
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers that run from here on, and are told to stop in the end, which also this program's death is.

    Parameters
    ----------
    usages
        Gets what each has used, once it has stopped.
    """
    processes: list[subprocess.Popen[bytes]] = []
    with log.open("w", encoding="utf-8") as output, ExitStack() as guards:
        try:
            for _ in range(count):
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "stream.cli", "worker"],
                        env=environment,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                    )
                )
                guards.enter_context(Guard(processes[-1].pid, END_SECONDS_MAX))
            yield processes
        finally:
            usages += _end(processes)


def _ended(worker: subprocess.Popen[bytes]) -> bool:
    # What it has used is asked for later, and can be asked for once.
    return os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(workers: Sequence[subprocess.Popen[bytes]]) -> list[struct_rusage]:
    # All of them are told before one is waited for, or each would take over from the one before.
    for worker in workers:
        worker.terminate()
    usages = []
    try:
        for worker in workers:
            _, status, usage = os.wait4(worker.pid, 0)
            worker.returncode = os.waitstatus_to_exitcode(status)
            usages.append(usage)
    finally:
        # Whoever presses Ctrl-C once more does not want to wait for them, nor to find them later.
        for worker in workers:
            worker.kill()
    return usages


async def sums(redis_url: str, name: str, load: Workload) -> dict[str, tuple[int, int]]:
    """Orders and money of each customer, from the records: those kept one by one, and those that were folded."""
    redis = connect(redis_url)
    found: dict[str, tuple[int, int]] = {}
    for shard in range(load.partitions):
        keys = Keys(name, shard)
        customers = [customer.decode() for customer in await redis.zrange(keys.timers, 0, -1)]
        blobs = await redis.hmget(keys.records, customers)
        for customer, blob in zip(customers, blobs, strict=True):
            c = decode(customer, blob)
            folded = c.folded or ()
            orders = len(c.times) + sum(n for _, _, n, _ in folded)
            found[customer] = orders, sum(c.gross) + sum(net for _, _, _, net in folded)
    await redis.aclose()
    return found
