"""Workers that die at an exact moment: between commit and relay, between relay and trim."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.contracts.bundle import decode_bundle
from stream.store.scripts import COMMIT, TRIM
from tests.chaos.link import Link
from tests.chaos.resp import Called
from tests.chaos.stage import PROGRESS_SECONDS, Stage
from tests.kit.live import outputs_of
from tests.kit.workers import Worker

KILLS = 3
#: A commit's messages may be on their way before its answer arrives, where the relay is busy anyway: then once more.
TRIES_MAX = 12
#: More than one transaction of the relay may hold in one topic, with its marker.
LOOK_BACK = 12_000

Met = Callable[[Called, bytes | None], bool]


async def between_commit_and_relay(stage: Stage) -> None:
    """SIGKILL when Redis has answered a commit with messages, before the worker knows: three times."""

    def met(call: Called, answer: bytes | None) -> bool:
        return call.name == COMMIT.name and call.entries > 0 and answer is not None and answer.startswith(b"*2\r\n$2")

    await _kill_at(stage, met, _none_sent)


async def between_relay_and_trim(stage: Stage) -> None:
    """SIGKILL when the worker asks Redis to take off what Kafka has, before Redis knows: three times."""

    def met(call: Called, answer: bytes | None) -> bool:
        return call.name == TRIM.name and answer is None

    await _kill_at(stage, met, _all_sent)


async def _kill_at(stage: Stage, met: Met, really: Callable[[Stage, int], Awaitable[bool]]) -> None:
    hits = 0
    for attempt in range(TRIES_MAX):
        if attempt:
            await stage.moves()
        await asyncio.sleep(stage.rng.random())
        shard = await _Trap(stage, met).spring()
        hits += await really(stage, shard)
        if hits == KILLS:
            return
    raise AssertionError(f"{TRIES_MAX} kills met the moment {hits} times only")


class _Trap:
    """Kills the worker whose connection brings the moment about; what was about to pass there does not."""

    def __init__(self, stage: Stage, met: Met) -> None:
        self._stage = stage
        self._met = met
        self._loop = asyncio.get_running_loop()
        self._sprung: asyncio.Future[tuple[Worker, int]] = self._loop.create_future()

    async def spring(self) -> int:
        """Wait for the moment, and until the worker is dead; its shard."""
        talk = self._stage.network.talk
        talk.watcher = self._watch
        try:
            async with asyncio.timeout(PROGRESS_SECONDS):
                worker, shard = await self._sprung
        except TimeoutError as error:
            raise AssertionError(f"no worker came to the moment within {PROGRESS_SECONDS:g} s") from error
        finally:
            talk.watcher = None
        await asyncio.to_thread(worker.process.wait)
        return shard

    def _watch(self, link: Link, call: Called, answer: bytes | None) -> None:
        # In the thread of the proxies: nothing passes while this runs.
        if not self._met(call, answer):
            return
        worker = whose(link.client_port, list(self._stage.crew))
        if worker is None:
            return
        link.dead = True
        worker.send(signal.SIGKILL)
        self._stage.network.talk.watcher = None
        self._loop.call_soon_threadsafe(self._sprung.set_result, (worker, call.shard))


def whose(port: int, workers: Sequence[Worker]) -> Worker | None:
    """The worker that has a connection from this port of loopback; None where none has."""
    inodes = {
        words[9]
        for words in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
        if int(words[1].partition(":")[2], 16) == port and words[9] != "0"
    }
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return next((worker for worker in workers if wanted & _sockets_of(worker.process.pid)), None)


def _sockets_of(pid: int) -> set[str]:
    found = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found.add(str(link.readlink()))
            except FileNotFoundError:  # closed meanwhile
                continue
    except (FileNotFoundError, PermissionError):  # it has ended
        return set()
    return found


async def _none_sent(stage: Stage, shard: int) -> bool:
    """Whether the last commit waits in Redis, and none of its messages is in Kafka."""
    async with stage.operator() as redis:
        last = await redis.lrange(stage.place.keys(shard).outbox, -1, -1)
    return bool(last) and not _ids(stage, last) & await _in_kafka(stage, shard)


async def _all_sent(stage: Stage, shard: int) -> bool:
    """Whether the oldest commit waits in Redis, and all its messages are in Kafka."""
    async with stage.operator() as redis:
        first = await redis.lrange(stage.place.keys(shard).outbox, 0, 0)
    return bool(first) and _ids(stage, first) <= await _in_kafka(stage, shard)


def _ids(stage: Stage, entries: Sequence[bytes]) -> set[str]:
    return {message.id for entry in entries for message in decode_bundle(entry, stage.place.topics)}


async def _in_kafka(stage: Stage, shard: int) -> set[str]:
    """Ids of the last messages of a shard that a reader of what is committed finds."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stage.place.kafka, isolation_level="read_committed")
    await consumer.start()
    try:
        tps = [TopicPartition(topic, shard) for topic in outputs_of(stage.place.topics)]
        ends = await consumer.end_offsets(tps)
        consumer.assign(tps)
        for tp, end in ends.items():
            consumer.seek(tp, max(0, end - LOOK_BACK))
        found = set()
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found |= {dict(record.headers)["ce_id"].decode() for record in records}
        return found
    finally:
        await consumer.stop()
