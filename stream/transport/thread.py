"""The thread that runs the Kafka client: joins the group, fetches, and gives records away batch by batch.

Faust runs aiokafka in a thread of its own, so that heartbeats go out while a batch is being scored. What is
called from the main thread and touches the client goes through ``call_thread``; the client is never touched from
outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, cast

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, KafkaError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers.aiokafka import (
    AIOKafkaConsumerThread,
    credentials_to_aiokafka_auth,
    ensure_aiokafka_TP,
    server_list,
)
from faust.types import TP

from stream.transport.batch import Taken
from stream.transport.errors import PositionOutOfLog, check_topics

if TYPE_CHECKING:
    from stream.transport.consumer import Consumer
    from stream.transport.driver import Transport

FETCH_WAIT_MS = 100
"""How long the broker may hold a fetch that finds nothing. While it is held, no other partition of that broker is
fetched, so this bounds how long a partition with a backlog waits for its silent neighbours."""

NEVER_MS = 2**31 - 1
"""``max_poll_interval``: the client would leave the group for good after that much silence of ours (faust #517); a
worker that stands still is the watchdog's business."""

FIRST_RETRY_SECONDS = 0.5


class ConsumerThread(AIOKafkaConsumerThread):
    """The Kafka client of one worker."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._open: dict[TP, int] = {}
        self._told: dict[TP, tuple[int, int]] = {}
        self._order: list[TP] = []
        self._waiter: asyncio.Future[None] | None = None

    @property
    def _parent(self) -> Consumer:
        return cast("Consumer", self.consumer)

    # -- start ---------------------------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Connect to Kafka; while no broker can be reached, try again, ever less often, and say so."""
        pause = FIRST_RETRY_SECONDS
        servers = server_list(cast("Transport", self.transport).url, 9092)
        while not self.should_stop:
            client = self._create_consumer(loop=self.thread_loop)
            try:
                await client.start()
            except KafkaError as exc:
                await client.stop()
                if not exc.retriable:
                    raise
                self.log.warning("Kafka at %s is not ready (%s); next try in %.1f s", servers, exc, pause)
                await self.sleep(pause)
                pause = min(pause * 2, self._parent.settings.retry_seconds_max)
            else:
                self._consumer = client
                self.time_started = asyncio.get_running_loop().time()
                return

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        conf = self.app.conf
        # Range: partition p of every topic goes to the same member, so a shard is whole on one worker.
        self._assignor = RangePartitionAssignor
        return AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            # An offset outside the log is an error to be told, never a silent jump.
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_poll_interval_ms=NEVER_MS,
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            check_crcs=conf.broker_check_crcs,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
            **credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

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

    async def call_thread(self, fun: Callable[..., Awaitable[Any] | Any], *args: Any, **kwargs: Any) -> Any:
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

        async def call() -> Any:
            result = fun(*args, **kwargs)
            return await result if isawaitable(result) else result

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), self.thread_loop))

    # -- the group -----------------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Give nothing away any more, then let the main thread stop the shards."""
        self._open.clear()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Fetch nothing until the shards are claimed, then let the main thread claim them."""
        self._open.clear()
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
        self._told.clear()
        self._order = sorted(points)
        self._open.update(epochs)
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
        if tp in self._open:
            # No longer assigned: a revocation is on its way, and the next claim seeks anyway.
            with suppress(IllegalStateError):
                self._ensure_consumer().seek(ensure_aiokafka_TP(tp), offset)
                self._open[tp] = epoch
                self._told.pop(tp, None)
                self._wake_now()

    def wake(self) -> None:
        """Let a waiting ``take`` look again; callable from any thread."""
        self.thread_loop.call_soon_threadsafe(self._wake_now)

    def _wake_now(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

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
            {ensure_aiokafka_TP(tp): OffsetAndMetadata(at, "") for tp, at in positions.items() if tp in self._open}
        )
        return True

    # -- records -------------------------------------------------------------------------------------------------

    async def take(self, paused: set[TP], limit: int, total: int, timeout: float) -> list[Taken]:  # noqa: ASYNC109
        """What can be had now: at most one batch of each topic-partition, and every position that moved.

        Parameters
        ----------
        paused
            Live set of topic-partitions to leave alone.
        limit
            Records of one batch.
        total
            Records of one call; what is beyond waits for the next, whose turn then comes first.
        timeout
            Seconds to wait for something to happen.

        Returns
        -------
        list[Taken]
            May be empty.

        Raises
        ------
        PositionOutOfLog
            If the broker does not have the offset that was asked for.
        """
        return cast("list[Taken]", await self.call_thread(self._take, paused, limit, total, timeout))

    async def _take(self, paused: set[TP], limit: int, total: int, timeout: float) -> list[Taken]:  # noqa: ASYNC109
        client = self._ensure_consumer()
        fetcher = client._fetcher  # noqa: SLF001
        if client._closed or fetcher._closed:  # noqa: SLF001
            raise ConsumerStoppedError
        taken = self._drain(fetcher, paused, limit, total)
        if not taken:
            waiter = self._waiter = fetcher._create_fetch_waiter()  # noqa: SLF001
            try:
                await asyncio.wait([waiter], timeout=timeout)
            finally:
                self._waiter = None
                if not waiter.done():
                    waiter.cancel()
            if waiter.done() and not waiter.cancelled():
                waiter.result()  # a critical error of the group, such as a lost authorization
            if not fetcher._closed:  # noqa: SLF001
                taken = self._drain(fetcher, paused, limit, total)
        return taken

    def _drain(self, fetcher: Any, paused: set[TP], limit: int, total: int) -> list[Taken]:
        # Nothing here awaits, so records, position and epoch of a topic-partition are of one moment.
        out: list[Taken] = []
        subscription = fetcher._subscriptions.subscription  # noqa: SLF001
        assignment = None if subscription is None else subscription.assignment
        if not self._open or assignment is None or not assignment.active:
            return out
        order = self._order
        for turn, tp in enumerate(order):
            state = assignment.state_value(tp)
            if tp not in self._open or state is None or not state.has_valid_position:
                continue
            records: list[Any] = []
            if total > 0 and tp not in paused:
                records = self._records(fetcher, tp, min(limit, total))
                total -= len(records)
                if records and total <= 0:
                    self._order = order[turn + 1 :] + order[: turn + 1]
            end = -1 if state.lso is None else state.lso
            told = (state.position, end)
            if records or self._told.get(tp) != told:
                self._told[tp] = told
                out.append(Taken(tp, self._open[tp], records, state.position, end))
        return out

    def _records(self, fetcher: Any, tp: TP, limit: int) -> list[Any]:
        found = fetcher._records.get(tp)  # noqa: SLF001
        if found is None:
            return []
        if type(found) is FetchResult:
            records = found.getall(limit)
            if not found.has_more():
                del fetcher._records[tp]  # noqa: SLF001
                fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001
            return cast("list[Any]", records)
        del fetcher._records[tp]  # noqa: SLF001
        fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001
        try:
            found.check_raise()
        except OffsetOutOfRangeError as exc:
            position = exc.args[0][ensure_aiokafka_TP(tp)] if exc.args else -1
            raise PositionOutOfLog(
                tp.topic, tp.partition, position=position, beginning=position + 1, end=position
            ) from exc
        return []
