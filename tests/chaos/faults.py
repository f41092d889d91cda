"""What is broken, by name: each fault ends with everything in order again, as far as it was the fault's.

Open, and not pretended here: slow network, half open connections and resets in the middle of an answer (they need a
proxy); the broker unreachable at the start; a topic made anew; retention that deleted the stored position; two
workers told to own one shard; a worker killed between commit and relay, and between relay and trim (here a kill
meets these moments by chance only).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tests.chaos.stage import CREW_MAX, PROGRESS_SECONDS, Stage

Fault = Callable[[Stage], Awaitable[None]]

KILLS = 3
KAFKA_AWAY_SECONDS = 3.0
REDIS_AWAY_SECONDS = 3.0
#: Three times as long as a client waits for an answer.
REDIS_STALLED_SECONDS = 30.0
REFUSED_SECONDS = 5.0
BETWEEN_SECONDS = 1.0
#: Nobody listens there: a replica of it keeps what it has, and takes no writes.
NO_PORT = 1


async def worker_killed(stage: Stage) -> None:
    """SIGKILL, three times, each time after progress."""
    for kill in range(KILLS):
        if kill:
            await stage.moves()
        worker = await stage.any_worker()
        # At any moment of a commit.
        await asyncio.sleep(stage.rng.random())
        await asyncio.to_thread(worker.kill)


async def worker_restarted(stage: Stage) -> None:
    """SIGTERM; the next one starts when it has ended."""
    await stage.stop(await stage.any_worker())


async def worker_frozen(stage: Stage) -> None:
    """SIGSTOP until the group has given its shards to others, then SIGCONT: the zombie."""
    await stage.at_least(2)
    worker = await stage.any_worker()
    before = await stage.look.generation()
    worker.send(signal.SIGSTOP)
    try:

        async def given_up() -> bool:
            return await stage.look.generation() > before

        await stage.look.until(given_up, "the group gives a frozen worker up", seconds=PROGRESS_SECONDS)
    finally:
        worker.send(signal.SIGCONT)


async def worker_joins(stage: Stage) -> None:
    """One more; where there are as many as there may be, one leaves first."""
    if len(stage.crew) >= CREW_MAX:
        await stage.leave(await stage.any_worker())
    await stage.claimed(stage.join())


async def worker_leaves(stage: Stage) -> None:
    """One less; where there is only one, another joins first."""
    await stage.at_least(2)
    await stage.leave(await stage.any_worker())


async def kafka_killed(stage: Stage) -> None:
    """SIGKILL of the broker, and a start on its logs."""
    await asyncio.to_thread(stage.kafka.kill)
    await asyncio.sleep(stage.rng.uniform(0, KAFKA_AWAY_SECONDS))
    await asyncio.to_thread(stage.kafka.start)


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
        for time in range(KILLS):
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


FAULTS: dict[str, Fault] = {
    "worker killed three times": worker_killed,
    "worker told to stop, and restarted": worker_restarted,
    "worker frozen past its session": worker_frozen,
    "worker joins": worker_joins,
    "worker leaves": worker_leaves,
    "Kafka killed and restarted": kafka_killed,
    "Redis killed and restarted": redis_killed,
    "Redis rolled back": redis_rolled_back,
    "Redis stalled for 30 s": redis_stalled,
    "Redis out of memory": redis_out_of_memory,
    "Redis unable to write to its disk": redis_disk_full,
    "Redis read-only": redis_read_only,
    "scripts flushed": scripts_flushed,
    "connections to Redis reset": connections_reset,
}
