"""Redis is lost: what comes back from the logs alone, what from a copy of Redis' own files, and what is said again."""

from __future__ import annotations

import shutil
import signal
import time
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from stream.contracts.dead_letters import RECORD_REFUSED
from stream.contracts.decisions import SCORES
from stream.embedded import EmbeddedRedis
from stream.store.connection import connect
from tests.kit.datasets import journey_of
from tests.kit.live import Look, outputs_of, sent
from tests.kit.place import PARTITIONS, Place, batches_of, fill, topics_of
from tests.kit.verdict import differences
from tests.kit.workers import workers
from tests.oracle import shard_of

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

#: Nothing is old news: what the first reading says is live, or a timer's.
NEWS = {"seed_after_seconds": 1e9}
#: Shards whose output topics hold nothing any more when Redis is lost.
FORGOTTEN = (0, 1)


@asynccontextmanager
async def filled(kafka, redis_server, data, **settings):
    place = Place(kafka.bootstrap, redis_server.url, data.currency, settings=settings)
    look = Look(place, data.logs)
    try:
        async with topics_of(place):
            await fill(place, data.logs)
            yield place, look
    finally:
        await look.close()


async def read_on(place, look, directory, **settings):
    """Run a worker until all is read and sent, and every silence up to now is known."""
    with workers(place, directory, **settings) as crew:
        await look.settle(crew)
        redis = connect(place.redis)

        async def nothing_due():
            due = [await redis.zcount(place.keys(n).timers, "-inf", time.time() * 1000) for n in range(PARTITIONS)]
            return not any(due) and not await look.waiting()

        try:
            await look.until(nothing_due, "every silence up to now is known", crew)
        finally:
            await redis.aclose()
        assert crew[0].stop() == 0
    return await look.read(), await sent(place)


async def lose(place):
    redis = connect(place.redis)
    await redis.flushall()
    await redis.aclose()


async def empty_outputs(place, shards):
    """As retention does when all of it is old."""
    admin = AIOKafkaAdminClient(bootstrap_servers=place.kafka)
    await admin.start()
    try:
        tps = [TopicPartition(topic, shard) for topic in outputs_of(place.topics) for shard in shards]
        await admin.delete_records({tp: RecordsToDelete(before_offset=-1) for tp in tps})
    finally:
        await admin.close()


def decisions(messages):
    """By topic and id; without scores, of which only the last of a batch is said."""
    some = [message for message in messages if message.type not in {SCORES, RECORD_REFUSED}]
    found = {(message.topic, message.id): msgspec.json.decode(message.value) for message in some}
    assert len(found) == len(some)
    return found


def said(messages):
    """Decisions without their origin."""
    return {place: {**value, "origin": None} for place, value in decisions(messages).items()}


def last_scores(messages):
    return {message.key: message.id for message in messages if message.type == SCORES}


def origins(messages):
    return {value["origin"] for value in decisions(messages).values()}


async def test_an_empty_redis_and_the_whole_log_give_the_same(kafka, tmp_path):
    data = journey_of(30)
    with EmbeddedRedis(tmp_path / "redis") as redis_server:
        async with filled(kafka, redis_server, data, clock="wall") as (place, look):
            before, first = await read_on(place, look, tmp_path, **NEWS)
            assert origins(first) == {"live", "timer"}
            await lose(place)
            await empty_outputs(place, FORGOTTEN)
            again, second = await read_on(place, look, tmp_path)
            assert again == before
            assert said(second) == said(first)
            assert last_scores(second) == last_scores(first)
            # What a relay finds in the output topics was said already, and is not said twice. What is not there any
            # more is said again, with the same ids, and as what it is: old news.
            forgotten = [message for message in second if shard_of(message.key, PARTITIONS) in FORGOTTEN]
            remembered = [message for message in second if shard_of(message.key, PARTITIONS) not in FORGOTTEN]
            assert origins(forgotten) == {"seed"}
            assert origins(remembered) == {"live", "timer"}


async def copied_snapshot(redis, files, copy):
    """A copy of the snapshot, made while the server goes on."""
    saved = await redis.lastsave()
    # Its resolution is a second; without the wait a save within the same second could not be told.
    while int((await redis.time())[0]) <= saved.timestamp():
        pass
    await redis.bgsave()
    while await redis.lastsave() == saved:
        pass
    shutil.copy(files / "dump.rdb", copy)


async def copied_log(redis, files, copy):
    """A copy of the append-only file, made while the server runs."""
    await redis.bgrewriteaof()
    while (await redis.info("persistence"))["aof_rewrite_in_progress"]:
        pass
    for found in files.glob("appendonly*"):
        (shutil.copytree if found.is_dir() else shutil.copy)(found, copy / found.name)


async def started_on(directory, port, files):
    """A server whose data are these files, with its append-only file on."""
    shutil.rmtree(directory / "data")
    shutil.copytree(files, directory / "data")
    if not (files / "dump.rdb").exists():
        return EmbeddedRedis(directory, port=port)
    # With the append-only file on it would start empty: a snapshot is read only without.
    with EmbeddedRedis(directory, port=port, settings={"appendonly": "no"}) as server:
        redis = connect(server.url)
        await redis.config_set("appendonly", "yes")
        while (info := await redis.info("persistence"))["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"]:
            pass
        await redis.aclose()
    return EmbeddedRedis(directory, port=port)


async def test_redis_started_on_copies_of_its_files_goes_on_from_there(kafka, tmp_path):
    data = journey_of(50)
    copies = {copied: tmp_path / copied.__name__ for copied in (copied_snapshot, copied_log)}
    redis_server = EmbeddedRedis(tmp_path / "redis")
    redis_server.start()
    try:
        async with filled(kafka, redis_server, data, **batches_of(20)) as (place, look):
            redis = connect(place.redis)
            with workers(place, tmp_path) as crew:
                await look.progress(0.3, crew)
                # So that it does not come to the end meanwhile, however long a copy takes.
                crew[0].send(signal.SIGSTOP)
                for copied, copy in copies.items():
                    copy.mkdir()
                    await copied(redis, tmp_path / "redis" / "data", copy)
                then = await look.accounted()
                crew[0].send(signal.SIGCONT)
                await look.progress(0.7, crew)
                # What was said since the copies is in the topics; they know nothing of it.
                assert crew[0].stop() == 0
            await redis.aclose()
            for copy in copies.values():
                redis_server.kill()
                redis_server = await started_on(tmp_path / "redis", redis_server.port, copy)
                redis_server.start()
                assert 0 < await look.accounted() <= then < look.total
                with workers(place, tmp_path) as crew:
                    await look.settle(crew)
                    assert crew[0].stop() == 0
                assert differences(await look.read(), await sent(place), data.expected) == {}
    finally:
        redis_server.close()
