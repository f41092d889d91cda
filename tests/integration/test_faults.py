"""What goes wrong in the middle, and that in the end nothing shows it: same records, no decision lost or doubled.

Every test ends in the full comparison with the oracle, for a reader that reads what is committed. Faults that need no
moment of their own are those of the chaos suite, see test_chaos_short.py.
"""

from __future__ import annotations

import shutil
import signal
from contextlib import asynccontextmanager

import pytest

from stream.embedded import EmbeddedRedis
from tests.kit.datasets import cdnow_of, journey_of
from tests.kit.live import Look, sent
from tests.kit.place import PARTITIONS, Place, batches_of, delete_group, fill, topics_of
from tests.kit.verdict import differences
from tests.kit.workers import workers

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

#: The group gives a dead worker up this soon; the shipped 6 s would only be waited for.
SESSION_SECONDS = 2.0
#: Batches so small that a few thousand events take long enough to be hurt in the middle.
SMALL = {**batches_of(5), "session_timeout_seconds": SESSION_SECONDS}
#: How long a worker that is told to stop may take. Kubernetes gives 30 s.
GRACE_SECONDS = 30.0


def some():
    """Nine thousand events."""
    return journey_of(120)


def placed(kafka, redis_server, data, **settings):
    given = {"session_timeout_seconds": SESSION_SECONDS, **settings}
    return Place(kafka.bootstrap, redis_server.url, data.currency, settings=given)


@asynccontextmanager
async def filled(kafka, redis_server, data, **settings):
    """A place whose topics hold a data set, to be compared with the oracle when everything is done."""
    place = placed(kafka, redis_server, data, **settings)
    look = Look(place, data.logs)
    try:
        async with topics_of(place):
            await fill(place, data.logs)
            yield place, look
            assert differences(await look.read(), await sent(place), data.expected) == {}
    finally:
        await look.close()


async def test_a_worker_killed_when_only_sending_is_left(kafka, redis_server, tmp_path):
    """The outbox is full of what is decided and not yet sent: small transactions make it last."""
    async with filled(kafka, redis_server, some(), relay_batch_max=50) as (place, look):
        for _ in range(3):
            with workers(place, tmp_path) as crew:
                await look.progress(1.0, crew)
                before = await look.waiting()

                async def some_sent(before=before):
                    return await look.waiting() < before

                await look.until(some_sent, "something is sent", crew)
                crew[0].kill()
            assert await look.waiting() > 0
        with workers(place, tmp_path, relay_batch_max=2_000) as crew:
            await look.settle(crew)


async def test_redis_comes_back_older_when_there_is_nothing_to_do(kafka, tmp_path):
    """No event comes and no timer is due that would have a commit refused: the worker has to look by itself."""
    with EmbeddedRedis(tmp_path / "redis") as redis_server:
        data = cdnow_of("sample")
        place = placed(kafka, redis_server, data)
        look = Look(place, data.logs)
        async with topics_of(place):
            with workers(place, tmp_path) as crew:
                await look.until_said(crew[0], "Claimed shards")
                shutil.copytree(redis_server.directory / "data", tmp_path / "older")
                await fill(place, data.logs)
                await look.settle(crew)
                come_back_older(redis_server, tmp_path / "older")
                await look.settle(crew)
                assert crew[0].said("commit refused: ") > 0
                assert crew[0].stop() == 0
            assert differences(await look.read(), await sent(place), data.expected) == {}
        await look.close()


async def test_redis_comes_back_from_before_the_claim(kafka, tmp_path):
    """Nobody else will take the shards, so the worker ends for all to see, and the next one goes on."""
    with EmbeddedRedis(tmp_path / "redis") as redis_server:
        async with filled(kafka, redis_server, some(), **SMALL) as (place, look):
            with workers(place, tmp_path) as crew:
                await look.progress(0.2, crew)
                assert crew[0].stop(GRACE_SECONDS) == 0
            shutil.copytree(redis_server.directory / "data", tmp_path / "older")
            with workers(place, tmp_path) as crew:
                await look.progress(0.4, crew)
                come_back_older(redis_server, tmp_path / "older")

                async def ended():
                    return not crew[0].running

                await look.until(ended, "the worker ends")
                assert crew[0].process.returncode > 0
                assert crew[0].said("older than this worker's claim") > 0
            with workers(place, tmp_path) as crew:
                await look.settle(crew)


def come_back_older(redis_server, data):
    """Kill Redis and start it on a copy of its data of some time ago."""
    redis_server.kill()
    shutil.rmtree(redis_server.directory / "data")
    shutil.move(data, redis_server.directory / "data")
    redis_server.start()


async def test_redis_away_for_a_while_does_not_end_a_worker(kafka, tmp_path):
    with EmbeddedRedis(tmp_path / "redis") as redis_server:
        async with filled(kafka, redis_server, some(), **SMALL) as (place, look):
            redis_server.kill()
            with workers(place, tmp_path) as crew:
                await look.until_said(crew[0], "cannot read the calibration yet", 1)
                redis_server.start()
                await look.progress(0.5, crew)
                redis_server.kill()
                assert crew[0].stop(GRACE_SECONDS) == 0
                redis_server.start()
            with workers(place, tmp_path) as crew:
                await look.settle(crew)


async def test_a_worker_frozen_past_its_session_harms_nothing_when_it_wakes(kafka, redis_server, tmp_path):
    async with filled(kafka, redis_server, some(), **SMALL) as (place, look):
        with workers(place, tmp_path, 2) as crew:
            frozen, other = crew
            await look.progress(0.2, crew)
            for worker in crew:
                await look.until_said(worker, "Claimed shards")
            before = await look.owners()
            frozen.send(signal.SIGSTOP)

            async def taken_over():
                return not before & await look.owners()

            await look.until(taken_over, "the other has all shards", [other])
            frozen.send(signal.SIGCONT)
            await look.settle([other])
            await rejoined_or_ended(look, frozen)
            if frozen.running:
                assert frozen.stop(GRACE_SECONDS) == 0
            else:
                assert frozen.process.returncode > 0
            assert other.running


async def rejoined_or_ended(look, worker):
    claims = worker.said("Claimed shards")

    async def so():
        return not worker.running or worker.said("Claimed shards") > claims or claims > 1

    await look.until(so, "the woken worker goes on or ends")


async def test_a_worker_told_to_stop_ends_well_and_the_next_goes_on_even_in_a_new_group(kafka, redis_server, tmp_path):
    """A group deleted while nobody is in it begins its generations at 1 again, below the stored one."""
    async with filled(kafka, redis_server, some(), **SMALL) as (place, look):
        for share in (0.2, 0.5):
            with workers(place, tmp_path) as crew:
                await look.until_said(crew[0], "Claimed shards")
                await look.progress(share, crew)
                assert crew[0].stop(GRACE_SECONDS) == 0
            assert await look.accounted() < look.total
        before = await look.generation()
        assert before > 1
        await delete_group(place)
        with workers(place, tmp_path) as crew:
            await look.until_said(crew[0], "Claimed shards")
            assert await look.generation() < before
            assert crew[0].said("the broker says that generation") == PARTITIONS
            await look.settle(crew)
