"""The consumer of the main thread: claims shards, hands batches to the agent, commits positions as advice."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from aiokafka.errors import ConsumerStoppedError, KafkaError
from faust.exceptions import ImproperlyConfigured
from faust.transport.drivers.aiokafka import Consumer as KafkaConsumer
from faust.types import TP
from faust.types.transports import TPorTopicSet
from mode import ServiceT

from stream.transport.advice import Advice
from stream.transport.batch import Batch
from stream.transport.claim import beyond_end, shards_of, starting_points
from stream.transport.counts import Counts
from stream.transport.host import ShardHost
from stream.transport.lanes import Lanes
from stream.transport.patience import patiently
from stream.transport.schema import as_message
from stream.transport.thread import ConsumerThread
from stream.transport.topic_watch import TopicWatch
from stream.transport.watchdog import Watchdog

if TYPE_CHECKING:
    from stream.transport.conf import ScorerApp

TAKE_SECONDS, BATCHES_OF_ONE_TAKE = 0.5, 4
"""How long one look at the client waits, and how many full batches it may bring."""
END_LOOKS, END_LOOK_SECONDS = 5, 1.0
"""How often, and how far apart, the ends of logs are asked again before a position is called beyond them."""


class Consumer(KafkaConsumer):
    """Faust's consumer, one message a batch.

    What Faust keeps of acknowledged offsets plays no role: positions are those of the host.

    Attributes
    ----------
    lanes
        Where reading stands; the engine pauses, resumes, seeks and asks there.
    advice
        Commits to the group, and their counts.
    counts
        Counters.
    topics
        Input topics, once subscribed.
    topic_watch
        Knows which topics their names stand for.
    """

    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's
        self.lanes = Lanes(seek=self._seek_soon, wake=self._wake)
        self.counts = Counts()
        self.topics: tuple[str, ...] = ()
        self._claim_task: asyncio.Task[None] | None = None
        self._held = False
        self._releasing = asyncio.Lock()
        super().__init__(*args, **kwargs)
        self.advice = Advice(self._thread.commit_positions, self.lanes, seconds_max=self.commit_interval)
        self.settings = cast("ScorerApp", self.app).scorer_settings
        self.add_dependency(
            Watchdog(self, self.app.crash, seconds=self.settings.watchdog_seconds, clock=monotonic, beacon=self.beacon)
        )
        self.topic_watch = TopicWatch(
            self._thread.topic_ids,
            self.app.crash,
            retry_seconds_max=self.settings.retry_seconds_max,
            beacon=self.beacon,
        )
        self.add_dependency(self.topic_watch)
        # Faust's stream notes every acknowledged offset here, for ever, unless it lies below what is committed.
        self._committed_offset = _Beyond()  # type: ignore[assignment]

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _seek_soon(self, tp: TP, offset: int, epoch: int) -> None:
        self._thread.seek_soon(tp, offset, epoch)

    def _wake(self) -> None:
        self._thread.wake()

    @property
    def host(self) -> ShardHost:
        """The engine, which the application carries as ``shard_host``."""
        host = cast("ScorerApp", self.app).shard_host
        if host is None:
            raise ImproperlyConfigured("set shard_host of the application before it starts")
        return host

    @property
    def claiming(self) -> bool:
        """Whether a claim is under way."""
        return self._claim_task is not None and not self._claim_task.done()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stop the flow and the shards, and only then let the group go on."""
        self.counts.revocations += 1
        await super().on_partitions_revoked(revoked)
        await self._release()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin to claim what was assigned. The group does not wait for it: it may take as long as Redis is away."""
        # Faust stops the flow at a revocation only if something was assigned, and clears its queues when it resumes.
        self.stop_flow()
        await self._release()
        self._claim_task = self.loop.create_task(self._claim_or_crash(frozenset(assigned), generation_id))
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Nothing: the claim seeks, and nothing is given away before it has.

        Faust calls this before it resumes the flow. It must not wait here for the claim: when its own patience ends
        (``broker_request_timeout``), the task that handles rebalances takes that for a shutdown and ends for good.
        """

    async def _claim_or_crash(self, assigned: frozenset[TP], generation: int) -> None:
        try:
            await self._claim(assigned, generation)
        except asyncio.CancelledError:
            raise
        except Exception as exc:  # noqa: BLE001 - whatever it is, a worker that cannot claim must not go on
            current = True
            with suppress(KafkaError):
                current = await self.confirm(generation)
            if current:
                await self.crash(exc)
            else:
                self.log.info("Generation %s is over, its claim is given up: %s", generation, exc)

    async def _claim(self, assigned: frozenset[TP], generation: int) -> None:
        beginnings, ends = await self._bounds(assigned)
        shards = shards_of(ends, self.topics)
        self._held = True
        positions = await self.host.assign(shards, generation)
        for _ in range(END_LOOKS):
            if not beyond_end(positions, ends):
                break
            # A new leader may not know yet what its followers have acknowledged; the end comes back then.
            await asyncio.sleep(END_LOOK_SECONDS)
            beginnings, ends = await self._bounds(assigned)
        points = starting_points(positions, beginnings, ends)
        epochs = self.lanes.open(generation, points, ends)
        if await self._thread.open(generation, points, epochs):
            for tp, epoch in epochs.items():
                if self.lanes.current_epoch(tp) != epoch:
                    # The host has sought already; that may have come before the opening, and then had no effect.
                    self.lanes.seek(tp, self.lanes.position(tp))
            self.counts.claims += 1
            self.advice.forget()
            self.log.info("Claimed shards %s, generation %s", sorted(shards), generation)
        else:
            self.lanes.close()

    async def confirm(self, generation: int) -> bool:
        """Ask the broker whether a generation is the group's current one.

        Parameters
        ----------
        generation
            Generation of the group.

        Returns
        -------
        bool
            Whether we are a member of it and no newer one was made. Waits as long as the broker takes to answer.
        """
        return await patiently(
            f"whether generation {generation} is current",
            lambda: self._thread.is_current(generation),
            seconds_max=self.settings.retry_seconds_max,
        )

    async def _bounds(self, tps: frozenset[TP]) -> tuple[dict[TP, int], dict[TP, int]]:
        pause = self.settings.retry_seconds_max
        return await patiently("where logs end", lambda: self._thread.bounds(tps), seconds_max=pause)

    async def _release(self) -> None:
        """Stop claiming and let the host stop its shards; again and again does no harm."""
        async with self._releasing:
            task, self._claim_task = self._claim_task, None
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait([task])
            self.lanes.close()
            if self._held:
                self._held = False
                try:
                    await self.host.revoke()
                except Exception as exc:  # noqa: BLE001 - the Kafka client would only write it into the log
                    await self.crash(exc)

    async def wait_empty(self) -> None:
        """Wait until nothing is being processed: that is what the host's ``revoke`` does."""
        await self.commit()
        await self._release()

    async def on_stop(self) -> None:
        """Stop the shards, with a last word on positions."""
        await self.wait_empty()
        await super().on_stop()

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        limit = self.app.conf.broker_max_poll_records or 5000
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(cast("Any", self.can_resume_flow))
                    continue
                for taken in await self._thread.take(
                    self.lanes.paused, limit, limit * BATCHES_OF_ONE_TAKE, TAKE_SECONDS
                ):
                    batch = self.lanes.arrive(taken)
                    if batch is not None:
                        await self._pass_on(batch)
        except ConsumerStoppedError:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _pass_on(self, batch: Batch) -> None:
        """Put a batch where the agent's stream finds it, unless the flow stops first."""
        if not self.flow_active:
            return
        self.counts.batches += 1
        self.counts.records += len(batch)
        putting = asyncio.ensure_future(self.callback(as_message(batch)))
        stopped = asyncio.ensure_future(self.suspend_flow.wait())
        try:
            await asyncio.wait((putting, stopped), return_when=asyncio.FIRST_COMPLETED)
            if putting.done() and not putting.cancelled():
                putting.result()
        finally:
            putting.cancel()
            stopped.cancel()

    async def deliver(self, batch: Batch) -> None:
        """Give a batch to the host, from the agent; nothing ever escapes into the agent.

        Parameters
        ----------
        batch
            What the agent got. Dropped when it came too late.
        """
        if not self.lanes.admit(batch):
            return
        try:
            await self.host.offer(batch)
        except asyncio.CancelledError:
            raise
        except Exception as exc:  # noqa: BLE001 - Faust would take the batch for processed and go on
            await self.crash(exc)

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing to do: the loop that fills the buffer waits for it."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing to do: the loop that fills the buffer waits for it."""

    async def commit(self, topics: TPorTopicSet | None = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - Faust's
        """Tell the group the positions of the host; see `Advice`. Faust calls this at intervals.

        Parameters
        ----------
        topics, start_new_transaction
            Of no effect here.

        Returns
        -------
        bool
            Whether something was committed.
        """
        if not self._held:
            return False
        return await self.advice.give(self.host.positions())

    async def verify_all_partitions_active(self) -> None:
        """Nothing: the watchdog looks at positions, not at Faust's own clocks."""


class _Beyond(dict[TP, float]):
    """Answers every question for a committed offset with one that nothing is beyond."""

    def __missing__(self, tp: TP) -> float:
        return float("inf")
