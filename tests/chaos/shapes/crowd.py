"""Far more customers than a worker keeps in memory: its memory, its rate, and every customer's sums."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.chaos.long.check import differences
from tests.chaos.long.load import Numbered, produce
from tests.kit.live import Look
from tests.kit.place import PARTITIONS, Place, topics_of
from tests.kit.workers import workers

WRITE_RATE = 1e6
SECONDS = 900.0
EACH = 2


async def crowd(kafka: str, redis: str, directory: Path, customers: int, cached: int) -> dict[str, Any]:
    """Every customer orders twice, with all others in between; the worker keeps `cached` of them in memory.

    Returns
    -------
    Events a second, peak resident memory of the worker in MB, and whatever is wrong at the end.
    """
    load = Numbered(EACH * customers, PARTITIONS, cohort=customers, each=EACH)
    place = Place(kafka, redis, settings={"clock": "wall", "cached_customers_max": cached})
    look = Look(place, {})
    try:
        async with topics_of(place):
            written: Any = SimpleNamespace(value=0)
            await asyncio.to_thread(produce, load, WRITE_RATE, kafka, place.topics.orders, written)
            assert written.value == load.written
            with workers(place, directory) as crew:
                first, began = await _begun(look, crew)

                async def read() -> bool:
                    return await look.accounted() >= load.written

                await look.until(read, "all is read", crew, SECONDS)
                rate = (load.written - first) / (time.monotonic() - began)

                async def said() -> bool:
                    return not await look.waiting()

                await look.until(said, "all is said", crew, SECONDS)
                peak = _peak_mb(crew[0].process.pid)
                assert crew[0].stop() == 0
            wrong, messages = await differences(place, load)
    finally:
        await look.close()
    return {
        "customers": customers,
        "cached_customers_max": cached,
        "events": load.written,
        "messages": messages,
        "events_a_second": round(rate),
        "peak_resident_mb": peak,
        "wrong": wrong,
    }


async def _begun(look: Look, crew: list[Any]) -> tuple[int, float]:
    first = 0

    async def begun() -> bool:
        nonlocal first
        first = await look.accounted()
        return first > 0

    await look.until(begun, "something is read", crew)
    return first, time.monotonic()


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return round(int(line.split()[1]) / 1024, 1)
