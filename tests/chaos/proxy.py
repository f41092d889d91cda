"""A proxy on loopback that does to connections what networks do: it delays, swallows, cuts and refuses.

What it does is switched at run time. All of it runs in one event loop; `tests.chaos.network` gives it a thread of its
own.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, cast

from stream.embedded.ports import LOOPBACK

#: What is held back of one connection and direction before the sender is no longer read.
HELD_BYTES_MAX = 4 << 20
#: Between two looks whether a target that refused connections is back.
AWAY_SECONDS = 0.05
#: Closes with RST in place of FIN.
_NO_LINGER = struct.pack("ii", 1, 0)


class Tap(Protocol):
    """Sees all that passes before it is passed on, and may act on the link."""

    def request(self, link: Link, data: bytes) -> None:
        """Some bytes of a client."""

    def answer(self, link: Link, data: bytes) -> None:
        """Some bytes of the server."""


@dataclass(frozen=True)
class Pace:
    """How slowly bytes travel, each way: seconds, seconds more by chance, and bytes in a second (0: no bound)."""

    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    bytes_per_second: float = 0.0


AT_ONCE = Pace()


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


class Link:
    """One connection through the proxy.

    Attributes
    ----------
    dead
        Nothing passes any more, and neither end is told.
    deaf
        Answers do not pass.
    """

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.client = _Side(self)
        self.server = _Side(self)
        self._requests = _Pipe(proxy, self.client, self.server)
        self._answers = _Pipe(proxy, self.server, self.client)
        self.dead = self.deaf = False
        self.connecting: Awaitable[None] | None = None
        self._cut_after: int | None = None

    @property
    def client_port(self) -> int:
        """Where the client connected from."""
        assert self.client.transport is not None
        return int(self.client.transport.get_extra_info("peername")[1])

    async def connect(self) -> None:
        """Open the other half."""
        assert self.client.transport is not None
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, LOOPBACK, self.proxy.target)
        except OSError:
            self.reset()
            self.proxy.turned_away()
        else:
            if self.client.transport.is_closing():
                self.drop()
            else:
                self.client.transport.resume_reading()

    def arrived(self, side: _Side, data: bytes) -> None:
        """Some bytes from one of both."""
        self.proxy.passed += len(data)
        asked = side is self.client
        if self.proxy.tap is not None and not self.dead:
            (self.proxy.tap.request if asked else self.proxy.tap.answer)(self, data)
        if self.dead or (self.deaf and not asked):
            self.proxy.swallowed += len(data)
            return
        if asked:
            self._requests.send(data)
        elif self._cut_after is None:
            self._answers.send(data)
        else:
            self._answers.send(data[: self._cut_after])
            self._cut_after -= len(data)
            if self._cut_after <= 0:
                self.reset()

    def lost(self, side: _Side, error: Exception | None) -> None:
        """One of both has closed, or was closed."""
        if side is self.server and (self.dead or self.deaf):
            return
        if side is self.client and (self.dead or self.deaf):
            self.drop()
        elif error is not None:
            self.reset()
        else:
            self.proxy.links.discard(self)
            (self._requests if side is self.client else self._answers).finish()

    def cut(self, after: int) -> None:
        """Reset it in the midst of the next answer, after so many bytes."""
        self._cut_after = after

    def reset(self) -> None:
        """Send RST to both ends."""
        self.proxy.resets += 1
        for side in (self.client, self.server):
            if side.transport is not None and not side.transport.is_closing():
                sock = side.transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.drop()

    def drop(self) -> None:
        """Close both ends at once."""
        self.proxy.links.discard(self)
        for side in (self.client, self.server):
            if side.transport is not None:
                side.transport.abort()


class _Side(asyncio.Protocol):
    """One end of a link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.transport: asyncio.Transport | None = None
        self.feeds: _Pipe | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self is self.link.client:
            self.link.proxy.take(self.link)

    def data_received(self, data: bytes) -> None:
        self.link.arrived(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.lost(self, exc)

    def pause_writing(self) -> None:
        assert self.feeds is not None
        self.feeds.blocked(True)

    def resume_writing(self) -> None:
        assert self.feeds is not None
        self.feeds.blocked(False)


class _Pipe:
    """One direction of a link: what is held back, and until when."""

    def __init__(self, proxy: Proxy, source: _Side, sink: _Side) -> None:
        self._proxy = proxy
        self._source = source
        self._sink = sink
        sink.feeds = self
        self._held: deque[tuple[float, bytes]] = deque()
        self._held_bytes = 0
        self._last = 0.0
        self._blocked = False
        self._finishing = False

    def send(self, data: bytes) -> None:
        pace = self._proxy.pace
        if pace is AT_ONCE and not self._held:
            self._write(data)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + pace.delay_seconds + self._proxy.rng.uniform(0, pace.jitter_seconds)
        self._last = max(self._last, due)
        if pace.bytes_per_second:
            self._last += len(data) / pace.bytes_per_second
        self._held.append((self._last, data))
        self._held_bytes += len(data)
        if len(self._held) == 1:
            loop.call_at(self._last, self._release)
        self._brake()

    def finish(self) -> None:
        """Close the sink when all is written."""
        self._finishing = True
        if not self._held and self._sink.transport is not None:
            self._sink.transport.close()

    def blocked(self, so: bool) -> None:
        self._blocked = so
        self._brake()

    def _release(self) -> None:
        loop = asyncio.get_running_loop()
        while self._held and self._held[0][0] <= loop.time():
            data = self._held.popleft()[1]
            self._held_bytes -= len(data)
            self._write(data)
        if self._held:
            loop.call_at(self._held[0][0], self._release)
        elif self._finishing:
            self.finish()
        self._brake()

    def _write(self, data: bytes) -> None:
        # What was held back while the link died, or died with it, is gone too.
        if self._sink.transport is not None and not self._sink.link.dead:
            self._sink.transport.write(data)

    def _brake(self) -> None:
        transport = self._source.transport
        if transport is None or transport.is_closing():
            return
        if self._blocked or self._held_bytes > HELD_BYTES_MAX:
            transport.pause_reading()
        else:
            transport.resume_reading()
