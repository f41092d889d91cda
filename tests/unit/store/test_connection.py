"""A client is made with bounds, for one Redis or for a cluster."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from stream.store.connection import connect


async def test_one_redis_with_every_bound():
    client = connect("redis://host:7/2", timeout_seconds=4, retries=2, connections_max=5, health_check_seconds=9)
    assert isinstance(client, Redis)
    pool = client.connection_pool
    assert pool.max_connections == 5
    kwargs = pool.connection_kwargs
    assert (kwargs["host"], kwargs["port"], kwargs["db"]) == ("host", 7, 2)
    assert (kwargs["socket_timeout"], kwargs["health_check_interval"]) == (4, 9)
    assert kwargs["decode_responses"] is False
    assert kwargs["retry"].get_retries() == 2


async def test_a_cluster_by_the_scheme():
    client = connect("redis+cluster://host:7")
    assert isinstance(client, RedisCluster)
    await client.aclose()


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
async def test_connections_of_the_url_go_before_those_of_the_settings_and_whoever_finds_them_busy_waits(scheme):
    waits = []
    client = connect(
        f"{scheme}://host:7/?max_connections=1", connections_max=5, connections_busy=lambda: waits.append(1)
    )
    async with client.turns:
        waiting = asyncio.ensure_future(client.execute_command("PING"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    assert waits == [1]
    await client.aclose()


@pytest.mark.parametrize("url", ["http://host", "host:6379", "cluster+redis://host:1"])
def test_another_scheme_is_refused(url):
    with pytest.raises(ValueError, match="scheme"):
        connect(url)
