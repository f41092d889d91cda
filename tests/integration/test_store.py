"""A shard in a real Redis: what lands, what is refused, and that a refusal leaves no trace."""

from __future__ import annotations

import asyncio
import time

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from stream.embedded import EmbeddedRedis
from stream.state.packed import pack_records, pack_timers
from stream.store.commit import Commit
from stream.store.connection import connect
from stream.store.errors import ClaimRefused, CommitRefused, StoreError, StoreTorn, StoreUnavailable
from stream.store.keys import Keys
from stream.store.outbox import READ_BYTES_MAX
from stream.store.shard_reads import BEGINNING, HEADS_MAX, LOAD_CUSTOMERS_MAX
from stream.store.shard_store import NO_COMMIT, ShardStore, new_owner


def bundle(body, messages=1):
    """As much of a bundle as the store looks at."""
    return b"SCB1" + messages.to_bytes(4, "little") + body


FIRST, SECOND, THIRD = bundle(b"first", 3), bundle(b"\xc1\x00", 70_000), bundle(b"third")
ALL = 70_004
"""Messages of the three."""


@pytest.fixture
async def shard(redis, keys):
    store = ShardStore(redis, keys, new_owner())
    await store.claim(1)
    return store


def full_commit(expected=-1, new=10):
    return Commit(
        positions=[("orders", expected, new)],
        records=pack_records([("c-1", b"\x00\xffone"), ("ö}{2", b"two")]),
        timers=pack_timers([("c-1", 5_000), ("ö}{2", float("inf"))]),
        histograms={"f:1": 2, "m:7": 1},
        cells={"r:h:2017010111": {"orders": 2}, "r:d:20170101": {"revenue": 2**60}},
        counters={"applied": 10, "duplicates": 0},
        outbox=[FIRST, SECOND, THIRD],
        meta={"clock": "1483271606000"},
    )


async def marks(shard):
    """What trim asks for, of all entries."""
    return (await shard.head(ALL)).marks


async def dump(redis, keys):
    """Every key of the shard with everything in it, as Redis would serialise it."""
    names = sorted([name async for name in redis.scan_iter(match=f"{keys.prefix}:*", count=1000)])
    return {name: await redis.dump(name) for name in names}


async def test_samples_of_old_quarters_are_taken_out_and_counted(shard):
    kept = {"f:190": 4, "y:191:5:0": 3, "v:191:2:0": 3}
    old = {"y:190:5:0": 2, "y:9:7:1": 2**40, "v:190:2:0": 2, "v:9:1:1": 2**40}
    await shard.commit(Commit(histograms=old | kept))
    dropping = Commit(histograms={"y:190:5:1": 1, "v:190:2:1": 1, "f:190": 1}, drop_samples=190)
    await shard.commit(dropping)
    assert await shard.histograms() == kept | {"f:190": 5}
    assert await shard.counters() == {"samples_outdated": 2**40 + 3}


async def test_a_commit_lands_whole(shard):
    assert await shard.commit(full_commit()) == ALL
    assert await shard.load(["c-1", "nobody", "ö}{2"]) == [b"\x00\xffone", None, b"two"]
    assert await shard.due(5_001, 10) == ["c-1"]
    assert await shard.due(5_000, 10) == []
    assert await shard.customers() == 2
    assert await shard.scan(BEGINNING, 10) == (BEGINNING, ["c-1", "ö}{2"])
    assert await shard.histograms() == {"f:1": 2, "m:7": 1}
    assert await shard.counters() == {"applied": 10}
    assert await shard.cell("r:h:2017010111") == {"orders": 2}
    assert await shard.cell("r:d:20170101") == {"revenue": 2**60}
    assert await shard.outbox(ALL) == [FIRST, SECOND, THIRD]
    claim = await shard.refresh()
    assert claim.positions == {"orders": 10}
    assert claim.meta == {"clock": "1483271606000"}


