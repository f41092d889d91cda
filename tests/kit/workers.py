"""Workers as processes: started, told to stop, frozen and killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from stream.embedded.guarding import Guard
from tests.kit.place import Place

END_SECONDS_MAX = 5.0
"""A worker has so long to stop by itself should the program that started it be gone."""


class Worker:
    """A worker process; until it was stopped or killed from here, it ends when this program does."""

    def __init__(self, place: Place, directory: Path, **settings: object) -> None:
        self.log = directory / f"worker-{uuid4().hex[:6]}.log"
        environment = place.environment() | {f"STREAM_{name.upper()}": str(value) for name, value in settings.items()}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "faust", "-A", "stream.app", "worker", "-l", "info"],
                env=environment,
                cwd=directory,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self._guard = Guard(self.process.pid, END_SECONDS_MAX)

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """As a crash: at once. One that has ended by itself is only let go of."""
        self.process.kill()
        self.process.wait()
        self._guard.release()

    def stop(self, seconds: float = 30.0) -> int:
        """In an orderly way; the exit code."""
        self.process.terminate()
        code = self.process.wait(seconds)
        self._guard.release()
        return code

    def said(self, text: str) -> int:
        """How often a text is in its log."""
        return self.log.read_text(errors="replace").count(text)

    def end_of_log(self, lines: int = 25) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def workers(place: Place, directory: Path, count: int = 1, **settings: object) -> Iterator[list[Worker]]:
    """Workers that run from here on; those that still do are killed in the end."""
    started = [Worker(place, directory, **settings) for _ in range(count)]
    try:
        yield started
    finally:
        for worker in started:
            worker.kill()
