"""One connection through a proxy: two ends, and what is held back between them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from stream.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from tests.chaos.proxy import Proxy

#: What is held back of one connection and direction before the sender is no longer read.
HELD_BYTES_MAX = 4 << 20
#: Closes with RST in place of FIN.
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Pace:
    """How slowly bytes travel, each way: seconds, seconds more by chance, and bytes in a second (0: no bound)."""

    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    bytes_per_second: float = 0.0


AT_ONCE = Pace()


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
