"""Calibrations in a real Redis: one number, one document, whoever publishes; and workers adopt what they can read."""

import asyncio
import itertools
import logging

import msgspec
import pytest

from stream.calibration.store import (
    CalibrationTaken,
    CalibrationUnreadable,
    current_number,
    publish,
    read,
    read_current,
)
from stream.calibration.watch import CalibrationWatch
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.store import keys
from stream.store.connection import connect
from stream.store.errors import StoreUnavailable

_numbers = itertools.count()


def numbered(number, source=""):
    return msgspec.structs.replace(DEFAULT_CALIBRATION, number=number, source=source)


@pytest.fixture
def prefix():
    return f"calibration-{next(_numbers)}"


@pytest.fixture
def watch(redis, prefix):
    return CalibrationWatch(redis, prefix, default_policy())


async def test_the_shipped_one_is_in_force_at_first(redis, prefix):
    assert await current_number(redis, prefix) == 1
    assert await read_current(redis, prefix) == DEFAULT_CALIBRATION


async def test_each_number_stays_readable(redis, prefix):
    for number in (2, 3):
        await publish(redis, prefix, numbered(number, "one after another"))
    assert (await read_current(redis, prefix)).number == 3
    assert await read(redis, prefix, 2) == numbered(2, "one after another")


async def test_of_many_publishers_one_takes_the_number(redis, prefix):
    tries = [publish(redis, prefix, numbered(2, f"publisher {each}")) for each in range(20)]
    ends = await asyncio.gather(*tries, return_exceptions=True)
    winners = [each for each, end in enumerate(ends) if end is None]
    assert len(winners) == 1
    assert sum(isinstance(end, CalibrationTaken) for end in ends) == 19
    assert (await read_current(redis, prefix)).source == f"publisher {winners[0]}"


async def test_publishing_again_is_safe(redis, prefix):
    await publish(redis, prefix, numbered(2, "mine"))
    await publish(redis, prefix, numbered(2, "mine"))
    assert await current_number(redis, prefix) == 2


async def test_who_died_between_the_two_steps_is_helped(redis, prefix):
    await redis.set(keys.calibration(prefix, 2), numbered(2, "died").to_json())
    with pytest.raises(CalibrationTaken, match="another calibration 2"):
        await publish(redis, prefix, numbered(2, "later"))
    assert (await read_current(redis, prefix)).source == "died"
    await publish(redis, prefix, numbered(3, "later"))


@pytest.mark.parametrize("number", [1, 2, 4])
async def test_only_the_next_number_is_taken(redis, prefix, number):
    await publish(redis, prefix, numbered(2, "in force"))
    with pytest.raises(CalibrationTaken):
        await publish(redis, prefix, numbered(number, "not the next"))
    assert (await read_current(redis, prefix)).source == "in force"


@pytest.mark.parametrize("number", [b"0", b"x", b"", b"-1"])
async def test_a_number_that_is_none_is_told(redis, prefix, number):
    await redis.set(keys.calibration_current(prefix), number)
    with pytest.raises(CalibrationUnreadable, match=f"{prefix}:calibration holds"):
        await read_current(redis, prefix)


async def test_a_document_of_another_number_is_refused(redis, prefix):
    await redis.set(keys.calibration_current(prefix), "2")
    await redis.set(keys.calibration(prefix, 2), numbered(3).to_json())
    with pytest.raises(CalibrationUnreadable, match="number 3"):
        await read_current(redis, prefix)


async def test_a_worker_adopts_what_is_published(redis, prefix, watch):
    with pytest.raises(RuntimeError, match="refresh"):
        _ = watch.model
    assert await watch.refresh()
    assert not await watch.refresh()
    await publish(redis, prefix, numbered(2))
    assert await watch.refresh()
    assert watch.model.number == 2


async def test_a_worker_keeps_what_it_has_and_says_so_once(redis, prefix, watch, caplog):
    caplog.set_level(logging.ERROR, "stream.calibration")
    await watch.refresh()
    await redis.set(keys.calibration_current(prefix), "5")
    for _ in range(3):
        assert not await watch.refresh()
    await redis.set(keys.calibration(prefix, 5), b"{}")
    assert not await watch.refresh()
    assert watch.model.number == 1
    assert len(caplog.records) == 2
    assert all(f"{prefix}:calibration:5" in record.getMessage() for record in caplog.records)
    await redis.set(keys.calibration(prefix, 5), numbered(5).to_json())
    assert await watch.refresh()


async def test_a_calibration_for_another_policy_is_not_adopted(redis, prefix, watch, caplog):
    await watch.refresh()
    coefficients = msgspec.structs.replace(DEFAULT_CALIBRATION.churn, gap=(0.5,))
    await publish(redis, prefix, msgspec.structs.replace(numbered(2), churn=coefficients))
    assert not await watch.refresh()
    assert "gap weights" in caplog.text


async def test_a_worker_does_not_begin_with_what_it_cannot_read(redis, prefix, watch):
    await redis.set(keys.calibration_current(prefix), "2")
    with pytest.raises(CalibrationUnreadable, match="does not exist"):
        await watch.refresh()


async def test_without_redis_the_first_look_fails_and_a_later_one_does_not(redis, prefix):
    nowhere = connect("redis://127.0.0.1:1/0", retries=0)
    with pytest.raises(StoreUnavailable):
        await CalibrationWatch(nowhere, prefix, default_policy()).refresh()
    watch = CalibrationWatch(redis, prefix, default_policy())
    await watch.refresh()
    watch._redis = nowhere
    assert not await watch.refresh()
    assert watch.model.number == 1
    await nowhere.aclose()
