"""The Lua scripts of this room, and how they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError

from stream.store.errors import unavailable

Client: TypeAlias = "Redis | RedisCluster"
"""A client as `stream.store.connection.connect` makes it."""


async def call(redis: Client, *command: bytes | str | float) -> Any:  # noqa: ANN401 - replies are as Redis gives them
    """Send one command, and turn trouble that passes into `StoreUnavailable`.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached or takes no writes now.
    """
    try:
        return await redis.execute_command(*command)
    except NoScriptError:
        raise
    except Exception as error:
        passing = unavailable(error)
        if passing is None:
            raise
        raise passing from error


class Script:
    """One Lua script that ships beside this module.

    Parameters
    ----------
    name
        File name without ``.lua``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.source = files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")
        # Redis names a script by the SHA-1 of its text.
        self.sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, redis: Client, keys: Sequence[str], args: Sequence[bytes | str]) -> Any:  # noqa: ANN401
        """Run the script, sending its text only when the server does not have it.

        A server forgets its scripts at a restart, a failover or ``SCRIPT FLUSH``, so this is met at any time.

        Raises
        ------
        StoreUnavailable
            Redis cannot be reached or takes no writes now.
        """
        try:
            return await call(redis, "EVALSHA", self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await call(redis, "EVAL", self.source, len(keys), *keys, *args)


CLAIM = Script("claim")
COMMIT = Script("commit")
HEAD = Script("head")
LOAD = Script("load")
SCAN = Script("scan")
TRIM = Script("trim")
