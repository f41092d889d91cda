"""How a client of Redis is made: bounded waits, bounded retries, bytes in and bytes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from stream.store.calls import Client
from stream.store.turns import RedisClusterInTurn, RedisInTurn, Turns

CLUSTER_SCHEMES = {"redis+cluster": "redis", "rediss+cluster": "rediss"}
"""URL schemes that ask for a Redis Cluster, and what its nodes are reached by."""

# Turns bound what is in use. On top of that a node has the connections that are being closed after a change of the
# cluster, and gives an error to whoever comes meanwhile if they count (redis-py #3929).
_NODE_CONNECTIONS_MAX = 2**31 - 1


def connect(
    url: str,
    *,
    timeout_seconds: float = 10.0,
    connect_timeout_seconds: float = 3.0,
    retries: int = 3,
    retry_base_seconds: float = 0.05,
    retry_cap_seconds: float = 1.0,
    health_check_seconds: float = 15.0,
    connections_max: int = 64,
    connections_busy: Callable[[], object] = lambda: None,
) -> Client:
    """Make a client. Nothing is sent before its first command.

    Parameters
    ----------
    url
        ``redis://host:port/db``, ``rediss://`` for TLS, ``unix://path``; ``redis+cluster://host:port`` or
        ``rediss+cluster://`` for a Redis Cluster.
    timeout_seconds
        Longest wait for one reply; a commit of the largest batch must fit.
    connect_timeout_seconds
        Longest wait for a connection.
    retries
        How often a command is sent again after a broken connection or a timeout, before `StoreUnavailable`. A
        commit that is sent twice is recognised and made once.
    retry_base_seconds, retry_cap_seconds
        First and longest pause between two of them; it doubles.
    health_check_seconds
        A connection idle for longer is asked with PING before it is used.
    connections_max
        Bound on commands under way, and so on connections (of a cluster: to each node). One more waits until one of
        them is answered, for at most ``timeout_seconds``, before `StoreUnavailable`; first come, first served. A
        ``max_connections`` in the URL goes before it, as redis-py has it.
    connections_busy
        Called for each command that has to wait for a connection.

    Returns
    -------
    Client
        Replies are bytes. Close it with ``await client.aclose()``.

    Raises
    ------
    ValueError
        The URL has another scheme.

    Examples
    --------
    >>> connect("redis://127.0.0.1:6379/0").connection_pool.connection_kwargs["port"]
    6379
    """
    scheme, separator, rest = url.partition("://")
    is_cluster = scheme in CLUSTER_SCHEMES
    nodes_url = f"{CLUSTER_SCHEMES.get(scheme, scheme)}{separator}{rest}"
    connections_max = cast("int", parse_url(nodes_url).get("max_connections", connections_max))
    # Both give what the class makes, which redis-py's annotations do not say.
    make: Callable[..., Any] = RedisClusterInTurn.from_url if is_cluster else RedisInTurn.from_url
    client = make(
        nodes_url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=connect_timeout_seconds,
        retry=Retry(ExponentialBackoff(cap=retry_cap_seconds, base=retry_base_seconds), retries),
        health_check_interval=health_check_seconds,
        max_connections=_NODE_CONNECTIONS_MAX if is_cluster else connections_max,
        decode_responses=False,
        # Nothing of protocol 3 is used, and without it a connection begins with one exchange less.
        protocol=2,
    )
    client.turns = Turns(connections_max, timeout_seconds, connections_busy)
    return cast("Client", client)
