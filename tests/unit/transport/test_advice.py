import asyncio

import pytest
from aiokafka.errors import CommitFailedError
from faust.types import TP

from stream.transport.advice import Advice
from stream.transport.lanes import Lanes

A, B = TP("orders", 0), TP("orders", 1)


@pytest.fixture
def lanes():
    lanes = Lanes(seek=lambda *_: None, wake=lambda: None)
    lanes.open(1, {A: 0, B: 0}, {A: 0, B: 0})
    return lanes


async def test_only_what_changed_is_told(lanes):
    told = []

    async def commit(positions):
        told.append(dict(positions))
        return True

    advice = Advice(commit, lanes, seconds_max=1)
    assert await advice.give({A: 3, B: -1, TP("other", 0): 4})
    assert not await advice.give({A: 3, B: -1})
    assert await advice.give({A: 3, B: 0})
    advice.forget()
    assert await advice.give({A: 3, B: 0})
    assert told == [{A: 3}, {B: 0}, {A: 3, B: 0}]
    assert (advice.commits, advice.failures) == (3, 0)


@pytest.mark.parametrize("error", [CommitFailedError("rebalanced"), None])
async def test_a_failure_is_counted_and_told_again_later(lanes, error):
    async def commit(_positions):
        if error is None:
            await asyncio.Event().wait()
        raise error

    advice = Advice(commit, lanes, seconds_max=0.01)
    assert not await advice.give({A: 3})
    assert not await advice.give({A: 3})
    assert (advice.commits, advice.failures) == (0, 2)


async def test_what_was_not_sent_is_not_taken_for_told(lanes):
    async def commit(_positions):
        return False

    advice = Advice(commit, lanes, seconds_max=1)
    assert not await advice.give({A: 3})
    assert (advice.commits, advice.failures) == (0, 0)
