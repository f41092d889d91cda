"""The outbox reaches a read_committed reader once and in order, whatever happens between Kafka and Redis."""

import asyncio
import time
from unittest.mock import patch

import pytest
from aiokafka import AIOKafkaProducer

from stream.contracts.dead_letters import read_dead_letter
from stream.contracts.decisions import cloudevent_headers
from stream.store.commit import Commit
from stream.store.connection import connect
from stream.store.errors import CommitRefused, StoreUnavailable
from stream.transport.relay_producer import TransactionalProducer
from tests.integration.relay_kit import SHARD, Watch, World, message_id, named

WAIT_SECONDS = 120.0


@pytest.fixture
async def world(kafka, redis_server):
    client = connect(redis_server.url)
    world = World(kafka.bootstrap, client)
    await world.create_topics()
    yield world
    await client.aclose()


async def drained(relay):
    async with asyncio.timeout(WAIT_SECONDS):
        assert await relay.drained()


async def opened(relay):
    async with asyncio.timeout(WAIT_SECONDS):
        assert await relay.opened()


async def happened(event):
    async with asyncio.timeout(WAIT_SECONDS):
        await event.wait()


async def test_a_message_leaves_as_one_cloudevent_in_the_partition_of_its_shard(world):
    store = await world.claim()
    watch = Watch()
    async with world.relay(store, watch) as relay:
        await world.put(store, [world.message(1), world.message(2, world.topics.dead_letters, customer="")])
        relay.notify()
        await drained(relay)
    (record,) = await world.read(world.topics.tier_changes)
    assert (record.partition, record.key, record.value) == (SHARD, b"c-1", b'{"n":1}')
    assert record.headers == tuple(cloudevent_headers(world.message(1), "/tests"))
    assert record.timestamp > world.message(1).time + 86_400_000, "its own time is when it was sent"
    (letter,) = await world.read(world.topics.dead_letters)
    assert letter.key is None
    assert (watch.messages, watch.again, watch.errors, world.ends) == (2, 0, [], [])
    head = await store.head(10)
    assert head.entries == []
    assert head.sent == {world.topics.tier_changes: 1, world.topics.dead_letters: 1}


async def test_what_waited_before_the_relay_began_is_delivered(world):
    store = await world.claim()
    await world.put(store, [world.message(number) for number in range(5)])
    async with world.relay(store) as relay:
        await drained(relay)
    assert await world.ids() == named(range(5))


async def test_order_is_kept_while_commits_go_on(world):
    store = await world.claim()
    topics = [world.topics.tier_changes, world.topics.customer_scores]
    async with world.relay(store, batch_max=7) as relay:
        for first in range(0, 300, 10):
            await world.put(
                store,
                [world.message(n, topics[n % 2], customer=f"c-{n % 5}") for n in range(first, first + 10)],
            )
            relay.notify()
        await drained(relay)
        assert relay.pending == 0
    assert await world.ids(topics[0]) == named(range(0, 300, 2))
    assert await world.ids(topics[1]) == named(range(1, 300, 2))


async def test_a_crash_between_kafkas_commit_and_the_trim_sends_nothing_twice(world):
    store = await world.claim()
    await world.put(store, [world.message(number) for number in range(50)])
    at_the_trim = asyncio.Event()

    async def never(*_):
        at_the_trim.set()
        await asyncio.Event().wait()

    with patch.object(store, "trim", never):
        async with world.relay(store, batch_max=20) as relay:
            await happened(at_the_trim)
            relay._task.cancel()
    assert await world.ids() == named(range(20)), "delivered, and Redis does not know"

    successor = await world.claim(2)
    await world.put(successor, [world.message(50)])
    watch = Watch()
    async with world.relay(successor, watch, batch_max=20) as relay:
        await drained(relay)
    assert await world.ids() == named(range(51))
    assert (watch.messages, watch.again) == (31, 20)


