"""The taker against a stand-in for aiokafka's fetcher, with its real FetchResult."""

import asyncio
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from aiokafka.consumer.fetcher import FetchError, FetchResult
from aiokafka.errors import ConsumerStoppedError, OffsetOutOfRangeError, TopicAuthorizationFailedError
from faust.types import TP

from stream.transport.errors import PositionOutOfLog
from stream.transport.take import Taker

A, B, C = (TP("orders", partition) for partition in range(3))


class Parts:
    """What a fetch brought; offsets in ``hidden`` hold no record that may be seen."""

    def __init__(self, start, stop, hidden=()):
        self.next_fetch_offset = start
        self._stop, self._hidden = stop, set(hidden)
        self._records_iterator = self

    def __iter__(self):
        return self

    def __next__(self):
        while self.next_fetch_offset < self._stop:
            self.next_fetch_offset += 1
            if self.next_fetch_offset - 1 not in self._hidden:
                return SimpleNamespace(offset=self.next_fetch_offset - 1)
        raise StopIteration


class State(SimpleNamespace):
    paused = False
    has_valid_position = True

    def consumed_to(self, position):
        self.position = position


class Fetcher:
    def __init__(self, *tps):
        self.states = {tp: State(position=0, lso=None, highwater=None, timestamp=None) for tp in tps}
        assignment = SimpleNamespace(active=True, state_value=self.states.get)
        self.assignment = assignment
        self._subscriptions = SimpleNamespace(
            subscription=SimpleNamespace(assignment=assignment), fetch_context=self.context
        )
        self._records = {}
        self._closed = False
        self._wait_consume_future = None
        self.notified = 0
        self.waiters = []
        self.waited = asyncio.Event()

    @contextmanager
    def context(self):
        yield

    def _notify(self, _future):
        self.notified += 1

    def _create_fetch_waiter(self):
        self.waiters.append(asyncio.get_running_loop().create_future())
        self.waited.set()
        return self.waiters[-1]

    def fetched(self, tp, stop, hidden=(), lso=None):
        start = self.states[tp].position
        parts = Parts(start, stop, hidden)
        self._records[tp] = FetchResult(tp, assignment=self.assignment, partition_records=parts, backoff=0)
        self.states[tp].lso = stop if lso is None else lso


@pytest.fixture
def taker():
    taker = Taker()
    taker.open({A: 1, B: 2, C: 3})
    return taker


def offsets(taken):
    return {t.tp: [record.offset for record in t.records] for t in taken if t.records}


async def test_one_batch_of_each_in_turn(taker):
    fetcher = Fetcher(A, B, C)
    for tp in (A, B, C):
        fetcher.fetched(tp, 10)
    first = await taker.take(fetcher, set(), 4, 8, 0)
    assert offsets(first) == {A: [0, 1, 2, 3], B: [0, 1, 2, 3]}
    second = await taker.take(fetcher, set(), 4, 8, 0)
    assert offsets(second) == {C: [0, 1, 2, 3], A: [4, 5, 6, 7]}
    assert [(t.epoch, t.start, t.position) for t in second if t.records] == [(3, 0, 4), (1, 4, 8)]
    third = await taker.take(fetcher, set(), 4, 8, 0)
    assert offsets(third) == {B: [4, 5, 6, 7], C: [4, 5, 6, 7]}


async def test_a_fetch_that_is_used_up_makes_room_for_the_next(taker):
    fetcher = Fetcher(A)
    fetcher.fetched(A, 3)
    await taker.take(fetcher, set(), 2, 10, 0)
    assert fetcher.notified == 0
    taken = await taker.take(fetcher, set(), 2, 10, 0)
    assert offsets(taken) == {A: [2]}
    assert fetcher.notified == 1
    assert fetcher._records == {}


