"""Real workers as processes on a real Kafka and Redis: filled beforehand, run, hurt, waited for, and read back.

Everything of one run is under one name: its topics, its group, its keys. So runs share servers and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.exceptions import RedisError

from stream.contracts.decisions import Message
from stream.contracts.times import parse_time
from stream.contracts.topics import Topics
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.state.model import compile_model
from stream.store.connection import connect
from stream.store.keys import Keys
from tests.kit.compare import cells_of, compare_decisions, compare_records, histogram_of, plain
from tests.kit.memory import Record
from tests.oracle import Oracle, Result, last_scores

REPOSITORY = Path(__file__).resolve().parents[2]
PARTITIONS = 4
DEADLINE_SECONDS = 120.0
LOOK_SECONDS = 0.02
BATCH_BYTES = 900_000
MODEL = compile_model(default_policy(), DEFAULT_CALIBRATION)
ACCOUNTED = ("applied", "duplicates", "dead_letters")

def batches_of(n: int) -> dict[str, object]:
    """Settings under which at most so many records are read, and so many events committed, at a time."""
    return {"batch_records_max": n, "commit_events_max": n}


Logs = Mapping[int, Mapping[str, list[Record]]]
"""Shard, then plain topic name, to the records of its log."""


@dataclass(frozen=True)
class Place:
    """Where one run lives."""

    kafka: str
    redis: str
    currency: str = "EUR"
    name: str = field(default_factory=lambda: f"t{uuid4().hex[:8]}")
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def topics(self) -> Topics:
        return Topics(f"{self.name}.")

    def keys(self, shard: int) -> Keys:
        return Keys(self.name, shard)

    def environment(self) -> dict[str, str]:
        """What a worker of this run finds in its environment."""
        given = {
            "kafka": self.kafka,
            "redis_url": self.redis,
            "partitions": PARTITIONS,
            "topic_prefix": f"{self.name}.",
            "group_id": self.name,
            "key_prefix": self.name,
            "clock": "event",
            "base_currency": self.currency,
            "web_port": 0,
            **self.settings,
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_")}
        paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        return (
            inherited
            | {"PYTHONPATH": os.pathsep.join(paths)}
            | {f"STREAM_{name.upper()}": str(value) for name, value in given.items()}
        )


@asynccontextmanager
async def topics_of(place: Place, **configs: str) -> AsyncIterator[None]:
    """The topics of a run, made and in the end deleted; `configs` are for the inputs."""
    specs = place.topics.specs(PARTITIONS)
    inputs = place.topics.inputs.values()
    admin = AIOKafkaAdminClient(bootstrap_servers=place.kafka)
    await admin.start()
    try:
        made = await admin.create_topics(
            [NewTopic(s.name, s.partitions, 1, topic_configs=configs if s.name in inputs else {}) for s in specs]
        )
        assert all(not code for _, code, *_ in made.topic_errors), made
        yield
        await admin.delete_topics([spec.name for spec in specs])
    finally:
        await admin.close()


async def delete_group(place: Place) -> None:
    """Delete the consumer group of a run. The client library has no call for it, so the request is put together here."""
    host, port = place.kafka.split(":")
    group = place.name.encode()
    # Key 42, version 0: length, key, version, number, client; groups.
    request = struct.pack(f">hhihih{len(group)}s", 42, 0, 1, -1, 1, len(group), group)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        answer = await reader.readexactly(size)
        writer.close()
        # The error code of the only group comes last; a member that has just left may still be counted.
        (code,) = struct.unpack(">h", answer[-2:])
        if code == 0:
            return
        assert time.monotonic() < deadline, f"the group is not deleted: error {code}"
        await asyncio.sleep(LOOK_SECONDS)


async def fill(place: Place, logs: Logs) -> None:
    """Write the logs, each record to the partition it is under."""
    producer = AIOKafkaProducer(
        bootstrap_servers=place.kafka, max_request_size=16 << 20, max_batch_size=BATCH_BYTES, request_timeout_ms=60_000
    )
    await producer.start()
    try:
        for shard, topics in logs.items():
            for name, records in topics.items():
                await _fill(producer, place.topics.prefix + name, shard, records)
    finally:
        await producer.stop()


async def _fill(producer: AIOKafkaProducer, topic: str, shard: int, records: Iterable[Record]) -> None:
    sent = []
    builder = producer.create_batch()
    for record in records:
        if builder.append(key=record.key, value=record.value, timestamp=None) is None:
            sent.append(await producer.send_batch(builder, topic, partition=shard))
            builder = producer.create_batch()
            assert builder.append(key=record.key, value=record.value, timestamp=None) is not None
    if builder.record_count():
        sent.append(await producer.send_batch(builder, topic, partition=shard))
    await asyncio.gather(*sent)


class Worker:
    """A worker process."""

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

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """As a crash: at once."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 30.0) -> int:
        """In an orderly way; the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def said(self, text: str) -> int:
        """How often a text is in its log."""
        return self.log.read_text(errors="replace").count(text)

    def end_of_log(self, lines: int = 25) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def workers(place: Place, directory: Path, count: int = 1, **settings: object):
    """Workers that run from here on; those that still do are killed in the end."""
    started = [Worker(place, directory, **settings) for _ in range(count)]
    try:
        yield started
    finally:
        for worker in started:
            if worker.running:
                worker.kill()


class Look:
    """Reads what a run has come to."""

    def __init__(self, place: Place, logs: Logs) -> None:
        self.place = place
        self.totals = {shard: sum(map(len, logs.get(shard, {}).values())) for shard in range(PARTITIONS)}
        self.total = sum(self.totals.values())
        self._redis = connect(place.redis)

    async def close(self) -> None:
        await self._redis.aclose()

    async def counters(self, shard: int) -> Counter[str]:
        found = await self._redis.hgetall(self.place.keys(shard).counters)
        return Counter({name.decode(): int(value) for name, value in found.items()})

    async def accounted(self) -> int:
        """Events read, applied and committed so far."""
        counts = [await self.counters(shard) for shard in range(PARTITIONS)]
        return sum(count[name] for count in counts for name in ACCOUNTED)

    async def settled(self) -> bool:
        """Whether every event is accounted for, no timer is due and nothing waits to be sent."""
        for shard, total in self.totals.items():
            keys = self.place.keys(shard)
            counts = await self.counters(shard)
            if sum(counts[name] for name in ACCOUNTED) < total:
                return False
            clock = int(await self._redis.hget(keys.meta, "clock") or 0)
            if await self._redis.zcount(keys.timers, "-inf", f"({clock}") or await self._redis.llen(keys.outbox):
                return False
        return True

    async def until(self, condition: Any, what: str, crew: Iterable[Worker] = (), seconds: float = DEADLINE_SECONDS) -> None:
        """Wait for an awaitable condition; fail when it takes too long, or when nobody is left to bring it about."""
        crew = list(crew)
        deadline = time.monotonic() + seconds
        while True:
            try:
                if await condition():
                    return
            except (RedisError, OSError):
                pass  # the server is away for a while in some tests
            ends = "\n".join(worker.end_of_log() for worker in crew)
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}\n{ends}"
            assert not crew or any(worker.running for worker in crew), f"all workers ended: {what}\n{ends}"
            await asyncio.sleep(LOOK_SECONDS)

    async def until_said(self, worker: Worker, text: str, times: int = 0) -> None:
        """Wait until a worker has logged a text more than so many times."""

        async def said() -> bool:
            return worker.said(text) > times

        await self.until(said, f"a worker says {text!r}", [worker])

    async def progress(self, share: float, crew: Iterable[Worker] = ()) -> None:
        """Wait until so much of the logs is accounted for."""

        async def there() -> bool:
            return await self.accounted() >= share * self.total

        await self.until(there, f"{share:.0%} accounted for", crew)

    async def settle(self, crew: Iterable[Worker] = (), seconds: float = DEADLINE_SECONDS) -> None:
        """Wait until there is nothing more to come."""
        await self.until(self.settled, f"all of {self.totals} accounted for, swept and sent", crew, seconds)

    async def waiting(self) -> int:
        """Messages decided and not yet taken off the outboxes."""
        return sum([await self._redis.llen(self.place.keys(shard).outbox) for shard in range(PARTITIONS)])

    async def generation(self) -> int:
        """The highest group generation under which a shard is claimed."""
        found = [await self._redis.hget(self.place.keys(shard).meta, "generation") for shard in range(PARTITIONS)]
        return max(int(generation or -1) for generation in found)

    async def owners(self) -> set[str]:
        """Owner tokens of the shards."""
        found = [await self._redis.hget(self.place.keys(shard).meta, "owner") for shard in range(PARTITIONS)]
        return {owner.decode() for owner in found if owner}

    async def read(self) -> Kept:
        """Everything the run has in Redis."""
        kept = Kept()
        for shard in range(PARTITIONS):
            keys = self.place.keys(shard)
            ids = [customer.decode() for customer in await self._redis.zrange(keys.timers, 0, -1)]
            for first in range(0, len(ids), 2_000):
                some = ids[first : first + 2_000]
                blobs = await self._redis.mget([keys.record(customer) for customer in some])
                kept.records |= {customer: blob for customer, blob in zip(some, blobs, strict=True) if blob is not None}
            kept.counters += await self.counters(shard)
            kept.histograms[shard] = await self._sums(keys.histograms)
            kept.customers[shard] = ids
            kept.cells[shard] = {}
            start = f"{keys.base}:"
            async for key in self._redis.scan_iter(match=f"{keys.base}:r:*", count=5_000):
                kept.cells[shard][key.decode().removeprefix(start)] = await self._sums(key)
        return kept

    async def _sums(self, key: str | bytes) -> dict[str, int]:
        return {name.decode(): int(value) for name, value in (await self._redis.hgetall(key)).items()}


@dataclass
class Kept:
    """What Redis holds of a run."""

    records: dict[str, bytes] = field(default_factory=dict)
    counters: Counter[str] = field(default_factory=Counter)
    histograms: dict[int, dict[str, int]] = field(default_factory=dict)
    customers: dict[int, list[str]] = field(default_factory=dict)
    cells: dict[int, dict[str, dict[str, int]]] = field(default_factory=dict)


async def sent(place: Place, *names: str) -> list[Message]:
    """What a read_committed reader finds in these output topics, by default in all; topics without their prefix."""
    topics = place.topics
    outputs = (topics.tier_changes, topics.churn_warnings, topics.customer_changes, topics.customer_scores, topics.dead_letters)
    wanted = [topics.prefix + name for name in names] or list(outputs)
    tps = [TopicPartition(topic, shard) for topic in wanted for shard in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=place.kafka, isolation_level="read_committed", auto_offset_reset="earliest", max_partition_fetch_bytes=4 << 20
    )
    await consumer.start()
    messages: list[Message] = []
    try:
        consumer.assign(tps)
        # Of a read_committed consumer: the last stable offsets. Nothing is in flight, so these are the ends.
        unread = {tp: end for tp, end in (await consumer.end_offsets(tps)).items() if end}
        while unread:
            found = await consumer.getmany(*unread, timeout_ms=500)
            for records in found.values():
                for record in records:
                    headers = dict(record.headers)
                    messages.append(
                        Message(
                            headers["ce_id"].decode(),
                            record.topic.removeprefix(topics.prefix),
                            (record.key or b"").decode(),
                            headers["ce_type"].decode(),
                            parse_time(headers["ce_time"].decode()),
                            record.value,
                        )
                    )
            for tp, end in list(unread.items()):
                if await consumer.position(tp) >= end:
                    del unread[tp]
    finally:
        await consumer.stop()
    return messages


def expected_of(events: Mapping[str, Iterable[dict[str, Any]]], currency: str) -> Result:
    """What the oracle says."""
    return Oracle(default_policy(), DEFAULT_CALIBRATION, PARTITIONS, currency=currency).run(events)


def differences(kept: Kept, messages: list[Message], expected: Result, *, said: bool = True) -> dict[str, Any]:
    """Whatever is not as the oracle has it, by what it is; empty if all is well. `said=False`: facts only."""
    wrong: dict[str, Any] = {}
    records = compare_records(kept.records, expected, MODEL, said=said)
    if records:
        wrong["records"] = (len(records), records[:3])
    wrong |= _doubled(messages)
    histograms = {shard: _histogram(kept, shard) for shard in kept.customers}
    if kept.histograms != histograms:
        wrong["histograms"] = [shard for shard in histograms if kept.histograms[shard] != histograms[shard]]
    read = expected.accounting["read"]
    accounted = {name: kept.counters[name] for name in ACCOUNTED}
    if sum(accounted.values()) != read:
        wrong["accounting"] = (accounted, read)
    if not said:
        return wrong
    if accounted["dead_letters"] != expected.accounting["dead_letters"]:
        wrong["dead letters"] = (accounted, expected.accounting["dead_letters"])
    decided = compare_decisions(map(plain, messages), expected)
    if decided:
        wrong["decisions"] = (len(decided), decided[:2])
    last = {message.key: message.id for message in messages if message.type == "customer.scores"}
    theirs = {customer: decision["id"] for customer, decision in last_scores(expected.decisions).items()}
    if last != theirs:
        wrong["last scores"] = [customer for customer in last.keys() | theirs.keys() if last.get(customer) != theirs.get(customer)][:5]
    for shard, cells in kept.cells.items():
        if cells != cells_of(expected, shard):
            wrong.setdefault("tables", []).append(shard)
    return wrong


def _doubled(messages: list[Message]) -> dict[str, Any]:
    """Ids that are in a topic twice, and customers whose versions do not rise by one."""
    wrong: dict[str, Any] = {}
    ids = Counter((message.topic, message.id) for message in messages)
    twice = [place for place, n in ids.items() if n > 1]
    if twice:
        wrong["ids twice"] = (len(twice), twice[:5])
    versions: dict[tuple[str, str], list[int]] = {}
    for message in messages:
        if message.type not in {"customer.scores", "record.refused"}:
            versions.setdefault((message.topic, message.key), []).append(plain(message)["version"])
    gaps = [place for place, seen in versions.items() if seen != list(range(1, len(seen) + 1))]
    if gaps:
        wrong["versions"] = (len(gaps), [(place, versions[place]) for place in gaps[:5]])
    return wrong


def _histogram(kept: Kept, shard: int) -> dict[str, int]:
    return histogram_of({customer: kept.records[customer] for customer in kept.customers[shard]}, MODEL)


async def run_through(
    place: Place, logs: Logs, directory: Path, count: int = 1, seconds: float = DEADLINE_SECONDS
) -> tuple[Kept, list[Message], float]:
    """Fill, run workers until nothing more is to come, stop them; what is kept and sent, and how long they took."""
    look = Look(place, logs)
    try:
        async with topics_of(place):
            await fill(place, logs)
            began = time.monotonic()
            with workers(place, directory, count) as crew:
                await look.settle(crew, seconds)
                took = time.monotonic() - began
                codes = [worker.stop() for worker in crew]
            assert not any(codes), codes
            return await look.read(), await sent(place), took
    finally:
        await look.close()
