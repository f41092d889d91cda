"""A shard in a Redis that forgot, is full, holds what is not ours, or is away."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from stream.embedded import EmbeddedRedis
from stream.state.packed import pack_records, pack_timers
from stream.store.commit import Commit
from stream.store.connection import connect
from stream.store.errors import StoreError, StoreTorn, StoreUnavailable
from stream.store.keys import Keys
from stream.store.shard_reads import BEGINNING
from stream.store.shard_store import ShardStore, new_owner
from tests.integration.store_kit import ALL, dump, full_commit, marks


async def test_forgotten_scripts_are_sent_again(redis, keys, shard):
    await redis.script_flush()
    await shard.commit(full_commit())
    await redis.script_flush()
    assert await shard.load(["c-1"]) == [b"\x00\xffone"]
    await redis.script_flush()
    waiting = await marks(shard)
    await redis.script_flush()
    await shard.trim(waiting)
    await redis.script_flush()
    await ShardStore(redis, keys, new_owner()).claim(2)


@pytest.mark.parametrize("kind", ["timers", "outbox", "heads", "histograms", "counters", "records", "cell"])
async def test_a_key_of_another_program_stops_a_commit_before_it_writes(redis, keys, shard, kind):
    key = keys.cell("r:d:20170101") if kind == "cell" else getattr(keys, kind)
    await redis.set(key, "not ours")
    before = await dump(redis, keys)
    with pytest.raises(StoreError, match="not ours: do two programs share a key prefix"):
        await shard.commit(full_commit())
    assert await dump(redis, keys) == before


async def test_a_timer_that_is_no_number_is_found_before_the_first_write(redis, keys, shard):
    before = await dump(redis, keys)
    with pytest.raises(StoreError, match="a timer is no number"):
        await shard.commit(Commit(records=pack_records([("c-1", b"x")]), timers=pack_timers([("c-1", float("nan"))])))
    assert await dump(redis, keys) == before


async def test_a_commit_that_stopped_half_way_is_seen_and_the_shard_left_alone(redis, keys, shard):
    await shard.commit(full_commit())
    await redis.hset(keys.histograms, "f:1", "a foreign value")
    with pytest.raises(Exception, match="not an integer"):
        await shard.commit(
            Commit(records=pack_records([("c-1", b"half")]), histograms={"f:1": 1}, counters={"applied": 1})
        )
    with pytest.raises(StoreTorn, match=r"commit 2-.* began and the last one that landed is 1-"):
        await shard.commit(Commit(counters={"applied": 1}))
    with pytest.raises(StoreTorn):
        await shard.refresh()
    with pytest.raises(StoreTorn):
        await ShardStore(redis, keys, new_owner()).claim(2)


async def test_a_full_redis_refuses_the_whole_commit(redis, keys, shard):
    await shard.commit(full_commit())
    before = await dump(redis, keys)
    await redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable, match="OOM"):
            await shard.commit(Commit(forget=["c-1"], records=pack_records([("c-3", b"x")])))
    finally:
        await redis.config_set("maxmemory", "0")
    assert await dump(redis, keys) == before


async def test_a_redis_that_fills_up_within_a_commit_still_lands_it_whole(redis, shard):
    """Memory is checked where the first write begins; a script that has written is not refused later."""
    records = [(f"c-{number}", bytes(10_000)) for number in range(2_000)]
    memory = await redis.info("memory")
    await redis.config_set("maxmemory", memory["used_memory"] + 50_000_000)
    try:
        await shard.commit(
            Commit(positions=[("orders", -1, 1)], records=pack_records(records), counters={"applied": 1})
        )
        with pytest.raises(StoreUnavailable, match="OOM"):
            await shard.commit(Commit(positions=[("orders", 1, 2)], records=pack_records(records)))
    finally:
        await redis.config_set("maxmemory", "0")
    assert await shard.load([name for name, _ in records]) == [blob for _, blob in records]
    assert await shard.counters() == {"applied": 1}


async def test_a_redis_that_turned_replica_refuses_the_whole_commit(redis, keys, shard):
    await shard.commit(full_commit())
    before = await dump(redis, keys)
    await redis.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(StoreUnavailable, match="read only replica"):
            await shard.commit(Commit(records=pack_records([("c-3", b"x")])))
    finally:
        await redis.replicaof("NO", "ONE")
    assert await dump(redis, keys) == before


async def test_no_redis_is_said_so_within_the_bounded_retries():
    client = connect("redis://127.0.0.1:1/0", retries=1, retry_base_seconds=0.01)
    store = ShardStore(client, Keys("x", 0), new_owner())
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await store.claim(1)
    await client.aclose()


async def test_more_commands_than_connections_wait_for_one(redis_server, keys):
    waits = []
    client = connect(redis_server.url, connections_max=2, connections_busy=lambda: waits.append(1))
    try:
        shards = [ShardStore(client, Keys(keys.prefix, shard), new_owner()) for shard in range(10)]
        await asyncio.gather(*(shard.claim(1) for shard in shards))
        assert await asyncio.gather(*(shard.commit(full_commit()) for shard in shards)) == [ALL] * len(shards)
    finally:
        await client.aclose()
    assert waits


async def test_connections_cut_while_idle_are_made_again(redis_server, shard):
    await shard.commit(full_commit())
    killer = Redis.from_url(redis_server.url)
    await killer.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await killer.aclose()
    await shard.commit(Commit(positions=[("orders", 10, 11)]))
    assert (await shard.refresh()).positions == {"orders": 11}


async def test_a_scan_over_a_restart_of_redis_leaves_nobody_out(tmp_path):
    # Another run of the server puts the same customers in another order: a cursor of the one says nothing to the other.
    customers = [f"c-{number}" for number in range(3_000)]
    with EmbeddedRedis(tmp_path / "redis") as server:
        client = connect(server.url)
        shard = ShardStore(client, Keys("scan", 0), new_owner())
        await shard.claim(1)
        timers = pack_timers([(customer, 1_000) for customer in customers])
        await shard.commit(Commit(positions=[("orders", -1, 1)], timers=timers))
        cursor, found = await shard.scan(BEGINNING, 1_500)
        assert cursor != BEGINNING
        await client.aclose()
        server.kill()
        server.start()
        client = connect(server.url)
        shard, seen = ShardStore(client, Keys("scan", 0), new_owner()), set(found)
        while cursor != BEGINNING:
            cursor, found = await shard.scan(cursor, 100)
            seen.update(found)
        await client.aclose()
    assert seen == set(customers)
