"""Who owns a shard in a real Redis: a new claim, and what is refused to those who claimed before."""

from __future__ import annotations

import pytest

from stream.state.packed import pack_records
from stream.store.commit import Commit
from stream.store.errors import ClaimRefused, CommitRefused, StoreError
from stream.store.shard_store import ShardStore, new_owner
from tests.integration.store_kit import dump, full_commit, marks


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
