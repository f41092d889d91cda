"""What is noticed beside classes: carts left behind, and figures that are unusual for the customer."""

from __future__ import annotations

import msgspec
import pytest

from stream.contracts.decisions import ANOMALY, CART_ABANDONED, PAYLOADS
from stream.contracts.events import COMPLETED, NO_SCORE, NO_TICKET, REFUNDED, InteractionEvent, OrderDetails, OrderEvent
from stream.contracts.ids import hash_id
from stream.scoring.periods import PERIOD
from stream.scoring.units import DAY
from tests.kit.histories import BEGINNING
from tests.kit.memory import MemoryShard

HOUR = DAY // 24


DETAILED = OrderDetails(coupon=True)


def order(number, at, amount, details=DETAILED):
    return OrderEvent(COMPLETED, at, "c", number, number, str(number), amount, "", number, details)


def interaction(kind, number, at):
    return InteractionEvent(kind, at, "c", hash_id(f"i-{number}"), f"i-{number}", NO_TICKET, NO_SCORE, "", number)


def said(shard, kind):
    return [
        msgspec.json.decode(message.value, type=PAYLOADS[kind])
        for message in shard.memory.messages
        if message.type == kind
    ]


def test_a_cart_is_left_behind_once_and_not_after_an_order():
    shard = MemoryShard()
    shard.apply([interaction("cart.updated", 1, BEGINNING), interaction("checkout.started", 2, BEGINNING + HOUR)])
    shard.sweep(BEGINNING + 25 * HOUR)
    assert said(shard, CART_ABANDONED) == []
    shard.sweep(BEGINNING + 25 * HOUR + 1)
    shard.apply([interaction("login", 3, BEGINNING + 30 * HOUR)])
    (cart,) = said(shard, CART_ABANDONED)
    assert (cart.step, cart.effective_at, cart.cause.kind) == ("checkout", "2023-01-02T01:00:00Z", "timer")
    shard.apply([interaction("cart.updated", 4, BEGINNING + 40 * HOUR), order(1, BEGINNING + 41 * HOUR, 100)])
    shard.sweep(BEGINNING + 99 * HOUR)
    assert len(said(shard, CART_ABANDONED)) == 1


@pytest.mark.parametrize("details", [DETAILED, None], ids=["with details", "plain"])
def test_an_order_of_ten_times_the_usual_value_is_told_with_the_usual_range(details):
    shard = MemoryShard()
    usual = [order(n, BEGINNING + 7 * n * DAY, 2_000 + 10 * (n % 3), details) for n in range(12)]
    shard.apply(usual)
    assert said(shard, ANOMALY) == []
    shard.apply([order(20, BEGINNING + 84 * DAY, 20_000, details)])
    (anomaly,) = said(shard, ANOMALY)
    assert (anomaly.figure, anomaly.value, anomaly.cause.id) == ("order_value", 200.0, "20")
    assert 5 < anomaly.usual_from < 20 < anomaly.usual_to < 70


@pytest.mark.parametrize("details", [DETAILED, None], ids=["with details", "plain"])
def test_a_gap_is_told_once_and_an_early_order_never(details):
    shard = MemoryShard()
    weeks = [*range(12), 32, 53, 54]
    shard.apply([order(n, BEGINNING + 7 * week * DAY, 2_000, details) for n, week in enumerate(weeks)])
    (anomaly,) = said(shard, ANOMALY)
    assert (anomaly.figure, anomaly.value, anomaly.cause.id) == ("gap", 147.0, "12")
    assert 0 < anomaly.usual_from < 7 < anomaly.usual_to < 60
    shard.apply([order(99, BEGINNING + 7 * 54 * DAY + HOUR, 2_000, details)])
    assert len(said(shard, ANOMALY)) == 1


def test_a_plain_order_of_someone_who_does_more_than_order_is_told_of_too():
    shard = MemoryShard()
    shard.apply([interaction("login", 1, BEGINNING)])
    shard.apply([order(n, BEGINNING + 7 * n * DAY, 2_000, None) for n in range(12)])
    assert said(shard, ANOMALY) == []
    shard.apply([order(20, BEGINNING + 84 * DAY, 20_000, None)])
    (anomaly,) = said(shard, ANOMALY)
    assert (anomaly.figure, anomaly.value) == ("order_value", 200.0)


def test_a_late_order_is_held_against_those_before_it():
    shard = MemoryShard()
    shard.apply([order(n, BEGINNING + 7 * n * DAY, 2_000, None) for n in range(12)])
    shard.apply([order(20, BEGINNING + 63 * DAY + HOUR, 20_000, None)])
    (anomaly,) = said(shard, ANOMALY)
    assert (anomaly.figure, anomaly.value, anomaly.cause.id) == ("order_value", 200.0, "20")
    assert anomaly.effective_at == "2023-03-19T00:00:00Z"


def returned(each, refunded):
    """What is said of seven periods of so many orders, when so many of the last are refunded in turn."""
    first = BEGINNING // PERIOD * PERIOD + PERIOD
    shard = MemoryShard()
    moments = [first + period * PERIOD + 6 * n * DAY for period in range(7) for n in range(each)]
    shard.apply([order(n, at, 2_000) for n, at in enumerate(moments)])
    end = moments[-1] + HOUR
    for number in range(6 * each, 6 * each + refunded):
        refund = OrderEvent(REFUNDED, end + number, "c", number, 100 + number, f"r-{number}", 500, "", number)
        shard.apply([refund])
    return said(shard, ANOMALY)


def test_the_refund_with_which_the_share_of_a_period_becomes_unusual_is_told():
    (anomaly,) = returned(4, 4)
    assert (anomaly.figure, anomaly.value, anomaly.cause.id) == ("refund_share", 0.75, "r-26")
    assert (anomaly.usual_from, anomaly.usual_to) == (0.0, 0.6)


def test_a_share_at_the_limit_is_usual_so_the_next_refund_is_told():
    """Three of five is 0.6, four spreads of 0.15; four fifths less one fifth is a little more in binary."""
    (anomaly,) = returned(5, 5)
    assert (anomaly.value, anomaly.cause.id) == (0.8, "r-33")


def test_visits_of_a_period_are_told_at_the_first_visit_of_the_next():
    first = BEGINNING // PERIOD * PERIOD + PERIOD
    counts = [4, 5, 4, 5, 4, 40, 1]
    moments = [first + period * PERIOD + n * HOUR for period, count in enumerate(counts) for n in range(count)]
    shard = MemoryShard()
    shard.apply([interaction("page.viewed", number, at) for number, at in enumerate(moments)])
    (anomaly,) = said(shard, ANOMALY)
    assert (anomaly.figure, anomaly.value, anomaly.cause.id) == ("visit_rate", 40.0, f"i-{len(moments) - 1}")
