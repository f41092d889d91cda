"""Which topics a shard waits for, with everything around it made up."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from stream.contracts.block import EventBlock
from stream.contracts.events import PrivacyEvent
from stream.contracts.topics import Topics
from stream.metrics import Metrics
from stream.settings import Settings
from stream.store.commit import Commit
from stream.store.errors import CommitRefused
from stream.store.shard_store import Claim
from stream.transport import shard_worker
from stream.transport.lanes import Lanes
from stream.transport.shard_worker import ShardParts, ShardWorker

TOPICS = Topics()


class Clock:
    now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(shard_worker, "monotonic", lambda: clock.now)
    monkeypatch.setattr(shard_worker, "time", lambda: clock.now)
    return clock


async def worker(lanes: Lanes, **changes: Any) -> ShardWorker:
    given = {"clock": "event", "topic_idle_seconds": 2.0} | changes
    settings = Settings(_env_file=None, **given)
    everything: Any = SimpleNamespace(outbox_length=0)
    parts = ShardParts(
        settings=settings,
        store=everything,
        decoder=SimpleNamespace(decode=lambda *given: EventBlock.of(given[2])),  # type: ignore[arg-type]
        lanes=lanes,
        relay=everything,
        metrics=Metrics(),
        model=lambda: everything,
        new_state=lambda *_: SimpleNamespace(clock=0),  # type: ignore[arg-type, return-value]
        inputs=TOPICS.inputs,
    )
    return ShardWorker(0, parts, Claim({}, {}))


def opened(ends: dict[str, int]) -> Lanes:
    lanes = Lanes(seek=lambda *_: None, wake=lambda: None)
    tps = {TP(topic, 0): ends.get(topic, 0) for topic in TOPICS.inputs.values()}
    lanes.open(1, dict.fromkeys(tps, 0), tps)
    return lanes


def told(lanes: Lanes, seconds: float) -> None:
    """The broker says that all logs still end where they did."""
    for tp in lanes:
        lanes.lane(tp).seen_ms = int(seconds * 1000)


def test_what_is_on_its_way_has_arrived_before_a_refused_load_is_heard_of() -> None:
    """Read again earlier, the shard would be read from before a commit that lands after all."""

    async def refused(_: list[str]) -> None:
        raise CommitRefused("sequence", "an older file")

    async def run() -> bool:
        one = await worker(opened({}))
        one._state.missing = lambda _: ["c-1"]  # type: ignore[method-assign]
        one._parts.store.load = refused  # type: ignore[assignment, method-assign]
        flight = asyncio.create_task(asyncio.sleep(0, 1))
        one._flight = (flight, Commit(), {}, 0.0)
        with pytest.raises(CommitRefused):
            await one._admit(EventBlock.of([]))
        return flight.done() and one._flight is None

    assert asyncio.run(run())


def batch(topic: str, n: int) -> Any:
    records = [PrivacyEvent("customer.erase", number, "c-1", 1, "e-1", number) for number in range(n)]
    return SimpleNamespace(topic=topic, records=records, start=0, next_offset=n)


def test_a_topic_with_more_in_its_log_is_waited_for(clock: Clock) -> None:
    one = asyncio.run(worker(opened({"orders": 5})))
    clock.now += 1_000
    told(one._parts.lanes, clock.now)
    assert one._has_more("orders")
    assert not one._has_more("interactions")


def test_a_topic_that_was_just_read_to_its_end_may_still_be_written(clock: Clock) -> None:
    one = asyncio.run(worker(opened({})))
    told(one._parts.lanes, clock.now + 2.0)
    assert one._has_more("orders")
    clock.now += 2.0
    assert not one._has_more("orders")


def test_a_topic_is_not_idle_while_nobody_says_where_its_log_ends(clock: Clock) -> None:
    """On a machine with too much to do, the wait was over long before the broker was heard of again."""
    one = asyncio.run(worker(opened({})))
    told(one._parts.lanes, clock.now + 1.9)
    clock.now += 60.0
    assert one._has_more("orders")
    told(one._parts.lanes, clock.now - 50.0)
    assert not one._has_more("orders")


def test_live_nothing_is_waited_for(clock: Clock) -> None:
    one = asyncio.run(worker(opened({}), clock="wall", topic_idle_seconds=None))
    clock.now += 60.0
    assert not one._has_more("orders")


def test_a_clock_that_was_set_back_makes_no_topic_wait_for_it(clock: Clock) -> None:
    one = asyncio.run(worker(opened({})))
    told(one._parts.lanes, clock.now + 3_600.0)
    clock.now += 2.0
    assert not one._has_more("orders")


def test_a_paused_topic_is_never_taken_for_idle(clock: Clock) -> None:
    """Nobody looks at the end of its log while it is paused: going on without it fired timers too early."""
    one = asyncio.run(worker(opened({}), buffered_records_max=2))
    one.offer("orders", batch("orders", 3))
    clock.now += 1_000
    assert one._has_more("orders")
    one._merge.take(3, lambda _: False)
    one._resume_drained(["orders"])
    assert one._has_more("orders"), "its log was not looked at since it was resumed"
    clock.now += 2.0
    told(one._parts.lanes, clock.now)
    assert not one._has_more("orders")


@pytest.mark.usefixtures("clock")
def test_a_shard_far_behind_gathers_before_it_applies() -> None:
    one = asyncio.run(worker(opened({"orders": 50}), gather_events=10))
    one.offer("orders", batch("orders", 5))
    assert one._gathering()
    one.offer("orders", batch("orders", 5))
    assert not one._gathering()


def test_nothing_is_gathered_at_the_end_of_the_log_nor_for_long(clock: Clock) -> None:
    live = asyncio.run(worker(opened({}), gather_events=10))
    live.offer("orders", batch("orders", 5))
    assert not live._gathering()
    behind = asyncio.run(worker(opened({"orders": 50}), gather_events=10))
    behind.offer("orders", batch("orders", 5))
    clock.now += 2 * shard_worker.GATHER_SECONDS
    assert not behind._gathering()
