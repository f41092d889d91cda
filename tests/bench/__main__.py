"""``python -m tests.bench``: our worker beside raw aiokafka and orjson, in turn, on the same prefilled topics."""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from stream.contracts.topics import Topics
from stream.embedded import EmbeddedKafka, EmbeddedRedis
from stream.scoring.policy import default_policy
from tests.bench import ours
from tests.bench.costs import costs
from tests.bench.workload import Workload, prefill

BUILD = Path("build")
TOPICS = Topics("bench.")
RATIO_MIN = 0.25
"""Of the ceiling's rate; what the worker must reach."""


def raw(kafka: str, load: Workload) -> tuple[float, dict[str, tuple[int, int]]]:
    """Run the ceiling in a process of its own."""
    file = BUILD / "raw-sums.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench.raw"),
            *(kafka, TOPICS.orders, str(load.partitions), str(load.events), str(file)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found = {customer: (int(n), int(money)) for customer, (n, money) in json.loads(file.read_text()).items()}
    return float(json.loads(done.stdout)["seconds"]), found


def one(load: Workload, rounds: int, title: str) -> dict[str, object]:
    """Prefill once, then let both read it in turn."""
    with EmbeddedKafka() as kafka, EmbeddedRedis() as redis:
        size = asyncio.run(prefill(kafka.bootstrap, TOPICS, load))
        expected = load.sums()
        window = default_policy().window_ms
        raw_rates, our_rates, last = [], [], {}
        for number in range(rounds):
            seconds, found = raw(kafka.bootstrap, load)
            assert found == expected, "raw aiokafka and the load disagree"
            raw_rates.append(load.events / seconds)
            name = f"bench-{number}"
            last = asyncio.run(ours.run(kafka.bootstrap, redis.url, name, load, BUILD / f"{name}.log"))
            found = asyncio.run(ours.sums(redis.url, name, load, window))
            assert found == expected, "our records and the load disagree"
            our_rates.append(load.events / last["seconds"])
    ratios = [mine / ceiling for mine, ceiling in zip(our_rates, raw_rates, strict=True)]
    print(f"\n{title}: {load.events} orders of {size} B, {load.customers} customers, {load.partitions} partitions")
    print(f"{'':28}{'median':>12}{'lowest':>12}{'highest':>12}")
    rows = (("raw aiokafka + orjson, /s", raw_rates), ("ours, everything on, /s", our_rates), ("ours / raw", ratios))
    for name, values in rows:
        digits = 2 if values is ratios else 0
        print(f"{name:28}" + "".join(f"{f(values):12.{digits}f}" for f in (statistics.median, min, max)))
    parts = costs(load)
    worker = 1e6 * last["cpu_seconds"] / load.events
    per_message = parts.pop("messages an event")
    print(f"CPU µs an event in the worker, {per_message:.2f} messages an event:")
    for part, spent in parts.items():
        print(f"  {part:42}{spent:8.2f}")
    print(f"  {'Kafka and Redis clients, Faust, relay, start':42}{worker - sum(parts.values()):8.2f}")
    print(f"  {'all':42}{worker:8.2f}")
    print(f"decisions delivered after {last['seconds_delivered']:.1f} s; {last['resident_mb']:.0f} MB at most")
    return {
        "rates": {"raw aiokafka": statistics.median(raw_rates), "ours": statistics.median(our_rates)},
        "ratios": {"ours / raw aiokafka": statistics.median(ratios)},
        "bytes": size,
        "days": load.days,
        "cpu_microseconds": parts | {"all": worker},
        "messages_an_event": per_message,
        **last,
    }


def main() -> None:
    """Print the table, write ``build/bench.json``, and fail when the ratio is below the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--days", type=float, nargs="*", default=[1.0, 365.0])
    given = parser.parse_args()
    BUILD.mkdir(exist_ok=True)
    results = []
    for days in given.days:
        load = Workload(given.events, given.customers, days=days)
        results.append(one(load, given.rounds, f"{days:g} day(s) of event time"))
    report = results[0] | {"runs": results, "machine": platform.platform(), "python": platform.python_version()}
    (BUILD / "bench.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    if results[0]["ratios"]["ours / raw aiokafka"] < RATIO_MIN:  # type: ignore[index]
        sys.exit(f"ours / raw aiokafka is below {RATIO_MIN}")


if __name__ == "__main__":
    main()
