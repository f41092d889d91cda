"""The calibration service on a real Redis: what it shows, when it calibrates, and what it does not put in force."""

import itertools
import logging

import pytest

from stream.calibration.progress import read_progress
from stream.calibration.service import FAILED_PAUSE, HOUR, CalibrationService, Schedule
from stream.calibration.store import CalibrationTaken, adopt_again, current_number, publish, read, read_current
from stream.calibration.watch import CalibrationWatch
from stream.scoring.policy import default_policy
from stream.scoring.units import DAY
from stream.store.commit import Commit
from stream.store.connection import connect
from stream.store.keys import Keys
from stream.store.shard_store import ShardStore, new_owner
from tests.unit.state_kit import NOW, customers_with_orders, shard_of

pytestmark = pytest.mark.integration

_numbers = itertools.count()
EVERY = 24 * HOUR


class Shown:
    def __init__(self):
        self.drift, self.progress, self.outcomes, self.announced = {}, None, [], 0

    def show_drift(self, score, index):
        self.drift[score] = index

    def show_progress(self, progress):
        self.progress = progress

    def count_calibration(self, outcome):
        self.outcomes.append(outcome)

    async def announce(self):
        self.announced += 1


@pytest.fixture
async def shop(redis):
    """A prefix under which one shard holds 40 customers."""
    prefix = f"service-{next(_numbers)}"
    store = ShardStore(redis, Keys(prefix, 0), new_owner())
    await store.claim(1)
    _, outcome = shard_of(customers_with_orders(40))
    await store.commit(Commit.of(outcome, [], {"clock": str(NOW)}))
    return prefix


async def service_of(redis, prefix, shown, *, every=EVERY, moves_max=1.0):
    watch = CalibrationWatch(redis, prefix, default_policy())
    await watch.refresh()
    service = CalibrationService(
        redis,
        prefix,
        1,
        lambda: watch.model,
        Schedule(every, moves_max, sample_max=1_000, look_every=HOUR),
        event_clock=False,
        gauges=shown,
        announce=shown.announce,
        started_at=NOW,
    )
    return service, watch


async def test_it_calibrates_when_the_time_has_come_and_all_events_are_applied(redis, shop):
    shown = Shown()
    service, watch = await service_of(redis, shop, shown)
    await service.step(NOW + EVERY - 1, caught_up=True)
    await service.step(NOW + EVERY, caught_up=False)
    assert await current_number(redis, shop) == 1
    await service.step(NOW + EVERY, caught_up=True)
    assert (await read_current(redis, shop)).customers == 40
    assert (shown.outcomes, shown.announced) == (["adopted"], 1)
    await watch.refresh()
    await service.step(NOW + EVERY + HOUR, caught_up=True)
    assert await current_number(redis, shop) == 2


async def test_it_shows_how_far_the_population_moved_since(redis, shop):
    shown = Shown()
    service, watch = await service_of(redis, shop, shown)
    await service.step(NOW, caught_up=True)
    assert shown.drift == {}, "the shipped cut-points were taken from nobody"
    await service.step(NOW + EVERY, caught_up=True)
    await watch.refresh()
    await service.step(NOW + EVERY + HOUR, caught_up=True)
    assert max(shown.drift.values()) < 0.01
    await service.step(NOW + EVERY + 90 * DAY, caught_up=False)
    assert shown.drift["recency"] > 0.25, "everybody was silent for 90 days"
    assert shown.drift["frequency"] < 0.01


async def test_without_a_schedule_only_people_calibrate(redis, shop):
    shown = Shown()
    service, _ = await service_of(redis, shop, shown, every=None)
    await service.step(NOW + 100 * EVERY, caught_up=True)
    assert (await current_number(redis, shop), shown.outcomes) == (1, [])


async def test_one_that_moves_too_many_is_not_put_in_force(redis, shop, caplog):
    caplog.set_level(logging.WARNING, "stream.calibration")
    shown = Shown()
    service, _ = await service_of(redis, shop, shown, moves_max=0.0)
    await service.step(NOW + EVERY, caught_up=True)
    assert (await current_number(redis, shop), shown.outcomes) == (1, ["held_back"])
    assert "would change tier, the setting calibrate_moves_max allows 0 %" in caplog.text
    await service.step(NOW + EVERY + FAILED_PAUSE - 1, caught_up=True)
    assert shown.outcomes == ["held_back"]
    await service.step(NOW + EVERY + FAILED_PAUSE, caught_up=True)
    assert shown.outcomes == ["held_back"] * 2


async def test_redis_away_is_logged_and_tried_again(redis, shop, caplog):
    shown = Shown()
    service, _ = await service_of(redis, shop, shown)
    nowhere = connect("redis://127.0.0.1:1/0", retries=0)
    service._redis = nowhere
    await service.step(NOW + EVERY, caught_up=True)
    assert "could not do its work" in caplog.text
    service._redis = redis
    await service.step(NOW + EVERY + FAILED_PAUSE, caught_up=True)
    assert shown.outcomes == ["adopted"]
    await nowhere.aclose()


async def test_an_older_one_is_adopted_under_a_new_number(redis, shop):
    shown = Shown()
    service, _ = await service_of(redis, shop, shown)
    await service.step(NOW + EVERY, caught_up=True)
    again = await adopt_again(redis, shop, 1, NOW + 2 * EVERY)
    shipped = await read(redis, shop, 1)
    assert (again.number, again.rfm, again.alive, again.churn) == (3, shipped.rfm, shipped.alive, shipped.churn)
    assert again.source.startswith("calibration 1 once more")
    assert await read_current(redis, shop) == again
    with pytest.raises(CalibrationTaken):
        await publish(redis, shop, again.__class__.from_json(again.to_json().replace(b'"number":3', b'"number":2')))


async def test_progress_is_what_the_shards_remember(redis, shop):
    assert (await read_progress(redis, shop, 1, 7)).share == 0
    meta = Keys(shop, 0).meta
    await redis.hset(meta, mapping={"model": "7", "cursor": "run:3", "rescored": "10"})
    assert (await read_progress(redis, shop, 1, 7)).share == 0.25
    assert (await read_progress(redis, shop, 1, 8)).share == 0
    await redis.hset(meta, "cursor", "done")
    assert (await read_progress(redis, shop, 1, 7)).share == 1
