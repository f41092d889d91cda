"""Ends a server when the program that started it is gone, however it went.

Run as a script of its own: ``python guard.py PID GRACE_SECONDS [DIRECTORY]``. Its standard input is a pipe
that only the starting program holds open, so the end of the pipe is the end of that program, `kill -9`
included. The kernel's own signal for this is sent when the *thread* that started the server ends: too early.

The server is held by a handle where the system has such (Linux), so that a number given to another process in
the meantime is never hit. Between the start of a server and that of its guard lie milliseconds in which a `kill -9`
would leave the server behind. The directory, where one is named, was made for this run alone and is removed.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from contextlib import suppress

PROBE_SECONDS = 0.05


def _end_by_handle(handle: int, grace_seconds: float) -> None:
    """Ask the server to stop, and make it stop when it has not within the grace."""
    signal.pidfd_send_signal(handle, signal.SIGTERM)
    stopped, _, _ = select.select([handle], [], [], grace_seconds)
    if not stopped:
        signal.pidfd_send_signal(handle, signal.SIGKILL)


def _end_by_number(pid: int, grace_seconds: float) -> None:
    """Do the same where processes have numbers only."""
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline:
        os.kill(pid, 0)
        time.sleep(PROBE_SECONDS)
    os.kill(pid, signal.SIGKILL)


def main(pid: int, grace_seconds: float, directory: str | None) -> None:
    """Wait for the end of standard input, then end the server.

    Parameters
    ----------
    pid
        The server.
    grace_seconds
        How long it may take to stop by itself.
    directory
        Removed afterwards; None to leave everything where it is.
    """
    handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    sys.stdin.buffer.read()
    with suppress(ProcessLookupError):
        if handle is None:
            _end_by_number(pid, grace_seconds)
        else:
            _end_by_handle(handle, grace_seconds)
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)  # noqa: PLR2004
