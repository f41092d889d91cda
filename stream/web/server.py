"""The API on an address and port, from the event loop it is started in."""

from __future__ import annotations

import errno
import ipaddress
import logging
from types import TracebackType
from typing import Final, Protocol, Self

from aiohttp import web

from stream.metrics import Metrics
from stream.web.api import make_api
from stream.web.backend import Backend

logger = logging.getLogger(__name__)

HEADER_BYTES_MAX: Final = 8_190
"""Longest request line, and longest header."""
IDLE_SECONDS_MAX: Final = 30.0
"""A connection that is kept and not used is closed after this."""
STOP_SECONDS_MAX: Final = 3.0
"""What requests under way are given at a stop."""


class WebSettings(Protocol):
    """What of the settings concerns the API."""

    @property
    def web_host(self) -> str: ...  # noqa: D102
    @property
    def web_port(self) -> int: ...  # noqa: D102
    @property
    def api_tokens(self) -> str: ...  # noqa: D102


class AddressTaken(RuntimeError):
    """The API cannot listen where it should; the message names the setting to change."""


class WebServer:
    """Serves the API between `start` and `stop`, or within ``async with``.

    Parameters
    ----------
    settings
        Address, port and tokens.
    backend
        Gives the answers.
    metrics
        What `/metrics` shows.

    Examples
    --------
    ::

        async with WebServer(settings, backend, metrics) as server:
            print(server.url)
    """

    def __init__(self, settings: WebSettings, backend: Backend, metrics: Metrics) -> None:
        self._host = settings.web_host
        self._port = settings.web_port
        tokens = [token.strip() for token in settings.api_tokens.split(",") if token.strip()]
        self._open = not tokens
        self._api = make_api(backend, metrics, tokens)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Address to reach it at. With port 0 the port is known once it was started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self) -> None:
        """Listen.

        Raises
        ------
        AddressTaken
            The port is another's, or the address is not of this machine.
        """
        # No access log: a path holds a customer's id.
        runner = web.AppRunner(
            self._api,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=IDLE_SECONDS_MAX,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            shutdown_timeout=STOP_SECONDS_MAX,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            refused = _refused(self._host, self._port, error)
            logger.error("%s", refused)  # noqa: TRY400 - the sentence says it all
            raise refused from error
        self._runner = runner
        self._port = int(runner.addresses[0][1])
        logger.info("the API listens on %s", self.url)
        if self._open and not _is_loopback(self._host):
            logger.warning(
                "customers can be read by whoever reaches %s: set STREAM_API_TOKENS, or STREAM_WEB_HOST to 127.0.0.1",
                self.url,
            )

    async def stop(self) -> None:
        """Stop listening and let requests under way end. Does nothing where it does not run."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _refused(host: str, port: int, error: OSError) -> AddressTaken:
    if error.errno == errno.EADDRINUSE:
        return AddressTaken(
            f"The API cannot listen on {host}:{port}, because another program does (another worker?). Set "
            "STREAM_WEB_PORT to a free port, or to 0 to take any."
        )
    return AddressTaken(
        f"The API cannot listen on {host}:{port}: {error.strerror}. Check STREAM_WEB_HOST and STREAM_WEB_PORT."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
