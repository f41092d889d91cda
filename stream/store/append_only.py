"""Redis' append-only file, made whole after a restart before anything is added to it.

A script's writes stand in the file between ``MULTI`` and ``EXEC``. Where the file was cut in the middle of them, Redis
(seen with 6.2; repaired in Valkey by its pull request 4342) takes off no more than the last broken command: what came
before it stays, open. It has no effect now, but the ``EXEC`` of the next script closes it, and at the start after that
the lost half is there again, beside what was worked out in its place: sums count twice. A file that was rewritten has
no such rest.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ResponseError

from stream.store.calls import Client, call
from stream.store.errors import StoreUnavailable

WAIT_SECONDS_MAX: Final = 2.0
"""How long one call waits for the file to be rewritten; who calls tries again, visibly."""

LOOK_SECONDS: Final = 0.02

_NEVER: Final = -1


async def make_whole(redis: Client, key: str) -> None:
    """See that a server has rewritten its append-only file since it was started.

    Parameters
    ----------
    redis
        A client.
    key
        A key; in a cluster, it is the server that has it.

    Raises
    ------
    StoreUnavailable
        It is being rewritten still, or cannot be; or Redis cannot be reached.
    """
    where = {"target_nodes": redis.get_node_from_key(key)} if isinstance(redis, RedisCluster) else {}
    asked = False
    for _ in range(int(WAIT_SECONDS_MAX / LOOK_SECONDS)):
        found: dict[str, Any] = await call(redis, "INFO", "persistence", **where)
        under_way = found["aof_rewrite_in_progress"] or found["aof_rewrite_scheduled"]
        rewritten = found["aof_last_rewrite_time_sec"] != _NEVER and found["aof_last_bgrewrite_status"] == "ok"
        if not found["aof_enabled"] or (rewritten and not under_way):
            return
        if not under_way:
            if asked:
                break
            asked = True
            await _rewrite(redis, where)
        await asyncio.sleep(LOOK_SECONDS)
    raise StoreUnavailable(
        "Redis was started anew, and its append-only file is not rewritten yet (BGREWRITEAOF, see INFO persistence: "
        "aof_last_bgrewrite_status); nothing is written before that, because a commit that was cut off could come back "
        "with the next one"
    )


async def _rewrite(redis: Client, where: dict[str, Any]) -> None:
    try:
        await call(redis, "BGREWRITEAOF", **where)
    except ResponseError as error:
        # Another worker was faster.
        if "in progress" not in str(error):
            raise
