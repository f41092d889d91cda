"""Redis, Kafka and the rules, opened for one command."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import time
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from stream.calibration.population import shard_clock
from stream.calibration.rules import policy_of
from stream.calibration.store import read_current
from stream.commands.failures import CommandFailed
from stream.settings import Settings
from stream.state.model import Model, compile_model
from stream.store.calls import Client
from stream.store.connection import connect

ANSWER_SECONDS_MAX: Final = 10.0
"""A person waits no longer for one answer of Redis or Kafka."""
RETRIES: Final = 1


def quiet_clients() -> None:
    """Keep the Kafka client's own lines off the terminal: a command says itself what is wrong."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@asynccontextmanager
async def redis_of(settings: Settings) -> AsyncIterator[Client]:
    """A client of the Redis of the settings, closed afterwards.

    Raises
    ------
    CommandFailed
        The URL is none.
    """
    try:
        redis = connect(
            settings.redis_url,
            timeout_seconds=ANSWER_SECONDS_MAX,
            retries=RETRIES,
            connections_max=settings.redis_connections_max,
        )
    except ValueError as error:
        raise CommandFailed(f"STREAM_REDIS_URL is no address of a Redis: {error}.") from error
    try:
        yield redis
    finally:
        await redis.aclose()


@asynccontextmanager
async def admin_of(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client that asks about topics and makes them, closed afterwards.

    Raises
    ------
    aiokafka.errors.KafkaConnectionError
        No broker can be reached.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=int(ANSWER_SECONDS_MAX * 1000))
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def model_of(settings: Settings, redis: Client) -> Model:
    """The rules in force, compiled; errors as of `policy_of` and `read_current`.

    Raises
    ------
    CommandFailed
        Policy and calibration do not fit together.
    """
    calibration = await read_current(redis, settings.key_prefix)
    try:
        return compile_model(policy_of(settings), calibration)
    except ValueError as error:
        raise CommandFailed(f"Calibration {calibration.number} does not fit the policy: {error}.") from error


def wall_clock() -> int:
    """Now, ms."""
    return int(time() * 1000)


async def moment_of(settings: Settings, redis: Client, shard: int) -> int | None:
    """The moment that records of a shard are described at, ms; None where the shard is empty."""
    if settings.clock == "wall":
        return wall_clock()
    return await shard_clock(redis, settings.key_prefix, shard)
