"""The thread that runs the Kafka client: joins the group, fetches, and gives records away batch by batch.

Faust runs aiokafka in a thread of its own, so that heartbeats go out while a batch is being scored. What is
called from the main thread and touches the client goes through ``call_thread``; the client is never touched from
outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, cast

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
)
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers.aiokafka import (
    AIOKafkaConsumerThread,
    ensure_aiokafka_TP,
    server_list,
)
from faust.transport.drivers.aiokafka import (
    Transport as KafkaTransport,
)
from faust.types import TP

from stream.transport.batch import Taken
from stream.transport.client import close_client, is_current, kafka_client
from stream.transport.ending import CANCEL_SECONDS_MAX, at_most, unless
from stream.transport.errors import check_topics
from stream.transport.patience import FIRST_RETRY_SECONDS
from stream.transport.take import Taker
from stream.transport.topic_ids import topic_ids

if TYPE_CHECKING:
    from stream.transport.consumer import Consumer


class ConsumerThread(AIOKafkaConsumerThread):
    """The Kafka client of one worker."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._taker = Taker()

    @property
    def _parent(self) -> Consumer:
        return cast("Consumer", self.consumer)

    # -- start ---------------------------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Connect to Kafka; while no broker can be reached, try again, ever less often, and say so."""
        pause = FIRST_RETRY_SECONDS
        servers = server_list(cast("KafkaTransport", self.transport).url, KafkaTransport.default_port)
        while not self.should_stop:
            client = self._create_consumer(loop=self.thread_loop)
            try:
                if not await unless(self.wait_until_stopped(), client.start()):
                    await close_client(client, self._parent.settings.stop_seconds_max)
                    return
            except KafkaError as exc:
                await close_client(client, self._parent.settings.stop_seconds_max)
                if not exc.retriable:
                    raise
                self.log.warning("Kafka at %s is not ready (%s); next try in %.1f s", servers, exc, pause)
                await self.sleep(pause)
                pause = min(pause * 2, self._parent.settings.retry_seconds_max)
            else:
                self._consumer = client
                self.time_started = asyncio.get_running_loop().time()
                return

    async def on_thread_stop(self) -> None:
        """Leave the group and close the connections, as far as Kafka lets us in good time."""
        # Faust's own would wait for the client as long as it takes.
        queue = super(AIOKafkaConsumerThread, self).on_thread_stop()
        await at_most(CANCEL_SECONDS_MAX, "Faust's queue of calls", queue)
        if self._consumer is not None:
            await close_client(self._consumer, self._parent.settings.stop_seconds_max)

    def _create_worker_consumer(self, transport: KafkaTransport) -> AIOKafkaConsumer:
        return kafka_client(self.app.conf, server_list(transport.url, transport.default_port))

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group, after a look whether the topics fit together.

        Parameters
        ----------
        topics
            The input topics.

        Raises
        ------
        TopicsUnfit
            If one is missing or has another number of partitions.
        """
        names = sorted(topics)
        counts = await self.call_thread(self._partition_counts, names)
        check_topics(counts, self.app.conf.topic_partitions)
        self._parent.topics = tuple(names)
        await super().subscribe(names)

    async def _partition_counts(self, names: list[str]) -> dict[str, int]:
        cluster = await self._ensure_consumer()._client.fetch_all_metadata()  # noqa: SLF001
        return {name: len(cluster.partitions_for_topic(name) or ()) for name in names}

    async def call_thread(self, fun: Callable[..., Awaitable[Any] | Any], *args: object, **kwargs: object) -> Any:  # noqa: ANN401 - what fun gives
        """Run a function in this thread and wait for what it gives.

        Faust's queue has two workers; a fetch and a commit that waits for its coordinator would leave none for
        anything else.

        Parameters
        ----------
        fun
            Function or coroutine function.
        *args, **kwargs
            Its arguments.

        Returns
        -------
        Any
            Its result.
        """

        async def call() -> object:
            result = fun(*args, **kwargs)
            return await result if isawaitable(result) else result

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), self.thread_loop))

    # -- the group -----------------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Give nothing away any more, then let the main thread stop the shards."""
        self._taker.close()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Fetch nothing until the shards are claimed, then let the main thread claim them."""
        self._taker.close()
        self._ensure_consumer().pause(*map(ensure_aiokafka_TP, assigned))
        await super().on_partitions_assigned(assigned, generation_id)

    async def bounds(self, tps: Iterable[TP]) -> tuple[dict[TP, int], dict[TP, int]]:
        """First and last stable offset of logs, asked of the brokers.

        Parameters
        ----------
        tps
            Topic-partitions.

        Returns
        -------
        tuple[dict[TP, int], dict[TP, int]]
            Beginnings and ends.
        """
        return cast("tuple[dict[TP, int], dict[TP, int]]", await self.call_thread(self._bounds, list(tps)))

    async def _bounds(self, tps: list[TP]) -> tuple[dict[TP, int], dict[TP, int]]:
        client = self._ensure_consumer()
        wanted = [ensure_aiokafka_TP(tp) for tp in tps]
        # The end is asked first: a log that moves meanwhile then only looks shorter than it is.
        ends = await client.end_offsets(wanted)
        beginnings = await client.beginning_offsets(wanted)
        return {TP(*tp): at for tp, at in beginnings.items()}, {TP(*tp): at for tp, at in ends.items()}

    async def topic_ids(self) -> dict[str, str]:
        """Ids of the input topics now; raises what `stream.transport.topic_ids.topic_ids` does."""
        return cast("dict[str, str]", await self.call_thread(self._topic_ids))

    async def _topic_ids(self) -> dict[str, str]:
        return await topic_ids(self._ensure_consumer()._client, self._parent.topics)  # noqa: SLF001

    async def open(self, generation: int, points: Mapping[TP, int], epochs: Mapping[TP, int]) -> bool:
        """Seek every topic-partition and begin to give records away.

        Parameters
        ----------
        generation
            Generation of the group that was claimed.
        points
            Offset to seek each topic-partition to.
        epochs
            Epoch of each.

        Returns
        -------
        bool
            False if the group has moved on meanwhile; nothing was done then.
        """
        return bool(await self.call_thread(self._open_now, generation, dict(points), dict(epochs)))

    def _open_now(self, generation: int, points: dict[TP, int], epochs: dict[TP, int]) -> bool:
        client = self._ensure_consumer()
        state = client._subscription  # noqa: SLF001
        if (
            client._coordinator.generation != generation  # noqa: SLF001
            or state.reassignment_in_progress
            or not set(points) <= client.assignment()
        ):
            return False
        for tp, offset in points.items():
            client.seek(ensure_aiokafka_TP(tp), offset)
        client.resume(*map(ensure_aiokafka_TP, points))
        self._taker.open(epochs)
        return True

    def seek_soon(self, tp: TP, offset: int, epoch: int) -> None:
        """Carry a seek out; callable from any thread, returns at once.

        Parameters
        ----------
        tp, offset
            Where to read on.
        epoch
            Epoch of what is taken from then on.
        """
        self.thread_loop.call_soon_threadsafe(self._seek_now, tp, offset, epoch)

    def _seek_now(self, tp: TP, offset: int, epoch: int) -> None:
        if tp in self._taker:
            # No longer assigned: a revocation is on its way, and the next claim seeks anyway.
            with suppress(IllegalStateError):
                self._ensure_consumer().seek(ensure_aiokafka_TP(tp), offset)
                self._taker.sought(tp, epoch)

    def wake(self) -> None:
        """Let a waiting ``take`` look again; callable from any thread."""
        self.thread_loop.call_soon_threadsafe(self._taker.wake)

    async def is_current(self, generation: int) -> bool:
        """Whether a generation is the group's current one, and we a member of it; see `client.is_current`."""
        return bool(await self.call_thread(is_current, self._ensure_consumer(), generation))

    async def commit_positions(self, positions: Mapping[TP, int]) -> bool:
        """Tell the group how far we are, for those who look at its lag.

        Parameters
        ----------
        positions
            Next offset to process of each topic-partition.

        Returns
        -------
        bool
            False if the group is rebalancing and nothing was sent.
        """
        return bool(await self.call_thread(self._commit_positions, dict(positions)))

    async def _commit_positions(self, positions: dict[TP, int]) -> bool:
        client = self._ensure_consumer()
        if client._subscription.reassignment_in_progress:  # noqa: SLF001
            return False
        await client.commit(
            {ensure_aiokafka_TP(tp): OffsetAndMetadata(at, "") for tp, at in positions.items() if tp in self._taker}
        )
        return True

    async def take(self, paused: Collection[TP], limit: int, total: int, timeout: float) -> list[Taken]:  # noqa: ASYNC109 - it is no failure
        """What can be had now; see `Taker.take`."""
        return cast("list[Taken]", await self.call_thread(self._take, paused, limit, total, timeout))

    async def _take(self, paused: Collection[TP], limit: int, total: int, timeout: float) -> list[Taken]:  # noqa: ASYNC109
        client = self._ensure_consumer()
        if client._closed:  # noqa: SLF001
            raise ConsumerStoppedError
        return await self._taker.take(client._fetcher, paused, limit, total, timeout)  # noqa: SLF001
