"""Loads of an awkward shape, at small size: `python -m tests.chaos.shapes` is the same at full size."""

from __future__ import annotations

import time

import msgspec
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from stream.contracts.decisions import CHURN_WARNING
from stream.contracts.events import COMPLETED, OrderEvent
from stream.scoring.units import DAY, SECOND
from stream.store.connection import connect
from tests.chaos.shapes.backlog import backlog
from tests.chaos.shapes.crowd import crowd
from tests.kit.live import Look, sent
from tests.kit.memory import MemoryShard
from tests.kit.place import PARTITIONS, Place, topics_of
from tests.kit.workers import workers
from tests.oracle import shard_of

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

HOUR, MINUTE = 3_600_000, 60_000
#: The quiet ones are warned this long after everything was written.
UNTIL_DUE = 8 * SECOND


async def test_more_customers_than_are_kept_in_memory(kafka, redis_server, tmp_path):
    found = await crowd(kafka.bootstrap, redis_server.url, tmp_path, customers=4_000, cached=400)
    assert found["wrong"] == {}


async def test_nobody_is_warned_in_a_backlog_whom_a_later_order_clears(kafka, redis_server, tmp_path):
    found = await backlog(kafka.bootstrap, redis_server.url, tmp_path, customers=100)
    assert found["warnings"] > 100
    assert found["wrong"] == {}


# -- clocks -----------------------------------------------------------------------------------------------------------


def warned_at(times):
    """When a customer who ordered at these moments, and then never again, is warned for the first time."""
    shard = MemoryShard()
    shard.apply(
        [
            OrderEvent(COMPLETED, at, "c", number, number, str(number), 2_000, "", number)
            for number, at in enumerate(times)
        ]
    )
    shard.sweep(times[-1] + 400 * DAY)
    return next(m.time for m in shard.memory.messages if m.type == CHURN_WARNING and m.time > times[-1])


def regular(due):
    """Moments of eight orders, four days apart, after which a warning is due at `due`, a whole second."""
    times = [due - 60 * DAY + number * 4 * DAY for number in range(8)]
    shift = due - warned_at(times)
    times = [at + shift for at in times]
    assert warned_at(times) == due
    return times


def customers_of(shard):
    """Names of customers of a shard, without end."""
    return (name for number in range(1_000_000) if shard_of(name := f"c-{number}", PARTITIONS) == shard)


class Till:
    """Writes orders."""

    def __init__(self, place, producer):
        self.place, self.producer, self.rung = place, producer, 0

    async def ring(self, customer, at):
        self.rung += 1
        order = {"event_id": f"e-{self.rung}", "type": "order.completed", "customer_id": customer}
        order |= {"order_id": f"o-{customer}-{self.rung}", "occurred_at": at / 1000, "amount": "20", "currency": "EUR"}
        await self.producer.send_and_wait(
            self.place.topics.orders, orjson.dumps(order), customer.encode(), partition=shard_of(customer, PARTITIONS)
        )


async def test_wrong_clocks_and_what_cannot_be_seen_yet_warn_nobody(kafka, redis_server, tmp_path):
    place = Place(kafka.bootstrap, redis_server.url, settings={"clock": "wall", "sweep_seconds": 0.05})
    look = Look(place, {})
    names, others = customers_of(0), customers_of(1)
    quiet, (buyer, soon, ahead, wild, behind) = next(names), [next(others) for _ in range(5)]
    plain = AIOKafkaProducer(bootstrap_servers=place.kafka)
    open_till = AIOKafkaProducer(
        bootstrap_servers=place.kafka, transactional_id=f"{place.name}-till", transaction_timeout_ms=200_000
    )
    await plain.start()
    await open_till.start()
    try:
        async with topics_of(place):
            till = Till(place, plain)
            now = int(time.time()) * 1000
            due = now + UNTIL_DUE
            for customer, moment in ((quiet, due), (buyer, due), (soon, now + 3 * MINUTE)):
                for at in regular(moment):
                    await till.ring(customer, at)
            # By a clock that is hours behind; in the order in which they were written, which is not that of time.
            await till.ring(behind, now - HOUR)
            await till.ring(behind, now - 4 * HOUR)
            await till.ring(wild, now + 2 * HOUR)
            await till.ring(ahead, now + 4 * MINUTE)
            # Bought before a warning is due, and to be seen only after.
            await open_till.begin_transaction()
            hidden = Till(place, open_till)
            hidden.rung = 1_000
            await hidden.ring(buyer, due - 2 * SECOND)
            with workers(place, tmp_path) as crew:

                async def warned():
                    return any(
                        message.key == quiet and message.time == due for message in await sent(place, "churn-warnings")
                    )

                await look.until(warned, "the quiet one is warned", crew)
                await open_till.commit_transaction()

                async def all_read():
                    return await look.accounted() == till.rung + 1 and not await look.waiting()

                await look.until(all_read, "the last order is read", crew)
                assert crew[0].stop() == 0
            warnings = [message for message in await sent(place, "churn-warnings") if message.time > now]
            assert [(message.key, message.time) for message in warnings] == [(quiet, due)]
            (refused,) = await sent(place, "dead-letters")
            letter = msgspec.json.decode(refused.value)
            assert (letter["field"], refused.key) == ("occurred_at", wild)
            assert "future_tolerance_seconds" in letter["reason"]
            counters = await look.counters(1)
            assert counters["dead_letters"] == 1
            redis = connect(place.redis)
            clock = int(await redis.hget(place.keys(1).meta, "clock"))
            await redis.aclose()
            # The log's own time did move: what stands between it and the timers is the tolerance.
            assert clock == now + 4 * MINUTE
    finally:
        await open_till.stop()
        await plain.stop()
        await look.close()
