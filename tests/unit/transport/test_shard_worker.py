"""What a shard does when Redis refuses it something, and how much it takes, with everything around it made up."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from stream.contracts.block import EventBlock
from stream.contracts.topics import Topics
from stream.metrics import Metrics
from stream.settings import Settings
from stream.store.commit import Commit
from stream.store.errors import CommitRefused
from stream.store.shard_store import Claim
from stream.transport.batch_size import APART_EVENTS_MAX
from stream.transport.lanes import Lanes
from stream.transport.shard_worker import ShardParts, ShardWorker


def worker() -> ShardWorker:
    everything: Any = SimpleNamespace(outbox_length=0)
    parts = ShardParts(
        settings=Settings(_env_file=None),
        store=everything,
        decoder=everything,
        lanes=Lanes(seek=lambda *_: None, wake=lambda: None),
        relay=everything,
        metrics=Metrics(),
        model=lambda: everything,
        new_state=lambda *_: everything,
        inputs=Topics().inputs,
    )
    return ShardWorker(0, parts, Claim({}, {}))


def test_what_is_on_its_way_has_arrived_before_a_refused_load_is_heard_of() -> None:
    """Read again earlier, the shard would be read from before a commit that lands after all."""

    async def refused(_: list[str]) -> None:
        raise CommitRefused("sequence", "an older file")

    async def run() -> bool:
        one = worker()
        one._state.missing = lambda _: ["c-1"]  # type: ignore[method-assign]
        one._parts.store.load = refused  # type: ignore[assignment, method-assign]
        flight = asyncio.create_task(asyncio.sleep(0, 1))
        one._flight = (flight, Commit(), {}, 0.0)
        with pytest.raises(CommitRefused):
            await one._admit(EventBlock.of([]))
        return flight.done() and one._flight is None

    assert asyncio.run(run())


def test_less_is_taken_for_a_commit_after_one_in_which_nobody_came_twice() -> None:
    asked: list[tuple[int, int]] = []
    settings = Settings(_env_file=None)

    async def nothing(*_: object) -> None:
        pass

    async def run() -> None:
        one: Any = worker()
        one._adopt = one._sweep = one._admit = one._commit = nothing
        one._count = lambda *_: None
        one._state.limits = SimpleNamespace(cached_customers_max=settings.cached_customers_max)
        one._state.apply = lambda events, _: SimpleNamespace(records=SimpleNamespace(count=len(events)))
        gathered: list[int] = []
        taken = SimpleNamespace(events=range(15_000), positions={})
        one._intake = SimpleNamespace(
            gathering=gathered.append,
            take=lambda most: (asked.append((gathered.pop(), most)), taken)[1],
            resume_drained=lambda _: None,
        )
        assert await one._step()
        assert await one._step()

    asyncio.run(run())
    assert asked == [(settings.gather_events, settings.commit_events_max), (APART_EVENTS_MAX, APART_EVENTS_MAX)]
