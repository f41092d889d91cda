"""What must hold when all is over: every order in its customer's record once, every message said once."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Any

import numpy as np
from redis.asyncio import Redis

from stream.contracts.ids import hash_id
from stream.state import ledger
from stream.state.codec import decode
from stream.store.connection import connect
from tests.chaos.long.load import Numbered, Sums
from tests.kit.live import ACCOUNTED, committed, outputs_of
from tests.kit.place import PARTITIONS, Place
from tests.kit.verdict import MODEL

SOME = 5_000


async def differences(place: Place, load: Numbered) -> tuple[dict[str, Any], int]:
    """Whatever is not as it should be, empty if all is well; and the number of messages sent."""
    wrong: dict[str, Any] = {}
    redis = connect(place.redis)
    try:
        counters: Counter[str] = Counter()
        for shard in range(PARTITIONS):
            found = await redis.hgetall(place.keys(shard).counters)
            counters += Counter({name.decode(): int(value) for name, value in found.items()})
        accounted = {name: counters[name] for name in ACCOUNTED}
        right = {"applied": load.orders, "duplicates": load.twice, "dead_letters": load.refused}
        if accounted != right:
            wrong["accounting"] = (accounted, right)
        should = load.sums()
        are, versions = await _kept(place, redis, len(should.orders))
    finally:
        await redis.aclose()
    for name, one, other in zip(Sums._fields, are, should, strict=True):
        unlike = np.flatnonzero(one != other)
        if len(unlike):
            customer = int(unlike[0])
            wrong[name] = (len(unlike), f"c-{customer}: {one[customer]} instead of {other[customer]}")
    sent, doubled = await _sent(place)
    topics = place.topics
    versions[topics.dead_letters] = load.refused
    for topic, n in versions.items():
        if sent[topic] != n:
            wrong[f"messages in {topic.removeprefix(topics.prefix)}"] = (sent[topic], n)
    if doubled:
        wrong["ids twice"] = doubled
    return wrong, sent.total()


async def _kept(place: Place, redis: Redis, customers: int) -> tuple[Sums, Counter[str]]:
    """Orders and money by customer, and how many messages of each topic the records say were decided."""
    found = Sums(np.zeros(customers, np.int64), np.zeros(customers, np.int64))
    topics = place.topics
    versions: Counter[str] = Counter()
    for shard in range(PARTITIONS):
        keys = place.keys(shard)
        names = await redis.zrange(keys.timers, 0, -1)
        for first in range(0, len(names), SOME):
            some = [name.decode() for name in names[first : first + SOME]]
            for name, blob in zip(some, await redis.hmget(keys.records, some), strict=True):
                c = decode(name, blob)
                ledger.rebuild(c, MODEL.window)
                number = int(name.removeprefix("c-"))
                found.orders[number], found.money[number] = c.frequency, c.monetary
                versions[topics.tier_changes] += c.tier_version
                versions[topics.churn_warnings] += c.churn_version
                versions[topics.customer_changes] += c.changes_version
                versions[topics.follow_ups] += c.follow_version
    return found, versions


async def _sent(place: Place) -> tuple[Counter[str], int]:
    """Messages by topic as a read_committed reader finds them, and how many ids are in a topic more than once."""
    counts: Counter[str] = Counter()
    doubled = 0
    for topic in outputs_of(place.topics):
        ids = await _ids(place, topic)
        counts[topic] = len(ids)
        doubled += len(ids) - len(np.unique(ids))
    return counts, doubled


async def _ids(place: Place, topic: str) -> array[int]:
    """Hashes of the ids in a topic, eight bytes each: there are millions."""
    ids = array("Q")
    async for record in committed(place, [topic]):
        ids.append(hash_id(dict(record.headers)["ce_id"].decode()))
    return ids
