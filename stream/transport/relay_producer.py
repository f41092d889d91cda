"""One Kafka transaction for many messages of one shard."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import RecordMetadata

from stream.contracts.decisions import Message
from stream.contracts.topics import Topics
from stream.transport.record_batch import Assembly

log = logging.getLogger(__name__)

BATCH_BYTES: Final = 900_000
"""Bytes of one produce batch. A broker takes 1 048 588 by default, and a batch carries a header of 61."""

CLOSE_SECONDS_MAX: Final = 2.0
"""Longest wait for a producer to close; after it, its task is cancelled."""


@contextlib.asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """Bound the time of a block, and say what took too long.

    Raises
    ------
    TimeoutError
        It did.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise TimeoutError(f"{what} took longer than {seconds:g} s") from error


class TooLarge(Exception):
    """The broker refused a batch for its size. Nothing was sent.

    Parameters
    ----------
    batch_bytes
        Size of the smallest refused batch of several messages, or 0.
    messages
        Messages that were refused alone.
    """

    def __init__(self, batch_bytes: int, messages: Sequence[Message]) -> None:
        super().__init__(f"the broker refuses {len(messages)} messages, or batches of {batch_bytes} bytes")
        self.batch_bytes = batch_bytes
        self.messages = list(messages)


class TransactionalProducer:
    """A producer under the transactional id of one shard.

    After any exception it must be closed and a new one opened: aiokafka counts the sequence numbers of a refused
    batch as used, and whether a commit that timed out was made is not known before the id is taken over again.

    Parameters
    ----------
    bootstrap
        Brokers, ``host:port,…``.
    transactional_id
        Taken over from whoever had it before; the broker ends their open transaction.
    partition
        The shard: partition of every message.
    topics
        Names of the topics.
    source
        CloudEvents source of every message.
    transaction_seconds_max
        Longest transaction; the broker aborts it then.
    client
        Further settings of the Kafka client, such as for TLS.
    """

    def __init__(
        self,
        bootstrap: str,
        transactional_id: str,
        *,
        partition: int,
        topics: Topics,
        source: str,
        transaction_seconds_max: float,
        client: Mapping[str, Any],
    ) -> None:
        self._partition = partition
        self._topics = topics
        self._source = source
        self._seconds_max = transaction_seconds_max
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            transactional_id=transactional_id,
            transaction_timeout_ms=int(transaction_seconds_max * 1000),
            max_batch_size=BATCH_BYTES,
            **client,
        )
        self._open_transaction = False

    async def open(self, topics: Iterable[str]) -> None:
        """Connect, take the transactional id over, and see that every topic has the partition.

        Raises
        ------
        TimeoutError
            No broker or no coordinator within the time of a transaction.
        aiokafka.errors.KafkaError
            A topic or its partition is missing, or the broker refuses.
        """
        async with within(self._seconds_max, "taking the transactional id over"):
            await self._producer.start()
            for topic in topics:
                if self._partition not in await self._producer.partitions_for(topic):
                    raise UnknownTopicOrPartitionError(
                        f"{topic} has no partition {self._partition}; `scorer topics create` makes topics that are "
                        "missing"
                    )

    async def send(self, entries: Sequence[bytes], batch_bytes: int = BATCH_BYTES) -> dict[str, int]:
        """Send the messages of bundles in one transaction, in each topic in the order in which they stand there.

        Parameters
        ----------
        entries
            Bundles, not empty.
        batch_bytes
            Bytes of one produce batch at most, unless it is a single message.

        Returns
        -------
        dict[str, int]
            Topic to the offset after its last message, where the broker told it.

        Raises
        ------
        stream.contracts.bundle.BundleError
            An entry is no bundle.
        TooLarge
            A batch is larger than the broker takes.
        TimeoutError
            The transaction took too long; whether it was committed is not known.
        aiokafka.errors.KafkaError
            Anything else the broker has against it.
        """
        # The time of a record is that of its sending: brokers delete by it, and what a replay of old events says
        # would be deleted at once. The moment of the decision is in ce_time.
        assembly = Assembly(entries, self._topics, self._source, int(time.time() * 1000), batch_bytes)
        async with within(self._seconds_max, "a transaction"):
            await self._producer.begin_transaction()
            self._open_transaction = True
            futures: list[asyncio.Future[RecordMetadata | None]] = []
            for batch in assembly.batches:
                future = await self._producer.send_batch(batch, batch.topic, partition=self._partition)
                future.add_done_callback(_look_at)
                futures.append(future)
            results = await asyncio.gather(*futures, return_exceptions=True)
            _raise_first(assembly, results)
            await self._producer.commit_transaction()
            self._open_transaction = False
        return {
            batch.topic: result.offset + batch.record_count()
            for batch, result in zip(assembly.batches, results, strict=True)
            if isinstance(result, RecordMetadata) and result.offset >= 0
        }

    async def close(self) -> None:
        """Abort what is open and close, within a bounded time whatever state the producer is in."""
        if self._open_transaction:
            # Readers wait for an open transaction, until the next owner takes the id or the broker's timeout.
            with contextlib.suppress(KafkaError, TimeoutError, AssertionError):
                async with asyncio.timeout(CLOSE_SECONDS_MAX):
                    await self._producer.abort_transaction()
        try:
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self._producer.stop()
        except (KafkaError, TimeoutError, OSError) as error:
            log.debug("a producer did not close by itself: %r", error)
            sender = self._producer._sender.sender_task  # noqa: SLF001 - there is no other door to it
            if sender is not None:
                sender.cancel()
            await self._producer.client.close()


def _look_at(future: asyncio.Future[Any]) -> None:
    """Say that the outcome was noticed, also where another batch failed first and nobody awaits this one."""
    if not future.cancelled():
        future.exception()


def _raise_first(assembly: Assembly, results: Sequence[object]) -> None:
    batches = assembly.batches
    refused = [
        number
        for number, result in enumerate(results)
        if isinstance(result, (MessageSizeTooLargeError, RecordListTooLargeError))
    ]
    if refused:
        several = [batches[number].size() for number in refused if batches[number].record_count() > 1]
        alone = [assembly.first_of(number) for number in refused if batches[number].record_count() == 1]
        raise TooLarge(min(several, default=0), alone)
    for result in results:
        if isinstance(result, BaseException):
            raise result
