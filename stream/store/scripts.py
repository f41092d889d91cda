"""The Lua scripts of this room, and how they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

from stream.store.append_only import make_whole
from stream.store.calls import Client, call


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

        A server forgets its scripts at a restart, a failover or ``SCRIPT FLUSH``, so this is met at any time. Whoever
        meets it first has the server's append-only file made whole: a server that has a script has been through that.

        Raises
        ------
        StoreUnavailable
            Redis cannot be reached or takes no writes now.
        """
        try:
            return await call(redis, "EVALSHA", self.sha, len(keys), *keys, *args)
        except NoScriptError:
            await make_whole(redis, keys[0])
            return await call(redis, "EVAL", self.source, len(keys), *keys, *args)


CLAIM = Script("claim")
COMMIT = Script("commit")
HEAD = Script("head")
LOAD = Script("load")
SCAN = Script("scan")
TRIM = Script("trim")
