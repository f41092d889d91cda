"""A shard in a real Redis: what lands, what is refused, and that a refusal leaves no trace."""

from __future__ import annotations

import asyncio
import time

import pytest
from redis import Redis as BlockingRedis

from stream.state.packed import pack_records, pack_timers
from stream.store.commit import Commit
from stream.store.errors import CommitRefused
from stream.store.shard_reads import BEGINNING, HEADS_MAX, LOAD_CUSTOMERS_MAX
from stream.store.shard_store import NO_COMMIT
from tests.integration.store_kit import ALL, FIRST, SECOND, THIRD, bundle, dump, full_commit


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


# Outbox


# Redis misbehaves
