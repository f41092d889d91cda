"""One command to Redis, whichever kind of Redis it is."""

from __future__ import annotations

from typing import Any, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError

from stream.store.errors import unavailable

Client: TypeAlias = "Redis | RedisCluster"
"""A client as `stream.store.connection.connect` makes it."""


async def call(redis: Client, *command: bytes | str | float, **options: Any) -> Any:  # noqa: ANN401 - replies are as Redis gives them, options redis-py's
    """Send one command, and turn trouble that passes into `StoreUnavailable`.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached or takes no writes now.
    """
    try:
        return await redis.execute_command(*command, **options)
    except NoScriptError:
        raise
    except Exception as error:
        passing = unavailable(error)
        if passing is None:
            raise
        raise passing from error
