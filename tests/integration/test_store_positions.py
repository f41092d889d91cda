"""What a shard remembers of the topics its positions belong to, and positions that a person sets."""

from __future__ import annotations

import pytest

from stream.store.commit import Commit
from stream.store.errors import CommitRefused, StoreTorn
from stream.store.positions import accept_position, read_positions
from stream.store.shard_store import ShardStore, new_owner


def moved(topic, at, to):
    return Commit(positions=[(topic, at, to)])


async def accept(redis, keys, **changes):
    given = {"stored": 10, "position": 40, "topic_id": "new", "missing": 30, **changes}
    await accept_position(redis, keys, "orders", **given)


async def test_the_first_id_of_a_topic_stays(redis, keys):
    store = ShardStore(redis, keys, new_owner())
    assert (await store.claim(1)).topics == {}
    assert (await store.claim(2, topics={"orders": "a"})).topics == {"orders": "a"}
    claim = await store.claim(3, topics={"orders": "b", "profiles": "c"})
    assert claim.topics == {"orders": "a", "profiles": "c"}
    assert claim.meta == {}
    assert (await store.refresh()).topics == claim.topics


async def test_a_position_is_set_the_loss_counted_and_the_shard_taken_away(redis, keys):
    store = ShardStore(redis, keys, new_owner())
    await store.claim(5, topics={"orders": "old", "profiles": "p"})
    await store.commit(moved("orders", -1, 10))
    await accept(redis, keys)
    meta = await read_positions(redis, keys)
    assert (meta.positions, meta.topics, meta.generation) == ({"orders": 40}, {"orders": "new", "profiles": "p"}, 5)
    assert (await store.counters())["missing"] == 30
    with pytest.raises(CommitRefused) as refused:
        await store.commit(moved("orders", 10, 11))
    assert refused.value.reason == "owner"
    successor = ShardStore(redis, keys, new_owner())
    claim = await successor.claim(5, topics={"orders": "new", "profiles": "p"})
    assert claim.positions == {"orders": 40}
    await successor.commit(moved("orders", 40, 41))


async def test_a_position_that_moved_meanwhile_is_left_alone(redis, keys):
    store = ShardStore(redis, keys, new_owner())
    await store.claim(1, topics={"orders": "old"})
    await store.commit(moved("orders", -1, 11))
    with pytest.raises(CommitRefused, match="the stored position of orders is 11"):
        await accept(redis, keys)
    assert (await read_positions(redis, keys)).topics == {"orders": "old"}
    assert await store.counters() == {}
    await store.commit(moved("orders", 11, 12))


async def test_without_ids_and_without_a_loss_nothing_is_noted_of_them(redis, keys):
    store = ShardStore(redis, keys, new_owner())
    await store.claim(1)
    await store.commit(moved("orders", -1, 10))
    await accept(redis, keys, topic_id="", missing=0, position=0)
    meta = await read_positions(redis, keys)
    assert (meta.positions, meta.topics) == ({"orders": 0}, {})
    assert await store.counters() == {}


async def test_a_shard_that_is_half_written_is_left_alone(redis, keys):
    store = ShardStore(redis, keys, new_owner())
    await store.claim(1)
    await store.commit(moved("orders", -1, 10))
    await redis.hset(keys.meta, "begun", "7")
    with pytest.raises(StoreTorn):
        await accept(redis, keys)
    assert (await read_positions(redis, keys)).positions == {"orders": 10}
