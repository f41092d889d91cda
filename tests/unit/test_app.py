"""What the settings of a worker reach."""

import asyncio

from stream.app import create_app
from stream.settings import Settings


async def test_the_bound_on_connections_is_the_setting_and_reaching_it_is_counted():
    engine = create_app(Settings(_env_file=None, redis_connections_max=1)).shard_host
    redis = engine._redis
    assert redis.connection_pool.max_connections == 1
    async with redis.turns:
        waiting = asyncio.ensure_future(redis.ping())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    assert b'scorer_limits_reached_total{limit="redis_connections_max"} 1.0' in engine.metrics.text()
    await redis.aclose()
