"""What the tests of the relay share: shards with topics of their own, and what a read_committed reader sees."""

import asyncio
import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.contracts.bundle import encode_bundle
from stream.contracts.decisions import Message
from stream.contracts.topics import Topics
from stream.store.commit import Commit
from stream.store.keys import Keys
from stream.store.shard_store import ShardStore, new_owner
from stream.transport.relay import Relay
from stream.transport.relay_settings import RelaySettings
from tests.kit.topics import make_counted

SHARD = 2
PARTITIONS = 3
_numbers = itertools.count()


class Watch:
    """Notes what a relay says."""

    def __init__(self):
        self.messages = 0
        self.again = 0
        self.errors = []
        self.too_large = []
        self.lost_ids = 0
        self.trouble = asyncio.Event()

    def delivered(self, shard, messages, seconds):
        assert shard == SHARD
        assert seconds > 0
        self.messages += messages

    def skipped(self, shard, messages):
        assert shard == SHARD
        self.again += messages

    def failed(self, shard, error):
        assert shard == SHARD
        self.errors.append(error)
        self.trouble.set()

    def oversize(self, shard, topic):
        assert shard == SHARD
        self.too_large.append(topic)

    def forgotten(self, shard, ids):
        assert shard == SHARD
        self.lost_ids += ids


@dataclass
class World:
    """One scorer of its own: topics, keys and transactional ids that nobody else has."""

    bootstrap: str
    redis: object
    name: str = field(default_factory=lambda: f"relay-{next(_numbers)}")

    def __post_init__(self):
        self.topics = Topics(f"{self.name}.")
        self.settings = RelaySettings(
            bootstrap=self.bootstrap,
            transactional_id=f"{self.name}-relay-{SHARD}",
            topics=self.topics,
            source="/tests",
            retry_seconds_min=0.01,
            retry_seconds_max=0.1,
        )
        self.keys = Keys(self.name, SHARD)
        self.position = -1
        self.ends = []

    async def create_topics(self, **configs):
        await make_counted(self.bootstrap, dict.fromkeys(self.settings.outputs, PARTITIONS), **configs)

    async def claim(self, generation=1):
        store = ShardStore(self.redis, self.keys, new_owner())
        self.position = (await store.claim(generation)).positions.get("orders", -1)
        return store

    async def put(self, store, messages, bundle=5):
        """Commit a batch that decided these messages, so many to a bundle."""
        bundles = [messages[first : first + bundle] for first in range(0, len(messages), bundle)]
        await store.commit(
            Commit(
                positions=[("orders", self.position, self.position + 1)],
                outbox=[encode_bundle(some, self.topics) for some in bundles],
            )
        )
        self.position += 1

    @asynccontextmanager
    async def relay(self, store, watch=None, **changes):
        settings = self.settings
        if changes:
            settings = RelaySettings(**{name: getattr(settings, name) for name in RelaySettings.__slots__} | changes)
        relay = Relay(store, settings, watch or Watch(), lambda shard, error: self.ends.append((shard, error)))
        await relay.start()
        try:
            yield relay
        finally:
            await relay.stop()

    def message(self, number, topic=None, customer="c-1", value=None, time=None):
        return Message(
            message_id(number),
            topic or self.topics.tier_changes,
            customer,
            "customer.tier.changed",
            1_483_271_606_000 + number if time is None else time,
            b'{"n":%d}' % number if value is None else value,
        )

    async def read(self, topic):
        """Every record of the shard's partition that is committed.

        The broker writes the markers of a transaction after it has said that it is committed. So the end is that of
        the whole log, and reading waits for what is still held back.
        """
        tp = TopicPartition(topic, SHARD)
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap) as everything:
            end = (await everything.end_offsets([tp]))[tp]
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            consumer.assign([tp])
            records = []
            async with asyncio.timeout(30):
                while await consumer.position(tp) < end:
                    records += (await consumer.getmany(tp, timeout_ms=50)).get(tp, [])
            return records
        finally:
            await consumer.stop()

    async def ids(self, topic=None):
        records = await self.read(topic or self.topics.tier_changes)
        return [dict(record.headers)["ce_id"].decode() for record in records]


def message_id(number):
    return f"{number:032x}"


def named(numbers):
    return [message_id(number) for number in numbers]
