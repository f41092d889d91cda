"""The ceiling: aiokafka and orjson alone, summing orders and money per customer in a dictionary."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition


async def read(bootstrap: str, topic: str, partitions: int, events: int) -> tuple[float, dict[str, tuple[int, int]]]:
    """Seconds from the first poll to the last record, and the sums."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=1 << 20,
        isolation_level="read_committed",
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, partition) for partition in range(partitions)])
    counts: dict[str, int] = {}
    money: dict[str, float] = {}
    seen = 0
    began = time.perf_counter()
    while seen < events:
        for records in (await consumer.getmany(timeout_ms=1_000, max_records=5_000)).values():
            for record in records:
                order = orjson.loads(record.value)
                customer = order["customer_id"]
                counts[customer] = counts.get(customer, 0) + 1
                money[customer] = money.get(customer, 0.0) + float(order["amount"])
            seen += len(records)
    seconds = time.perf_counter() - began
    await consumer.stop()
    return seconds, {customer: (count, round(money[customer] * 100)) for customer, count in counts.items()}


def main() -> None:
    """``raw.py BOOTSTRAP TOPIC OUTPUT PARTITIONS EVENTS SUMS_FILE NAME``; nothing is put out."""
    bootstrap, topic, _output, partitions, events, sums, _name = sys.argv[1:]
    seconds, found = uvloop.run(read(bootstrap, topic, int(partitions), int(events)))
    Path(sums).write_text(json.dumps(found), encoding="utf-8")
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