async def test_the_next_commit_adds_drops_and_forgets(shard):
    await shard.commit(full_commit())
    await shard.commit(
        Commit(
            positions=[("orders", 10, 11), ("profiles", -1, 4)],
            records=pack_records([("c-3", b"three")]),
            timers=pack_timers([("c-3", 1_000)]),
            histograms={"f:1": -2, "m:7": 4},
            cells={"r:d:20170101": {"revenue": 1}},
            drop_cells=["r:h:2017010111"],
            outbox=[bundle(b"fourth", 2)],
            forget=["c-1"],
        )
    )
    assert await shard.load(["c-1", "c-3"]) == [None, b"three"]
    assert await shard.due(10_000, 10) == ["c-3"]
    assert await shard.histograms() == {"m:7": 5}, "a bin that comes to nothing is taken away"
    assert await shard.cell("r:h:2017010111") == {}
    assert await shard.cell("r:d:20170101") == {"revenue": 2**60 + 1}, "exact beyond what a double holds"
    assert shard.outbox_length == ALL + 2
    assert (await shard.refresh()).positions == {"orders": 11, "profiles": 4}


async def test_a_customer_forgotten_and_seen_again_in_one_commit_is_kept(shard):
    await shard.commit(full_commit())
    await shard.commit(
        Commit(forget=["c-1"], records=pack_records([("c-1", b"new")]), timers=pack_timers([("c-1", 7_000)]))
    )
    assert await shard.load(["c-1"]) == [b"new"]
    assert await shard.due(7_001, 10) == ["c-1"]


async def test_a_commit_larger_than_a_command_takes_is_split_and_lands_whole(shard):
    count = 20_000
    names = [f"c-{number}" for number in range(count)]
    await shard.commit(
        Commit(
            positions=[("orders", -1, count)],
            records=pack_records([(name, name.encode()) for name in names]),
            timers=pack_timers([(name, number) for number, name in enumerate(names)]),
            outbox=[bundle(name.encode()) for name in names],
        )
    )
    assert await shard.load(names) == [name.encode() for name in names]
    assert count > LOAD_CUSTOMERS_MAX
    assert await shard.due(count, count) == names
    assert shard.outbox_length == count
    assert await shard.outbox(count) == [bundle(name.encode()) for name in names[:HEADS_MAX]]
    await shard.commit(Commit(forget=names))
    assert await shard.customers() == 0
    assert set(await shard.load(names)) == {None}


async def test_ids_of_every_length_survive_the_packing(shard):
    names = ["x" * length for length in (1, 31, 32, 255, 256, 65_535, 65_536)] + ["ß" * 40]
    records = [(name, bytes([number])) for number, name in enumerate(names)]
    await shard.commit(Commit(records=pack_records(records), timers=pack_timers([(name, 1) for name in names])))
    assert await shard.load(names) == [blob for _, blob in records]
    assert set(await shard.due(2, 100)) == set(names)


REFUSED = {
    "position": Commit(positions=[("orders", 9, 20)], records=pack_records([("c-9", b"x")]), outbox=[bundle(b"x")]),
    "position of another topic": Commit(
        positions=[("orders", 10, 20), ("profiles", 0, 5)],
        records=pack_records([("c-9", b"x")]),
        counters={"applied": 1},
    ),
    "position that was never stored": Commit(positions=[("orders", -1, 20)], cells={"r:h:1": {"orders": 1}}),
}


@pytest.mark.parametrize("commit", REFUSED.values(), ids=REFUSED)
async def test_a_commit_from_another_position_writes_nothing(redis, keys, shard, commit):
    await shard.commit(full_commit())
    before = await dump(redis, keys)
    with pytest.raises(CommitRefused) as refused:
        await shard.commit(commit)
    assert refused.value.reason == "position"
    assert await dump(redis, keys) == before