async def test_a_crash_before_kafkas_commit_loses_nothing(world):
    store = await world.claim()
    await world.put(store, [world.message(number) for number in range(30)])
    at_the_commit = asyncio.Event()

    async def never(_):
        at_the_commit.set()
        await asyncio.Event().wait()

    # Nor does it abort: the broker is left with an open transaction, as after a kill.
    with (
        patch.object(AIOKafkaProducer, "commit_transaction", never),
        patch.object(AIOKafkaProducer, "abort_transaction", side_effect=TimeoutError),
    ):
        async with world.relay(store) as relay:
            await happened(at_the_commit)
            relay._task.cancel()

    successor = await world.claim(2)
    watch = Watch()
    async with world.relay(successor, watch) as relay:
        await drained(relay)
    assert await world.ids() == named(range(30))
    assert (watch.messages, watch.again) == (30, 0)


async def test_a_trim_that_failed_or_was_made_twice_is_no_second_delivery(world):
    store = await world.claim()
    trim = store.trim
    faults = iter([(False, StoreUnavailable("cut before")), (True, StoreUnavailable("cut after"))])

    async def shaky(marks, sent):
        made, error = next(faults, (True, None))
        if made:
            trims = await trim(marks, sent)
        if error:
            raise error
        return trims

    watch = Watch()
    with patch.object(store, "trim", shaky):
        await world.put(store, [world.message(number) for number in range(10)])
        async with world.relay(store, watch, batch_max=5) as relay:
            await drained(relay)
    assert await world.ids() == named(range(10))
    assert (watch.messages, watch.again, len(watch.errors)) == (10, 5, 2)


async def test_redis_rolled_back_under_a_running_relay_sends_nothing_twice(world):
    store = await world.claim()
    await world.put(store, [world.message(number) for number in range(5)])
    watch = Watch()
    async with world.relay(store, watch, batch_max=4, idle_seconds=30.0) as relay:
        await drained(relay)
        names = [name async for name in world.redis.scan_iter(match=f"{world.name}:*")]
        older = {name: await world.redis.dump(name) for name in names}
        position = world.position
        await world.put(store, [world.message(number) for number in range(5, 20)])
        relay.notify()
        await drained(relay)

        # Redis comes back as it was; the engine reads from the older position and decides the same anew, in other
        # batches and with one more between them.
        async with world.redis.pipeline(transaction=True) as pipe:
            pipe.delete(world.keys.outbox, world.keys.heads)
            for name, blob in older.items():
                pipe.restore(name, 0, blob, replace=True)
            await pipe.execute()
        await store.refresh()
        world.position = position
        await world.put(store, [world.message(number) for number in (5, 6, 7, 99, 8, 9)])
        await world.put(store, [world.message(number) for number in range(10, 25)])
        relay.notify()
        await drained(relay)
    assert await world.ids() == named([*range(20), 99, *range(20, 25)])
    assert world.ends == []


async def test_the_tail_is_read_from_where_the_outbox_was_trimmed_last(world):
    """However many messages were delivered since: no limit on how far Redis may fall back."""
    store = await world.claim()
    async with world.relay(store, tail_records=10, batch_max=10) as relay:
        await world.put(store, [world.message(0)])
        relay.notify()
        await drained(relay)
        meta = await world.redis.dump(world.keys.meta)
        await world.put(store, [world.message(number) for number in range(1, 200)])
        relay.notify()
        await drained(relay)
    await world.redis.restore(world.keys.meta, 0, meta, replace=True)
    successor = await world.claim(2)
    await world.put(successor, [world.message(number) for number in range(1, 201)])
    async with world.relay(successor, tail_records=10, batch_max=10) as relay:
        await drained(relay)
    assert await world.ids() == named(range(201))


