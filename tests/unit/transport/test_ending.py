import asyncio

import pytest

from stream.transport import ending
from stream.transport.ending import all_of, at_most, unless


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(ending, "CANCEL_SECONDS_MAX", 0.01)


async def done():
    pass


async def fail():
    raise ZeroDivisionError


async def hang():
    await asyncio.Event().wait()


async def test_what_is_done_in_time_is_done(caplog):
    assert await at_most(10, "it", done())
    assert not caplog.text


async def test_its_error_is_raised():
    with pytest.raises(ZeroDivisionError):
        await at_most(10, "it", fail())


async def test_what_hangs_is_cancelled_and_said(caplog):
    task = asyncio.ensure_future(hang())
    assert not await at_most(0.01, "leaving the group", task)
    assert task.cancelled()
    assert "leaving the group is given up: it did not end within 0.01 s" in caplog.text


async def test_what_does_not_even_let_itself_be_cancelled_is_left_behind():
    released = asyncio.Event()

    async def stubborn():
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    task = asyncio.ensure_future(stubborn())
    assert not await at_most(0.01, "it", task)
    assert not task.done()
    released.set()
    await task


async def test_who_is_cancelled_while_waiting_cancels_the_work():
    work = asyncio.ensure_future(hang())
    waiting = asyncio.ensure_future(at_most(10, "it", work))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait([work])
    assert work.cancelled()


async def test_all_are_done_before_an_error_is_raised():
    order = []

    async def later():
        await asyncio.sleep(0.01)
        order.append("later")

    with pytest.raises(ZeroDivisionError):
        await all_of([fail(), later()])
    assert order == ["later"]


async def test_work_is_broken_off_by_the_order_to_stop():
    work = asyncio.ensure_future(hang())
    assert not await unless(done(), work)
    await asyncio.wait([work])
    assert work.cancelled()
    with pytest.raises(ZeroDivisionError):
        await unless(hang(), fail())
