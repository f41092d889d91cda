"""A server run as a child of this program: started, answering, stopped, killed, started again.

What Kafka and Redis have in common here. Each lives in one directory (settings, data and log together),
listens on one port of loopback that it keeps for as long as the object lives, and dies with this program (see
`guard`).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from stream.embedded.errors import EmbeddedFailed
from stream.embedded.guarding import Guard
from stream.embedded.ports import free_ports, require_free

PROBE_SECONDS = 0.02
PORT_TRIES_MAX = 3
LOG_LINES_QUOTED = 15
ADVICE = "Is a setting wrong, the disk full, or the directory another's? Change what the log names, start again."


class Server(ABC):
    """One server process and its directory.

    Parameters
    ----------
    directory
        Where its data and its log live, made when missing, kept afterwards. None makes a temporary one, which
        is removed by `close` (and when this program is killed).
    port
        Port on loopback. None takes a free one, the same at every start.
    start_seconds_max
        How long it may take until it answers.
    stop_seconds_max
        How long it may take to stop in an orderly way; then it is killed.
    """

    name: ClassVar[str]
    failure: ClassVar[type[EmbeddedFailed]]
    port_taken: ClassVar[str]
    """What the log says when the port was taken by somebody else."""

    def __init__(
        self,
        directory: Path | str | None,
        *,
        port: int | None,
        start_seconds_max: float,
        stop_seconds_max: float,
    ) -> None:
        self._directory = None if directory is None else Path(directory).absolute()
        self._temporary = directory is None
        self._port = port
        self._start_seconds_max = start_seconds_max
        self._stop_seconds_max = stop_seconds_max
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        self._log_from = 0

    @abstractmethod
    def _prepare(self) -> None:
        """Write what the server needs in its directory before it can start on its port."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Program and arguments; runs in the foreground and logs to standard output."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it serves requests by now. May raise OSError for no."""

    @property
    def directory(self) -> Path:
        """Where data and log live; known from the first start on."""
        if self._directory is None:
            msg = f"{self.name} has no directory before it was started: call start() first."
            raise self.failure(msg)
        return self._directory

    @property
    def port(self) -> int:
        """Port on loopback; known from the first start on."""
        if self._port is None:
            msg = f"{self.name} has no port before it was started: call start() first, or give it one."
            raise self.failure(msg)
        return self._port

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._process is None:
            msg = f"{self.name} is not running, so it has no process id: call start() first."
            raise self.failure(msg)
        return self._process.pid

    @property
    def log_file(self) -> Path:
        """What the server wrote, of all its starts."""
        return self.directory / f"{self.name.lower()}.log"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start the server and wait until it answers. Does nothing where it runs.

        Raises
        ------
        EmbeddedFailed
            It did not start: the message quotes the end of its log.
        """
        if self.running:
            return self
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix=f"scorer-{self.name.lower()}-"))
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._port is not None:
            self._start_on(self._port)
            return self
        for port in free_ports(PORT_TRIES_MAX):
            try:
                self._start_on(port)
            except self.failure:
                # Between finding a port and binding it, somebody else may have come first.
                if not any(self.port_taken in line for line in self._log_end()):
                    raise
            else:
                return self
        raise self.failure(
            f"{self.name} found {PORT_TRIES_MAX} free ports one after another, and each was taken before it"
            " could listen there. Give it a port of its own: port=…"
        )

    def stop(self) -> None:
        """Stop in an orderly way and keep directory and port. Does nothing where it is stopped."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop at once (SIGKILL), as a crash would, and keep directory and port."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop in an orderly way and start on the same data and port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop, and remove the directory where it was a temporary one."""
        self.stop()
        if self._temporary and self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def check(self) -> None:
        """Raise where the server is not running although it was started and not stopped.

        Raises
        ------
        EmbeddedFailed
            It ended by itself: the message quotes the end of its log.
        """
        if self._process is not None and self._process.poll() is not None:
            raise self._failed(f"ended by itself with exit code {self._process.returncode}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start_on(self, port: int) -> None:
        previous, self._port = self._port, port
        try:
            self._refuse_taken_port()
            self._prepare()
            self._log_from = self.log_file.stat().st_size if self.log_file.exists() else 0
            self._spawn()
            self._wait()
        except BaseException:
            self.kill()
            self._port = previous
            raise

    def _refuse_taken_port(self) -> None:
        # Asked before the start: whoever has the port would otherwise answer in the server's place.
        try:
            require_free(self.port)
        except OSError as error:
            raise self.failure(
                f"{self.name} cannot listen on port {self.port}: {error.strerror}. Stop what has it, or give"
                " another port; none at all takes a free one."
            ) from error

    def _spawn(self) -> None:
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # The server inherits the lock, so it is held exactly as long as the server lives,
            # even where the program that started it is gone.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with self.log_file.open("ab") as log:
                # A session of its own: Ctrl-C in the terminal is for this program, which stops its servers.
                self._process = subprocess.Popen(
                    self._command(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=[lock],
                    start_new_session=True,
                )
        except BlockingIOError:
            raise self.failure(
                f"Another {self.name} is running on {self.directory}, and two would destroy its data. Stop"
                " that one, or give this one another directory."
            ) from None
        finally:
            os.close(lock)
        self._guard = Guard(self.pid, self._stop_seconds_max, self.directory if self._temporary else None)

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + self._start_seconds_max
        while not self._is_ready():
            if self._process.poll() is not None:
                raise self._failed(f"ended with exit code {self._process.returncode} while it started")
            if time.monotonic() > deadline:
                raise self._failed(
                    f"did not answer on port {self.port} within {self._start_seconds_max:g} s; allow more"
                    " with start_seconds_max where the machine is slow"
                )
            time.sleep(PROBE_SECONDS)

    def _is_ready(self) -> bool:
        try:
            return self._answers()
        except OSError:
            return False

    def _end(self, first: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(first)
            try:
                self._process.wait(self._stop_seconds_max)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._guard is not None:
            self._guard.release()
            self._guard = None

    def _failed(self, what: str) -> EmbeddedFailed:
        lines = self._log_end()
        quoted = "\n".join(f"  | {line}" for line in lines) if lines else "  | (it wrote nothing)"
        return self.failure(f"{self.name} {what}. Its log, {self.log_file}, ends with:\n{quoted}\n{ADVICE}")

    def _log_end(self) -> list[str]:
        """The last lines that the server wrote since it was started last."""
        if not self.log_file.exists():
            return []
        with self.log_file.open("rb") as log:
            log.seek(self._log_from)
            return [line.decode(errors="replace").rstrip() for line in deque(log, LOG_LINES_QUOTED)]
