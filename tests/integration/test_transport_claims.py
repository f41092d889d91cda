"""Claims of the transport against a real Kafka: where reading may begin, and what becomes of a claim in a rebalance."""

import asyncio

import pytest
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import TopicPartition

from stream.transport import consumer as consumer_module
from stream.transport.errors import PositionOutOfLog, TopicsUnfit
from tests.integration.transport_kit import MemoryHost, fill, running, tps_of, until
from tests.kit.topics import admin_at, make_counted


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
