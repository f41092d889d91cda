"""Faults of input topics: one is another one of the same name, or has lost events that nobody has read.

No worker may go on by itself: an operator decides, by the command that the worker names. Nothing of the load is lost by
these faults, so they happen while it is not written and all that is written is accounted for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count, islice

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic, RecordsToDelete

from tests.chaos.stage import ALL_WRITTEN, CLAIMED, PROGRESS_SECONDS, Stage
from tests.kit.place import PARTITIONS
from tests.kit.topics import admin_at, make_topics
from tests.oracle import shard_of

#: What a worker says that meets the topic while it is away, while it is empty, and from then on.
TOPIC_GONE = ("do not fit together", "Nothing was read or written", "was created anew")
VICTIMS_MAX = 50
VICTIM = {"type": "order.completed", "order_id": "v", "occurred_at": 1_700_000_000, "amount": "1", "currency": "EUR"}


async def topic_created_anew(stage: Stage) -> None:
    """An input topic is deleted under the workers, and made again; they halt, the operator accepts."""
    async with _nothing_to_read(stage) as workers, admin_at(stage.place.kafka) as admin:
        topic = stage.rng.choice(list(stage.place.topics.inputs.values()))
        await _claimed(stage, workers)
        with stage.halting(*TOPIC_GONE):
            await admin.delete_topics([topic])

            async def gone() -> bool:
                return topic not in await admin.list_topics()

            await stage.look.until(gone, "the topic is deleted", seconds=PROGRESS_SECONDS)
            await make_topics(admin, [NewTopic(topic, PARTITIONS, 1)])
            await stage.halted(f"{topic} was created anew")
            said = await stage.scorer("positions", "accept", topic)
            assert said.count("read from 0 on") == PARTITIONS, said
            await _claimed(stage, workers)


async def retention_deleted_the_stored_position(stage: Stage) -> None:
    """Events come in and are deleted while no worker is there; the workers halt, the operator accepts the loss."""
    async with _nothing_to_read(stage) as workers, admin_at(stage.place.kafka) as admin:
        topic = stage.rng.choice(list(stage.place.topics.inputs.values()))
        shard, victims = stage.rng.randrange(PARTITIONS), stage.rng.randint(1, VICTIMS_MAX)
        end = await _write_victims(stage, topic, shard, victims)
        await admin.delete_records({TopicPartition(topic, shard): RecordsToDelete(before_offset=end)})
        told = f"{victims} offsets were deleted before they were read"
        with stage.halting(told):
            while len(stage.crew) < workers:
                stage.join()
            await stage.halted(told)
            said = await stage.scorer("positions", "accept", topic)
            assert f"{victims} offsets are counted as missing" in said, said
            stage.missing += victims
            await _claimed(stage, workers)


@asynccontextmanager
async def _nothing_to_read(stage: Stage) -> AsyncIterator[int]:
    """All that is written is accounted for, nothing more is written, and nobody works; gives how many did."""
    workers = len(stage.crew)
    async with stage.writer.paused() as written:
        while stage.crew:
            await stage.leave(await stage.any_worker())
        last = stage.join(**ALL_WRITTEN)

        async def all_read() -> bool:
            return await stage.look.accounted() >= written

        await stage.look.until(all_read, "all that is written is accounted for", [last], PROGRESS_SECONDS)
        await stage.leave(last)
        yield workers


async def _claimed(stage: Stage, workers: int) -> None:
    """Have so many workers, each with shards; the crew changes meanwhile, for who ends is replaced."""
    while len(stage.crew) < workers:
        stage.join()

    async def so() -> bool:
        return all(worker.running and worker.said(CLAIMED) for worker in stage.crew)

    await stage.look.until(so, "all workers have shards", seconds=PROGRESS_SECONDS)


async def _write_victims(stage: Stage, topic: str, shard: int, victims: int) -> int:
    """Write good events of customers whom nobody else knows; gives the end of the log."""
    names = (name for n in count() if shard_of(name := f"victim-{n}", PARTITIONS) == shard)
    producer = AIOKafkaProducer(bootstrap_servers=stage.place.kafka)
    await producer.start()
    try:
        end = 0
        for name in islice(names, victims):
            event = {"event_id": f"v-{name}", "customer_id": name, **VICTIM}
            record = await producer.send_and_wait(topic, orjson.dumps(event), name.encode(), partition=shard)
            end = record.offset + 1
        return end
    finally:
        await producer.stop()
