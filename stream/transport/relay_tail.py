"""Which messages are in the output topics already.

A relay that takes over a shard cannot know from Redis alone whether the last transaction of its predecessor was
committed: the worker may have died between Kafka's commit and the trim of the outbox. Kafka knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import UnsupportedCodecError
from aiokafka.structs import ConsumerRecord

from stream.contracts.bundle import (
    HEADER_SIZE,
    ID_AT,
    ID_SIZE,
    INDEX_SIZE,
    KIND_AT,
    TEXT_ID,
    TIME_AT,
    TOPIC_AT,
    count_of,
    topic_names,
)
from stream.contracts.decisions import Message
from stream.contracts.times import parse_time
from stream.contracts.topics import Topics
from stream.transport.errors import CodecMissing

POLL_MS = 200
"""Longest wait for one fetch; the caller bounds the whole."""

_INDEX = np.dtype(
    {
        "names": ["topic", "kind", "time", "id"],
        "formats": ["u1", "u1", "<i8", f"V{ID_SIZE}"],
        "offsets": [TOPIC_AT, KIND_AT, TIME_AT, ID_AT],
        "itemsize": INDEX_SIZE,
    }
)
"""What of the index of a bundle says which messages it holds."""


class _Versioned(msgspec.Struct, gc=False):
    version: int = 0


_versions = msgspec.json.Decoder(_Versioned)

METADATA_RETRY_MS = 10
"""aiokafka asks for the end of a topic it does not know, fails, waits this long and asks again, topic by topic."""


class Delivered:
    """Ids of messages that were found in the output topics, the latest ``ids_max`` of them.

    Parameters
    ----------
    topics
        Names of the topics, and of which Kafka keeps only the last message of a key.
    ids_max
        Bound on what is remembered; the oldest are forgotten.

    Attributes
    ----------
    forgotten
        Ids dropped because of the bound.
    """

    def __init__(self, topics: Topics, ids_max: int) -> None:
        self.forgotten = 0
        self._compacted = frozenset(spec.name for spec in topics.specs(1) if spec.compacted)
        self._compacted_codes = [code for code, name in enumerate(topic_names(topics)) if name in self._compacted]
        self._ids_max = ids_max
        self._ids: dict[str, None] = {}
        #: By topic: id to offset of what was found and did not come up in the outbox since, in order.
        self._ahead: dict[str, dict[str, int]] = {}
        #: By topic and key: moment and version of what was found last.
        self._latest: dict[tuple[str, str], tuple[int, int]] = {}
        self._latest_of_all = 0

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, message_id: str) -> None:
        """Remember one id."""
        self._ids.pop(message_id, None)
        self._ids[message_id] = None
        if len(self._ids) > self._ids_max:
            oldest = next(iter(self._ids))
            del self._ids[oldest]
            self.forgotten += 1
            for ahead in self._ahead.values():
                ahead.pop(oldest, None)

    def begin(self) -> None:
        """Say that the output topics are read back from where the outbox stands."""
        self._ahead.clear()

    def read(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Remember a record of an output topic. One without CloudEvents headers is not ours."""
        headers = dict(record.headers)
        if "ce_id" not in headers:
            return
        message_id = headers["ce_id"].decode()
        self.add(message_id)
        self._ahead.setdefault(record.topic, {})[message_id] = record.offset
        if record.topic in self._compacted and "ce_time" in headers and record.key is not None:
            place = (record.topic, record.key.decode())
            moment = parse_time(headers["ce_time"].decode())
            self._latest.pop(place, None)
            self._latest[place] = moment, _version(record.value)
            self._latest_of_all = max(self._latest_of_all, moment)
            if len(self._latest) > self._ids_max:
                del self._latest[next(iter(self._latest))]

    def holds(self, message: Message) -> bool:
        """Whether a message need not be sent: it is there, or it was and has been compacted away.

        Kafka may have removed a delivered message of a compacted topic because a later one of its key followed. Or it
        was never sent, because where the log was read before, no batch ended there. Sent now, it would stand behind
        the later one and pass for the newest. Of two of one moment the one with the higher version is the later: a
        customer's version rises with each change of what is said.
        """
        if message.id in self._ids:
            self._ahead.get(message.topic, {}).pop(message.id, None)
            return True
        latest = self._latest.get((message.topic, message.key))
        return latest is not None and latest > (message.time, _version(message.value))

    def passed(self, sent: Mapping[str, int]) -> dict[str, int]:
        """Up to where whoever takes over need not read back.

        Where Redis came back from an older file, what was delivered is decided again, and not in the same order: it may
        come up in the outbox behind something new. Whoever takes over then must still find it. Some of it never comes
        up, such as scores that were said at the end of a batch where now none ends; so there is a bound: what is
        further behind than ``ids_max`` would not be remembered either. Until so much more is sent to that topic, each
        relay that opens reads up to ``ids_max`` offsets back, and then this is over.

        It cannot be over earlier. Scores that a later one of their customer has overtaken in the outbox look as if
        they were done with, but their id is that of their cause: where the topics are merged in another order than
        before, the event comes late, is decided on then, and has this id again. That nothing more comes up is known
        only when every record of the lost time is read again, every timer of it has gone off and every rescoring of it
        is made; and how far Redis had come before it was rolled back, nobody can say.

        Parameters
        ----------
        sent
            Topic to the offset after the last message sent to it.
        """
        return {
            topic: max(next(iter(self._ahead.get(topic, {}).values()), end), end - self._ids_max)
            for topic, end in sent.items()
        }

    def may_hold(self, entry: bytes) -> bool:
        """Whether some message of a bundle may be there; false only if none is.

        It looks at the index alone, so that a bundle of news costs next to nothing also where ids are remembered.
        """
        if not self._ids and not self._latest:
            return False
        count = count_of(entry)
        index = np.frombuffer(entry, _INDEX, count, HEADER_SIZE)
        if (index["kind"] & TEXT_ID).any():
            return True
        digits = index["id"].tobytes().hex()
        width = 2 * ID_SIZE
        if not self._ids.keys().isdisjoint([digits[at : at + width] for at in range(0, len(digits), width)]):
            return True
        if not self._latest:
            return False
        compacted = np.isin(index["topic"], self._compacted_codes)
        return bool((compacted & (index["time"] <= self._latest_of_all)).any())

    def lacks(self, messages: Sequence[Message]) -> list[Message]:
        """Those of the messages that must be sent."""
        return [message for message in messages if not self.holds(message)]


