"""Faults of Redis: it dies, forgets, stands still, refuses."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import signal
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tests.chaos.stage import PROGRESS_SECONDS, Stage

TIMES = 3
REDIS_AWAY_SECONDS = 3.0
#: Three times as long as a client waits for an answer.
REDIS_STALLED_SECONDS = 30.0
REFUSED_SECONDS = 5.0
CUT_BYTES_MIN, CUT_BYTES_MAX = 300, 500_000
BETWEEN_SECONDS = 1.0
#: Nobody listens there: a replica of it keeps what it has, and takes no writes.
NO_PORT = 1


async def redis_killed(stage: Stage) -> None:
    """SIGKILL of Redis, and a start on its append-only file."""
    await asyncio.to_thread(stage.redis.kill)
    await asyncio.sleep(stage.rng.uniform(0, REDIS_AWAY_SECONDS))
    await asyncio.to_thread(stage.redis.start)


async def redis_rolled_back(stage: Stage) -> None:
    """Redis starts on a copy of its files of some time ago; decisions made since then are sent already."""
    data, older = stage.redis.directory / "data", stage.redis.directory / "older"
    await asyncio.to_thread(shutil.copytree, data, older)
    await stage.moves()
    await asyncio.sleep(stage.rng.uniform(0, REDIS_AWAY_SECONDS))
    await asyncio.to_thread(stage.redis.kill)
    await asyncio.to_thread(shutil.rmtree, data)
    shutil.move(older, data)
    await asyncio.to_thread(stage.redis.start)


async def redis_file_cut(stage: Stage) -> None:
    """SIGKILL of Redis, and a start on its append-only file without the end: the last commit there is cut in two."""
    await stage.moves()
    async with stage.operator() as redis:
        about = await redis.info("persistence")
    await asyncio.to_thread(stage.redis.kill)
    # One file, or from Redis 7 on several, of which only the last may be cut; none in what a rewrite has begun with.
    files = (stage.redis.directory / "data").rglob("*.aof")
    file = max(files, key=lambda path: path.stat().st_mtime_ns)
    size = file.stat().st_size
    written = min(size, about["aof_current_size"] - about["aof_base_size"])
    assert written > CUT_BYTES_MIN, f"{file.name} has {size} bytes, and {written} that may be cut"
    # As likely some commands as many commits.
    cut = round(math.exp(stage.rng.uniform(math.log(CUT_BYTES_MIN), math.log(min(written, CUT_BYTES_MAX)))))
    os.truncate(file, size - cut)
    await asyncio.to_thread(stage.redis.start)


async def redis_stalled(stage: Stage) -> None:
    """SIGSTOP of Redis for longer than any client waits, then SIGCONT."""
    os.kill(stage.redis.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(REDIS_STALLED_SECONDS)
    finally:
        os.kill(stage.redis.pid, signal.SIGCONT)


async def redis_out_of_memory(stage: Stage) -> None:
    """``noeviction`` and a limit below what is used, then none."""
    async with stage.operator() as redis:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("maxmemory", "1mb")
        try:
            await _refused(redis, "maxmemory")
        finally:
            await redis.config_set("maxmemory", "0")


async def redis_disk_full(stage: Stage) -> None:
    """MISCONF: a snapshot that could not be written makes Redis refuse all writes."""
    # A directory in the place of the file is what not even root can overwrite.
    in_the_way = stage.redis.directory / "data" / "dump.rdb"
    in_the_way.mkdir()
    async with stage.operator() as redis:
        await redis.config_set("save", "3600 1")
        try:
            await redis.bgsave(schedule=False)

            async def failed() -> bool:
                return (await redis.info("persistence"))["rdb_last_bgsave_status"] == "err"

            await stage.look.until(failed, "the snapshot fails", seconds=PROGRESS_SECONDS)
            await _refused(redis, "MISCONF")
        finally:
            await redis.config_set("save", "")
            in_the_way.rmdir()


async def redis_read_only(stage: Stage) -> None:
    """READONLY: Redis is made a replica of nobody, then a master again."""
    async with stage.operator() as redis:
        await redis.replicaof("127.0.0.1", NO_PORT)
        try:
            await _refused(redis, "read only")
        finally:
            await redis.replicaof("NO", "ONE")


async def scripts_flushed(stage: Stage) -> None:
    """SCRIPT FLUSH, three times."""
    async for redis in _repeatedly(stage):
        await redis.script_flush()


async def connections_reset(stage: Stage) -> None:
    """CLIENT KILL TYPE normal, three times."""
    async for redis in _repeatedly(stage):
        await redis.execute_command("CLIENT", "KILL", "TYPE", "normal")


async def _repeatedly(stage: Stage) -> AsyncIterator[Redis]:
    async with stage.operator() as redis:
        for time in range(TIMES):
            if time:
                await asyncio.sleep(stage.rng.uniform(0, BETWEEN_SECONDS))
            yield redis


async def _refused(redis: Redis, why: str) -> None:
    """Make sure that writes are refused for that reason, and leave it so for a while."""
    answer = ""
    try:
        await redis.set("chaos:probe", "1")
    except ResponseError as error:
        answer = str(error)
    assert why in answer, f"Redis should refuse writes ({why}), and says {answer!r}"
    await asyncio.sleep(REFUSED_SECONDS)
