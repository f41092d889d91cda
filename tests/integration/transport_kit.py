"""Hosts that only note what they get, and help around a Faust application that runs inside a test."""

import asyncio
import sqlite3
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from types import SimpleNamespace

from aiokafka import AIOKafkaProducer
from faust.transport.drivers import TRANSPORTS
from faust.types import TP

from stream.transport.conf import ScorerApp

# The way that needs no installed package; an installed one brings the same by its entry point.
TRANSPORTS.aliases.setdefault("scorer", "stream.transport.driver:Transport")

PARTITIONS = 4
DEADLINE_SECONDS = 120.0


def settings(kafka, group, **changes):
    return SimpleNamespace(
        **{
            "kafka": kafka,
            "group_id": group,
            "partitions": PARTITIONS,
            "batch_records_max": 100,
            "commit_interval_seconds": 0.3,
            "session_timeout_seconds": 6.0,
            "retry_seconds_max": 1.0,
            "watchdog_seconds": 60.0,
            "stop_seconds_max": 6.0,
            **changes,
        }
    )


class MemoryHost:
    """Keeps what it is offered, and checks that nothing comes twice, late or out of order."""

    def __init__(self, stored=None):
        self.stored = dict(stored or {})
        self.seen = defaultdict(list)
        self.batches = []
        self.claims = []
        self.revocations = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def assign(self, shards, generation):
        self.claims.append((dict(shards), generation))
        return {TP(t, p): self.stored.get(TP(t, p), -1) for p, ends in shards.items() for t in ends}

    async def revoke(self):
        self.revocations += 1
        self.gate.set()

    def positions(self):
        return self.stored

    def lost(self):
        return ()

    async def offer(self, batch):
        await self.gate.wait()
        assert self.stored.get(batch.tp, -1) in (-1, batch.start), (batch.tp, self.stored[batch.tp], batch.start)
        self.stored[batch.tp] = batch.next_offset
        self.seen[batch.tp].extend(record.offset for record in batch.records)
        self.batches.append((batch.tp, len(batch)))

    def total(self):
        return sum(map(len, self.seen.values()))


class FileHost:
    """Keeps events and positions in one SQLite transaction, as the engine does in one Redis script."""

    def __init__(self, path, name):
        self.name = name
        self.db = sqlite3.connect(path, timeout=120, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("CREATE TABLE IF NOT EXISTS at (topic, part, next, PRIMARY KEY (topic, part))")
        self.db.execute("CREATE TABLE IF NOT EXISTS owner (part PRIMARY KEY, name)")
        self.db.execute("CREATE TABLE IF NOT EXISTS seen (topic, part, off, name)")
        self.mine = {}

    async def assign(self, shards, _generation):
        stored = {}
        for partition, ends in shards.items():
            self.db.execute("INSERT OR REPLACE INTO owner VALUES (?, ?)", (partition, self.name))
            for topic in ends:
                row = self.db.execute("SELECT next FROM at WHERE topic=? AND part=?", (topic, partition)).fetchone()
                stored[TP(topic, partition)] = -1 if row is None else row[0]
        self.mine = dict(stored)
        return stored

    async def revoke(self):
        self.mine = {}

    def positions(self):
        return self.mine

    def lost(self):
        return ()

    async def offer(self, batch):
        self.db.execute("BEGIN IMMEDIATE")
        (owner,) = self.db.execute("SELECT name FROM owner WHERE part=?", (batch.partition,)).fetchone()
        assert owner == self.name
        self.db.executemany(
            "INSERT INTO seen VALUES (?, ?, ?, ?)",
            [(batch.topic, batch.partition, r.offset, self.name) for r in batch.records],
        )
        self.db.execute("INSERT OR REPLACE INTO at VALUES (?, ?, ?)", (*batch.tp, batch.next_offset))
        self.db.execute("COMMIT")
        self.mine[batch.tp] = batch.next_offset


def scoring_app(given, topics, host, **changes):
    app = ScorerApp(given, **{"origin": "tests", **changes})
    app.shard_host = host

    @app.agent(app.batches(*topics), name=f"{given.group_id}.score")
    async def score(batches):
        async for batch in batches:
            await app.consumer.deliver(batch)

    return app


@asynccontextmanager
async def running(kafka, group, topics, host, *, faust=None, **changes):
    app = scoring_app(settings(kafka, group, **changes), topics, host, **(faust or {}))
    app.finalize()
    try:
        await app.start()
        yield app
    finally:
        await app.stop()


async def until(condition, what="", seconds=DEADLINE_SECONDS):
    """Wait for something to become true; polling, because it happens in another thread or process."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        await asyncio.sleep(0.01)
    return result


@asynccontextmanager
async def producing(kafka, **options):
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=5, **options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def send(producer, tp, count, start=0):
    sent = [
        await producer.send(tp.topic, value=b"%d" % n, key=b"k", partition=tp.partition)
        for n in range(start, start + count)
    ]
    return await asyncio.gather(*sent)


def tps_of(topics):
    """Every topic-partition of these."""
    return [TP(topic, partition) for topic in topics for partition in range(PARTITIONS)]


async def fill(kafka, topics, count):
    """Send so many records to each topic-partition."""
    async with producing(kafka.bootstrap) as producer:
        await asyncio.gather(*(send(producer, tp, count) for tp in tps_of(topics)))
