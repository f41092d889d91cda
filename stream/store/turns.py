"""Turns at a bounded number of connections, and clients of Redis that keep to them.

The pools of redis-py give no connection, and an error, to a command that finds all of them busy. A worker with many
shards asks for more than there are whenever the shards do the same thing at once, above all when it starts. Its
blocking pool lets a newcomer overtake whoever waits, and a cluster has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import MaxConnectionsError


class Turns:
    """So many at a time, first come, first served: ``async with turns`` around what takes a connection.

    Parameters
    ----------
    connections_max
        How many have a turn at once.
    seconds_max
        Longest wait for a turn.
    reached
        Called for each one that has to wait.

    Examples
    --------
    >>> async def ask():
    ...     async with Turns(1, 10.0, print):
    ...         return "asked"
    >>> asyncio.run(ask())
    'asked'
    """

    def __init__(self, connections_max: int, seconds_max: float, reached: Callable[[], object]) -> None:
        self._connections_max = connections_max
        self._seconds_max = seconds_max
        self._reached = reached
        self._free = asyncio.Semaphore(connections_max)

    async def __aenter__(self) -> None:
        """Wait for a turn.

        Raises
        ------
        redis.exceptions.MaxConnectionsError
            None came within ``seconds_max``.
        """
        if not self._free.locked():
            await self._free.acquire()
            return
        self._reached()
        try:
            async with asyncio.timeout(self._seconds_max):
                await self._free.acquire()
        except TimeoutError:
            raise MaxConnectionsError(
                f"all {self._connections_max} connections were busy for {self._seconds_max:g} s. Either Redis answers "
                "slowly or not at all, or STREAM_REDIS_CONNECTIONS_MAX (max_connections, if STREAM_REDIS_URL has it) "
                "is too small for the shards of one worker"
            ) from None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the next one go on."""
        self._free.release()


class RedisInTurn(Redis):
    """A client of one Redis whose commands wait for a connection."""

    turns: Turns

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as redis-py has it
        """Send one command in its turn, and give the reply."""
        async with self.turns:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call] # it has no annotations


class RedisClusterInTurn(RedisCluster):
    """A client of a Redis Cluster whose commands wait for a connection."""

    turns: Turns

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as redis-py has it
        """Send one command in its turn, to the node that has its keys, and give the reply."""
        async with self.turns:
            return await super().execute_command(*args, **kwargs)