async def test_positions_that_move_without_a_record_are_told_once(taker):
    fetcher = Fetcher(A)
    fetcher.fetched(A, 5, hidden=range(5))
    (told,) = await taker.take(fetcher, set(), 2, 10, 0)
    assert (told.records, told.start, told.position, told.end) == ([], 0, 5, 5)
    assert await taker.take(fetcher, set(), 2, 10, 0) == []
    fetcher.states[A].lso = 9
    (told,) = await taker.take(fetcher, set(), 2, 10, 0)
    assert (told.position, told.end) == (5, 9)


async def test_that_a_log_still_ends_where_it_did_is_told_now_and_then(taker):
    taker.open({A: 1})
    fetcher = Fetcher(A)
    state = fetcher.states[A]
    state.lso, state.highwater, state.timestamp = 0, 0, 10_000
    (told,) = await taker.take(fetcher, (), 10, 10, 0)
    assert (told.records, told.end, told.seen_ms) == ([], 0, 10_000)
    state.timestamp += 10
    assert await taker.take(fetcher, (), 10, 10, 0) == []
    state.timestamp += 600
    (told,) = await taker.take(fetcher, (), 10, 10, 0)
    assert (told.position, told.seen_ms) == (0, 10_610)
    # A transaction is open: what stands in it is not known.
    state.highwater, state.timestamp = 1, 12_000
    (told,) = await taker.take(fetcher, (), 10, 10, 0)
    assert (told.end, told.seen_ms) == (0, 0)


async def test_what_is_paused_or_not_open_stays(taker):
    fetcher = Fetcher(A, B, TP("other", 0))
    for tp in fetcher.states:
        fetcher.fetched(tp, 2)
    taken = await taker.take(fetcher, {A}, 2, 10, 0)
    assert offsets(taken) == {B: [0, 1]}
    taker.close()
    assert await taker.take(fetcher, set(), 2, 10, 0) == []
    assert offsets(await reopened(taker).take(fetcher, set(), 2, 10, 0)) == {A: [0, 1]}


def reopened(taker):
    taker.open({A: 9})
    return taker


async def test_waking_ends_the_wait(taker):
    fetcher = Fetcher(A)
    await taker.take(fetcher, set(), 2, 10, 0)
    waiting = asyncio.ensure_future(taker.take(fetcher, set(), 2, 10, 60))
    await fetcher.waited.wait()
    fetcher.fetched(A, 1)
    taker.sought(A, 7)
    (taken,) = await asyncio.wait_for(waiting, 30)
    assert (taken.epoch, offsets([taken])) == (7, {A: [0]})


async def test_a_client_that_was_stopped_ends_the_wait(taker):
    fetcher = Fetcher(A)
    taker.close()
    fetcher._closed = True
    with pytest.raises(ConsumerStoppedError):
        await taker.take(fetcher, set(), 2, 10, 0)


async def test_an_offset_that_the_log_does_not_have_is_told(taker):
    fetcher = Fetcher(A)
    fetcher._records[A] = FetchError(error=OffsetOutOfRangeError({A: 40}), backoff=0)
    with pytest.raises(PositionOutOfLog, match="orders/0: the broker has no offset 40"):
        await taker.take(fetcher, set(), 2, 10, 0)


async def test_other_errors_pass_through_after_what_was_fetched_before(taker):
    fetcher = Fetcher(A, B)
    fetcher._records[B] = FetchError(error=TopicAuthorizationFailedError("orders"), backoff=0)
    with pytest.raises(TopicAuthorizationFailedError):
        await taker.take(fetcher, set(), 2, 10, 0)
    assert fetcher._records == {}


async def test_an_error_of_the_group_passes_through(taker):
    fetcher = Fetcher(A)
    await taker.take(fetcher, set(), 2, 10, 0)
    waiting = asyncio.ensure_future(taker.take(fetcher, set(), 2, 10, 60))
    await fetcher.waited.wait()
    fetcher.waiters[-1].set_exception(TopicAuthorizationFailedError("orders"))
    with pytest.raises(TopicAuthorizationFailedError):
        await asyncio.wait_for(waiting, 30)
