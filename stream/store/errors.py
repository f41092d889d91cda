"""What can go wrong between the engine and Redis, sorted by what the engine does about it."""

from __future__ import annotations

import re
from typing import Literal

from redis import exceptions as redis_errors

Refusal = Literal["owner", "position", "sequence", "outbox"]

# Replies that pass by themselves or once an operator acts; a write that met one of them was not made. On Redis 6 an
# error inside a script is wrapped in a sentence, so they are looked for anywhere in the message.
_PASSING = re.compile(
    r"\b(OOM|MISCONF|READONLY|LOADING|BUSY|NOREPLICAS|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|NOAUTH|NOPERM|WRONGPASS)\b"
    r"|non local key"
    r"|max number of clients reached"
)


class StoreError(Exception):
    """Base of everything this room raises."""


class CommitRefused(StoreError):
    """Nothing was written, because Redis does not hold what the writer started from.

    The engine drops what it has in memory of the shard. ``owner``: the shard belongs to another worker now.
    ``position`` and ``sequence``: read the shard again (`ShardStore.refresh`) and seek to what is stored.
    ``outbox``: read the outbox again.

    Parameters
    ----------
    reason
        Which check failed.
    message
        What was expected and what was found.
    generation
        For ``owner``: the group generation that claimed the shard, -1 if nobody did.
    """

    def __init__(self, reason: Refusal, message: str, generation: int | None = None) -> None:
        super().__init__(message)
        self.reason: Refusal = reason
        self.generation = generation


class ClaimRefused(StoreError):
    """The shard was claimed by a newer generation of the consumer group.

    Either this worker missed a rebalance, and it must not touch the shard, or the group was deleted and counts
    its generations from 1 again. Only the broker knows which: if it says that mine is current, claim again with
    ``replacing=stored``.
    """

    def __init__(self, shard: int, mine: int, stored: int) -> None:
        super().__init__(
            f"shard {shard} was claimed by group generation {stored}, and this worker has generation {mine}: "
            "not taken over"
        )
        self.shard = shard
        self.mine = mine
        self.stored = stored


class StoreTorn(StoreError):
    """A commit stopped half way, which Redis does not undo. The shard is not written any more.

    It cannot be repaired in place: restore Redis from a backup, or delete the keys of the shard and replay from
    the start of the log.
    """

    def __init__(self, shard: int, begun: str, landed: str) -> None:
        super().__init__(
            f"shard {shard} is half written: commit {begun} began and the last one that landed is {landed}. Look "
            "in the log of Redis for the disk error, then restore its data from a backup, or delete the shard's "
            "keys and start the worker: it replays from the start of the log"
        )
        self.shard = shard
        self.begun = begun
        self.landed = landed


class StoreUnavailable(StoreError):
    """Redis cannot be reached or takes no writes at the moment. The engine pauses the shard and tries again.

    Whether the last write was made is unknown when the connection broke; giving the same `Commit` again is
    safe.
    """


def unavailable(error: Exception) -> StoreUnavailable | None:
    """Sort an exception of redis-py: trouble that passes, or something that is a bug of ours (``None``).

    Parameters
    ----------
    error
        What the call raised.

    Examples
    --------
    >>> print(unavailable(redis_errors.OutOfMemoryError("command not allowed", status_code="OOM")))
    Redis takes no command now (OutOfMemoryError: command not allowed); the shard is paused, and tried again ...
    >>> unavailable(redis_errors.ResponseError("WRONGTYPE Operation against a key")) is None
    True
    """
    if isinstance(error, (redis_errors.AuthenticationError, redis_errors.NoPermissionError)):
        what = "Redis refused the credentials"
    elif isinstance(error, redis_errors.MaxConnectionsError):
        what = "no connection to Redis is free"
    elif isinstance(error, (redis_errors.ConnectionError, redis_errors.TimeoutError, OSError)):
        what = "Redis cannot be reached"
    elif isinstance(error, (redis_errors.ClusterError, redis_errors.RedisClusterException)):
        what = "Redis Cluster does not serve this slot now"
    elif isinstance(error, redis_errors.ResponseError):
        code = getattr(error, "status_code", None) or ""
        if not _PASSING.search(f"{code} {error}"):
            return None
        what = "Redis takes no command now"
    elif isinstance(error, (AttributeError, TypeError)) and _raised_inside_redis(error):
        # redis-py #4287: a connection that was reset while idle has lost its reader or writer.
        what = "the connection to Redis was reset while idle"
    else:
        return None
    return StoreUnavailable(
        f"{what} ({type(error).__name__}: {error}); the shard is paused, and tried again until it works"
    )


def _raised_inside_redis(error: BaseException) -> bool:
    frame = error.__traceback__
    if frame is None:
        return False
    while frame.tb_next is not None:
        frame = frame.tb_next
    return str(frame.tb_frame.f_globals.get("__name__", "")).split(".", 1)[0] == "redis"
