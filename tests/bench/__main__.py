"""``python -m tests.bench``: how fast the worker is, beside its peers and as it grows; ratios of one run."""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stream.embedded.jars import broker
from tests.bench import cpu, growth, ours, shards, sweep
from tests.bench.costs import costs
from tests.bench.latency import Paced, latency
from tests.bench.page import write_page
from tests.bench.scaling_page import write_scaling
from tests.bench.systems import systems
from tests.bench.throughput import as_text, throughput
from tests.bench.workload import Workload
from tests.kit.folders import REPOSITORY

BUILD = REPOSITORY / "build"
PAGE = REPOSITORY / "docs" / "reference" / "performance.md"

LOADS = {
    "evenly": Workload(),
    "zipf": Workload(zipf=1.1),
    "year": Workload(days=365.0),
}
"""A day's backlog, customers drawn evenly and by Zipf's law; and a year's history."""
LATENCY_RATES = (10_000, 20_000)

BARS: dict[str, float] = {
    "ours / kafka streams exactly-once-v2": 2.5,
    "ours / kafka streams at-least-once": 1.2,
    "ours / plain faust": 10.0,
    "ours / quix": 2.0,
    "ours / bytewax": 2.0,
    "ours / raw aiokafka": 0.5,
}
"""What the worker must reach on the first load."""
P99_MS_MAX = {10_000: 100.0, 20_000: 250.0}
WARM_RATIO_MIN = 0.8
"""Rate with a million customers in memory, beside that with 50 000."""
REDIS_BYTES_MAX = 400.0
"""Of Redis for a customer of eight orders."""
CACHED_BYTES_MAX = 1024.0
"""Of a worker's memory for a customer in it."""


class Given:
    """What a section works with."""

    def __init__(self, peers: Path, rounds: int, directory: Path) -> None:
        self.peers = peers
        self.rounds = rounds
        self.directory = directory


def peers(given: Given) -> dict[str, Any]:
    """Events a second beside the peers."""
    found: dict[str, Any] = {}
    beside = systems(given.peers, given.directory)
    for name, load in LOADS.items():
        # Of a year's history there is more to say than the peers say at all: only the ceiling is beside it.
        ran = beside if name != "year" else beside[:1]
        # What a peer keeps of one load must not be there when it reads the next.
        directory = given.directory / name
        directory.mkdir()
        seen = throughput(load, ran, given.rounds, directory)
        print(as_text(name, load, seen))
        found[name] = {
            "rates": _medians(seen.rates),
            "ratios": _medians(seen.ratios()),
            "cpu_microseconds": _medians(seen.cpu),
            "spread": {name: [min(rates), max(rates)] for name, rates in seen.rates.items()},
            "bytes": seen.bytes,
            "events": load.events,
            "customers": load.customers,
            "parts_microseconds": costs(load),
            "last": seen.last,
        }
    return {"loads": found, **{key: found["evenly"][key] for key in ("rates", "ratios")}}


def waits(given: Given) -> dict[str, Any]:
    """Milliseconds from an order to its decision."""
    found = {}
    for rate in LATENCY_RATES:
        seen = latency(Paced(rate), given.directory)
        print(
            f"latency at {rate} orders/s: p50 {seen.p50:.0f} ms, p99 {seen.p99:.0f}, p99.9 {seen.p999:.0f}, highest"
            f" {seen.highest:.0f}, of {seen.decisions} decisions"
        )
        found[str(rate)] = seen._asdict()
    return {"latency_ms": found}


def sizes(given: Given) -> dict[str, Any]:
    """What grows with the number of customers."""
    seen = growth.growth(given.directory)
    print(growth.as_text(seen))
    return {
        "sizes": [size._asdict() for size in seen.sizes],
        "redis_bytes": {str(orders): size for orders, size in seen.redis_bytes.items()},
        "warm_ratio": seen.warm_ratio,
        "cached_bytes": seen.cached_bytes,
    }


def silence(_: Given) -> dict[str, Any]:
    """What timers cost by how many are armed."""
    seen = sweep.sweep()
    print(sweep.as_text(seen))
    return {"sweep_ms": [one._asdict() for one in seen]}


def split(given: Given) -> dict[str, Any]:
    """CPU time by process, by number of workers and of shards."""
    found = {
        "by_workers": cpu.cpu(LOADS["evenly"], cpu.WORKERS, given.rounds, given.directory),
        "by_shards": shards.shards(LOADS["evenly"], shards.SHARDS, given.rounds, given.directory),
    }
    for seen in found.values():
        print(cpu.as_text(seen))
    return {f"cpu_{name}": [one._asdict() for one in seen] for name, seen in found.items()}


SECTIONS: dict[str, Callable[[Given], dict[str, Any]]] = {
    "peers": peers,
    "latency": waits,
    "growth": sizes,
    "sweep": silence,
    "cpu": split,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, write ``build/bench.json``; the exit code says whether every bar was reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--peers", type=Path, default=Path(sys.executable), help="python that the peers are installed in"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sections", nargs="*", choices=tuple(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--page", action="store_true", help="write the figures into docs/reference")
    asked = parser.parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    BUILD.mkdir(exist_ok=True)
    report: dict[str, Any] = {"machine": machine(), "versions": versions(asked.peers), "rounds": asked.rounds}
    ours.prepare()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        given = Given(asked.peers.absolute(), asked.rounds, Path(directory))
        for name in asked.sections:
            report |= SECTIONS[name](given)
    (BUILD / "bench.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    if asked.page:
        write_page(PAGE, report)
        write_scaling(report)
    missed = below(report)
    for line in missed:
        print(line, file=sys.stderr)
    return bool(missed)


def below(report: dict[str, Any]) -> list[str]:
    """Bars that were not reached, as said to people; of what was not measured nothing is said."""
    missed = [
        f"{name} is {report['ratios'][name]:.2f}, and {bar} is the bar"
        for name, bar in BARS.items()
        if report.get("ratios", {}).get(name, bar) < bar
    ]
    if report.get("warm_ratio", WARM_RATIO_MIN) < WARM_RATIO_MIN:
        missed.append(f"the rate at a million customers is {report['warm_ratio']:.2f} of that at 50 000")
    if report.get("redis_bytes", {}).get("8", 0.0) > REDIS_BYTES_MAX:
        missed.append(f"a customer of 8 orders takes {report['redis_bytes']['8']:.0f} B of Redis")
    if report.get("cached_bytes", 0.0) > CACHED_BYTES_MAX:
        missed.append(f"a customer in memory takes {report['cached_bytes']:.0f} B")
    return missed + [
        f"p99 at {rate} orders/s is {seen['p99']:.0f} ms, and {P99_MS_MAX[int(rate)]:.0f} is the bar"
        for rate, seen in report.get("latency_ms", {}).items()
        if seen["p99"] > P99_MS_MAX[int(rate)]
    ]


def machine() -> dict[str, object]:
    """What it ran on."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "system": platform.system()}


def versions(peers_python: Path) -> dict[str, str]:
    """Of everything that is measured."""
    pinned = (REPOSITORY / "tests/bench/peers/requirements.txt").read_text(encoding="utf-8").splitlines()
    found = dict(line.split("==") for line in pinned if "==" in line) if peers_python != Path(sys.executable) else {}
    own = {name: version(name) for name in ("faust-streaming", "aiokafka", "numpy", "numba", "redis", "orjson")}
    return {"python": platform.python_version(), "kafka": broker().version, **found, **own}


def _medians(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(each) for name, each in values.items()}


if __name__ == "__main__":
    sys.exit(main())
