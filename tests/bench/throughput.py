"""Events a second of the worker and of its peers, in turn, over the same prefilled topics."""

from __future__ import annotations

import asyncio
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.bench import ours
from tests.bench.systems import System, Task
from tests.bench.workload import TOPICS, Workload, prefill
from tests.kit.topics import make_counted

OURS = "ours"


class Rates(NamedTuple):
    """What a load was read with.

    Attributes
    ----------
    rates
        Events a second of each system, round by round.
    cpu
        CPU microseconds an event, start included, round by round.
    bytes
        Mean size of an order's value.
    last
        Further figures of the worker's last run.
    """

    rates: dict[str, list[float]]
    cpu: dict[str, list[float]]
    bytes: int
    last: dict[str, float]

    def ratios(self) -> dict[str, list[float]]:
        """Ours over each peer, by rounds, since a machine is not as fast in one minute as in the next."""
        mine = self.rates[OURS]
        return {
            f"{OURS} / {name}": [ours_ / theirs for ours_, theirs in zip(mine, rates, strict=True)]
            for name, rates in self.rates.items()
            if name != OURS
        }


def throughput(load: Workload, peers: Sequence[System], rounds: int, directory: Path) -> Rates:
    """Prefill once, then let each read it in turn.

    Raises
    ------
    AssertionError
        Orders and money of the customers are not what was written.
    """
    rates: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    last: dict[str, float] = {}
    with EmbeddedKafka() as kafka, EmbeddedRedis() as redis:
        size = asyncio.run(prefill(kafka.bootstrap, TOPICS, load))
        expected = load.sums()
        for number in range(rounds):
            for peer in peers:
                name = f"{peer.name.replace(' ', '-')}-{number}"
                asyncio.run(make_counted(kafka.bootstrap, {name: load.partitions}))
                done = peer.run(Task(kafka.bootstrap, TOPICS.orders, name, load, name, directory))
                assert done.sums == expected, f"{peer.name} and the load disagree"
                rates[peer.name].append(load.events / done.seconds)
                cpu[peer.name].append(1e6 * done.cpu_seconds / load.events)
            name = f"bench-{number}"
            last = asyncio.run(ours.run(kafka.bootstrap, redis.url, name, load, directory / f"{name}.log"))
            found = asyncio.run(ours.sums(redis.url, name, load))
            assert found == expected, "our records and the load disagree"
            rates[OURS].append(load.events / last["seconds"])
            cpu[OURS].append(1e6 * last["cpu_seconds"] / load.events)
    return Rates(dict(rates), dict(cpu), size, last)


def as_text(title: str, load: Workload, seen: Rates) -> str:
    """A table for the terminal."""
    drawn = f"by Zipf {load.zipf:g}" if load.zipf else "evenly"
    lines = [
        (
            f"{title}: {load.events} orders of {seen.bytes} B, {load.customers} customers drawn {drawn},"
            f" {load.partitions} partitions, over {load.days:g} day(s)"
        ),
        f"{'':34}{'events/s':>12}{'lowest':>12}{'highest':>12}{'CPU µs':>10}",
    ]
    for name, values in seen.rates.items():
        figures = "".join(f"{f(values):12.0f}" for f in (statistics.median, min, max))
        lines.append(f"{name:34}{figures}{statistics.median(seen.cpu[name]):10.1f}")
    for name, values in seen.ratios().items():
        lines.append(f"{name:34}" + "".join(f"{f(values):12.2f}" for f in (statistics.median, min, max)))
    return "\n".join(lines)
