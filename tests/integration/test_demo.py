"""The demo ends well, also where its worker is killed in the middle; and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis

from tests.kit.processes import children, gone, guarded

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WAIT_SECONDS_MAX = 120.0


def start(*words):
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "stream.cli", "demo", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def worker_of(demo):
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        for pid, words in children(demo.pid).items():
            if words[-2:-1] == ["worker"]:
                return pid
        assert time.monotonic() < deadline
        assert demo.poll() is None, demo.stdout.read()
        time.sleep(0.05)


def wait_until_applied(worker, count):
    """Wait until the worker's Redis has so many events applied."""
    pairs = Path(f"/proc/{worker}/environ").read_bytes().decode().split("\0")
    (url,) = (pair.partition("=")[2] for pair in pairs if pair.startswith("STREAM_REDIS_URL="))
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    with Redis.from_url(url) as redis:
        while sum(int(redis.hget(f"scorer:{{{shard}}}:n", "applied") or 0) for shard in range(4)) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_worker_killed_in_the_middle_changes_nothing_in_the_summary():
    summaries = []
    for kill in (False, True):
        demo = start("--households", "150")
        worker = worker_of(demo)
        started = children(demo.pid)
        if kill:
            wait_until_applied(worker, 1_000)
            os.kill(worker, signal.SIGKILL)
        text, _ = demo.communicate(timeout=180)
        assert demo.returncode == 0, text
        assert ("was killed by signal 9: started again" in text) == kill
        assert re.search(r"read ([\d,]+) = applied \1 \+ duplicates 0 \+ dead letters 0 ✓", text)
        assert all(gone(pid) for pid in started)
        # All but the times it took.
        summaries.append(re.sub(r" in [\d.]+ s: .*", "", text[text.index("✓") - 200 :]).partition("✓")[2])
    assert summaries[0] == summaries[1]


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_leaves_nothing_running_however_it_ends(how):
    demo = start("--households", "150")
    started = guarded(demo, guards=len(("kafka", "redis", "worker")))
    demo.send_signal(how)
    demo.communicate(timeout=120)
    assert demo.returncode != 0
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not all(gone(pid) for pid in started):
        assert time.monotonic() < deadline
        time.sleep(0.1)
