"""Faust as its documentation has it: one agent, one table with a changelog topic, one order at a time."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import faust
import uvloop
from rfm import Progress, added, change, parse


async def run(bootstrap: str, topic: str, output: str, partitions: int, events: int, file: Path, name: str) -> None:
    """Read all orders, then tell."""
    app = faust.App(
        name,
        broker=f"kafka://{bootstrap}",
        store="memory://",
        topic_partitions=partitions,
        broker_max_poll_records=5_000,
        stream_buffer_maxsize=16_384,
        stream_wait_empty=False,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        datadir=str(file.with_suffix(".faust")),
    )
    orders = app.topic(topic, key_type=str, value_type=bytes, value_serializer="raw", internal=False)
    changes = app.topic(output, key_type=str, value_type=bytes, value_serializer="raw")
    customers = app.Table("customers", partitions=partitions)
    progress, done = Progress(events), asyncio.Event()

    @app.agent(orders)
    async def score(stream: faust.StreamT) -> None:
        async for value in stream:
            order = parse(value)
            sums, before = added(customers.get(order.customer), order)
            customers[order.customer] = sums
            if before is not None:
                await changes.send(key=order.customer, value=change(order.customer, before, sums[3]))
            if progress.note(order.customer, sums):
                done.set()

    app.finalize()
    await app.start()
    await done.wait()
    progress.tell(file)
    await app.stop()


def main() -> None:
    """``plain_faust.py BOOTSTRAP TOPIC OUTPUT PARTITIONS EVENTS SUMS_FILE NAME``."""
    bootstrap, topic, output, partitions, events, file, name = sys.argv[1:]
    uvloop.run(run(bootstrap, topic, output, int(partitions), int(events), Path(file), name))


if __name__ == "__main__":
    main()
