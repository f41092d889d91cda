"""A worker that is told to stop ends in good time with exit code 0, whatever state the servers are in."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, nullcontext

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.kit.datasets import journey_of
from tests.kit.live import Look, sent
from tests.kit.place import Place, batches_of, fill, topics_of
from tests.kit.verdict import differences
from tests.kit.workers import workers

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]

#: What Kubernetes gives a worker before it kills it.
GRACE_SECONDS = 30.0
#: A member that did not leave is still one when the test looks.
LONG_SESSION_SECONDS = 60.0
#: The shipped ones would only be waited for.
SOON = {"stop_seconds_max": 1.0, "commit_interval_seconds": 1.0, "session_timeout_seconds": 2.0}


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


async def test_under_load_whoever_stands_still_and_nothing_is_lost(kafka, redis_server, tmp_path):
    data = journey_of(70)
    place = Place(kafka.bootstrap, redis_server.url, data.currency, settings=SOON)
    look = Look(place, data.logs)
    async with topics_of(place):
        await fill(place, data.logs)
        for share, standstill in ((0.2, nullcontext()), (0.4, stopped(redis_server)), (0.6, stopped(kafka))):
            with workers(place, tmp_path, **batches_of(5)) as (worker,):
                await look.until_said(worker, "Claimed shards")
                await look.progress(share, [worker])
                assert await look.accounted() < look.total
                with standstill:
                    assert worker.stop(GRACE_SECONDS) == 0
        with workers(place, tmp_path, topic_idle_seconds=1.0) as crew:
            await look.settle(crew)
        assert differences(await look.read(), await sent(place), data.expected) == {}
    await look.close()


async def test_it_leaves_the_group(kafka, redis_server, tmp_path):
    place = Place(kafka.bootstrap, redis_server.url, settings=SOON)
    look = Look(place, {})
    async with topics_of(place):
        with workers(place, tmp_path, session_timeout_seconds=LONG_SESSION_SECONDS) as (worker,):
            await look.until_said(worker, "Claimed shards")
            assert await members_of(place) == 1
            assert worker.stop(GRACE_SECONDS) == 0
            assert await members_of(place) == 0
    await look.close()


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
