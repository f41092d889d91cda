"""What a program has started, as Linux tells it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

WAIT_SECONDS_MAX = 120.0
POLL_SECONDS = 0.05


def children(pid: int) -> dict[int, list[str]]:
    """Process id to command line of the processes that `pid` has started."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found[int(child)] = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
    return found


def guarded(program: subprocess.Popen[str], guards: int) -> dict[int, list[str]]:
    """What a program has started, once so many of it are guards; its standard output must be a pipe."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        found = children(program.pid)
        if sum("guard.py" in " ".join(words) for words in found.values()) == guards:
            return found
        assert time.monotonic() < deadline, f"only {found} were started"
        assert program.poll() is None, program.stdout and program.stdout.read()
        time.sleep(POLL_SECONDS)


def gone(pid: int) -> bool:
    """Whether a process is over; one that nobody has asked for its exit code yet is."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
