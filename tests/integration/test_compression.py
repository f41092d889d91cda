"""Topics that are compressed, by their producers or by the broker, are read like any other."""

import asyncio
import random
from uuid import uuid4

import aiokafka.codec
import pytest
from faust.types import TP

from stream.embedded import EmbeddedKafka
from stream.store.connection import connect
from stream.transport.errors import CodecMissing
from tests.integration.relay_kit import SHARD, Watch, World, named
from tests.integration.transport_kit import MemoryHost, producing, running, until
from tests.kit.everyday import everyday
from tests.kit.live import run_through
from tests.kit.memory import sharded
from tests.kit.place import PARTITIONS, Place
from tests.kit.topics import make_counted
from tests.kit.verdict import differences, expected_of

CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
BATCH_BYTES = 500_000
"""Large enough for a batch of many blocks: Kafka's lz4 has 64 KiB in one, its snappy 32."""
RECORDS = 900
WAIT_SECONDS = 120.0

_ATTRIBUTES_AT, _CODEC_MASK = 22, 0x07


def codec_in_log(kafka, tp):
    """Codec of the first batch, as the broker keeps it; the folder of a deleted topic has a longer name."""
    # No search through all of them: those that are being deleted vanish under it.
    data = kafka.directory / "data"
    (folder,) = [folder for folder in data.iterdir() if folder.name.startswith(f"{tp.topic}-{tp.partition}")]
    log = folder / f"{0:020d}.log"
    return log.read_bytes()[_ATTRIBUTES_AT] & _CODEC_MASK


class RecordingHost(MemoryHost):
    """Keeps what the records say."""

    def __init__(self):
        super().__init__()
        self.said = {}

    async def offer(self, batch):
        await super().offer(batch)
        self.said.setdefault(batch.tp, []).extend(
            (record.offset, record.timestamp, record.key, record.value, tuple(record.headers))
            for record in batch.records
        )


def orders():
    """Records of a topic: one without a key, one without a value, one that compresses well, and many that do not."""
    random_bytes = random.Random(17).randbytes
    orders = [
        (
            1_500_000_000_000 + n,
            b"c-%d" % (n % 7),
            b'{"order_id":"o-%d","note":"%s"}' % (n, random_bytes(400).hex().encode()),
        )
        for n in range(RECORDS)
    ]
    orders[3] = (*orders[3][:1], None, orders[3][2])
    orders[4] = (*orders[4][:2], None)
    orders[5] = (*orders[5][:2], b"a" * 300_000)
    orders[6] = (*orders[6][:2], random_bytes(200_000))
    return orders


async def write(producer, tp, records):
    headers = [("ce_id", b"7"), ("none", None)]
    sent = [await producer.send(tp.topic, value, key, tp.partition, at, headers) for at, key, value in records]
    await asyncio.gather(*sent)
    return [(offset, at, key, value, tuple(headers)) for offset, (at, key, value) in enumerate(records)]


@pytest.mark.parametrize("codec", CODECS)
async def test_what_producers_compress_and_what_the_broker_compresses_is_read(kafka, codec):
    by_producer, by_broker = TP(f"{uuid4().hex[:8]}-orders", 0), TP(f"{uuid4().hex[:8]}-orders", 0)
    await make_counted(kafka.bootstrap, {by_producer.topic: 1})
    await make_counted(kafka.bootstrap, {by_broker.topic: 1}, **{"compression.type": codec})
    host = RecordingHost()
    async with (
        producing(kafka.bootstrap, max_batch_size=BATCH_BYTES, compression_type=codec) as compressing,
        producing(kafka.bootstrap, max_batch_size=BATCH_BYTES) as plain,
    ):
        written = {
            by_producer: await write(compressing, by_producer, orders()),
            by_broker: await write(plain, by_broker, orders()),
        }
    assert {codec_in_log(kafka, tp) for tp in written} == {CODECS[codec]}
    topics = [tp.topic for tp in written]
    async with running(kafka.bootstrap, f"g-{uuid4().hex[:8]}", topics, host, partitions=1):
        await until(lambda: host.total() >= 2 * RECORDS)
    assert host.said == written