async def test_a_zombie_commits_trims_and_reads_nothing_after_a_new_claim(redis, keys, shard):
    await shard.commit(full_commit())
    waiting = await marks(shard)
    successor = ShardStore(redis, keys, new_owner())
    assert (await successor.claim(2)).positions == {"orders": 10}
    before = await dump(redis, keys)
    for attempt in (
        shard.commit(Commit(positions=[("orders", 10, 11)], records=pack_records([("c-1", b"zombie")]))),
        shard.commit(Commit(counters={"swept": 1})),
        shard.trim(waiting[:1]),
        shard.head(10),
        shard.refresh(),
        shard.check(),
        shard.load(["c-1"]),
    ):
        with pytest.raises(CommitRefused) as refused:
            await attempt
        assert refused.value.reason == "owner"
        assert refused.value.generation == 2
    assert await dump(redis, keys) == before
    assert (await shard.look(["c-1"])) == [b"\x00\xffone"]
    await successor.commit(Commit(positions=[("orders", 10, 11)]))


async def test_records_of_another_history_are_not_given_to_be_written_on(redis, keys, shard):
    before = await redis.dump(keys.meta)
    await shard.commit(full_commit())
    assert await shard.load(["c-1"]) == [b"\x00\xffone"]
    await redis.restore(keys.meta, 0, before, replace=True)
    for attempt in (shard.load(["c-1"]), shard.check()):
        with pytest.raises(CommitRefused) as refused:
            await attempt
        assert refused.value.reason == "sequence"
    await shard.refresh()
    assert await shard.load(["c-1"]) == [b"\x00\xffone"]


async def test_records_are_given_while_a_commit_is_under_way(redis, keys, shard):
    await shard.commit(full_commit())
    before = await redis.dump(keys.meta)
    lost = Commit(counters={"swept": 1})
    await shard.commit(lost)
    shard._given, shard._landed = (lost, shard._landed), f"1-{shard.owner}"  # its reply is on the way
    assert await shard.load(["c-1"]) == [b"\x00\xffone"]
    await redis.restore(keys.meta, 0, before, replace=True)  # it is on its way
    assert await shard.load(["c-1"]) == [b"\x00\xffone"]


async def test_a_commit_that_another_worker_made_under_the_same_number_is_not_mine(redis, keys, shard):
    """A claim that was sent twice arrives late, when another worker of the same generation has made a commit."""
    mine = full_commit()
    other = ShardStore(redis, keys, new_owner())
    await other.claim(1)
    await other.commit(full_commit(new=4))
    late = ShardStore(redis, keys, shard.owner)
    await late.claim(1)
    before = await dump(redis, keys)
    with pytest.raises(CommitRefused) as refused:
        await shard.commit(mine)
    assert refused.value.reason == "position"
    with pytest.raises(CommitRefused) as refused:
        await shard.commit(Commit(counters={"swept": 1}))
    assert refused.value.reason == "sequence"
    assert await dump(redis, keys) == before


async def test_the_same_commit_given_again_is_made_once(redis, keys, shard):
    """Its reply was lost: the caller cannot know, and asks again."""
    commit = full_commit()
    await shard.commit(commit)
    after = await dump(redis, keys)
    shard._given, shard._landed = (commit, shard._landed), NO_COMMIT
    assert await shard.commit(commit) == ALL
    assert await dump(redis, keys) == after
    await shard.commit(Commit(positions=[("orders", 10, 11)]))


async def test_an_equal_commit_that_is_another_one_is_refused_by_position(redis, keys, shard):
    await shard.commit(full_commit())
    before = await dump(redis, keys)
    with pytest.raises(CommitRefused) as refused:
        await shard.commit(full_commit())
    assert refused.value.reason == "position"
    assert await dump(redis, keys) == before


