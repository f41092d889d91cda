"""A log read ten times from where the last reader stopped leaves what one reader leaves who never stopped.

Here Redis is real, and readers start as workers do: they claim the shard, and know no more than what it holds. Whole
workers take eight seconds to start; `make restarts` does the same with those, stopped and killed.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.calibration.making import make
from stream.contracts.decode import Decoder
from stream.contracts.topics import INPUT_RANK, Topics
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.state.announcements import Announcer
from stream.state.customer import UNSET
from stream.state.model import compile_model
from stream.state.plain.customers import block_of
from stream.state.shard import ShardState
from stream.store.commit import Commit
from stream.store.connection import connect
from stream.store.shard_store import ShardStore, new_owner
from stream.transport.merge import TopicMerge
from tests.kit.everyday import everyday
from tests.kit.live import Look
from tests.kit.memory import LIMITS, NOW_EVENT, sharded
from tests.kit.place import PARTITIONS, Place

pytestmark = pytest.mark.integration

MODEL = compile_model(default_policy(), DEFAULT_CALIBRATION)
#: Fewer names than the events have: who gets one must not depend on restarts.
FEW_NAMES = replace(LIMITS, table_names_max=2)
RESTARTS = 10
TOPIC = "all"


def blocks_of(records, batch):
    """A shard's topics as one sequence of batches."""
    merge, decoder = TopicMerge(INPUT_RANK), Decoder(Topics(), "EUR")
    for name, rows in records.items():
        merge.offer(name, decoder.decode(name, 0, rows, 2**53), len(rows))
    while (taken := merge.take(batch, lambda _: False)) is not None:
        yield taken.events


async def read_on(redis, keys, generation, blocks, most):
    """Claim the shard, and work through so many batches at most; the last one is scored and never committed."""
    store = ShardStore(redis, keys, new_owner())
    claim = await store.claim(generation)
    clock = int(claim.meta.get("clock", UNSET))
    state = ShardState(MODEL, Announcer(Topics()), FEW_NAMES, clock, shard=keys.shard, stored=claim.meta)
    done = max(0, claim.positions.get(TOPIC, -1))
    for number in range(done, min(len(blocks), done + most + 1)):
        missing = state.missing(blocks[number])
        state.admit(missing, await store.load(missing))
        outcome = state.apply(blocks[number], NOW_EVENT)
        if number == done + most:
            return False
        await store.commit(
            Commit.of(outcome, [(TOPIC, claim.positions.get(TOPIC, -1) if number == done else number, number + 1)])
        )
    while due := await store.due(state.clock, 100):
        missing = state.missing(block_of(due))
        state.admit(missing, await store.load(missing))
        await store.commit(Commit.of(state.sweep(due, state.clock, NOW_EVENT)))
    return True


async def left_by(place, logs, batch, restarts):
    """Everything in Redis, and the calibration that it makes."""
    redis = connect(place.redis)
    look = Look(place, {})
    try:
        for shard, records in logs.items():
            blocks = list(blocks_of(records, batch))
            most = len(blocks) // (restarts + 1) if restarts else len(blocks)
            ends = [
                await read_on(redis, place.keys(shard), generation, blocks, most if generation < restarts else 10**9)
                for generation in range(restarts + 1)
            ]
            assert ends == [False] * restarts + [True]
        made = await make(redis, place.name, PARTITIONS, default_policy(), None, 100_000)
        return await look.read(), made.calibration
    finally:
        await look.close()
        await redis.aclose()


async def test_ten_restarts_change_no_table_and_no_calibration(redis_server):
    logs = sharded(everyday(customers=120), PARTITIONS)
    places = [Place("none", redis_server.url) for _ in range(2)]
    kept, calibration = await left_by(places[0], logs, 500, 0)
    kept_too, calibration_too = await left_by(places[1], logs, 20, RESTARTS)
    assert sum(map(len, kept.cells.values())) > 1_000
    assert kept_too.cells == kept.cells
    assert any(field.endswith("channel=other") for cells in kept.cells[0].values() for field in cells)
    assert kept_too.histograms == kept.histograms
    assert kept_too.counters == kept.counters
    assert calibration.customers > 60
    assert calibration_too.to_json() == calibration.to_json()
