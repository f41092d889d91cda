"""The calibration service as part of a worker: its settings, its clock, its metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from math import nan
from time import time

from stream.calibration.announce import announce
from stream.calibration.progress import Progress
from stream.calibration.service import HOUR, CalibrationService, Outcome, Schedule
from stream.contracts.topics import Topics
from stream.metrics import Metrics
from stream.settings import Settings
from stream.state.model import Model
from stream.store.calls import Client


class _Gauges:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def show_drift(self, score: str, index: float) -> None:
        self._metrics.drift.labels(score).set(index)

    def show_progress(self, progress: Progress) -> None:
        self._metrics.rescoring.set(progress.share)

    def count_calibration(self, outcome: Outcome) -> None:
        self._metrics.calibrations.labels(outcome).inc()


async def calibrating(
    settings: Settings,
    redis: Client,
    model: Callable[[], Model],
    metrics: Metrics,
    standing: Callable[[], tuple[bool, bool]],
) -> None:
    """Let the calibration service work for as long as the worker runs.

    Parameters
    ----------
    model
        Gives the model in force.
    standing
        Whether this worker has the first shard, and with it the service; and whether all events are applied.
    """
    every, topic = settings.calibrate_every_hours, Topics(settings.topic_prefix).calibrations
    held = False
    service = CalibrationService(
        redis,
        settings.key_prefix,
        settings.partitions,
        model,
        Schedule(
            every=None if every is None else int(every * HOUR),
            moves_max=settings.calibrate_moves_max,
            sample_max=settings.calibrate_sample_max,
            look_every=int(settings.drift_seconds * 1000),
        ),
        event_clock=settings.clock == "event",
        gauges=_Gauges(metrics),
        announce=partial(announce, redis, settings.key_prefix, settings.kafka, topic),
        started_at=int(time() * 1000),
    )
    while True:
        await asyncio.sleep(settings.calibration_poll_seconds)
        first, caught_up = standing()
        if held and not first:
            # Another worker shows them from now on.
            metrics.drift.clear()
            metrics.rescoring.set(nan)
        held = first
        if first:
            await service.step(int(time() * 1000), caught_up=caught_up)
