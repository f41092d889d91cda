"""A proxy on loopback that does to connections what networks do: it delays, swallows, cuts and refuses.

What it does is switched at run time. All of it runs in one event loop; `tests.chaos.network` gives it a thread of its
own.
"""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import suppress
from typing import Protocol

from stream.embedded.ports import LOOPBACK
from tests.chaos.link import AT_ONCE, Link, Pace

#: Between two looks whether a target that refused connections is back.
AWAY_SECONDS = 0.05


class Tap(Protocol):
    """Sees all that passes before it is passed on, and may act on the link."""

    def request(self, link: Link, data: bytes) -> None:
        """Some bytes of a client."""

    def answer(self, link: Link, data: bytes) -> None:
        """Some bytes of the server."""


class Proxy:
    """Passes connections on to a port of loopback, until told otherwise.

    While the target itself refuses connections, so does the proxy: clients meet what they would meet without it.

    Parameters
    ----------
    target
        Port of the server.
    tap
        Looks at all that passes.
    seed
        Of the jitter.

    Attributes
    ----------
    port
        Where it listens; nobody else can take it, also while connections are refused.
    accepted, passed, swallowed, resets
        Connections taken, bytes that arrived, bytes that were swallowed, connections reset.

    Examples
    --------
    ::

        proxy = Proxy(redis.port)
        await proxy.heal()  # listens
        proxy.hole()
    """

    def __init__(self, target: int, *, tap: Tap | None = None, seed: object = 0) -> None:
        self.target = target
        self.tap = tap
        self.rng = random.Random(f"proxy {seed}")
        self.accepted = self.passed = self.swallowed = self.resets = 0
        self.pace = AT_ONCE
        self.links: set[Link] = set()
        self._held: socket.socket | None = bound(0)
        self.port: int = self._held.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._swallows = False
        self._refuses = True
        self._away: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """For clients, ``host:port``."""
        return f"{LOOPBACK}:{self.port}"

    # -- what it does to connections --------------------------------------------------------------------------------

    async def heal(self) -> None:
        """Take connections and pass everything on. What fell into a hole stays there."""
        self.pace = AT_ONCE
        self._swallows = self._refuses = False
        for link in self.links:
            link.dead = link.dead or link.deaf
        await self._listen()

    def slow(self, pace: Pace) -> None:
        """Let everything travel slowly, in order."""
        self.pace = pace

    def hole(self) -> None:
        """Let every connection that is there, or comes, be a black hole for good.

        So it is where something on the way has forgotten it: both ends believe in it until their own patience ends.
        """
        self._swallows = True
        for link in self.links:
            link.dead = True

    def deafen(self) -> None:
        """The same, but requests still arrive: only the answers are lost, of connections that are there."""
        for link in self.links:
            link.deaf = True

    def reset(self) -> None:
        """Reset every connection, now."""
        for link in list(self.links):
            link.reset()

    def cut(self, after: int) -> None:
        """Reset every connection in the midst of its next answer, after so many bytes of it."""
        for link in self.links:
            link.cut(after)

    def refuse(self) -> None:
        """Take no connections; those that are there go on."""
        self._refuses = True
        self._close_door()

    def close(self) -> None:
        """Refuse, and drop all."""
        self.refuse()
        if self._away is not None:
            self._away.cancel()
        if self._held is not None:
            self._held.close()
        for link in list(self.links):
            link.drop()

    # -- the door ---------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        if self._held is None or self._refuses or self._away is not None:
            return
        held, self._held = self._held, None
        self._server = await asyncio.get_running_loop().create_server(lambda: Link(self).client, sock=held)

    def _close_door(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            self._held = bound(self.port)

    def turned_away(self) -> None:
        """The target refused a connection: refuse all until it is back."""
        if self._away is None:
            self._close_door()
            self._away = asyncio.create_task(self._until_back())

    async def _until_back(self) -> None:
        while True:
            await asyncio.sleep(AWAY_SECONDS)
            with suppress(OSError):
                _, writer = await asyncio.open_connection(LOOPBACK, self.target)
                writer.close()
                break
        self._away = None
        await self._listen()

    def take(self, link: Link) -> None:
        """A new connection."""
        self.accepted += 1
        self.links.add(link)
        link.dead = self._swallows
        if not link.dead:
            assert link.client.transport is not None
            link.client.transport.pause_reading()
            link.connecting = asyncio.create_task(link.connect())


def bound(port: int) -> socket.socket:
    """A socket that has a port of loopback (0: a free one), and does not listen: connections are refused.

    The system gives the port to no connection meanwhile, and a server that is meant to have it can still listen there.
    """
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((LOOPBACK, port))
    return held
