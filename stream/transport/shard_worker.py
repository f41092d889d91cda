"""One shard at work: buffered events in, commits out, timers swept, calibrations adopted.

One task per shard. Decoded batches of all the shard's topics are merged in order of time, applied to the state in
memory, and committed; while a commit is on its way to Redis the next batch is scored. Memory is ahead of Redis by at
most that one commit, and a refused commit throws the memory away and reads on from the stored positions.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, time
from typing import Protocol, TypeVar

from stream.contracts.block import EventBlock
from stream.contracts.decode import Decoder
from stream.contracts.events import DeadLetter
from stream.contracts.topics import Input
from stream.metrics import Metrics
from stream.settings import Settings
from stream.state.customer import UNSET
from stream.state.model import Model
from stream.state.outcome import Outcome
from stream.state.plain.customers import block_of
from stream.state.shard import ShardState
from stream.store.commit import Commit
from stream.store.errors import CommitRefused, StoreUnavailable
from stream.store.shard_store import Claim, ShardStore
from stream.transport.batch import Batch
from stream.transport.batch_size import BatchSize
from stream.transport.errors import ClaimLost
from stream.transport.intake import Intake
from stream.transport.lanes import Lanes
from stream.transport.rescoring import Rescoring

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: First pause before something is tried again, seconds; doubles up to the setting `retry_seconds_max`.
RETRY_SECONDS_MIN = 0.05


class Courier(Protocol):
    """What the shard asks of its relay."""

    def notify(self) -> None:
        """There may be something in the outbox."""


@dataclass(frozen=True, slots=True)
class ShardParts:
    """What a shard works with."""

    settings: Settings
    store: ShardStore
    decoder: Decoder
    lanes: Lanes
    relay: Courier
    metrics: Metrics
    model: Callable[[], Model]
    new_state: Callable[[Model, int, Mapping[str, str]], ShardState]
    #: Full topic name by input, in the order in which ties are broken.
    inputs: Mapping[Input, str]


class ShardWorker:
    """The task of one shard.

    Parameters
    ----------
    shard
        Partition number.
    parts
        What it works with.
    claim
        What Redis held when the shard was claimed.
    """

    def __init__(self, shard: int, parts: ShardParts, claim: Claim) -> None:
        self.shard = shard
        self._parts = parts
        self._settings = parts.settings
        self._intake = Intake(shard, parts.inputs, parts.lanes, parts.decoder, parts.settings)
        self._size = BatchSize(parts.settings.gather_events, parts.settings.commit_events_max)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.lost = False
        self._flight: tuple[asyncio.Task[int], Commit, dict[Input, int], float] | None = None
        self._swept_at = -1.0
        self._choked = False
        self._restart(claim)

    def _restart(self, claim: Claim) -> None:
        """Begin from what Redis holds."""
        settings = self._settings
        pause = settings.sweep_customers_max / settings.rescore_customers_per_second
        self._rescoring = Rescoring(claim.meta, pause_seconds=pause)
        self._scored = {name: claim.positions.get(topic, -1) for name, topic in self._parts.inputs.items()}
        self.committed = dict(self._scored)
        self._state = self._parts.new_state(self._parts.model(), int(claim.meta.get("clock", UNSET)), claim.meta)
        self._intake.clear()
        self._flight = None

    def lag_seconds(self, name: Input, now: float) -> float:
        """Age in seconds of the shard's clock while a topic has more to read; 0 when it has not."""
        if self._state.clock == UNSET or not self._intake.behind(name):
            return 0.0
        return max(0.0, now - self._state.clock / 1000)

    @property
    def cached(self) -> int:
        """Customer records in memory."""
        return len(self._state)

    def start(self) -> None:
        """Begin to work."""
        self._task = asyncio.create_task(self._run(), name=f"shard {self.shard}")

    async def stop(self) -> None:
        """Finish the commit in flight and end; what is buffered is read again by the next owner."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=self._settings.stop_seconds_max)
            if not self._task.done():
                # Whether the commit in flight is made, Redis alone knows; either way it is whole.
                self._task.cancel()
                await asyncio.wait([self._task])
            error = self.failure()
            if self._task.cancelled() or isinstance(error, StoreUnavailable):
                logger.warning("shard %d: stopped while Redis was away; its last batch is read again", self.shard)
            elif error is not None:
                raise error

    def failure(self) -> BaseException | None:
        """The error that ended the task, if one did."""
        task = self._task
        return task.exception() if task is not None and task.done() and not task.cancelled() else None

    def offer(self, name: Input, batch: Batch) -> None:
        """Take a batch, to be applied in its turn."""
        self._intake.offer(name, batch)
        self._wake.set()

    # -- the loop -------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not self._stopping:
            try:
                if not await self._step():
                    await self._rest()
            except CommitRefused as refusal:
                if not await self._recover(refusal):
                    return
        await self._land_quietly()

    async def _step(self) -> bool:
        """Do one piece of work; whether there was any."""
        if self._parts.store.outbox_length > self._settings.outbox_entries_max:
            # Kafka takes nothing: reading on would only fill memory. Standing still is then no fault of this worker.
            self._parts.metrics.limits_reached.labels("outbox_entries_max").inc()
            self._intake.pause(trouble=True)
            self._choked = True
            return False
        if self._choked:
            self._choked = False
            self._intake.resume_drained()
        await self._adopt()
        now = monotonic()
        if now - self._swept_at >= self._settings.sweep_seconds:
            self._swept_at = now
            await self._sweep()
        size = self._size
        # Whoever has an event among them must be in memory.
        most = min(size.most, self._state.limits.cached_customers_max)
        taken = None if self._intake.gathering(size.gather) else self._intake.take(most)
        if taken is None:
            await self._land()
            return False
        await self._admit(taken.events)
        outcome = self._state.apply(taken.events, self._news_now())
        size.seen(events=len(taken.events), records=outcome.records.count)
        self._count(taken.events, outcome)
        await self._commit(outcome, taken.positions)
        self._intake.resume_drained(taken.positions)
        return True

    async def _rest(self) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._pause_seconds())

    def _pause_seconds(self) -> float:
        """How long there is nothing to do unless something arrives."""
        waits = [self._settings.sweep_seconds]
        if len(self._intake):
            waits.append(max(0.01, self._settings.idle_seconds / 10))
        return min(waits)

    # -- customers, timers, calibrations ----------------------------------------------------------------------------

    async def _admit(self, block: EventBlock) -> None:
        missing = self._state.missing(block)
        if not missing:
            return
        try:
            blobs = await self._patiently("load", lambda: self._parts.store.load(missing))
        except CommitRefused:
            # What is on its way must have arrived before the shard is read again, or it lands behind that.
            await self._land()
            raise
        self._state.admit(missing, blobs)

    async def _sweep(self) -> None:
        await self._land()
        await self._patiently("sweep", self._parts.store.check)
        now = int(time() * 1000)
        clock = self._intake.silence_known(self._state.clock, now)
        limit = self._settings.sweep_customers_max
        customers = await self._patiently("sweep", lambda: self._parts.store.due(clock, limit))
        if customers:
            await self._admit(block_of(customers))
            await self._commit(self._state.sweep(customers, clock, self._news_now()), {})
            # More may be due: look again at the next turn, after the events that are waiting.
            if len(customers) == limit:
                self._swept_at = -1.0

    def _news_now(self) -> int:
        """What "old news" is measured from: nothing is old with the log's own time."""
        return int(time() * 1000) if self._settings.clock == "wall" else UNSET

    async def _adopt(self) -> None:
        """Take over a newer model, and bring customers to it a few at a time."""
        model = self._parts.model()
        if model.fingerprint != self._state.model.fingerprint:
            await self._land()
            self._state.adopt(model)
        rescoring = self._rescoring
        if not rescoring.due(model.fingerprint, monotonic()):
            return
        await self._land()
        limit = self._settings.sweep_customers_max
        following, found = await self._patiently("rescore", lambda: self._parts.store.scan(rescoring.cursor, limit))
        customers = list(dict.fromkeys(found))
        await self._admit(block_of(customers))
        outcome = self._state.rescore(customers, self._news_now())
        self._parts.metrics.rescored.inc(len(customers))
        await self._commit(outcome, {}, rescoring.step(following, len(customers), monotonic()))

    # -- commits ----------------------------------------------------------------------------------------------------

    async def _commit(
        self, outcome: Outcome, positions: Mapping[Input, int], meta: Mapping[str, str] | None = None
    ) -> None:
        """Start the commit of an outcome once the one before has landed."""
        inputs = self._parts.inputs
        moved = [(inputs[name], self._scored[name], new) for name, new in positions.items()]
        commit = Commit.of(outcome, moved, meta)
        self._scored.update(positions)
        await self._land()
        self._flight = (await self._parts.store.begin(commit), commit, dict(positions), monotonic())

    async def _land(self) -> None:
        """Wait until nothing is in flight.

        Raises
        ------
        CommitRefused
            Redis does not hold what the commit started from.
        """
        if self._flight is None:
            return
        task, commit, positions, since = self._flight
        self._flight = None
        try:
            await task
        except StoreUnavailable as error:
            logger.warning("shard %d: %s", self.shard, error)
            await self._patiently("commit", lambda: self._parts.store.commit(commit))
        self.committed.update(positions)
        metrics = self._parts.metrics
        metrics.commits.observe(monotonic() - since)
        metrics.outbox.labels(str(self.shard)).set(self._parts.store.outbox_length)
        if commit.outbox:
            self._parts.relay.notify()

    async def _land_quietly(self) -> None:
        try:
            await self._land()
        except CommitRefused as refusal:
            logger.warning("shard %d: the last commit was refused: %s", self.shard, refusal)

    async def _patiently(self, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until Redis answers, visibly, with growing pauses; meanwhile nothing more is read."""
        pause = RETRY_SECONDS_MIN
        troubled = False
        while True:
            try:
                answer = await attempt()
            except StoreUnavailable as error:
                if self._stopping:
                    raise
                if not troubled:
                    troubled = True
                    logger.warning("shard %d: %s failed, trying again: %s", self.shard, what, error)
                    self._intake.pause(trouble=True)
                self._parts.metrics.retries.labels(what).inc()
                await asyncio.sleep(pause)
                pause = min(2 * pause, self._settings.retry_seconds_max)
            else:
                if troubled:
                    logger.warning("shard %d: Redis answers again", self.shard)
                    self._intake.resume_drained()
                return answer

    async def _recover(self, refusal: CommitRefused) -> bool:
        """After a refused commit: read on from what Redis holds, or give the shard up; whether to go on."""
        self._parts.metrics.refusals.labels(refusal.reason).inc()
        logger.warning("shard %d: commit refused: %s", self.shard, refusal)
        if refusal.reason == "owner":
            claimed = self._parts.store.generation
            if refusal.generation is not None and refusal.generation < claimed:
                raise ClaimLost(self.shard, claimed, refusal.generation)
            self.lost = True
            self._intake.pause(trouble=True)
            return False
        try:
            claim = await self._patiently("refresh", self._parts.store.refresh)
        except CommitRefused as lost:
            return await self._recover(lost)
        self._restart(claim)
        self._intake.read_again(self._scored)
        return True

    def _count(self, events: EventBlock, outcome: Outcome) -> None:
        metrics = self._parts.metrics
        metrics.batches.observe(len(events))
        for name, by in outcome.counters.items():
            if name in {"applied", "duplicates", "dead_letters"}:
                metrics.events.labels(name).inc(by)
            else:
                metrics.limits_reached.labels(name).inc(by)
        if "dead_letters" in outcome.counters:
            for event in events.others.values():
                if isinstance(event, DeadLetter):
                    metrics.dead_letters.labels(event.topic, event.field).inc()
        for kind, by in outcome.decisions.items():
            metrics.decisions.labels(kind).inc(by)
