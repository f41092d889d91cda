"""Ports on loopback: which are free, and does anybody answer."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on at this moment, all different.

    They are free when this returns, not for ever: whoever binds one must be ready to ask again.

    Parameters
    ----------
    count
        How many are wanted.

    Examples
    --------
    >>> len(set(free_ports(3)))
    3
    """
    held = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    try:
        return [int(server.getsockname()[1]) for server in held]
    finally:
        for server in held:
            server.close()


def require_free(port: int) -> None:
    """Make sure that nobody listens on `port` of loopback at this moment.

    Raises
    ------
    OSError
        Somebody does, or this user may not.
    """
    socket.create_server((LOOPBACK, port)).close()


def exchange(port: int, request: bytes, *, timeout_seconds: float, bytes_max: int = 4096) -> bytes:
    """What a server on loopback says first to `request`; empty where it closes without a word.

    Parameters
    ----------
    port
        Port on loopback.
    request
        Sent whole.
    timeout_seconds
        For connecting, and again for the answer.
    bytes_max
        At most so much of the answer is read.

    Raises
    ------
    OSError
        Nobody listens, or no answer came in time.
    """
    with socket.create_connection((LOOPBACK, port), timeout_seconds) as connection:
        connection.sendall(request)
        return connection.recv(bytes_max)