async def test_a_sweep_whose_predecessor_landed_unseen_is_refused(redis, keys, shard):
    """A sweep names no position; the number of the commit stands in for it."""
    await shard.commit(full_commit())
    lost = Commit(counters={"swept": 1}, outbox=[bundle(b"warning")])
    await shard.commit(lost)
    shard._landed = f"1-{shard.owner}"  # its reply never came, and the caller gave it up
    before = await dump(redis, keys)
    with pytest.raises(CommitRefused) as refused:
        await shard.commit(Commit(counters={"swept": 1}, outbox=[bundle(b"warning")]))
    assert refused.value.reason == "sequence"
    assert await dump(redis, keys) == before
    await shard.refresh()
    await shard.commit(Commit(counters={"swept": 1}))
    assert (await shard.counters())["swept"] == 2


async def test_two_commits_at_once_land_one_after_the_other(shard):
    await asyncio.gather(*(shard.commit(Commit(positions=[("orders", at, at + 1)])) for at in range(-1, 30)))
    assert (await shard.refresh()).positions == {"orders": 30}


async def test_a_begun_commit_lands_while_the_loop_is_blocked(redis_server, keys, shard):
    await shard.commit(Commit(records=pack_records([("warm", b"up")])))
    task = await shard.begin(Commit(records=pack_records([("c-1", b"x" * 1_000)])))
    assert not task.done()
    # From here on nothing of this loop runs: the bytes must have left already.
    with BlockingRedis.from_url(redis_server.url) as other:
        deadline = time.monotonic() + 10
        while other.hget(keys.records, "c-1") != b"x" * 1_000:
            assert time.monotonic() < deadline
    assert not task.done()
    await task


# Claims


async def test_an_older_generation_does_not_win_over_a_newer_one(redis, keys):
    newer, older = ShardStore(redis, keys, new_owner()), ShardStore(redis, keys, new_owner())
    await newer.claim(7)
    before = await dump(redis, keys)
    with pytest.raises(ClaimRefused) as refused:
        await older.claim(6)
    assert (refused.value.mine, refused.value.stored) == (6, 7)
    assert await dump(redis, keys) == before
    await newer.commit(full_commit())


async def test_the_same_generation_may_claim_again(redis, keys):
    await ShardStore(redis, keys, new_owner()).claim(7)
    again = ShardStore(redis, keys, new_owner())
    await again.claim(7)
    await again.commit(full_commit())


async def test_a_group_that_counts_anew_replaces_exactly_the_generation_it_named(redis, keys):
    await ShardStore(redis, keys, new_owner()).claim(41)
    reborn = ShardStore(redis, keys, new_owner())
    with pytest.raises(ClaimRefused):
        await reborn.claim(1)
    with pytest.raises(ClaimRefused) as refused:
        await reborn.claim(1, replacing=40)
    assert refused.value.stored == 41
    await reborn.claim(1, replacing=41)
    await reborn.commit(full_commit())
    with pytest.raises(ClaimRefused):
        await ShardStore(redis, keys, new_owner()).claim(1, replacing=41)


async def test_a_claim_reads_where_the_predecessor_stopped(redis, keys, shard):
    await shard.commit(full_commit())
    await shard.trim((await marks(shard))[:1], {"tier-changes": 4})
    claim = await ShardStore(redis, keys, new_owner()).claim(2)
    assert claim.positions == {"orders": 10}
    assert claim.meta == {"clock": "1483271606000"}


async def test_customers_without_records_are_not_taken_for_new_ones(redis, keys, shard):
    await shard.commit(full_commit())
    await redis.unlink(keys.records)
    before = await dump(redis, keys)
    with pytest.raises(StoreError, match="knows customers and has no records of them"):
        await ShardStore(redis, keys, new_owner()).claim(2)
    assert await dump(redis, keys) == before


async def test_an_owner_that_redis_forgot_is_told_so(redis, keys, shard):
    await redis.delete(keys.meta)
    with pytest.raises(CommitRefused, match="nobody") as refused:
        await shard.commit(full_commit())
    assert (refused.value.reason, refused.value.generation) == ("owner", -1)


