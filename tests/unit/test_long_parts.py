"""The parts of the long run and of the load shapes that can be wrong by themselves."""

from __future__ import annotations

from collections import Counter

import msgspec
import orjson
import pytest

from stream.contracts.decisions import CHURN_WARNING, Message
from stream.scoring.units import DAY
from tests.chaos.long.figures import Figures, Sample, slope
from tests.chaos.long.load import Numbered
from tests.chaos.shapes.backlog import orders_until, refuted
from tests.chaos.shapes.fat import fat_customer
from tests.kit.memory import MemoryShard, sharded
from tests.oracle import shard_of

NOW = 1_700_000_000_123


def test_what_is_written_adds_up_to_the_sums():
    load = Numbered(2_345, 4, cohort=100, each=5)
    written = [record for first in range(0, load.orders, 700) for record in load.records(first, 700, NOW)]
    assert len(written) == load.written
    orders: dict[str, tuple[str, int]] = {}
    refused = 0
    for shard, key, value in written:
        event = orjson.loads(value)
        assert event["customer_id"] == key.decode()
        assert shard == shard_of(key.decode(), 4)
        assert event["occurred_at"] == NOW / 1000
        if event["currency"] == "XXX":
            refused += 1
        else:
            orders[event["order_id"]] = key.decode(), round(100 * float(event["amount"]))
    assert (len(orders), refused) == (load.orders, load.refused)
    count, money = Counter(), Counter()
    for customer, amount in orders.values():
        count[customer] += 1
        money[customer] += amount
    sums = load.sums()
    assert {f"c-{n}": (int(a), int(b)) for n, (a, b) in enumerate(zip(*sums, strict=True))} == {
        customer: (count[customer], money[customer]) for customer in count
    }


def test_a_cohort_orders_so_often_and_is_never_heard_of_again():
    assert set(Numbered(2_000, 4, cohort=100, each=5).sums().orders.tolist()) == {5}


@pytest.mark.parametrize(("grows", "wrong"), [(0.0, False), (0.5, False), (2.0, True)])
def test_memory_that_grows_is_seen(grows, wrong):
    figures = Figures(30, 1, 20)
    figures.steady = [Sample(t, t, 300 + (t % 3) + grows * t / 60) for t in range(0, 1_800, 2)]
    figures.lives = [[Sample(at + age, age, 250 + age) for age in range(0, 20, 2)] for at in range(0, 1_800, 20)]
    figures.judge()
    assert bool(figures.wrong) == wrong
    assert figures.summary()["worker_that_lives_on_mb_per_minute"] == pytest.approx(grows, abs=0.01)
    assert figures.summary()["killed_workers_mb_per_minute_of_age"] == pytest.approx(60.0)


def test_two_points_have_no_slope():
    assert slope([(0, 1.0), (1, 2.0)]) is None


def warning(customer, at, days):
    value = msgspec.json.encode({"days_since_last_order": days})
    return Message("id", "churn-warnings", customer, CHURN_WARNING, at, value)


def test_a_warning_that_an_order_speaks_against_is_seen():
    orders = [{"customer_id": "a", "occurred_at": day * DAY / 1000} for day in (1, 5)]
    fair = [warning("a", 4 * DAY, 3.0), warning("a", 30 * DAY, 25.0)]
    assert refuted(fair, orders) == (2, [])
    assert refuted([*fair, warning("a", 6 * DAY, 5.0)], orders)[1]


def test_a_backlog_is_in_order_of_time_and_ends_now():
    moments = [order["occurred_at"] for order in orders_until(NOW, 50)]
    assert moments == sorted(moments)
    assert NOW / 1000 - 2 * 86_400 < moments[-1] < NOW / 1000


@pytest.mark.parametrize("ahead", [0, 10 * DAY])
def test_timers_that_are_ahead_of_a_backlog_are_seen(ahead):
    orders = orders_until(NOW, 20)
    records = sharded({"orders": orders}, 1)[0]["orders"]
    shard = MemoryShard()
    for first in range(0, len(records), 20):
        shard.apply(shard.decoder.decode("orders", 0, records[first : first + 20], 2**53))
        shard.sweep(shard.state.clock + ahead)
    warnings, wrong = refuted(shard.memory.messages, orders)
    assert warnings > 20
    assert bool(wrong) == bool(ahead)


def test_a_customer_with_many_orders_keeps_every_sum():
    assert fat_customer(3_000, (1_000,))["wrong"] == {}
