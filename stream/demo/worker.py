"""The demo's worker: a process of its own, started again once should it die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from stream.embedded.guarding import Guard

LOG_LINES_QUOTED: Final = 15
STOP_SECONDS_MAX: Final = 15.0
STARTS_MAX: Final = 2


class WorkerFailed(RuntimeError):
    """The worker died twice; the message quotes the end of its log."""


class WorkerProcess:
    """``scorer worker`` with settings of its own. Use it within ``with``.

    Parameters
    ----------
    settings
        Environment variables; no other setting of this program's environment reaches the worker.
    directory
        Where it runs and logs, so that no ``.env`` file of the present folder is read.

    Attributes
    ----------
    starts
        How often it was started.
    """

    def __init__(self, settings: dict[str, str], directory: Path) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_")}
        self._environment = inherited | settings | {"PYTHONUNBUFFERED": "1"}
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        self.starts = 0

    @property
    def log_file(self) -> Path:
        """What the worker wrote, of all its starts."""
        return self._directory / "worker.log"

    @property
    def pid(self) -> int:
        """Process id of the running worker."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and beside it the guard that ends it when this program is gone."""
        self.starts += 1
        with self.log_file.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for the demo, which stops it in its turn.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stream.cli", "worker"],
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard = Guard(self.pid, STOP_SECONDS_MAX)

    def revive(self) -> str | None:
        """Start it again if it has died.

        Returns
        -------
        str or None
            How it ended; None where it runs.

        Raises
        ------
        WorkerFailed
            It died for the second time.
        """
        if self._process is None or self._process.poll() is None:
            return None
        code = self._process.returncode
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if self.starts >= STARTS_MAX:
            raise WorkerFailed(f"The worker {ended} again. Its log, {self.log_file}, ends with:\n{self._log_end()}")
        self._release_guard()
        self.start()
        return ended

    def stop(self) -> None:
        """Stop it in an orderly way. Does nothing where it does not run."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._release_guard()

    def quoted(self) -> str:
        """The end of its log, for a message."""
        return f"The end of its log, {self.log_file}:\n{self._log_end()}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _release_guard(self) -> None:
        if self._guard is not None:
            self._guard.release()
            self._guard = None

    def _log_end(self) -> str:
        with self.log_file.open("rb") as log:
            lines = deque(log, LOG_LINES_QUOTED)
        return "\n".join(f"  | {line.decode(errors='replace').rstrip()}" for line in lines) or "  | (it wrote nothing)"
