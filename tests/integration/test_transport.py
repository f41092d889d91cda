"""The transport against a real Kafka: what arrives, in which order, and what happens when things go wrong."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.types import TP

from stream.embedded import EmbeddedKafka
from stream.transport import consumer as consumer_module
from stream.transport.errors import PositionOutOfLog, TopicsUnfit
from tests.integration.transport_kit import (
    DEADLINE_SECONDS,
    PARTITIONS,
    MemoryHost,
    producing,
    running,
    send,
    until,
)
from tests.kit.topics import admin_at, make_counted

NAMES = ("orders", "interactions", "profiles", "privacy")


@pytest.fixture
def names():
    prefix = uuid4().hex[:8]
    return tuple(f"{prefix}-{name}" for name in NAMES)


@pytest.fixture
async def topics(kafka, names):
    await make_counted(kafka.bootstrap, dict.fromkeys(names, PARTITIONS))
    return names


@pytest.fixture
def group():
    return f"g-{uuid4().hex[:8]}"


def tps_of(topics):
    return [TP(topic, partition) for topic in topics for partition in range(PARTITIONS)]


async def fill(kafka, topics, count):
    async with producing(kafka.bootstrap) as producer:
        await asyncio.gather(*(send(producer, tp, count) for tp in tps_of(topics)))


async def test_every_record_comes_once_and_in_order_over_four_topics(kafka, topics, group):
    await fill(kafka, topics, 650)
    host = MemoryHost()
    async with running(kafka.bootstrap, group, topics, host) as app:
        await until(lambda: host.total() >= 650 * 16)
        lanes = app.consumer.lanes
        assert all(lanes.caught_up(tp) and lanes.position(tp) == 650 for tp in tps_of(topics))
        await fill(kafka, topics, 5)
        await until(lambda: host.total() >= 655 * 16)
    assert {tp: list(seen) for tp, seen in host.seen.items()} == {tp: list(range(655)) for tp in tps_of(topics)}
    assert max(size for _, size in host.batches) <= 100
    assert host.revocations == 1
    (shards, _generation), *others = host.claims
    assert not others
    assert shards == {p: dict.fromkeys(topics, 650) for p in range(PARTITIONS)}


async def test_no_topic_partition_starves(kafka, topics, group):
    await fill(kafka, topics, 400)
    host = MemoryHost()
    async with running(kafka.bootstrap, group, topics, host):
        await until(lambda: host.total() >= 400 * 16)
    # The first quarter of all batches has records of more than half of the topic-partitions.
    first = {tp for tp, _ in host.batches[: len(host.batches) // 4]}
    assert len(first) > 8


async def test_reading_begins_at_the_stored_positions_and_not_at_the_groups(kafka, topics, group):
    await fill(kafka, topics, 50)
    first, second, third, *others = tps_of(topics)
    client = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=group, enable_auto_commit=False)
    await client.start()
    client.assign([TopicPartition(*tp) for tp in (first, second, third)])
    await client.commit({TopicPartition(*tp): OffsetAndMetadata(30, "") for tp in (first, second, third)})
    await client.stop()
    host = MemoryHost({first: 0, second: 20, third: 50, **dict.fromkeys(others, 50)})
    async with running(kafka.bootstrap, group, topics, host) as app:
        await until(lambda: host.total() >= 80)
        await until(lambda: all(app.consumer.lanes.caught_up(tp) for tp in tps_of(topics)))
    assert dict(host.seen) == {first: list(range(50)), second: list(range(20, 50))}


async def test_positions_reach_the_group_as_advice(kafka, topics, group):
    await fill(kafka, topics, 10)
    async with running(kafka.bootstrap, group, topics, MemoryHost()) as app:
        await until(lambda: app.consumer.advice.commits)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await admin.start()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            committed = await admin.list_consumer_group_offsets(group)
            if {TP(*tp): at.offset for tp, at in committed.items()} == dict.fromkeys(tps_of(topics), 10):
                break
            assert time.monotonic() < deadline, committed
        await admin.close()


async def test_a_failed_advisory_commit_is_counted_and_nothing_else(kafka, topics, group, monkeypatch):
    await fill(kafka, topics, 10)
    host = MemoryHost()
    async with running(kafka.bootstrap, group, topics, host) as app:
        consumer = app.consumer

        async def fail(_positions):
            raise KafkaError("no coordinator")

        monkeypatch.setattr(consumer.advice, "_commit", fail)
        await until(lambda: host.total() == 160)
        await until(lambda: consumer.advice.failures >= 2)
        monkeypatch.undo()
        done = consumer.advice.commits
        await until(lambda: consumer.advice.commits > done)
        assert not app.should_stop


async def test_aborted_transactions_are_passed_unseen(kafka, topics, group):
    first, second, *_ = tps_of(topics)
    async with producing(kafka.bootstrap, transactional_id=f"t-{group}") as producer:
        async with producer.transaction():
            await send(producer, first, 5)
        await producer.begin_transaction()
        await send(producer, first, 7)
        await send(producer, second, 3)
        await producer.abort_transaction()
        host = MemoryHost()
        async with running(kafka.bootstrap, group, topics, host) as app:
            lanes = app.consumer.lanes
            await until(lambda: first in lanes and host.total() == 5)
            # 5 records, a marker, 7 aborted ones, a marker; the second holds 3 aborted ones and a marker.
            await until(lambda: lanes.position(first) == 14 and lanes.position(second) == 4)
            assert lanes.caught_up(first)
            assert lanes.caught_up(second)
            # An open transaction is not seen, and being before it is being caught up.
            await producer.begin_transaction()
            await send(producer, first, 4)
            await send(producer, second, 1)
            await producer.flush()
            async with producing(kafka.bootstrap) as plain:
                await send(plain, TP(first.topic, 2), 1)
            await until(lambda: host.total() == 6)
            assert lanes.highwater(first) == 14
            assert lanes.caught_up(first)
            await producer.commit_transaction()
            await until(lambda: host.total() == 11)
            await until(lambda: lanes.position(first) == 19 and lanes.position(second) == 6)
    assert host.seen[first] == [*range(5), *range(14, 18)]
    assert host.seen[second] == [4]


async def test_a_paused_topic_partition_waits_and_the_others_do_not(kafka, topics, group):
    held, *others = tps_of(topics)
    host = MemoryHost()
    async with running(kafka.bootstrap, group, topics, host) as app:
        lanes = app.consumer.lanes
        await until(lambda: held in lanes)
        lanes.pause(held)
        await fill(kafka, topics, 300)
        await until(lambda: all(len(host.seen[tp]) == 300 for tp in others))
        assert host.seen[held] == []
        assert not lanes.caught_up(held) or lanes.highwater(held) == 0
        lanes.resume(held)
        await until(lambda: len(host.seen[held]) == 300)
    assert host.seen[held] == list(range(300))


async def test_after_a_seek_nothing_of_before_is_delivered(kafka, topics, group):
    await fill(kafka, topics, 500)
    tp, *_ = tps_of(topics)
    host = MemoryHost()
    host.gate.clear()
    async with running(kafka.bootstrap, group, topics, host) as app:
        lanes = app.consumer.lanes
        await until(lambda: tp in lanes and lanes.lane(tp).waiting)
        before = lanes.current_epoch(tp)
        # As after a refused commit: the stored position is what it was, and what was read is forgotten.
        after = lanes.seek(tp, 3)
        host.stored[tp] = 3
        host.seen.pop(tp, None)
        assert lanes.position(tp) == 3
        assert after == lanes.current_epoch(tp) > before
        offered = host.offer

        async def refuse_late(batch):
            if batch.tp == tp and batch.epoch == before:
                return  # it was in the hands of the host already when the seek came
            await offered(batch)

        host.offer = refuse_late
        host.gate.set()
        await until(lambda: host.total() >= 500 * 15 + 497)
    assert host.seen[tp] == list(range(3, 500))


async def test_a_batch_that_gets_lost_on_the_way_is_read_again(kafka, topics, group):
    await fill(kafka, topics, 400)
    tp, *_ = tps_of(topics)
    host = MemoryHost()
    dropped = []
    async with running(kafka.bootstrap, group, topics, host) as app:
        consumer = app.consumer
        passed_on = consumer.callback

        async def lossy(message):
            if message.tp == tp and not dropped:
                dropped.append(message.value)
                return
            await passed_on(message)

        consumer.callback = lossy
        await until(lambda: host.total() >= 400 * 16 - 400)
        if not dropped:
            await send_more(kafka, tp, 200)
        await until(lambda: dropped)
        await send_more(kafka, tp, 200)
        await until(lambda: host.seen[tp] and host.seen[tp][-1] >= 599)
        assert consumer.lanes.gaps >= 1
    assert host.seen[tp] == list(range(len(host.seen[tp])))


async def send_more(kafka, tp, count):
    async with producing(kafka.bootstrap) as producer:
        await send(producer, tp, count)


async def crash_of(app):
    await until(lambda: app.crash_reason is not None)
    return app.crash_reason


async def test_a_position_beyond_the_log_stops_the_worker(kafka, topics, group, monkeypatch):
    monkeypatch.setattr(consumer_module, "END_LOOK_SECONDS", 0.05)
    await fill(kafka, topics, 10)
    tp, *_ = tps_of(topics)
    host = MemoryHost({tp: 11})
    async with running(kafka.bootstrap, group, topics, host) as app:
        reason = await crash_of(app)
    assert isinstance(reason, PositionOutOfLog)
    assert (reason.topic, reason.partition, reason.position) == (*tp, 11)
    assert "ends at 10" in str(reason)
    assert host.total() == 0


async def test_a_position_before_the_log_stops_the_worker(kafka, topics, group):
    await fill(kafka, topics, 10)
    tp, *_ = tps_of(topics)
    async with admin_at(kafka.bootstrap) as admin:
        await admin.delete_records({TopicPartition(*tp): RecordsToDelete(before_offset=6)})
    async with running(kafka.bootstrap, group, topics, MemoryHost({tp: 5})) as app:
        reason = await crash_of(app)
    assert isinstance(reason, PositionOutOfLog)
    assert "begins at 6" in str(reason)


async def test_a_shard_never_read_begins_where_its_log_does(kafka, topics, group):
    await fill(kafka, topics, 10)
    tp, *_ = tps_of(topics)
    async with admin_at(kafka.bootstrap) as admin:
        await admin.delete_records({TopicPartition(*tp): RecordsToDelete(before_offset=6)})
    host = MemoryHost()
    async with running(kafka.bootstrap, group, topics, host):
        await until(lambda: host.total() == 154)
    assert host.seen[tp] == [6, 7, 8, 9]


@pytest.mark.parametrize("counts", [(4, 4, 3, 4), (4, 4, 4, 0), (5, 5, 5, 5)])
async def test_topics_that_do_not_fit_together_are_refused(kafka, names, group, counts):
    given = dict(zip(names, counts, strict=True))
    await make_counted(kafka.bootstrap, {name: count for name, count in given.items() if count})
    host = MemoryHost()
    async with running(kafka.bootstrap, group, names, host) as app:
        reason = await crash_of(app)
    assert isinstance(reason, TopicsUnfit)
    assert reason.counts == given
    assert "scorer topics create" in str(reason)
    assert not host.claims


async def test_a_rebalance_while_the_host_is_busy_does_not_hang(kafka, topics, group):
    await fill(kafka, topics, 300)
    host, other = MemoryHost(), MemoryHost()
    host.gate.clear()
    async with running(kafka.bootstrap, group, topics, host) as app:
        await until(lambda: any(app.consumer.lanes.lane(tp).waiting for tp in app.consumer.lanes))
        async with running(kafka.bootstrap, group, topics, other) as second:
            await until(lambda: len(app.consumer.lanes) == 8 and len(second.consumer.lanes) == 8)
            assert host.revocations == 1
            mine = {tp.partition for tp in app.consumer.lanes}
            assert mine.isdisjoint(tp.partition for tp in second.consumer.lanes)
            assert all(len({tp.topic for tp in app.consumer.lanes if tp.partition == p}) == 4 for p in mine)
            await until(lambda: other.total() == 300 * 8)
        await until(lambda: len(app.consumer.lanes) == 16)


async def test_a_claim_may_take_longer_than_faust_waits_for_anything(kafka, topics, group):
    await fill(kafka, topics, 20)
    host = MemoryHost()
    claim, claimable = host.assign, asyncio.Event()

    async def slow(shards, generation):
        await claimable.wait()
        return await claim(shards, generation)

    host.assign = slow
    async with running(kafka.bootstrap, group, topics, host, faust={"broker_request_timeout": 6.0}) as app:
        await until(lambda: app.consumer.claiming)
        await until(lambda: app.consumer.flow_active and not app.rebalancing)
        assert host.total() == 0
        claimable.set()
        await until(lambda: host.total() == 320)


async def test_a_claim_of_a_generation_that_is_over_is_given_up(kafka, topics, group):
    await fill(kafka, topics, 20)
    host = MemoryHost()
    claim, refused = host.assign, []
    started = asyncio.get_running_loop().create_future()

    async def refuse_first(shards, generation):
        # The claim may come while the application is still starting.
        app = await started
        if not refused:
            assert await app.consumer.confirm(generation)
            refused.append(generation)
            # The broker's group goes on to its next generation while the host is refused for the old one.
            app.consumer._thread.thread_loop.call_soon_threadsafe(coordinator(app).request_rejoin)
            await until(lambda: coordinator(app).generation > generation)
            assert not await app.consumer.confirm(generation)
            raise RuntimeError("claimed by a newer generation")
        return await claim(shards, generation)

    host.assign = refuse_first
    # A revocation would cancel the claim; here it stands for one that does not come in time.
    async with running(kafka.bootstrap, group, topics, host) as app:
        release, app.consumer._release = app.consumer._release, left_alone
        started.set_result(app)
        await until(lambda: refused)
        await until(lambda: not app.consumer.claiming)
        app.consumer._release = release
        assert not app.should_stop
        app.consumer._thread.thread_loop.call_soon_threadsafe(coordinator(app).request_rejoin)
        await until(lambda: host.total() == 320)


def coordinator(app):
    return app.consumer._thread._consumer._coordinator


async def left_alone():
    """Release nothing."""


async def test_an_error_of_the_host_stops_the_worker_with_the_position_where_it_was(kafka, topics, group):
    await fill(kafka, topics, 20)
    host = MemoryHost()

    async def fail(_batch):
        raise ZeroDivisionError

    host.offer = fail
    async with running(kafka.bootstrap, group, topics, host) as app:
        assert isinstance(await crash_of(app), ZeroDivisionError)
    assert host.stored == {}


@pytest.mark.slow
async def test_reading_goes_on_after_the_broker_was_restarted(tmp_path, names, group):
    host = MemoryHost()
    with EmbeddedKafka(tmp_path) as broker:
        await make_counted(broker.bootstrap, dict.fromkeys(names, PARTITIONS))
        await fill(broker, names, 50)
        async with running(broker.bootstrap, group, names, host) as app:
            await until(lambda: host.total() == 50 * 16)
            await asyncio.to_thread(broker.restart)
            await fill(broker, names, 50)
            await until(lambda: host.total() == 100 * 16, seconds=60)
            assert not app.should_stop
    assert all(seen == list(range(100)) for seen in host.seen.values())


@contextmanager
def worker(kafka, group, topics, db, name, **given):
    described = {"kafka": kafka, "group": group, "topics": topics, "db": str(db), "name": name, **given}
    log = db.with_name(f"{name}.log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "faust", "-A", "tests.integration.transport_worker", "worker", "-l", "info"],
            env={**os.environ, "TRANSPORT_TEST": json.dumps(described)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    process.log = log
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def ask(db, query):
    if not db.exists():
        return []
    with sqlite3.connect(db, timeout=30) as connection:
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:  # the worker has not made its tables yet
            return []


@pytest.mark.slow
async def test_two_workers_share_the_shards_and_one_takes_over_after_kill(kafka, topics, group, tmp_path):
    db = tmp_path / "host.sqlite"
    every = len(tps_of(topics))
    with (
        worker(kafka.bootstrap, group, topics, db, "one") as one,
        worker(kafka.bootstrap, group, topics, db, "two"),
    ):
        await until(lambda: sorted({n for _, n in ask(db, "SELECT * FROM owner")}) == ["one", "two"], "both own")
        await fill(kafka, topics, 1000)
        await until(lambda: ask(db, "SELECT count(*) FROM seen") == [(1000 * every,)], "all read")
        shared = ask(db, "SELECT part, count(DISTINCT topic), count(DISTINCT name) FROM seen GROUP BY part ORDER BY 1")
        assert [row[:2] for row in shared] == [(p, 4) for p in range(PARTITIONS)]
        stopping = asyncio.ensure_future(fill(kafka, topics, 4000))
        await until(lambda: ask(db, "SELECT count(*) FROM seen WHERE name='one' AND off > 1200")[0][0] > 0, "under way")
        one.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        await stopping
        await until(lambda: ask(db, "SELECT count(*) FROM seen") == [(5000 * every,)], "all read after the kill")
        assert time.monotonic() - killed < 20
    twice = ask(db, "SELECT topic, part, off FROM seen GROUP BY 1, 2, 3 HAVING count(*) > 1")
    assert twice == []


@pytest.mark.slow
async def test_a_worker_waits_for_a_broker_that_is_not_there(tmp_path, group):
    with worker("127.0.0.1:9", group, ["orders"], tmp_path / "host.sqlite", "one") as process:
        await until(lambda: process.log.read_text().count("next try in") >= 3)
        assert process.poll() is None
    assert process.returncode == 0


@pytest.mark.slow
async def test_a_worker_that_cannot_go_on_ends_with_an_error(kafka, names, group, tmp_path):
    with worker(kafka.bootstrap, group, names, tmp_path / "host.sqlite", "one") as process:
        await until(lambda: process.poll() is not None)
        assert process.returncode != 0
        assert "scorer topics create" in process.log.read_text()
