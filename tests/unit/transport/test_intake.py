"""Which topics a shard waits for, and up to which moment it takes silence for silence. Time is made up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from stream.contracts.block import EventBlock
from stream.contracts.events import PrivacyEvent
from stream.contracts.topics import Topics
from stream.settings import Settings
from stream.transport import intake
from stream.transport.batch import Taken
from stream.transport.intake import Intake
from stream.transport.lanes import Lanes

TOPICS = Topics()


class Clock:
    now = 100.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(intake, "monotonic", lambda: clock.now)
    monkeypatch.setattr(intake, "time", lambda: clock.now)
    return clock


def opened(ends: dict[str, int]) -> Lanes:
    lanes = Lanes(seek=lambda *_: None, wake=lambda: None)
    tps = {TP(topic, 0): ends.get(topic, 0) for topic in TOPICS.inputs.values()}
    lanes.open(1, dict.fromkeys(tps, 0), tps)
    return lanes


def shard(lanes: Lanes, **changes: Any) -> Intake:
    given = {"clock": "event", "topic_idle_seconds": 2.0} | changes
    decoder: Any = SimpleNamespace(decode=lambda *given: EventBlock.of(given[2]))
    return Intake(0, TOPICS.inputs, lanes, decoder, Settings(_env_file=None, **given))


def told(lanes: Lanes, seen_ms: float, *names: str) -> None:
    """The brokers say where the logs end."""
    for name in names or TOPICS.inputs:
        tp = TP(TOPICS.inputs[name], 0)  # type: ignore[index]
        lane = lanes.lane(tp)
        lanes.arrive(Taken(tp, lane.epoch, lane.taken, [], lane.taken, lane.end, int(seen_ms)))


def batch(topic: str, n: int) -> Any:
    records = [PrivacyEvent("customer.erase", number, "c-1", 1, "e-1", number) for number in range(n)]
    return SimpleNamespace(topic=topic, records=records, start=0, next_offset=n)


def test_a_topic_with_more_in_its_log_is_waited_for(clock: Clock) -> None:
    one = shard(opened({"orders": 5}))
    clock.now += 1_000
    told(one._lanes, 1000 * clock.now)
    assert one.has_more("orders")
    assert not one.has_more("interactions")


def test_a_topic_that_was_just_read_to_its_end_may_still_be_written(clock: Clock) -> None:
    one = shard(opened({}))
    told(one._lanes, 1000 * (clock.now + 2.0))
    assert one.has_more("orders")
    clock.now += 2.0
    assert not one.has_more("orders")


def test_a_topic_is_not_idle_while_nobody_says_where_its_log_ends(clock: Clock) -> None:
    """On a machine with too much to do, the wait was over long before the broker was heard of again."""
    one = shard(opened({}))
    told(one._lanes, 1000 * (clock.now + 1.9))
    clock.now += 60.0
    assert one.has_more("orders")
    told(one._lanes, 1000 * (clock.now - 50.0))
    assert not one.has_more("orders")


def test_live_nothing_is_waited_for(clock: Clock) -> None:
    one = shard(opened({}), clock="wall", topic_idle_seconds=None)
    clock.now += 60.0
    assert not one.has_more("orders")


def test_a_clock_that_was_set_back_makes_no_topic_wait_for_it(clock: Clock) -> None:
    one = shard(opened({}))
    told(one._lanes, 1000 * (clock.now + 3_600.0))
    clock.now += 2.0
    assert not one.has_more("orders")


def test_a_paused_topic_is_never_taken_for_idle(clock: Clock) -> None:
    """Nobody looks at the end of its log while it is paused: going on without it fired timers too early."""
    one = shard(opened({}), buffered_records_max=2)
    one.offer("orders", batch("orders", 3))
    clock.now += 1_000
    assert one.has_more("orders")
    told(one._lanes, 1000 * clock.now, "interactions", "profiles", "privacy")
    assert one.take(3) is not None
    one.resume_drained(["orders"])
    assert one.has_more("orders"), "its log was not looked at since it was resumed"
    clock.now += 2.0
    told(one._lanes, 1000 * clock.now)
    assert not one.has_more("orders")


def test_a_shard_far_behind_gathers_before_it_applies() -> None:
    one = shard(opened({"orders": 50}))
    one.offer("orders", batch("orders", 5))
    assert one.gathering(10)
    one.offer("orders", batch("orders", 5))
    assert not one.gathering(10)


def test_nothing_is_gathered_at_the_end_of_the_log_nor_for_long(clock: Clock) -> None:
    live = shard(opened({}))
    live.offer("orders", batch("orders", 5))
    assert not live.gathering(10)
    behind = shard(opened({"orders": 50}))
    behind.offer("orders", batch("orders", 5))
    clock.now += 2 * intake.GATHER_SECONDS
    assert not behind.gathering(10)


NOW = 1_700_000_000_000
MINUTE = 60_000
#: The greatest `occurred_at` that was applied.
CLOCK = NOW - 3 * 60 * MINUTE


def wall(lanes: Lanes, **changes: Any) -> Intake:
    return shard(lanes, clock="wall", **changes)


def test_where_all_is_read_it_is_the_moment_at_which_that_was_known() -> None:
    lanes = opened({})
    told(lanes, NOW - 400)
    assert wall(lanes).silence_known(CLOCK, NOW) == NOW - 400


def test_a_broker_that_is_away_stops_the_clock() -> None:
    """What is written there meanwhile, or will be said to have been, cannot be known: no customer is silent for it."""
    lanes = opened({})
    told(lanes, NOW - 400)
    assert wall(lanes).silence_known(CLOCK, NOW + 10 * MINUTE) == NOW - 400


@pytest.mark.parametrize("late", list(TOPICS.inputs))
def test_one_topic_that_cannot_be_read_stops_the_clock(late: str) -> None:
    lanes = opened({})
    told(lanes, NOW - 10 * MINUTE)
    told(lanes, NOW, *(name for name in TOPICS.inputs if name != late))
    assert wall(lanes).silence_known(CLOCK, NOW) == NOW - 10 * MINUTE


def test_before_the_broker_answered_nothing_but_the_log_is_known() -> None:
    assert wall(opened({}), future_tolerance_seconds=300).silence_known(CLOCK, NOW) == CLOCK - 5 * MINUTE


@pytest.mark.parametrize("name", list(TOPICS.inputs))
def test_with_more_to_read_in_any_topic_it_is_the_time_of_the_log_less_what_a_clock_may_be_ahead(name: str) -> None:
    lanes = opened({TOPICS.inputs[name]: 5})
    told(lanes, NOW)
    assert wall(lanes, future_tolerance_seconds=300).silence_known(CLOCK, NOW) == CLOCK - 5 * MINUTE


def test_with_events_held_it_is_the_time_of_the_log() -> None:
    lanes = opened({})
    told(lanes, NOW)
    one = wall(lanes, future_tolerance_seconds=0)
    one.offer("orders", batch("orders", 3))
    assert one.silence_known(CLOCK, NOW) == CLOCK


def test_a_replay_has_no_other_time_than_its_log() -> None:
    lanes = opened({})
    told(lanes, NOW)
    assert shard(lanes).silence_known(CLOCK, NOW) == CLOCK
