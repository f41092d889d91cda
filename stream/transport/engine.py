"""The engine: holds the shards this worker was assigned, and is the truth about their positions.

The transport asks it to claim and to let go, and hands it batches; each shard then works in a task of its own
(`shard_worker`), beside a relay that delivers its decisions. Whatever is not the trouble of one record or of Redis
stops the whole worker, loudly, with every position where it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from time import monotonic, time

from faust.types import TP

from stream.calibration.watch import CalibrationWatch
from stream.contracts.bundle import BUNDLE_MESSAGES_MAX
from stream.contracts.decode import Decoder
from stream.contracts.money import exponent_of
from stream.contracts.times import parse_time
from stream.contracts.topics import Input, Topics
from stream.metrics import Metrics
from stream.settings import Settings
from stream.state.announcements import Announcer
from stream.state.model import Model
from stream.state.outcome import Limits
from stream.state.shard import ShardState
from stream.store.calls import Client
from stream.store.errors import ClaimRefused, CommitRefused, StoreUnavailable
from stream.store.keys import Keys
from stream.store.shard_store import Claim, ShardStore, new_owner
from stream.transport.batch import Batch
from stream.transport.calibrating import calibrating
from stream.transport.calibration_gauges import show_calibration
from stream.transport.ending import FORCE_SECONDS_MAX, all_of, at_most
from stream.transport.errors import check_ids
from stream.transport.lanes import Lanes
from stream.transport.relay import Relay, RelaySettings
from stream.transport.relay_settings import transactional_id_of
from stream.transport.shard_worker import RETRY_SECONDS_MIN, ShardParts, ShardWorker

logger = logging.getLogger(__name__)

#: How often the engine looks after its shards: failed tasks, gauges.
LOOK_SECONDS = 0.5


class Engine:
    """Everything of a worker between the transport and Redis. Implements `stream.transport.host.ShardHost`.

    Parameters
    ----------
    settings
        Settings of the worker.
    redis
        Client for the state; several shards share it.
    calibration
        Gives the model in force.
    metrics
        Where counts go.
    lanes
        Gives the consumer's lanes: where reading stands, and how to pause and seek.
    crash
        Ends the worker with an error.
    confirm
        Asks the broker whether a generation is the group's current one, see `ShardStore.claim`.
    topic_ids
        Asks the broker for the ids of the input topics; none where it is too old to have any.
    """

    def __init__(
        self,
        settings: Settings,
        redis: Client,
        calibration: CalibrationWatch,
        metrics: Metrics,
        lanes: Callable[[], Lanes],
        crash: Callable[[BaseException], Awaitable[None]],
        confirm: Callable[[int], Awaitable[bool]],
        topic_ids: Callable[[], Awaitable[Mapping[str, str]]],
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self._lanes = lanes
        self._redis = redis
        self._calibration = calibration
        self._crash = crash
        self._confirm = confirm
        self._topic_ids = topic_ids
        self._counts = _RelayCounts(metrics)
        self._topics = Topics(settings.topic_prefix)
        self._names: dict[str, Input] = {topic: name for name, topic in self._topics.inputs.items()}
        self._announcer = Announcer(self._topics, exponent_of(settings.base_currency))
        self._decoder = Decoder(
            self._topics,
            settings.base_currency,
            parse_time(settings.occurred_at_min),
            int(settings.future_tolerance_seconds * 1000),
            settings.value_bytes_max,
        )
        self._limits = Limits(
            cached_customers_max=settings.cached_customers_max,
            ledger_orders_max=settings.ledger_orders_max,
            interaction_dedupe_max=settings.interaction_dedupe_max,
            table_hours_max=settings.table_hours_max,
            table_days_max=settings.table_days_max,
            table_names_max=settings.table_names_max,
            seed_after_ms=int(settings.seed_after_seconds * 1000),
            bundle_messages_max=min(BUNDLE_MESSAGES_MAX, settings.relay_batch_max),
        )
        self._shards: dict[int, ShardWorker] = {}
        self._relays: dict[int, Relay] = {}
        self._watch: asyncio.Task[None] | None = None
        self._calibrating: asyncio.Task[None] | None = None
        self._ending: asyncio.Future[None] | None = None

    # -- what the transport asks ------------------------------------------------------------------------------------

    async def assign(self, shards: Mapping[int, Mapping[str, int]], generation: int) -> dict[TP, int]:
        """Claim shards; see `ShardHost.assign`."""
        # The limit is the worker's: what it keeps in memory must not depend on how many shards it was given.
        cached = max(1, self.settings.cached_customers_max // max(1, len(shards)))
        self._limits = replace(self._limits, cached_customers_max=cached)
        await self._first_calibration()
        # Asked after the ends of the logs: a topic made anew between the two is then found to be another.
        ids = await self._topic_ids()
        for shard in shards:
            await self._open(shard, generation, ids)
        if self._watch is None:
            self._watch = asyncio.create_task(self._look_after(), name="engine")
            work = calibrating(self.settings, self._redis, self._model, self.metrics, self._first_and_caught_up)
            self._calibrating = asyncio.create_task(work, name="calibration service")
        self.metrics.shards.set(len(self._shards))
        return self.positions()

    async def revoke(self) -> None:
        """Let go of all shards; see `ShardHost.revoke`."""
        workers, self._shards = self._shards, {}
        relays, self._relays = self._relays, {}
        stops = [*(worker.stop() for worker in workers.values()), *(relay.stop() for relay in relays.values())]
        seconds = self.settings.stop_seconds_max + FORCE_SECONDS_MAX
        await at_most(seconds, "letting go of the shards", all_of(stops))
        for shard in workers:
            with suppress(KeyError):
                self.metrics.outbox.remove(str(shard))
        self.metrics.shards.set(0)

    def positions(self) -> dict[TP, int]:
        """Committed positions; see `ShardHost.positions`."""
        return {
            TP(self._topics.inputs[name], shard): offset
            for shard, worker in self._shards.items()
            for name, offset in worker.committed.items()
        }

    def lost(self) -> set[int]:
        """Shards that others have; see `ShardHost.lost`."""
        return {shard for shard, worker in self._shards.items() if worker.lost}

    async def offer(self, batch: Batch) -> None:
        """Take a batch; see `ShardHost.offer`."""
        worker = self._shards.get(batch.partition)
        if worker is not None:
            worker.offer(self._names[batch.topic], batch)

    # -- shards -----------------------------------------------------------------------------------------------------

    async def _open(self, shard: int, generation: int, ids: Mapping[str, str]) -> None:
        store = ShardStore(self._redis, Keys(self.settings.key_prefix, shard), new_owner())
        claim = await self._claim(store, generation, ids)
        check_ids(claim.topics, ids)
        relay = Relay(store, self._relay_settings(shard), self._counts, self._relay_ended)
        await relay.start()
        parts = ShardParts(
            settings=self.settings,
            store=store,
            decoder=self._decoder,
            lanes=self._lanes(),
            relay=relay,
            metrics=self.metrics,
            model=self._model,
            new_state=lambda model, clock, stored: self._new_state(shard, model, clock, stored),
            inputs=self._topics.inputs,
        )
        worker = ShardWorker(shard, parts, claim)
        self._shards[shard], self._relays[shard] = worker, relay
        worker.start()

    async def _claim(self, store: ShardStore, generation: int, ids: Mapping[str, str]) -> Claim:
        """Claim a shard, as long as Redis takes to answer."""
        pause = RETRY_SECONDS_MIN
        replacing: int | None = None
        while True:
            try:
                return await store.claim(generation, replacing=replacing, topics=ids)
            except StoreUnavailable as error:
                logger.warning("cannot claim a shard yet: %s", error)
                self.metrics.retries.labels("claim").inc()
                await asyncio.sleep(pause)
                pause = min(2 * pause, self.settings.retry_seconds_max)
            except ClaimRefused as refused:
                if replacing is not None or not await self._confirm(generation):
                    raise
                logger.warning("%s; the broker says that generation %d is current", refused, generation)
                replacing = refused.stored

    async def _first_calibration(self) -> None:
        """Know what to score with, as long as Redis takes to answer."""
        pause = RETRY_SECONDS_MIN
        while True:
            try:
                await self._calibration.refresh()
            except StoreUnavailable as error:
                logger.warning("cannot read the calibration yet: %s", error)
                self.metrics.retries.labels("calibration").inc()
                await asyncio.sleep(pause)
                pause = min(2 * pause, self.settings.retry_seconds_max)
            else:
                show_calibration(self.metrics, self._calibration.model.calibration)
                return

    def _model(self) -> Model:
        return self._calibration.model

    def _new_state(self, shard: int, model: Model, clock: int, stored: Mapping[str, str]) -> ShardState:
        return ShardState(model, self._announcer, self._limits, clock, shard=shard, stored=stored)

    def _relay_settings(self, shard: int) -> RelaySettings:
        settings = self.settings
        return RelaySettings(
            bootstrap=settings.kafka,
            transactional_id=transactional_id_of(settings, shard),
            topics=self._topics,
            batch_max=settings.relay_batch_max,
            tail_records=settings.relay_tail_records,
            retry_seconds_max=settings.retry_seconds_max,
            stop_seconds_max=settings.stop_seconds_max,
        )

    def _relay_ended(self, shard: int, error: Exception) -> None:
        """A relay ends by itself when the shard is somebody else's; anything else ends the worker."""
        if not isinstance(error, CommitRefused):
            self._ending = asyncio.ensure_future(self._crash(error))
        else:
            logger.warning("shard %d: its relay ended, the shard has another owner", shard)

    # -- looking after everything -------------------------------------------------------------------------------------

    async def _look_after(self) -> None:
        """Adopt calibrations, show gauges, and end the worker when a shard failed."""
        looked_at = 0.0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for worker in self._shards.values():
                failure = worker.failure()
                if failure is not None:
                    await self._crash(failure)
                    return
            if monotonic() - looked_at >= self.settings.calibration_poll_seconds:
                looked_at = monotonic()
                if self._shards and await self._calibration.refresh():
                    show_calibration(self.metrics, self._calibration.model.calibration)
            self._show()

    def _first_and_caught_up(self) -> tuple[bool, bool]:
        """Whether the first shard is here, and whether all shards have applied what there is."""
        now = time()
        behind = any(worker.lag_seconds(name, now) for name in self._topics.inputs for worker in self._shards.values())
        return 0 in self._shards, not behind

    def _show(self) -> None:
        now = time()
        for shard, relay in self._relays.items():
            self.metrics.outbox.labels(str(shard)).set(relay.pending)
        self.metrics.cached.set(sum(worker.cached for worker in self._shards.values()))
        for name, topic in self._topics.inputs.items():
            behind = [worker.lag_seconds(name, now) for worker in self._shards.values()]
            self.metrics.event_lag.labels(topic).set(max(behind, default=0.0))

    def ready(self) -> tuple[bool, str]:
        """Whether this worker has claimed shards and reads them, and if not, why."""
        if not self._shards:
            return False, "no shard is claimed: the group is rebalancing, or there are more workers than partitions"
        lost = sorted(self.lost())
        if lost:
            return False, f"shards {lost} belong to another worker"
        return True, f"{len(self._shards)} shards claimed"


class _RelayCounts:
    """Counts what relays do."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def delivered(self, shard: int, messages: int, seconds: float) -> None:
        del shard, seconds
        self._metrics.relayed.inc(messages)

    def skipped(self, shard: int, messages: int) -> None:
        del shard
        self._metrics.skipped.inc(messages)

    def failed(self, shard: int, error: Exception) -> None:
        del shard, error
        self._metrics.retries.labels("relay").inc()

    def oversize(self, shard: int, topic: str) -> None:
        del shard, topic
        self._metrics.limits_reached.labels("message_bytes").inc()

    def forgotten(self, shard: int, ids: int) -> None:
        del shard
        self._metrics.limits_reached.labels("relay_ids_max").inc(ids)
