"""Every combination of data set, order, workers and batch size, each compared with the oracle: ``make exactness``.

Where a run with the whole data set would take longer than ten minutes, it takes every tenth customer, and says so.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from stream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.kit.datasets import Filled, cdnow_of, every_tenth, journey, records_in, retail
from tests.kit.folders import shared_data
from tests.kit.live import run_through
from tests.kit.place import Place, batches_of
from tests.kit.verdict import differences

RUN_SECONDS_MAX = 600.0
#: Events a second that a worker is sure to make when each is committed alone, on two slow cores.
SLOWEST_PER_SECOND = 300

DATA: dict[str, Callable[[], Filled]] = {
    "cdnow": lambda: cdnow_of("master"),
    "completejourney": journey,
    "online-retail": lambda: retail(shared_data()),
}


def main() -> int:
    """Run what is asked for, all by default; the exit code says whether all of it was right."""
    parser = argparse.ArgumentParser(prog="python -m tests.exactness", description=__doc__)
    parser.add_argument("--data", choices=DATA, nargs="+", default=list(DATA))
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 7, 5_000])
    parser.add_argument("--order", choices=["time", "mixed"], nargs="+", default=["time", "mixed"])
    asked = parser.parse_args()
    # New topics have no leader yet when they are first written to; the client says so and tries again.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    combinations = list(itertools.product(asked.data, asked.order, asked.workers, asked.batch))
    head = f"{'data':16} {'order':6} {'workers':>7} {'batch':>6} {'events':>8} {'decisions':>9} {'seconds':>8}  result"
    print(head, "-" * len(head), sep="\n", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, EmbeddedKafka(heap_mb_max=1_024) as kafka, EmbeddedRedis() as redis:
        results = [asyncio.run(_run(kafka.bootstrap, redis.url, Path(scratch), *one)) for one in combinations]
    right, wrong, skipped = (results.count(result) for result in (True, False, None))
    print(f"{right} equal the oracle, {wrong} do not, {skipped} skipped; {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


async def _run(kafka: str, redis: str, scratch: Path, name: str, order: str, workers: int, batch: int) -> bool | None:
    try:
        data = DATA[name]()
    except FileNotFoundError as error:
        print(f"{name:16} {order:6} {workers:7} {batch:6} skipped: {error}", flush=True)
        return None
    remark = ""
    if batch < 5 and records_in(data.logs) / SLOWEST_PER_SECOND > RUN_SECONDS_MAX:
        data, remark = every_tenth(data), " (every tenth customer)"
    logs = data.logs if order == "time" else data.mixed()
    place = Place(kafka, redis, data.currency, settings=batches_of(batch))
    read = records_in(logs)
    try:
        kept, messages, seconds = await run_through(place, logs, scratch, workers, RUN_SECONDS_MAX)
    except AssertionError as error:
        print(f"{name:16} {order:6} {workers:7} {batch:6} {read:8} {'':9} {'':8}  FAILED: {error}", flush=True)
        return False
    duplicates = read - records_in(data.logs)
    wrong = differences(kept, messages, data.expected, said=order == "time", duplicates=duplicates)
    result = "equal" if order == "time" else "facts equal"
    print(
        f"{name:16} {order:6} {workers:7} {batch:6} {read:8} {len(messages):9} {seconds:8.1f}  "
        f"{f'DIFFERENT: {wrong}' if wrong else result}{remark}",
        flush=True,
    )
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