async def test_a_delivered_message_that_was_compacted_away_does_not_come_back_behind_a_later_one(world):
    topic = world.topics.customer_scores
    store = await world.claim()
    old, new, other = world.message(1, topic), world.message(2, topic), world.message(1, topic, "c-2")
    await world.put(store, [old, other, new])
    # What is left of the delivered `old` and `new` once the broker has compacted.
    async with AIOKafkaProducer(bootstrap_servers=world.bootstrap) as producer:
        await producer.send_and_wait(
            topic, new.value, key=b"c-1", partition=SHARD, headers=cloudevent_headers(new, "/tests")
        )
    watch = Watch()
    async with world.relay(store, watch) as relay:
        await drained(relay)
    records = await world.read(topic)
    assert [(record.key, record.value) for record in records] == [(b"c-1", new.value), (b"c-2", other.value)]
    assert (watch.messages, watch.again) == (1, 2)


async def test_a_relay_whose_shard_went_to_another_worker_ends(world):
    store = await world.claim()
    async with world.relay(store) as old:
        await world.put(store, [world.message(0)])
        old.notify()
        await drained(old)
        successor = await world.claim(2)
        async with world.relay(successor) as new:
            await opened(new)
            await world.put(successor, [world.message(number) for number in range(1, 10)])
            new.notify()
            old.notify()
            await drained(new)
            async with asyncio.timeout(WAIT_SECONDS):
                await asyncio.wait([old._task])
            assert not await old.drained(), "it does not claim to have delivered"
    ((shard, error),) = world.ends
    assert shard == SHARD
    assert isinstance(error, CommitRefused)
    assert error.reason == "owner"
    assert await world.ids() == named(range(10))


async def test_a_relay_that_is_fenced_in_the_middle_of_a_transaction_ends_and_leaves_nothing(world):
    store = await world.claim()
    await world.put(store, [world.message(number) for number in range(10)])
    in_hand, go_on = asyncio.Event(), asyncio.Event()
    commit_transaction = AIOKafkaProducer.commit_transaction

    async def late(producer):
        if not in_hand.is_set():
            in_hand.set()
            await go_on.wait()
        await commit_transaction(producer)

    with patch.object(AIOKafkaProducer, "commit_transaction", late):
        async with world.relay(store) as old:
            await happened(in_hand)
            successor = await world.claim(2)
            async with world.relay(successor) as new:
                await drained(new)
                go_on.set()
                async with asyncio.timeout(WAIT_SECONDS):
                    await asyncio.wait([old._task])
    assert [error.reason for _, error in world.ends] == ["owner"]
    assert await world.ids() == named(range(10))


async def test_a_relay_that_is_fenced_but_still_owns_the_shard_takes_the_id_back(world):
    """The broker ends a transaction that lasted too long as a newer producer would, and a zombie may come late."""
    store = await world.claim()
    watch = Watch()
    async with world.relay(store, watch) as relay:
        await opened(relay)
        async with AIOKafkaProducer(
            bootstrap_servers=world.bootstrap, transactional_id=world.settings.transactional_id
        ):
            await world.put(store, [world.message(number) for number in range(3)])
            relay.notify()
            await drained(relay)
    assert await world.ids() == named(range(3))
    assert "ProducerFenced" in repr(watch.errors[0])
    assert world.ends == []


async def test_a_message_the_broker_finds_too_large_makes_way_as_a_dead_letter(kafka, redis_server):
    client = connect(redis_server.url)
    world = World(kafka.bootstrap, client)
    await world.create_topics(**{"max.message.bytes": "20000"})
    store = await world.claim()
    large = world.message(100, value=b"x" * 30_000)
    small = [world.message(number, value=b"y" * 4_000) for number in range(12)]
    await world.put(store, [*small[:6], large, *small[6:]])
    watch = Watch()
    async with world.relay(store, watch) as relay:
        await drained(relay)
    assert await world.ids() == named(range(12))
    (letter,) = await world.read(world.topics.dead_letters)
    refusal = read_dead_letter(letter.value)
    assert (refusal.topic, refusal.partition, refusal.customer_id) == (world.topics.tier_changes, SHARD, "c-1")
    assert f"id {message_id(100)}, 30000 bytes" in refusal.reason
    assert watch.too_large == [world.topics.tier_changes]
    assert (await store.head(10)).entries == []
    await client.aclose()


