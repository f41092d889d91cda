"""Delivers the outbox of one shard to Kafka, each message once.

The outbox is part of the shard's commit, so a message waits there from the moment it was decided, in a bundle with
the others of its commit. The relay sends the oldest bundles in one Kafka transaction, then takes them off. Between
these two steps a crash, a broken connection or a Redis that comes back from an older file leaves messages in the
outbox that are in Kafka already. Three things make that harmless:

* The transactional id belongs to the shard. Opening a producer fences the one before and ends its transaction.
* With each trim Redis remembers how far each output partition is delivered, but not past what may come up in the
  outbox once more (`Delivered.passed`). So whenever a relay opens a producer, or finds the outbox in another state
  than it left it, it reads the output partitions from there and skips what it finds, by message id. Ids are
  deterministic, so that holds for messages that were worked out anew, too, and came to stand in another bundle.
* Who owns the shard is decided in Redis alone. A relay that was fenced asks there: if the shard is still its own, it
  takes the transactional id back; if not, it ends.

A bundle goes from Redis to Kafka without an object for each of its messages. Only where some of them may have been
delivered, or are too large, are they looked at one by one, and what is left of the bundle is sent as a bundle.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence

import msgspec
from aiokafka.errors import KafkaError

from stream.contracts.bundle import BUNDLE_MESSAGES_MAX, count_of, decode_bundle, encode_bundle
from stream.contracts.dead_letters import dead_letter_message
from stream.contracts.decisions import Message
from stream.contracts.events import DeadLetter
from stream.contracts.ids import join_hash
from stream.store.errors import CommitRefused, StoreUnavailable
from stream.store.meta import Head
from stream.store.shard_store import ShardStore
from stream.transport.errors import CodecMissing
from stream.transport.relay_producer import BATCH_BYTES, TooLarge, TransactionalProducer, within
from stream.transport.relay_settings import RelaySettings, RelayWatch
from stream.transport.relay_tail import Delivered, read_tail

__all__ = ["Relay", "RelaySettings", "RelayWatch"]

log = logging.getLogger(__name__)


class Relay:
    """Delivers the outbox of one shard while this worker owns it.

    Parameters
    ----------
    store
        The claimed shard.
    settings
        How to deliver.
    watch
        Counts what happens.
    ended
        Called with the shard and the reason when the relay ends without `stop`: `CommitRefused` when the shard
        belongs to somebody else now, `CodecMissing` when the output cannot be read back here, anything else is a bug.
    """

    def __init__(
        self,
        store: ShardStore,
        settings: RelaySettings,
        watch: RelayWatch,
        ended: Callable[[int, Exception], None],
    ) -> None:
        self.shard = store.keys.shard
        self._store = store
        self._settings = settings
        self._watch = watch
        self._ended = ended
        self._delivered = Delivered(settings.topics, settings.ids_max)
        self._oversize: set[str] = set()
        self._batch_bytes = BATCH_BYTES
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._opened = asyncio.Event()
        self._stop = asyncio.Event()
        self._in_hand = False
        self._pause = settings.retry_seconds_min
        self._task: asyncio.Task[None] | None = None

    # What the engine calls

    async def start(self) -> None:
        """Begin to deliver, in a task of its own. Call it after the shard was claimed."""
        self._task = asyncio.create_task(self._run(), name=f"relay of shard {self.shard}")

    def notify(self) -> None:
        """Say that a commit has put messages into the outbox."""
        self._empty.clear()
        self._wake.set()

    @property
    def pending(self) -> int:
        """Messages that wait for delivery, as far as is known."""
        return self._store.outbox_length

    async def opened(self) -> bool:
        """Wait until the transactional id is taken over and the output is read back; false if the relay ended."""
        return await self._wait_for(self._opened)

    async def drained(self) -> bool:
        """Wait until everything committed so far is delivered; false if the relay ended before."""
        return await self._wait_for(self._empty)

    async def stop(self) -> None:
        """Finish the transaction in hand, within a bounded time, and end. What is left waits in Redis."""
        self._stop.set()
        if self._task is None:
            return
        if not self._in_hand:
            self._task.cancel()
        await asyncio.wait([self._task], timeout=self._settings.stop_seconds_max)
        if not self._task.done():
            log.warning("relay of shard %d: the transaction in hand is given up", self.shard)
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _wait_for(self, event: asyncio.Event) -> bool:
        if self._task is None:
            raise RuntimeError("the relay was not started")
        waiting = asyncio.create_task(event.wait())
        await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return event.is_set()

    # The task

    async def _run(self) -> None:
        while not self._stop.is_set():
            try:
                await self._deliver()
            except CommitRefused as error:
                if error.reason == "owner":
                    log.warning("relay of shard %d ends: %s", self.shard, error)
                    self._ended(self.shard, error)
                    return
                await self._pause_after(error)
            except TooLarge as error:
                self._split(error)
                await self._pause_after(error)
            except (KafkaError, StoreUnavailable, TimeoutError, OSError) as error:
                await self._pause_after(error)
            except CodecMissing as error:
                log.error("relay of shard %d ends: %s", self.shard, error)  # noqa: TRY400 - it says all there is to say
                self._ended(self.shard, error)
                return
            except Exception as error:
                log.exception("relay of shard %d stopped by a bug; its outbox stays as it is", self.shard)
                self._ended(self.shard, error)
                return

    async def _pause_after(self, error: Exception) -> None:
        log.warning("relay of shard %d, tried again: %r; %d messages wait", self.shard, error, self.pending)
        self._watch.failed(self.shard, error)
        # The spread keeps the shards of a worker from trying all at once.
        await _wait(self._stop, self._pause * random.uniform(0.5, 1.0))  # noqa: S311
        self._pause = min(self._pause * 2, self._settings.retry_seconds_max)

    async def _deliver(self) -> None:
        """Take the transactional id over, see what is delivered, and deliver until told to stop."""
        settings = self._settings
        await self._store.head(0)  # a relay whose shard is gone must not fence the next owner's
        producer = TransactionalProducer(
            settings.bootstrap,
            settings.transactional_id,
            partition=self.shard,
            topics=settings.topics,
            source=settings.source,
            transaction_seconds_max=settings.transaction_seconds_max,
            client=settings.client,
        )
        try:
            await producer.open(settings.outputs)
            head = await self._store.head(0)
            forgotten = self._delivered.forgotten
            async with within(settings.tail_seconds_max, "reading back what is delivered"):
                await read_tail(
                    settings.bootstrap,
                    self.shard,
                    settings.outputs,
                    head.sent,
                    self._delivered,
                    records_max=max(settings.tail_records, settings.batch_max, BUNDLE_MESSAGES_MAX),
                    client=settings.client,
                )
            if self._delivered.forgotten > forgotten:
                self._watch.forgotten(self.shard, self._delivered.forgotten - forgotten)
            self._opened.set()
            trims = head.trims
            while not self._stop.is_set():
                trims = await self._deliver_some(producer, trims)
        finally:
            await producer.close()

    async def _deliver_some(self, producer: TransactionalProducer, trims: int) -> int:
        """Deliver one transaction, or wait. Gives the number of trims so far."""
        self._wake.clear()
        head = await self._store.head(self._settings.batch_max)
        if head.trims != trims:
            raise CommitRefused(
                "outbox", f"shard {self.shard}: the outbox was trimmed {head.trims} times, {trims} were expected"
            )
        if not head.entries:
            if not self._wake.is_set():
                self._empty.set()
            await _wait(self._wake, self._settings.idle_seconds)
            return trims
        self._in_hand = True
        try:
            trims = await self._hand_over(producer, head, self._waiting(head.entries))
        finally:
            self._in_hand = False
        self._pause = self._settings.retry_seconds_min
        self._oversize.clear()
        return trims

    async def _hand_over(self, producer: TransactionalProducer, head: Head, waiting: Sequence[bytes]) -> int:
        sent: dict[str, int] = {}
        messages = sum(map(count_of, waiting))
        if messages:
            began = time.perf_counter()
            sent = await producer.send(waiting, self._batch_bytes)
            self._watch.delivered(self.shard, messages, time.perf_counter() - began)
        return await self._store.trim(head.marks, self._delivered.passed(sent))

    # Messages that were delivered, or are too large

    def _waiting(self, entries: Sequence[bytes]) -> list[bytes]:
        """Bundles of what of the entries is to be sent."""
        waiting = [
            self._rest(entry) if self._oversize or self._delivered.may_hold(entry) else entry for entry in entries
        ]
        skipped = sum(map(count_of, entries)) - sum(map(count_of, waiting))
        if skipped:
            self._watch.skipped(self.shard, skipped)
        return waiting

    def _rest(self, entry: bytes) -> bytes:
        topics = self._settings.topics
        lacking = self._delivered.lacks(decode_bundle(entry, topics))
        # The dead letter in the place of one may be delivered, too.
        return encode_bundle(self._delivered.lacks(list(map(self._fitting, lacking))), topics)

    def _split(self, error: TooLarge) -> None:
        """Next time, send smaller batches, and a dead letter for each message that is too large by itself."""
        if error.batch_bytes:
            self._batch_bytes = error.batch_bytes // 2
        for message in error.messages:
            self._oversize.add(message.id)
            self._watch.oversize(self.shard, message.topic)

    def _fitting(self, message: Message) -> Message:
        if message.id not in self._oversize:
            return message
        reason = f"the broker refuses this message for its size: id {message.id}, {len(message.value)} bytes"
        letter = dead_letter_message(
            DeadLetter(message.topic, self.shard, -1, "value", reason, message.key.encode(), None),
            self._settings.topics,
            message.time,
        )
        return msgspec.structs.replace(letter, id=join_hash("oversize", message.id))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, or so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
