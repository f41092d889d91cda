"""A reader of all output topics that reads while things break, and checks as it goes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.contracts.decisions import Message
from tests.kit.compare import plain
from tests.kit.live import message_of, outputs_of
from tests.kit.place import PARTITIONS, Place

UNNUMBERED = {"customer.scores", "record.refused"}
"""Kinds of message that have no version."""


@dataclass
class Seen:
    """What was read so far, and what was wrong with it.

    Attributes
    ----------
    ids
        How often each (topic, id) was read.
    doubled, out_of_order, skipped
        During which fault, and what: an id read before; a version below one read before; a version that is not the
        next one. What was skipped comes later, and is then out of order, or never, and is then lost.
    """

    ids: Counter[tuple[str, str]] = field(default_factory=Counter)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    _versions: dict[tuple[str, str], int] = field(default_factory=dict)

    def read(self, message: Message, during: str = "") -> None:
        """Take one message, in the order of its log."""
        said = f"{during}: {message.topic} {message.key} {message.type} {message.id}"
        self.ids[message.topic, message.id] += 1
        if self.ids[message.topic, message.id] > 1:
            self.doubled.append(said)
        elif message.type not in UNNUMBERED:
            version = plain(message)["version"]
            last = self._versions.get((message.topic, message.key), 0)
            if version <= last:
                self.out_of_order.append(f"{said}: version {version} after {last}")
            else:
                self._versions[message.topic, message.key] = version
            if version > last + 1:
                self.skipped.append(f"{said}: version {version} after {last}")


class Reader:
    """Reads what is committed, without a group, from the beginning.

    Parameters
    ----------
    place
        The run.
    during
        Says which fault is going on.
    """

    def __init__(self, place: Place, during: Callable[[], str]) -> None:
        self.seen = Seen()
        self._place = place
        self._during = during
        self._finish = asyncio.Event()

    def finish(self) -> None:
        """Let `run` end when it has read what is there by now: nothing more will be written."""
        self._finish.set()

    async def run(self) -> None:
        """Read until told to finish, and then to the end."""
        tps = [TopicPartition(topic, shard) for topic in outputs_of(self._place.topics) for shard in range(PARTITIONS)]
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._place.kafka,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 << 20,
        )
        await consumer.start()
        try:
            consumer.assign(tps)
            while not self._finish.is_set():
                await self._read(consumer)
            ends = await consumer.end_offsets(tps)
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):
                await self._read(consumer)
        finally:
            await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                self.seen.read(message_of(record, self._place.topics), self._during())
