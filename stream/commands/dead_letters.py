"""The newest refused records, as they lie on the dead-letters topic."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from stream.commands.failures import CommandFailed
from stream.commands.parts import ANSWER_SECONDS_MAX, admin_of
from stream.commands.topics import partition_counts
from stream.contracts.dead_letters import read_dead_letter
from stream.contracts.times import format_time
from stream.contracts.topics import Topics
from stream.settings import Settings

PREVIEW_BYTES: Final = 120
_POLL_MS: Final = 200


async def dead_letters(settings: Settings, limit: int) -> list[dict[str, Any]]:
    """The last refusals of all partitions, oldest first, at most `limit`.

    Returns
    -------
    list of dict
        ``topic partition offset field reason customer_id value refused_at``: where the record was, what is wrong, the
        beginning of its bytes as text. Only what was delivered for good is shown.

    Raises
    ------
    CommandFailed
        The topic does not exist.
    aiokafka.errors.KafkaError
        Kafka cannot be reached.
    """
    topic = Topics(settings.topic_prefix).dead_letters
    async with admin_of(settings) as admin:
        counts = await partition_counts(admin)
    if topic not in counts:
        raise CommandFailed(f"Topic {topic} does not exist. Make the topics with: scorer topics create")
    partitions = [TopicPartition(topic, number) for number in range(counts[topic])]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=int(ANSWER_SECONDS_MAX * 1000),
    )
    try:
        await consumer.start()
        consumer.assign(partitions)
        records = []
        for tp in partitions:
            records += await _tail(consumer, tp, limit)
    finally:
        await consumer.stop()
    records.sort(key=lambda record: (record.timestamp, record.partition, record.offset))
    return [_shown(record) for record in records[-limit:]]


async def _tail(consumer: AIOKafkaConsumer, tp: TopicPartition, limit: int) -> list[ConsumerRecord[bytes, bytes]]:
    """The last `limit` records of a partition, or all where there are fewer."""
    beginning = (await consumer.beginning_offsets([tp]))[tp]
    end = (await consumer.end_offsets([tp]))[tp]
    reach = 2 * limit
    while True:
        # Marks of transactions take offsets too, so a reach of `limit` may hold fewer records.
        start = max(beginning, end - reach)
        found = await _between(consumer, tp, start, end)
        if len(found) >= limit or start == beginning:
            return found[-limit:]
        reach *= 4


async def _between(
    consumer: AIOKafkaConsumer, tp: TopicPartition, start: int, end: int
) -> list[ConsumerRecord[bytes, bytes]]:
    found: list[ConsumerRecord[bytes, bytes]] = []
    consumer.seek(tp, start)
    # The position passes over marks and aborted records too.
    while await consumer.position(tp) < end:
        batch = await consumer.getmany(tp, timeout_ms=_POLL_MS)
        found += [record for record in batch.get(tp, ()) if record.offset < end]
        await asyncio.sleep(0)
    return found


def _shown(record: ConsumerRecord[bytes, bytes]) -> dict[str, Any]:
    try:
        refusal = read_dead_letter(record.value or b"")
    except msgspec.DecodeError as error:
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        return place | {"field": "value", "reason": f"this is no dead letter: {error}", "value": _text(record.value)}
    shown = msgspec.to_builtins(refusal)
    return {
        "topic": refusal.topic,
        "partition": refusal.partition,
        "offset": refusal.offset,
        "field": refusal.field,
        "reason": refusal.reason,
        **({"customer_id": shown["customer_id"]} if "customer_id" in shown else {}),
        "value": _text(b64decode(shown["value"])) if "value" in shown else None,
        "refused_at": format_time(record.timestamp),
    }


def _text(value: bytes | None) -> str | None:
    r"""The beginning of a value, on one line and harmless to a terminal.

    >>> _text(b"{\n\x1b[31m"), _text(None)
    ('{\\n\\x1b[31m', None)
    """
    if value is None:
        return None
    text = value[:PREVIEW_BYTES].decode(errors="replace")
    safe = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return safe + ("…" if len(value) > PREVIEW_BYTES else "")
