"""Positions that do not fit their logs: the worker halts and says so, a person accepts, and all goes on.

What is missing is counted, what is read again counts once, and the rest is as the oracle says.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.kit.datasets import cdnow_of
from tests.kit.live import Look, sent
from tests.kit.place import PARTITIONS, Place, fill, topics_of
from tests.kit.topics import admin_at, make_topics
from tests.kit.verdict import differences
from tests.kit.workers import workers

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

SHARD = 1


def scorer(place, *words, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli", *words],
        env=place.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def verdicts(place, code=0):
    return {
        (one["topic"], one["partition"]): one for one in json.loads(scorer(place, "positions", "--json", code=code))
    }


@asynccontextmanager
async def read_through(kafka, redis_server, tmp_path):
    """A place whose logs a worker has read to their ends and left; in the end it is compared with the oracle."""
    data = cdnow_of("sample")
    place = Place(kafka.bootstrap, redis_server.url, data.currency, settings={"session_timeout_seconds": 2.0})
    look = Look(place, data.logs)
    try:
        async with topics_of(place):
            await fill(place, data.logs)
            with workers(place, tmp_path) as crew:
                await look.settle(crew)
                assert crew[0].stop() == 0
            assert {one["verdict"] for one in verdicts(place).values()} == {"fine"}
            yield place, look, data
    finally:
        await look.close()


async def halted(place, tmp_path, look, what):
    with workers(place, tmp_path) as (worker,):

        async def ended():
            return not worker.running

        await look.until(ended, "the worker halts")
        assert worker.process.returncode > 0
        assert worker.said(what) > 0
        assert worker.said("scorer positions accept") > 0


async def recreate(place, topic):
    async with admin_at(place.kafka) as admin:
        await admin.delete_topics([topic])
        while topic in await admin.list_topics():
            pass
        await make_topics(admin, [NewTopic(topic, PARTITIONS, 1)])


async def test_a_topic_created_anew_with_as_many_records(kafka, redis_server, tmp_path):
    """No offset tells it: the new log is as long as the old one. And all its events are known already."""
    async with read_through(kafka, redis_server, tmp_path) as (place, look, data):
        orders = place.topics.orders
        await recreate(place, orders)
        await fill(place, data.logs)
        await halted(place, tmp_path, look, f"{orders} was created anew")
        found = verdicts(place, code=1)
        assert {key: one["verdict"] for key, one in found.items()} == {
            (topic, shard): "another topic" if topic == orders else "fine"
            for topic in place.topics.inputs.values()
            for shard in range(PARTITIONS)
        }
        assert "read from 0 on" in scorer(place, "positions", "accept", "orders")
        assert {one["verdict"] for one in verdicts(place).values()} == {"fine"}
        again = sum(len(topics.get("orders", ())) for topics in data.logs.values())
        assert again
        with workers(place, tmp_path) as crew:

            async def all_again():
                return await look.accounted() >= look.total + again

            await look.until(all_again, "all is read again", crew)
            await look.settle(crew)
            assert crew[0].stop() == 0
        assert differences(await look.read(), await sent(place), data.expected, duplicates=again) == {}
        assert "nothing was changed" in scorer(place, "positions", "accept", orders)


async def test_offsets_that_were_deleted_before_they_were_read(kafka, redis_server, tmp_path):
    async with read_through(kafka, redis_server, tmp_path) as (place, look, data):
        orders = place.topics.orders
        victims = data.logs[SHARD]["orders"][:7]
        await fill(place, {SHARD: {"orders": victims}})
        before = verdicts(place)[orders, SHARD]
        assert before["end"] - before["stored"] == len(victims)
        async with admin_at(place.kafka) as admin:
            await admin.delete_records({TopicPartition(orders, SHARD): RecordsToDelete(before_offset=before["end"])})
        await halted(place, tmp_path, look, f"{len(victims)} offsets were deleted before they were read")
        assert f"{len(victims)} offsets are counted as missing" in scorer(place, "positions", "accept", orders)
        assert (await look.counters(SHARD))["missing"] == len(victims)
        with workers(place, tmp_path) as crew:
            await look.until_said(crew[0], "Claimed shards")
            await look.settle(crew)
            assert crew[0].stop() == 0
        assert differences(await look.read(), await sent(place), data.expected) == {}
        assert (await look.counters(SHARD))["missing"] == len(victims)


def test_only_inputs_have_positions(kafka, redis_server):
    place = Place(kafka.bootstrap, redis_server.url)
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli", "positions", "accept", "tier-changes"],
        env=place.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "tier-changes is no input topic; these are: " in done.stderr
