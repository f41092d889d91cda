"""The calibration service: one worker of all, the owner of shard 0, takes new cut-points on schedule and shows drift.

A scheduled calibration is made like one by hand and tried on every customer first. Where it would move more of them
than `calibrate_moves_max` allows, it is not put in force: so many moves at once are seldom the customers' doing, and
somebody should look (``scorer calibrate --dry-run``, then ``scorer calibrate``).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from aiokafka.errors import KafkaError

from stream.calibration.dry_run import leaving
from stream.calibration.fit import FitRefused, bin_shares
from stream.calibration.making import make
from stream.calibration.population import read_population
from stream.calibration.progress import Progress, read_progress
from stream.calibration.store import CalibrationTaken, CalibrationUnreadable, publish
from stream.scoring.calibration import Calibration
from stream.scoring.drift import psi
from stream.state.model import Model
from stream.store.calls import Client
from stream.store.errors import StoreUnavailable

logger = logging.getLogger(__name__)

HOUR: Final = 3_600_000
FAILED_PAUSE: Final = HOUR // 6
"""Milliseconds after which a scheduled calibration that failed, or was held back, is tried again."""

Outcome = Literal["adopted", "held_back", "refused", "failed"]


class Gauges(Protocol):
    """Where the service shows what it finds."""

    def show_drift(self, score: str, index: float) -> None:
        """Population stability index of a score."""

    def show_progress(self, progress: Progress) -> None:
        """How far rescoring is."""

    def count_calibration(self, outcome: Outcome) -> None:
        """A scheduled calibration ended so."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the service acts. Times in ms; `every` is None where only people make calibrations."""

    every: int | None
    moves_max: float
    sample_max: int
    look_every: int


class CalibrationService:
    """What the owner of shard 0 does besides: look at the drift, and calibrate when it is time.

    Parameters
    ----------
    redis
        A client from `stream.store.connection.connect`.
    prefix, partitions
        Of the keys of all shards.
    model
        Gives the model in force.
    schedule
        When.
    event_clock
        Whether calibrations are taken at the shards' own clocks, in place of `now`.
    gauges
        Where figures go.
    announce
        Tells other programs of a calibration that was put in force.
    started_at
        When the worker began, ms: the shipped calibration is replaced one interval later.
    """

    def __init__(
        self,
        redis: Client,
        prefix: str,
        partitions: int,
        model: Callable[[], Model],
        schedule: Schedule,
        *,
        event_clock: bool,
        gauges: Gauges,
        announce: Callable[[], Awaitable[object]],
        started_at: int,
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._partitions = partitions
        self._model = model
        self._schedule = schedule
        self._event_clock = event_clock
        self._gauges = gauges
        self._announce = announce
        self._started_at = started_at
        self._looked_at = started_at - schedule.look_every
        self._not_before = started_at

    async def step(self, now: int, *, caught_up: bool) -> None:
        """Do what is due at `now` (ms, the wall clock). Nothing that goes wrong here stops a worker; it is logged.

        Parameters
        ----------
        caught_up
            Whether all events there are have been applied. Cut-points from half of them would be wrong.
        """
        try:
            if now - self._looked_at >= self._schedule.look_every:
                self._looked_at = now
                await self._look(now)
            if caught_up and self._is_due(now):
                await self._calibrate(now)
        except (StoreUnavailable, CalibrationUnreadable) as error:
            self._not_before = now + FAILED_PAUSE
            logger.warning("the calibration service could not do its work: %s", error)

    def _is_due(self, now: int) -> bool:
        every = self._schedule.every
        if every is None or now < self._not_before:
            return False
        # With the log's own time, the moment of a calibration says nothing of when it was made.
        made_at = self._started_at if self._event_clock else self._model().calibration.created_at or self._started_at
        return now >= made_at + every

    async def _look(self, now: int) -> None:
        model = self._model()
        for score, index in (await self._drift(model.calibration, now)).items():
            self._gauges.show_drift(score, index)
        progress = await read_progress(self._redis, self._prefix, self._partitions, model.fingerprint)
        self._gauges.show_progress(progress)

    async def _drift(self, calibration: Calibration, now: int) -> dict[str, float]:
        """By score; none under the shipped calibration, which was taken from nobody."""
        before = calibration.bin_shares
        population = await read_population(self._redis, self._prefix, self._partitions)
        as_of = population.clock if self._event_clock else now
        if before is None or as_of is None:
            return {}
        shares = bin_shares(population.histograms, calibration.rfm, as_of)
        if shares is None:
            return {}
        return {name: psi(getattr(before, name), getattr(shares, name)) for name in before.__struct_fields__}

    async def _calibrate(self, now: int) -> None:
        self._not_before = now + FAILED_PAUSE
        try:
            made = await make(
                self._redis,
                self._prefix,
                self._partitions,
                self._model().policy,
                None if self._event_clock else now,
                self._schedule.sample_max,
            )
        except FitRefused as refusal:
            logger.warning("no calibration was made: %s", refusal)
            self._gauges.count_calibration("refused")
            return
        share = leaving(made.moves.tiers) / max(1, made.moves.customers)
        if share > self._schedule.moves_max:
            logger.warning(
                "calibration %d was not put in force: %.0f %% of %d customers would change tier, the setting "
                "calibrate_moves_max allows %.0f %%. Look at it with `scorer calibrate --dry-run`",
                *(made.calibration.number, 100 * share, made.moves.customers, 100 * self._schedule.moves_max),
            )
            self._gauges.count_calibration("held_back")
            return
        try:
            await publish(self._redis, self._prefix, made.calibration)
        except CalibrationTaken as taken:
            logger.warning("%s", taken)
            self._gauges.count_calibration("failed")
            return
        self._started_at = now
        self._gauges.count_calibration("adopted")
        logger.info("calibration %d was put in force on schedule", made.calibration.number)
        try:
            await self._announce()
        except KafkaError as error:
            logger.warning("calibration %d could not be written to its topic: %s", made.calibration.number, error)
