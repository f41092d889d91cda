"""The outbox of a shard in a real Redis: how it is read and trimmed, and when it is left alone."""

from __future__ import annotations

import pytest

from stream.store.commit import Commit
from stream.store.errors import CommitRefused, StoreError
from stream.store.outbox import READ_BYTES_MAX
from tests.integration.store_kit import THIRD, bundle, dump, full_commit, marks


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
