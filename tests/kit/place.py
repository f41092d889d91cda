"""Where one run of real workers lives: its topics, its group and its keys, all under one name.

So runs share servers and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from stream.contracts.topics import Topics
from stream.store.keys import Keys
from tests.kit.folders import REPOSITORY
from tests.kit.memory import Record
from tests.kit.topics import admin_at, make_topics
from tests.kit.writing import write

PARTITIONS = 4
DEADLINE_SECONDS = 120.0
LOOK_SECONDS = 0.02
BATCH_BYTES = 900_000

Logs = Mapping[int, Mapping[str, list[Record]]]
"""Shard, then plain topic name, to the records of its log."""


def batches_of(n: int) -> dict[str, object]:
    """Settings under which at most so many records are read, and so many events committed, at a time."""
    return {"batch_records_max": n, "commit_events_max": n}


@dataclass(frozen=True)
class Place:
    """Where one run lives."""

    kafka: str
    redis: str
    currency: str = "EUR"
    name: str = field(default_factory=lambda: f"t{uuid4().hex[:8]}")
    settings: Mapping[str, object] = field(default_factory=dict)
    #: Where the code of its workers is.
    code: Path = REPOSITORY

    @property
    def topics(self) -> Topics:
        return Topics(f"{self.name}.")

    def keys(self, shard: int) -> Keys:
        return Keys(self.name, shard)

    def environment(self) -> dict[str, str]:
        """What a worker of this run finds in its environment."""
        given = {
            "kafka": self.kafka,
            "redis_url": self.redis,
            "partitions": PARTITIONS,
            "topic_prefix": f"{self.name}.",
            "group_id": self.name,
            "key_prefix": self.name,
            "clock": "event",
            "base_currency": self.currency,
            "web_port": 0,
            **self.settings,
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_")}
        paths = [str(self.code), *filter(None, [os.environ.get("PYTHONPATH")])]
        return (
            inherited
            | {"PYTHONPATH": os.pathsep.join(paths)}
            | {f"STREAM_{name.upper()}": str(value) for name, value in given.items()}
        )


@asynccontextmanager
async def topics_of(place: Place, **configs: str) -> AsyncIterator[None]:
    """The topics of a run, made and in the end deleted; `configs` are for the inputs."""
    specs = place.topics.specs(PARTITIONS)
    inputs = place.topics.inputs.values()
    async with admin_at(place.kafka) as admin:
        await make_topics(
            admin, (NewTopic(s.name, s.partitions, 1, topic_configs=configs if s.name in inputs else {}) for s in specs)
        )
        yield
        await admin.delete_topics([spec.name for spec in specs])


async def delete_group(place: Place) -> None:
    """Delete the consumer group of a run. The client library has no call for it, so the request is made here."""
    host, port = place.kafka.split(":")
    group = place.name.encode()
    # Key 42, version 0: length, key, version, number, client; groups.
    request = struct.pack(f">hhihih{len(group)}s", 42, 0, 1, -1, 1, len(group), group)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        answer = await reader.readexactly(size)
        writer.close()
        # The error code of the only group comes last; a member that has just left may still be counted.
        (code,) = struct.unpack(">h", answer[-2:])
        if code == 0:
            return
        assert time.monotonic() < deadline, f"the group is not deleted: error {code}"
        await asyncio.sleep(LOOK_SECONDS)


async def fill(place: Place, logs: Logs) -> None:
    """Write the logs, each record to the partition it is under."""
    producer = AIOKafkaProducer(
        bootstrap_servers=place.kafka, max_request_size=16 << 20, max_batch_size=BATCH_BYTES, request_timeout_ms=60_000
    )
    await producer.start()
    try:
        for shard, topics in logs.items():
            for name, records in topics.items():
                sent = await write(
                    producer, place.topics.prefix + name, ((shard, record.key, record.value) for record in records)
                )
                await asyncio.gather(*sent)
    finally:
        await producer.stop()
