"""What the bench has started ends when the bench ends, however that is: what is left behind takes a whole core."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.kit.folders import REPOSITORY
from tests.kit.processes import POLL_SECONDS, WAIT_SECONDS_MAX, children, gone, guarded

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")

PEER = """
import sys
from pathlib import Path
from tests.bench.systems import System, Task
from tests.bench.workload import Workload
sleeper = [sys.executable, "-c", SLEEPER]
System("sleeper", lambda _: sleeper).run(Task("", "", "", Workload(), "sleeper", Path.cwd()))
"""
WORKER = """
import time
from pathlib import Path
from tests.kit.place import Place
from tests.kit.workers import Worker
Path("faust.py").write_text(SLEEPER)
worker = Worker(Place("", ""), Path.cwd())
time.sleep(600)
"""
CREW = """
import os, time
from pathlib import Path
from tests.bench.ours import crew
Path("stream").mkdir()
Path("stream/cli.py").write_text(SLEEPER)
with crew(1, os.environ, Path("log"), []):
    time.sleep(600)
"""
# In the place of the program itself, which would end sooner or later for want of a broker.
SLEEPER = "import time; time.sleep(600)"


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("program", [PEER, CREW, WORKER], ids=["peer", "crew", "worker"])
def test_nothing_is_left_however_the_bench_ends(program, how, tmp_path):
    bench = subprocess.Popen(
        [sys.executable, "-c", f"SLEEPER = {SLEEPER!r}\n{program}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    started = {}
    try:
        started = guarded(bench, guards=1)
        assert len(started) == 2
        bench.send_signal(how)
        bench.communicate(timeout=WAIT_SECONDS_MAX)
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while left := {pid: words for pid, words in started.items() if not gone(pid)}:
            assert time.monotonic() < deadline, f"left running: {left}"
            time.sleep(POLL_SECONDS)
    finally:
        if bench.poll() is None:
            started = children(bench.pid)
            bench.kill()
            bench.communicate()
        for pid in started:
            if not gone(pid):
                os.kill(pid, signal.SIGKILL)
