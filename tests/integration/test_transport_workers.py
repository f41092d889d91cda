"""The transport in processes of their own: several, killed ones, and without a broker."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from tests.integration.transport_kit import DEADLINE_SECONDS, PARTITIONS, fill, tps_of, until


@contextmanager
def worker(kafka, group, topics, db, name, **given):
    described = {"kafka": kafka, "group": group, "topics": topics, "db": str(db), "name": name, **given}
    log = db.with_name(f"{name}.log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "faust", "-A", "tests.integration.transport_worker", "worker", "-l", "info"],
            env={**os.environ, "TRANSPORT_TEST": json.dumps(described)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    process.log = log
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def ask(db, query):
    if not db.exists():
        return []
    with sqlite3.connect(db, timeout=120) as connection:
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:  # the worker has not made its tables yet
            return []


@pytest.mark.slow
async def test_two_workers_share_the_shards_and_one_takes_over_after_kill(kafka, topics, group, tmp_path):
    db = tmp_path / "host.sqlite"
    every = len(tps_of(topics))
    with (
        worker(kafka.bootstrap, group, topics, db, "one") as one,
        worker(kafka.bootstrap, group, topics, db, "two"),
    ):
        await until(lambda: sorted({n for _, n in ask(db, "SELECT * FROM owner")}) == ["one", "two"], "both own")
        await fill(kafka, topics, 1000)
        await until(lambda: ask(db, "SELECT count(*) FROM seen") == [(1000 * every,)], "all read")
        shared = ask(db, "SELECT part, count(DISTINCT topic), count(DISTINCT name) FROM seen GROUP BY part ORDER BY 1")
        assert [row[:2] for row in shared] == [(p, 4) for p in range(PARTITIONS)]
        stopping = asyncio.ensure_future(fill(kafka, topics, 4000))
        await until(lambda: ask(db, "SELECT count(*) FROM seen WHERE name='one' AND off > 1200")[0][0] > 0, "under way")
        one.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        await stopping
        await until(lambda: ask(db, "SELECT count(*) FROM seen") == [(5000 * every,)], "all read after the kill")
        assert time.monotonic() - killed < 20
    twice = ask(db, "SELECT topic, part, off FROM seen GROUP BY 1, 2, 3 HAVING count(*) > 1")
    assert twice == []


@pytest.mark.slow
async def test_a_worker_waits_for_a_broker_that_is_not_there(tmp_path, group):
    with worker("127.0.0.1:9", group, ["orders"], tmp_path / "host.sqlite", "one") as process:
        await until(lambda: process.log.read_text().count("next try in") >= 3)
        assert process.poll() is None
    assert process.returncode == 0


@pytest.mark.slow
async def test_a_worker_that_cannot_go_on_ends_with_an_error(kafka, names, group, tmp_path):
    with worker(kafka.bootstrap, group, names, tmp_path / "host.sqlite", "one") as process:
        await until(lambda: process.poll() is not None)
        assert process.returncode != 0
        assert "scorer topics create" in process.log.read_text()
