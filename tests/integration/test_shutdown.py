"""A worker that is told to stop ends in good time with exit code 0, whatever state the servers are in.

What was not finished is read again by the next worker, so every test ends in the comparison with the oracle.
"""

from __future__ import annotations

import os
import signal
from contextlib import asynccontextmanager, contextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.kit.datasets import journey_of
from tests.kit.live import Look, sent
from tests.kit.place import Place, batches_of, fill, topics_of
from tests.kit.verdict import differences
from tests.kit.workers import workers

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(120)]

#: What Kubernetes gives a worker before it kills it.
GRACE_SECONDS = 30.0
#: A member that did not leave is still one when the test looks.
LONG_SESSION_SECONDS = 60.0
SHORT_SESSION_SECONDS = 2.0
#: The shipped ones would only be waited for.
SOON = {"stop_seconds_max": 1.0, "commit_interval_seconds": 1.0}
HOUSEHOLDS = 15
HALF = 0.4


@asynccontextmanager
async def half_done(kafka, redis_server, directory, session_seconds):
    """A worker in the middle of a load. Whatever becomes of it, another one finishes and all is as the oracle says."""
    data = journey_of(HOUSEHOLDS)
    place = Place(kafka.bootstrap, redis_server.url, data.currency, settings=SOON)
    look = Look(place, data.logs)
    try:
        async with topics_of(place):
            await fill(place, data.logs)
            with workers(place, directory, session_timeout_seconds=session_seconds, **batches_of(5)) as (worker,):
                await look.progress(HALF, [worker])
                yield place, worker
                assert not worker.running
            with workers(place, directory, session_timeout_seconds=SHORT_SESSION_SECONDS) as crew:
                await look.settle(crew)
            assert differences(await look.read(), await sent(place), data.expected) == {}
    finally:
        await look.close()


@contextmanager
def stopped(server):
    """SIGSTOP of a server: connections stay, and nothing is answered."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


async def members_of(place):
    admin = AIOKafkaAdminClient(bootstrap_servers=place.kafka)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([place.name])
        ((_, _, _, _, _, members, *_),) = answer.groups
        return len(members)
    finally:
        await admin.close()


async def test_under_load_it_leaves_the_group(kafka, redis_server, tmp_path):
    async with half_done(kafka, redis_server, tmp_path, LONG_SESSION_SECONDS) as (place, worker):
        assert await members_of(place) == 1
        assert worker.stop(GRACE_SECONDS) == 0
        assert await members_of(place) == 0


async def test_while_kafka_stands_still(kafka, redis_server, tmp_path):
    async with half_done(kafka, redis_server, tmp_path, SHORT_SESSION_SECONDS) as (_, worker):
        with stopped(kafka):
            assert worker.stop(GRACE_SECONDS) == 0


async def test_while_redis_stands_still(kafka, redis_server, tmp_path):
    async with half_done(kafka, redis_server, tmp_path, SHORT_SESSION_SECONDS) as (_, worker):
        with stopped(redis_server):
            assert worker.stop(GRACE_SECONDS) == 0


async def test_before_redis_has_ever_answered(kafka, redis_server, tmp_path):
    place = Place(kafka.bootstrap, redis_server.url, settings=SOON)
    look = Look(place, {})
    async with topics_of(place):
        with stopped(redis_server), workers(place, tmp_path) as (worker,):
            await look.until_said(worker, "Successfully synced group")
            assert worker.stop(GRACE_SECONDS) == 0
    await look.close()


async def test_before_kafka_has_ever_answered(kafka, redis_server, tmp_path):
    place = Place(kafka.bootstrap, redis_server.url, settings=SOON)
    look = Look(place, {})
    with stopped(kafka), workers(place, tmp_path) as (worker,):
        await look.until_said(worker, "ConsumerThread]: Starting")
        assert worker.stop(GRACE_SECONDS) == 0
    await look.close()
