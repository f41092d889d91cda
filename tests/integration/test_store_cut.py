"""The end of the append-only file is lost in mid-commit: Redis comes back with whole commits."""

from __future__ import annotations

import os

import pytest

from stream.embedded import EmbeddedRedis
from stream.store.connection import connect
from stream.store.keys import Keys
from stream.store.shard_store import ShardStore, new_owner
from tests.integration.store_kit import full_commit

pytestmark = pytest.mark.integration

KEYS = Keys("cut", 3)
CUTS = 8


@pytest.fixture
def server(tmp_path):
    with EmbeddedRedis(tmp_path, appendfsync="always") as server:
        yield server


async def kept(redis, owner):
    """Everything of the shard, by key."""
    await ShardStore(redis, KEYS, owner).refresh()  # says so if it is half written
    return {key: await redis.dump(key) async for key in redis.scan_iter()}


def written_file(server):
    """What is appended to. From Redis 7 on there are several files, of which the last is written."""
    return max((server.directory / "data").rglob("*.aof"), key=lambda path: path.stat().st_mtime_ns)


async def test_a_cut_anywhere_in_a_commit_loses_it_whole(server):
    owner = new_owner()
    redis = connect(server.url)
    store = ShardStore(redis, KEYS, owner)
    await store.claim(1)
    await store.commit(full_commit())
    before = await kept(redis, owner)
    file = written_file(server)
    begin = file.stat().st_size
    await store.commit(full_commit(10, 20))
    end = file.stat().st_size
    assert await kept(redis, owner) != before
    await redis.aclose()

    cuts = [end - 1, *range(begin, end, (end - begin) // CUTS)]
    server.kill()
    whole = file.read_bytes()
    for at in cuts:
        server.kill()
        file.write_bytes(whole[:at])
        server.start()
        redis = connect(server.url)
        assert await kept(redis, owner) == before, f"cut at {at} of {begin} to {end}"
        await redis.aclose()


async def test_a_commit_that_was_cut_does_not_come_back_at_a_later_start(server):
    """Redis may leave the beginning of it in its file, for the next commit to close; `make chaos`, seed 17."""
    owner = new_owner()
    redis = connect(server.url)
    store = ShardStore(redis, KEYS, owner)
    await store.claim(1)
    await store.commit(full_commit())
    begin = written_file(server).stat().st_size
    await store.commit(full_commit(10, 20))
    await redis.aclose()
    server.kill()
    file = written_file(server)
    os.truncate(file, (begin + file.stat().st_size) // 2)
    server.start()
    redis = connect(server.url)
    store = ShardStore(redis, KEYS, owner)
    await store.refresh()
    await store.commit(full_commit(10, 20))
    before = await kept(redis, owner)
    await redis.aclose()
    server.kill()
    server.start()
    redis = connect(server.url)
    assert await kept(redis, owner) == before
    await redis.aclose()
