"""What the scorer said, read from its output topics as any other program would read them."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any, Final, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from stream.contracts.decisions import CHURN_RECOVERED, CHURN_WARNING, TIER_CHANGED
from stream.contracts.topics import Topics

POLL_MS: Final = 200


class Said(NamedTuple):
    """One decision: when it became true (RFC 3339), its kind, and its payload."""

    at: str
    kind: str
    payload: dict[str, Any]


class Decisions:
    """All decisions on tier, churn and segment, in memory.

    Attributes
    ----------
    kinds
        Decisions by kind.
    moves
        (from, to) to number of tier changes, without those of a recalibration.
    warnings
        Churn warnings by level.
    recalibrated
        (from, to) to number of tier changes that a calibration led to.
    customers
        Customer to what was said of them, in order.
    """

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.moves: Counter[tuple[str, str]] = Counter()
        self.warnings: Counter[str] = Counter()
        self.recalibrated: Counter[tuple[str, str]] = Counter()
        self.customers: defaultdict[str, list[Said]] = defaultdict(list)

    @property
    def total(self) -> int:
        """Number of decisions."""
        return self.kinds.total()

    def add(self, kind: str, payload: dict[str, Any]) -> None:
        """Note one decision."""
        self.kinds[kind] += 1
        recalibrated = payload["origin"] == "recalibration"
        if kind == TIER_CHANGED:
            (self.recalibrated if recalibrated else self.moves)[payload["from"], payload["to"]] += 1
        elif kind == CHURN_WARNING:
            self.warnings[payload["level"]] += 1
        self.customers[payload["customer_id"]].append(Said(payload["effective_at"], kind, payload))

    def story(self) -> str | None:
        """A customer whose year is worth telling: warned about, come back, and moved both ways; None if nobody is.

        Of several the one with the shortest story, and of those the first by id.
        """
        best: tuple[int, int, str] | None = None
        for customer, said in self.customers.items():
            kinds = [one.kind for one in said]
            ups = {one.payload["direction"] for one in said if one.kind == TIER_CHANGED}
            severe = any(one.payload["level"] in {"high", "churned"} for one in said if one.kind == CHURN_WARNING)
            points = 2 * (CHURN_RECOVERED in kinds) + (CHURN_WARNING in kinds) + len(ups) + severe
            rank = (-points, len(said), customer)
            if best is None or rank < best:
                best = rank
        return best[2] if best is not None else None


async def follow(consumer: AIOKafkaConsumer, decisions: Decisions) -> None:
    """Read decisions as they come, until cancelled."""
    while True:
        await _take(consumer, decisions)


async def catch_up(consumer: AIOKafkaConsumer, decisions: Decisions) -> None:
    """Read up to what is delivered by now."""
    ends: dict[TopicPartition, int] = await consumer.end_offsets(list(consumer.assignment()))
    for tp, end in ends.items():
        # The position passes over the marks of transactions too.
        while await consumer.position(tp) < end:
            await _take(consumer, decisions)


async def open_consumer(bootstrap: str, topics: Topics, partitions: int) -> AIOKafkaConsumer:
    """A consumer of the output topics from their beginning, of what is committed; to be stopped by the caller."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
    names = (topics.tier_changes, topics.churn_warnings, topics.customer_changes)
    consumer.assign([TopicPartition(name, partition) for name in names for partition in range(partitions)])
    await consumer.seek_to_beginning()
    return consumer


async def _take(consumer: AIOKafkaConsumer, decisions: Decisions) -> None:
    for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
        for record in records:
            decisions.add(_kind(record), orjson.loads(record.value or b""))
    await asyncio.sleep(0)


def _kind(record: ConsumerRecord[bytes, bytes]) -> str:
    return next((value.decode() for name, value in record.headers if name == "ce_type"), "")