@pytest.mark.slow
async def test_scores_and_decisions_are_exact_where_the_broker_compresses_everything(redis_server, tmp_path):
    events = everyday(customers=150)
    # A deleted log stays until it was looked into.
    properties = {"compression.type": "zstd", "log.segment.delete.delay.ms": "3600000"}
    with EmbeddedKafka(tmp_path / "kafka", properties=properties) as broker:
        run = Place(broker.bootstrap, redis_server.url)
        kept, messages, _ = await run_through(run, sharded(events, PARTITIONS), tmp_path)
        assert {codec_in_log(broker, TP(run.topics.orders, partition)) for partition in range(PARTITIONS)} == {
            CODECS["zstd"]
        }
        assert codec_in_log(broker, TP(run.topics.customer_scores, 0)) == CODECS["zstd"]
    assert differences(kept, messages, expected_of(events, "EUR")) == {}


@pytest.fixture
async def world(kafka, redis_server):
    client = connect(redis_server.url)
    yield World(kafka.bootstrap, client, f"compressed-{uuid4().hex[:8]}")
    await client.aclose()


async def sent_but_not_trimmed(world, count):
    """Messages in a compressed output topic of which Redis does not know that they were delivered."""
    store = await world.claim()
    await world.put(store, [world.message(number) for number in range(count)])
    async with world.relay(store) as relay, asyncio.timeout(WAIT_SECONDS):
        assert await relay.drained()
    await world.redis.delete(*await world.redis.keys(f"*{world.name}*"))
    store = await world.claim(2)
    await world.put(store, [world.message(number) for number in range(count + 5)])
    return store


@pytest.mark.parametrize("codec", CODECS)
async def test_the_relay_finds_what_it_delivered_to_a_compressed_topic(kafka, world, codec):
    await world.create_topics(**{"compression.type": codec})
    store = await sent_but_not_trimmed(world, 50)
    assert codec_in_log(kafka, TP(world.topics.tier_changes, SHARD)) == CODECS[codec]
    watch = Watch()
    async with world.relay(store, watch) as relay, asyncio.timeout(WAIT_SECONDS):
        assert await relay.drained()
    assert (watch.messages, watch.again, watch.errors) == (5, 50, [])
    assert await world.ids() == named(range(55))


@pytest.fixture
def no_cramjam(monkeypatch):
    """An installation that lacks the package; aiokafka looks here whenever it needs a codec."""
    monkeypatch.setattr(aiokafka.codec, "cramjam", None)


@pytest.mark.usefixtures("no_cramjam")
async def test_a_worker_without_the_codec_ends_and_says_what_to_install(kafka):
    tp = TP(f"{uuid4().hex[:8]}-orders", 0)
    await make_counted(kafka.bootstrap, {tp.topic: 1}, **{"compression.type": "zstd"})
    async with producing(kafka.bootstrap) as producer:
        await write(producer, tp, orders())
    host = MemoryHost()
    async with running(kafka.bootstrap, f"g-{uuid4().hex[:8]}", [tp.topic], host, partitions=1) as app:
        await until(lambda: app.crash_reason is not None)
    assert isinstance(app.crash_reason, CodecMissing)
    assert f"{tp.topic}/0" in str(app.crash_reason)
    assert "zstd" in str(app.crash_reason)
    assert "cramjam" in str(app.crash_reason)
    assert host.total() == 0


@pytest.mark.usefixtures("no_cramjam")
async def test_a_relay_without_the_codec_ends_and_leaves_its_outbox(world):
    await world.create_topics(**{"compression.type": "zstd"})
    store = await sent_but_not_trimmed(world, 50)
    async with world.relay(store) as relay, asyncio.timeout(WAIT_SECONDS):
        assert not await relay.drained()
    ((shard, error),) = world.ends
    assert (shard, type(error)) == (SHARD, CodecMissing)
    assert world.topics.tier_changes in str(error)
    assert len((await store.head(100)).entries) == 11
