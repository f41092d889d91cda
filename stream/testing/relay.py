"""The relay over the modelled broker: the real one, but for how it opens and what a producer is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError
from aiokafka.structs import ConsumerRecord

from stream.contracts.bundle import decode_bundle
from stream.contracts.decisions import Message, cloudevent_headers
from stream.store.errors import CommitRefused
from stream.store.shard_store import Head, ShardStore
from stream.testing.decisions import TOPICS
from stream.testing.gates import Gate
from stream.testing.kafka import VALUE_BYTES_MAX, ModelKafka, Written
from stream.transport.relay import Relay
from stream.transport.relay_producer import TooLarge, TransactionalProducer
from stream.transport.relay_settings import RelaySettings

SOURCE = "/scorer"
OUTPUTS = (TOPICS.tier_changes, TOPICS.churn_warnings, TOPICS.customer_scores, TOPICS.dead_letters)
"""Topics that the modelled scorer writes to."""


class EmptyOutbox(Exception):
    """There is nothing to deliver: the real relay waits, which takes a clock."""

    def __init__(self, trims: int) -> None:
        super().__init__()
        self.trims = trims


class LookedStore(ShardStore):
    """The store, which says by an exception that the outbox is empty."""

    async def head(self, messages_max: int) -> Head:
        """See `ShardStore.head`."""
        head = await super().head(messages_max)
        if messages_max and not head.entries:
            raise EmptyOutbox(head.trims)
        return head


class ModelProducer:
    """What `TransactionalProducer` does with a broker, request by request."""

    def __init__(self, kafka: ModelKafka, alive: Callable[[], bool]) -> None:
        self._kafka = kafka
        self._alive = alive
        self._epoch = 0
        self._open_transaction = False

    async def open(self) -> None:
        """Take the transactional id over."""
        self._epoch = await kafka_request("take over", self._kafka.take_over)

    async def send(self, entries: Sequence[bytes], batch_bytes: int = 0) -> dict[str, int]:
        """Send the messages of bundles in one transaction."""
        del batch_bytes
        messages: dict[str, list[Message]] = {}
        for entry in entries:
            for message in decode_bundle(entry, TOPICS):
                messages.setdefault(message.topic, []).append(message)
        epoch = self._epoch
        self._open_transaction = True
        sent = {topic: await self._append(epoch, topic, part) for topic, part in messages.items()}
        await kafka_request("commit", lambda: self._kafka.commit(epoch))
        self._open_transaction = False
        return sent

    async def _append(self, epoch: int, topic: str, messages: Sequence[Message]) -> int:
        try:
            return int(await kafka_request("append", lambda: self._kafka.append(epoch, topic, messages)))
        except MessageSizeTooLargeError as error:
            raise TooLarge(0, [one for one in messages if len(one.value) > VALUE_BYTES_MAX]) from error

    async def close(self) -> None:
        """Abort what is open. A process that died does nothing."""
        if self._open_transaction and self._alive():
            try:
                await kafka_request("abort", lambda: self._kafka.abort(self._epoch))
            except KafkaError:
                return


class _Counts:
    """Nobody counts."""

    def delivered(self, shard: int, messages: int, seconds: float) -> None:
        """Nothing."""

    def skipped(self, shard: int, messages: int) -> None:
        """Nothing."""

    def failed(self, shard: int, error: Exception) -> None:
        """Nothing."""

    def oversize(self, shard: int, topic: str) -> None:
        """Nothing."""

    def forgotten(self, shard: int, ids: int) -> None:
        """Nothing."""


class ModelRelay(Relay):
    """The relay of one claimed shard.

    Parameters
    ----------
    store
        The shard.
    kafka
        The broker.
    waits
        Whether there is anything in the outbox.
    alive
        Whether the process lives.
    ended
        See `Relay`.
    reads_tail
        Whether it looks at what is delivered already; False is a mutation.
    """

    def __init__(
        self,
        store: ShardStore,
        kafka: ModelKafka,
        waits: Callable[[], bool],
        alive: Callable[[], bool],
        ended: Callable[[int, Exception], None],
        *,
        reads_tail: bool,
    ) -> None:
        settings = RelaySettings("", "", TOPICS, batch_max=3, tail_records=1_000)
        super().__init__(store, settings, _Counts(), ended)
        self._kafka = kafka
        self._waits = waits
        self._alive = alive
        self._reads_tail = reads_tail

    def run(self) -> Any:  # noqa: ANN401 - a coroutine
        """What the real relay runs as a task."""
        return self._run()

    async def _pause_after(self, error: Exception) -> None:
        del error
        await Gate("relay pauses", lambda: None)

    async def _deliver(self) -> None:
        # Stands for Relay._deliver, line by line.
        await self._store.head(0)
        producer = ModelProducer(self._kafka, self._alive)
        try:
            await producer.open()
            head = await self._store.head(0)
            if self._reads_tail:
                await self._read_tail(head.sent)
            trims = head.trims
            while not self._stop.is_set():
                try:
                    trims = await self._deliver_some(cast("TransactionalProducer", producer), trims)
                except EmptyOutbox as empty:
                    if empty.trims != trims:
                        raise CommitRefused("outbox", "the outbox was trimmed by somebody else") from empty
                    await Gate("relay waits", lambda: None, ready=self._waits)
        finally:
            await producer.close()

    async def _read_tail(self, sent: Mapping[str, int]) -> None:
        # Stands for relay_tail.read_tail: the ends first, then all up to them, however long they are held back.
        kafka = self._kafka
        self._delivered.begin()
        ends = await kafka_request("ends", lambda: {topic: kafka.end(topic) for topic in OUTPUTS})
        for topic in OUTPUTS:
            start = sent.get(topic, -1)
            if start < 0 or start > ends[topic]:
                start = max(0, ends[topic] - self._settings.tail_records)
            if start < ends[topic]:
                await self._read_up_to(topic, start, ends[topic])

    async def _read_up_to(self, topic: str, start: int, end: int) -> None:
        kafka = self._kafka
        await Gate("relay waits for a transaction", lambda: None, ready=lambda: kafka.stable_end(topic) >= end)
        found: list[Written] = await kafka_request("tail", lambda: kafka.committed(topic, start))
        for written in found:
            self._delivered.read(as_record(written))


def kafka_request(name: str, run: Callable[[], Any]) -> Gate:
    """A request to the broker."""
    return Gate(f"kafka {name}", run, KafkaConnectionError)


def as_record(written: Written) -> ConsumerRecord[bytes, bytes]:
    """A message as a consumer gets it."""
    message = written.message
    return ConsumerRecord(
        message.topic,
        0,
        written.offset,
        0,
        0,
        message.key.encode(),
        message.value,
        None,
        len(message.key),
        len(message.value),
        cloudevent_headers(message, SOURCE),
    )
