"""The transport against a real Kafka: what arrives, in which order, and what happens when things go wrong."""

import asyncio
import time

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.types import TP

from stream.embedded import EmbeddedKafka
from tests.integration.transport_kit import (
    DEADLINE_SECONDS,
    PARTITIONS,
    MemoryHost,
    fill,
    producing,
    running,
    send,
    tps_of,
    until,
)
from tests.kit.topics import make_counted


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
            await until(lambda: host.total() == 100 * 16)
            assert not app.should_stop
    assert all(seen == list(range(100)) for seen in host.seen.values())
