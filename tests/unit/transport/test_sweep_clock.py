"""Up to which moment a shard takes silence for silence, with everything around it made up."""

from __future__ import annotations

import asyncio

import pytest
from faust.types import TP

from stream.transport.batch import Taken
from tests.unit.transport.test_shard_worker import TOPICS, batch, opened, worker

NOW = 1_700_000_000_000
MINUTE = 60_000
#: The greatest `occurred_at` that was applied.
CLOCK = NOW - 3 * 60 * MINUTE


def told(lanes, seen_ms, *names):
    """The brokers say where the logs end."""
    for name in names or TOPICS.inputs:
        tp = TP(TOPICS.inputs[name], 0)
        lane = lanes.lane(tp)
        lanes.arrive(Taken(tp, lane.epoch, lane.taken, [], lane.taken, lane.end, seen_ms))


def shard(lanes, clock="wall", **changes):
    one = asyncio.run(worker(lanes, clock=clock, **changes))
    one._state.clock = CLOCK
    return one


def test_where_all_is_read_it_is_the_moment_at_which_that_was_known():
    lanes = opened({})
    told(lanes, NOW - 400)
    assert shard(lanes)._sweep_clock(NOW) == NOW - 400


def test_a_broker_that_is_away_stops_the_clock():
    """What is written there meanwhile, or will be said to have been, cannot be known: no customer is silent for it."""
    lanes = opened({})
    told(lanes, NOW - 400)
    assert shard(lanes)._sweep_clock(NOW + 10 * MINUTE) == NOW - 400


@pytest.mark.parametrize("late", list(TOPICS.inputs))
def test_one_topic_that_cannot_be_read_stops_the_clock(late):
    lanes = opened({})
    told(lanes, NOW - 10 * MINUTE)
    told(lanes, NOW, *(name for name in TOPICS.inputs if name != late))
    assert shard(lanes)._sweep_clock(NOW) == NOW - 10 * MINUTE


def test_before_the_broker_answered_nothing_but_the_log_is_known():
    assert shard(opened({}), future_tolerance_seconds=300)._sweep_clock(NOW) == CLOCK - 5 * MINUTE


@pytest.mark.parametrize("name", list(TOPICS.inputs))
def test_with_more_to_read_in_any_topic_it_is_the_time_of_the_log_less_what_a_clock_may_be_ahead(name):
    lanes = opened({TOPICS.inputs[name]: 5})
    told(lanes, NOW)
    assert shard(lanes, future_tolerance_seconds=300)._sweep_clock(NOW) == CLOCK - 5 * MINUTE


def test_with_events_held_it_is_the_time_of_the_log():
    lanes = opened({})
    told(lanes, NOW)
    one = shard(lanes, future_tolerance_seconds=0)
    one.offer("orders", batch("orders", 3))
    assert one._sweep_clock(NOW) == CLOCK


def test_a_replay_has_no_other_time_than_its_log():
    lanes = opened({})
    told(lanes, NOW)
    assert shard(lanes, clock="event")._sweep_clock(NOW) == CLOCK
