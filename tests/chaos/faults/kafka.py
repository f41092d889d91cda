"""Faults of the broker."""

from __future__ import annotations

import asyncio

from tests.chaos.stage import Stage

KAFKA_AWAY_SECONDS = 3.0


async def kafka_killed(stage: Stage) -> None:
    """SIGKILL of the broker, and a start on its logs."""
    await asyncio.to_thread(stage.kafka.kill)
    await asyncio.sleep(stage.rng.uniform(0, KAFKA_AWAY_SECONDS))
    await asyncio.to_thread(stage.kafka.start)
