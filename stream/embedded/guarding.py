"""Starts the guard that ends a process when this program is gone (see `guard`), and lets it go again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from stream.embedded import guard


class Guard:
    """Watches over a process from here on, until it is released. May be used within ``with``.

    Parameters
    ----------
    pid
        The process.
    grace_seconds
        How long it may take to stop by itself once it is told to.
    remove
        Directory that is removed with it, should this program be gone; None to leave everything where it is.

    Examples
    --------
    >>> server = subprocess.Popen(["redis-server"])  # doctest: +SKIP
    >>> with Guard(server.pid, grace_seconds=5.0):  # doctest: +SKIP
    ...     server.wait()
    """

    def __init__(self, pid: int, grace_seconds: float, remove: Path | None = None) -> None:
        self._process = subprocess.Popen(
            # Isolated and without site-packages: it starts in milliseconds and needs nothing of this project.
            [
                *(sys.executable, "-I", "-S", guard.__file__, str(pid), str(grace_seconds)),
                *([] if remove is None else [str(remove)]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal, or the end of the whole group, is what it has to outlive.
            start_new_session=True,
        )

    def release(self) -> None:
        """Watch no longer; the process and the directory are left as they are."""
        # Killed rather than let go: at the end of its pipe it would do what it is there for.
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