# Outbox


async def test_trim_takes_the_delivered_and_remembers_how_far(shard):
    await shard.commit(full_commit())
    waiting = await marks(shard)
    assert await shard.trim(waiting[:2], {"tier-changes": 12}) == 1
    assert shard.outbox_length == 1
    head = await shard.head(10)
    assert (head.entries, head.trims, head.sent) == ([THIRD], 1, {"tier-changes": 12})
    assert await shard.trim(waiting[2:], {"churn-warnings": 5}) == 2
    assert (await shard.head(10)).sent == {"tier-changes": 12, "churn-warnings": 5}
    assert shard.outbox_length == 0


@pytest.mark.parametrize("order", [[1], [0, 2], [0, 1, 2, 2]], ids=["another", "another last", "more than there are"])
async def test_trim_refuses_a_changed_outbox(redis, keys, shard, order):
    await shard.commit(full_commit())
    waiting = await marks(shard)
    before = await dump(redis, keys)
    with pytest.raises(CommitRefused) as refused:
        await shard.trim([waiting[number] for number in order])
    assert refused.value.reason == "outbox"
    assert await dump(redis, keys) == before


async def test_trim_refuses_a_bundle_of_another_commit_that_begins_as_the_delivered_one_did(redis, keys, shard):
    empty = await redis.dump(keys.meta)
    await shard.commit(Commit(outbox=[bundle(bytes(100) + b"one")]))
    delivered = await marks(shard)
    await redis.delete(keys.outbox, keys.heads)
    await redis.restore(keys.meta, 0, empty, replace=True)
    await shard.refresh()
    await shard.commit(Commit(outbox=[bundle(bytes(100) + b"two")]))
    before = await dump(redis, keys)
    with pytest.raises(CommitRefused) as refused:
        await shard.trim(delivered)
    assert refused.value.reason == "outbox"
    assert await dump(redis, keys) == before


async def test_the_outbox_is_read_in_whole_bundles_up_to_so_many_messages(shard):
    entries = [bundle(b"%d" % number, messages) for number, messages in enumerate((3, 4, 5, 6))]
    await shard.commit(Commit(outbox=entries))
    for limit, count in ((0, 0), (1, 1), (6, 1), (7, 2), (11, 2), (12, 3), (18, 4), (1_000, 4)):
        assert await shard.outbox(limit) == (await shard.head(limit)).entries == entries[:count]


async def test_the_outbox_is_read_up_to_so_many_bytes(shard):
    entries = [bundle(bytes(size)) for size in (READ_BYTES_MAX, 10, READ_BYTES_MAX - 34, 10)]
    await shard.commit(Commit(outbox=entries))
    for count in (1, 2, 1):
        taken = await shard.head(10)
        assert len(taken.entries) == count
        await shard.trim(taken.marks)
    assert shard.outbox_length == 0


@pytest.mark.parametrize("entry", [b"", b"SCB1\1\0\0", b"SCB2\1\0\0\0", b"\xc1 not ours"])
async def test_an_entry_that_is_no_bundle_is_found_before_the_first_write(redis, keys, shard, entry):
    before = await dump(redis, keys)
    with pytest.raises(StoreError, match="an entry of the outbox is no bundle"):
        await shard.commit(Commit(counters={"applied": 1}, outbox=[THIRD, entry]))
    assert await dump(redis, keys) == before


async def test_an_outbox_that_somebody_else_wrote_to_is_left_alone(redis, keys, shard):
    await shard.commit(full_commit())
    waiting = await marks(shard)
    await redis.rpush(keys.outbox, b"not ours")
    before = await dump(redis, keys)
    for attempt in (shard.head(10), shard.trim(waiting[:1])):
        with pytest.raises(StoreError, match="another program has changed the outbox"):
            await attempt
    assert await dump(redis, keys) == before


# Redis misbehaves


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