async def test_kafka_away_is_said_and_tried_again_and_the_outbox_keeps(world):
    store = await world.claim()
    await world.put(store, [world.message(1)])
    watch = Watch()
    async with world.relay(store, watch, bootstrap="127.0.0.1:1") as relay:
        await happened(watch.trouble)
        watch.trouble.clear()
        await happened(watch.trouble)
        assert relay.pending == 1
        async with asyncio.timeout(world.settings.stop_seconds_max / 2):
            await relay.stop()
    assert world.ends == []
    async with world.relay(store) as relay:
        await drained(relay)
    assert await world.ids() == named([1])


async def test_a_topic_that_is_missing_is_named(world):
    store = await world.claim()
    watch = Watch()
    with patch.object(TransactionalProducer, "__init__", _with_partition(TransactionalProducer.__init__, 17)):
        async with world.relay(store, watch):
            await happened(watch.trouble)
    assert "has no partition 17; `scorer topics create`" in str(watch.errors[0])


def _with_partition(init, partition):
    def changed(self, *args, **kwargs):
        init(self, *args, **kwargs | {"partition": partition})

    return changed


async def test_an_entry_that_is_no_bundle_ends_the_relay_loudly_and_stays(world):
    store = await world.claim()
    async with world.relay(store) as relay:
        await opened(relay)
        await world.redis.rpush(world.keys.outbox, b"\xc1 not ours")
        relay.notify()
        async with asyncio.timeout(WAIT_SECONDS):
            assert not await relay.drained()
    assert [type(error).__name__ for _, error in world.ends] == ["StoreError"]
    assert await world.redis.lrange(world.keys.outbox, 0, -1) == [b"\xc1 not ours"]


async def test_a_bundle_that_cannot_be_read_ends_the_relay_loudly_and_stays(world):
    store = await world.claim()
    entry = b"SCB1\1\0\0\0 cut short"
    await store.commit(Commit(outbox=[entry]))
    async with world.relay(store) as relay:
        async with asyncio.timeout(WAIT_SECONDS):
            assert not await relay.drained()
    assert [type(error).__name__ for _, error in world.ends] == ["BundleError"]
    assert await store.outbox(10) == [entry]


async def test_stop_is_bounded_when_kafka_does_not_answer(world):
    store = await world.claim()
    sending = asyncio.Event()

    async def never(*_):
        sending.set()
        await asyncio.Event().wait()

    with patch.object(TransactionalProducer, "send", never):
        async with world.relay(store, stop_seconds_max=0.2) as relay:
            await world.put(store, [world.message(1)])
            relay.notify()
            await happened(sending)
            began = time.perf_counter()
            await relay.stop()
            assert time.perf_counter() - began < 5
    assert await store.outbox(10) != []


async def test_twenty_thousand_messages_drain(world, capsys):
    store = await world.claim()
    count = 20_000
    value = b'{"customer_id":"c-000001234","version":12,"from":"low","to":"mid",' + b'"x":"' + b"x" * 330 + b'"}'
    topics = (world.topics.tier_changes, world.topics.customer_scores)
    for first in range(0, count, 2_000):
        await world.put(
            store, [world.message(n, topics[n % 2], f"c-{n}", value) for n in range(first, first + 2_000)], 2_000
        )
    async with world.relay(store) as relay:
        await opened(relay)
        began = time.perf_counter()
        cpu = time.process_time()
        await drained(relay)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    with capsys.disabled():
        print(f"\nrelay: {count / seconds:,.0f} messages/s, {cpu / count * 1e6:.1f} us of CPU each")
    assert await world.ids(topics[0]) == named(range(0, count, 2))
    assert await world.ids(topics[1]) == named(range(1, count, 2))
