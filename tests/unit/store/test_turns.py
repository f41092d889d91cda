"""Whoever finds all connections busy waits for one, in the order of coming, and not for ever."""

import asyncio

import pytest
from redis.exceptions import MaxConnectionsError

from stream.store.errors import StoreUnavailable, unavailable
from stream.store.turns import Turns

LONG_SECONDS = 30.0


class Line:
    """Tasks that take a turn each and keep it until told."""

    def __init__(self, turns):
        self.turns = turns
        self.served = []
        self._tasks = {}
        self._done = {}

    async def join(self, name):
        self._done[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._stand(name))
        await self._settle()

    async def leave(self, name):
        """End a turn; whoever is next was woken, and did not run yet."""
        self._done[name].set()
        await self._tasks[name]

    async def answer(self, name):
        await self.leave(name)
        await self._settle()

    async def cancel(self, name):
        self._tasks[name].cancel()
        await asyncio.wait([self._tasks[name]])
        await self._settle()

    async def _stand(self, name):
        async with self.turns:
            self.served.append(name)
            await self._done[name].wait()

    async def _settle(self):
        for _ in range(10):  # a turn is handed on within a few rounds of the loop
            await asyncio.sleep(0)


async def test_turns_are_given_in_the_order_of_coming():
    line = Line(Turns(2, LONG_SECONDS, lambda: None))
    for name in "abcd":
        await line.join(name)
    assert line.served == ["a", "b"]
    await line.answer("b")
    await line.join("e")
    assert line.served == ["a", "b", "c"]
    for name in "acde":
        await line.answer(name)
    assert line.served == ["a", "b", "c", "d", "e"]


async def test_a_newcomer_does_not_overtake_who_was_woken():
    line = Line(Turns(1, LONG_SECONDS, lambda: None))
    await line.join("first")
    await line.join("second")
    await line.leave("first")
    await line.join("third")
    assert line.served == ["first", "second"]
    await line.answer("second")
    await line.answer("third")


async def test_who_gives_up_waiting_or_asking_takes_no_turn_away():
    line = Line(Turns(1, LONG_SECONDS, lambda: None))
    for name in "abcd":
        await line.join(name)
    await line.cancel("b")  # while waiting
    await line.cancel("a")  # in the middle of its turn
    assert line.served == ["a", "c"]
    await line.answer("c")
    await line.answer("d")


async def test_only_who_waits_is_counted():
    waits = []
    line = Line(Turns(2, LONG_SECONDS, lambda: waits.append(len(line.served))))
    for name in "abc":
        await line.join(name)
    assert waits == [2]
    for name in "abc":
        await line.answer(name)


async def test_a_wait_ends_and_says_which_setting_to_change():
    turns = Turns(1, 0.01, lambda: None)
    async with turns:
        with pytest.raises(MaxConnectionsError) as caught:
            await turns.__aenter__()
    found = unavailable(caught.value)
    assert isinstance(found, StoreUnavailable)
    assert "no connection to Redis is free" in str(found)
    assert "all 1 connections were busy for 0.01 s" in str(found)
    assert "STREAM_REDIS_CONNECTIONS_MAX" in str(found)
    assert "cannot be reached" not in str(found)
    async with turns:  # the one that gave up left no turn taken
        pass