def _version(value: bytes | None) -> int:
    """Version that a message of a compacted topic has; 0 where it has none.

    >>> _version(b'{"customer_id":"c-1","version":7,"tier":"high"}'), _version(b"no JSON"), _version(None)
    (7, 0, 0)
    """
    try:
        return _versions.decode(value or b"{}").version
    except msgspec.DecodeError:
        return 0


async def read_tail(
    bootstrap: str,
    partition: int,
    topics: Collection[str],
    sent: Mapping[str, int],
    delivered: Delivered,
    *,
    records_max: int,
    client: Mapping[str, Any],
) -> int:
    """Read the committed end of one partition of each output topic.

    Call it after the transactional id was taken over: then no transaction of a predecessor is open, so nothing of
    its can appear behind what is read here.

    Parameters
    ----------
    bootstrap
        Brokers, ``host:port,…``.
    partition
        The shard.
    topics
        Output topics.
    sent
        Topic to the offset where reading begins: everything before was taken off the outbox. Where it is unknown
        or not in the log (any more), the last ``records_max`` offsets are read.
    delivered
        Gets the ids.
    records_max
        See ``sent``.
    client
        Further settings of the Kafka client, such as for TLS.

    Returns
    -------
    int
        Records read.

    Raises
    ------
    CodecMissing
        If an output topic is compressed in a way that cannot be undone here.
    """
    delivered.begin()
    partitions = [TopicPartition(topic, partition) for topic in topics]
    # An open transaction of somebody else holds back the end that a read_committed consumer is told, so that end
    # would be too early. The end of the log is asked for, and reading waits until it is reached.
    everything = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_uncommitted",
        retry_backoff_ms=METADATA_RETRY_MS,
        **client,
    )
    await everything.start()
    try:
        ends = await everything.end_offsets(partitions)
        beginnings = await everything.beginning_offsets(partitions)
    finally:
        await everything.stop()

    starts = {}
    for tp in partitions:
        start = sent.get(tp.topic, -1)
        if start < 0 or start > ends[tp]:
            start = ends[tp] - records_max
        starts[tp] = max(start, beginnings[tp])
    unread = {tp for tp in partitions if starts[tp] < ends[tp]}
    if not unread:
        return 0

    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **client,
    )
    await consumer.start()
    try:
        consumer.assign(list(unread))
        for tp in unread:
            consumer.seek(tp, starts[tp])
        return await _read_up_to({tp: ends[tp] for tp in unread}, consumer, delivered)
    finally:
        await consumer.stop()


async def _read_up_to(ends: Mapping[TopicPartition, int], consumer: AIOKafkaConsumer, delivered: Delivered) -> int:
    """Read until every end is reached; gives the number of records."""
    unread = set(ends)
    count = 0
    while unread:
        try:
            found = await consumer.getmany(timeout_ms=POLL_MS)
        except UnsupportedCodecError as error:
            names = " or ".join(f"{tp.topic}/{tp.partition}" for tp in sorted(unread))
            raise CodecMissing(names, error.args[0]) from error
        for records in found.values():
            for record in records:
                delivered.read(record)
            count += len(records)
        for tp in list(unread):
            # The position passes over commit markers and aborted messages too.
            if await consumer.position(tp) >= ends[tp]:
                unread.discard(tp)
                consumer.pause(tp)
        await asyncio.sleep(0)
    return count
