"""Simulated customers on a real log."""

from datetime import UTC, datetime
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.commands import simulate, topics
from stream.settings import Settings


async def test_the_log_holds_every_event(kafka):
    settings = Settings(kafka=kafka.bootstrap, topic_prefix=f"s{uuid4().hex[:8]}.", partitions=2)
    await topics.create(settings)
    population = simulate.population(settings, start=datetime(2025, 1, 1, tzinfo=UTC), seed=1, customers=5, days=30)
    sent = await simulate.to_kafka(settings, population, rate=5_000)
    assert sum(sent.values()) == len(list(population.events()))
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap)
    await consumer.start()
    try:
        for topic, count in sent.items():
            ends = await consumer.end_offsets([TopicPartition(f"{settings.topic_prefix}{topic}", n) for n in range(2)])
            assert sum(ends.values()) == count
    finally:
        await consumer.stop()
