"""What is kept beside the ledger is a function of the set of events: shuffled, doubled and split, it is the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.events import (
    CANCELLED,
    COMPLETED,
    NO_SCORE,
    NO_TICKET,
    REFUNDED,
    WHOLE,
    InteractionEvent,
    OrderDetails,
    OrderEvent,
)
from stream.contracts.ids import hash_id
from stream.scoring import needs
from stream.scoring.periods import PERIOD, key_of, period_of
from stream.scoring.units import DAY
from stream.state import baskets, ledger
from stream.state.activity import CHANNELS_MAX, PATH_MAX, PERIODS_MAX, Activity
from stream.state.codec import decode, encode
from stream.state.details import NAMES_MAX, Details, Row
from stream.state.interactions import TYPE_CODES
from tests.kit.histories import BEGINNING
from tests.kit.memory import LIMITS, MemoryShard
from tests.unit.state_kit import SHIPPED

WINDOW = SHIPPED.window
TYPES = ("page.viewed", "cart.updated", "login", "feedback.csat", "feedback.csi")

moments = st.integers(0, 20).map(lambda step: BEGINNING + step * 25 * DAY)


def detailed(discount=0, coupon=False, categories=()):
    return OrderDetails(discount, coupon, categories, (0,) * len(categories), len(categories))


said = st.none() | st.builds(
    detailed,
    st.sampled_from((0, 50)),
    st.booleans(),
    st.lists(st.sampled_from(("tea", "milk", "jam")), unique=True, max_size=3).map(tuple),
)


@st.composite
def orders(draw):
    """Orders few enough to meet, as they come and go."""
    events = []
    for number in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from((COMPLETED, COMPLETED, COMPLETED, REFUNDED, CANCELLED)))
        order = draw(st.integers(1, 6))
        amount = draw(st.sampled_from((100, 200)) if kind == COMPLETED else st.sampled_from((100, WHOLE)))
        at, details = draw(moments), draw(said) if kind == COMPLETED else None
        events.append(OrderEvent(kind, at, "c", order, number, f"e-{number}", amount, "", number, details))
    return events


@st.composite
def interactions(draw):
    events = []
    for number in range(draw(st.integers(1, 20))):
        kind = draw(st.sampled_from(TYPES))
        score = {"feedback.csat": draw(st.integers(1, 5)), "feedback.csi": 70}.get(kind, NO_SCORE)
        values = (("price", float(draw(st.integers(1, 10)))),) if kind == "feedback.csi" and draw(st.booleans()) else ()
        event_id, channel = f"i-{number}", draw(st.sampled_from(("", *"abcdefghijk")))
        at = draw(moments)
        events.append(
            InteractionEvent(
                kind, at, "c", hash_id(event_id), event_id, NO_TICKET, score, channel, number, values=values
            )
        )
    return events


def ran(events, batch=10_000, limits=LIMITS):
    """The record after these events, in the order given."""
    shard = MemoryShard(SHIPPED, limits)
    for first in range(0, len(events), batch):
        shard.apply(events[first : first + batch])
    return decode("c", shard.memory.records["c"])


def rows_of(c):
    """Details by order, with names in place of numbers."""
    if c.details is None:
        return {}
    return {
        order: (row.at, row.discount, row.coupon, sorted(c.details.categories(row)))
        for order, row in c.details.rows.items()
    }


def mixed(data, events):
    again = data.draw(st.lists(st.sampled_from(events), max_size=4))
    return data.draw(st.permutations(events + again))


@given(orders(), st.data())
def test_details_are_those_of_the_version_that_the_ledger_keeps(events, data):
    expected = {}
    for event in events:
        if event.kind == COMPLETED:
            details = event.details
            rank = None if details is None else (details.discount, int(details.coupon), sorted(details.categories))
            version = (-event.at, -event.amount, rank is not None, rank or ())
            expected[event.order] = max(expected.get(event.order, version), version)
    found = ran(mixed(data, events), data.draw(st.sampled_from((1, 2, 100))))
    assert rows_of(found) == {order: (-at, *rank) for order, (at, _, detailed, rank) in expected.items() if detailed}


@given(orders(), st.data())
def test_what_is_tallied_one_by_one_is_what_is_tallied_of_all(events, data):
    shard = MemoryShard(SHIPPED)
    for event in mixed(data, events):
        shard.apply([event])
        c = shard.state._objects.get("c")
        if c is None:
            continue
        step_by_step = dict(baskets.tallies(c))
        again = decode("c", encode(c))
        ledger.rebuild(again, WINDOW)
        assert step_by_step == baskets.tallies(again)
        counting = {order for order in rows_of(c) if counts(c, order)}
        counted = [rows_of(c)[order] for order in counting]
        categories = Counter(name for row in counted for name in row[3])
        assert baskets.orders_by_category(c) == categories
        assert baskets.discount_since(c, BEGINNING - 1) == sum(row[1] for row in counted)
        assert step_by_step == needs.tally(
            needs.DetailedOrder(at, bool(discount or coupon), tuple(names)) for at, discount, coupon, names in counted
        )


def counts(c, order):
    return ledger.net_at(c, ledger.find(c, order.to_bytes(8, "little"))) != ledger.NOT_COUNTED


@given(interactions(), st.data())
def test_activity_and_answers_are_a_function_of_the_set(events, data):
    found = ran(mixed(data, events), data.draw(st.sampled_from((1, 3, 100))))
    newest = max(period_of(event.at) for event in events)
    assert found.activity.periods == Counter(
        key_of(period_of(event.at), TYPE_CODES[event.type])
        for event in events
        if period_of(event.at) > newest - PERIODS_MAX
    )
    assert found.activity.path == sorted((e.at, e.event, TYPE_CODES[e.type]) for e in events)[-PATH_MAX:]
    channels = Counter(event.channel for event in events if event.channel)
    assert found.activity.channels == {name: channels[name] for name in sorted(channels)[:CHANNELS_MAX]}
    assert found.activity.others == channels.total() - sum(found.activity.channels.values())
    csat = [(event.at, event.score) for event in events if event.type == "feedback.csat"]
    csi = [(event.at, event.score, event.values) for event in events if event.type == "feedback.csi"]
    if csat or csi:
        assert found.answers.csat == max(csat, default=None)
        assert found.answers.csi == max(csi, default=None)
    else:
        assert found.answers is None


def order(number, at, details):
    return OrderEvent(COMPLETED, at, "c", number, number, str(number), 100, "", number, details)


def test_details_go_when_their_order_is_folded():
    """And the names that no other order has."""
    events = [order(n, BEGINNING + n * DAY, detailed(categories=(f"k-{n}",))) for n in range(1, 10)]
    c = ran(events, limits=replace(LIMITS, ledger_orders_max=8))
    assert c.folded is not None
    assert set(c.details.rows) == {int.from_bytes(bytes(c.hashes[k : k + 8]), "little") for k in range(0, 56, 8)}
    assert sorted(c.details.names) == [f"k-{n}" for n in range(3, 10)]


def test_categories_without_room_are_counted():
    shard = MemoryShard(SHIPPED)
    shard.apply(
        [
            order(n, BEGINNING + n * DAY, detailed(categories=tuple(f"k-{16 * n + k}" for k in range(16))))
            for n in range(16)
        ]
    )
    c = decode("c", shard.memory.records["c"])
    assert len(c.details.names) == NAMES_MAX
    assert shard.memory.counters["categories_left_out"] == 1


def test_what_is_older_than_the_periods_kept_is_counted_as_left_out():
    activity = Activity({}, [], {})
    assert activity.note(0, PERIODS_MAX * PERIOD, 1, "")
    assert not activity.note(0, PERIOD - 1, 2, "")
    assert activity.note(0, PERIOD, 3, "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x92",
        Details({"tea": 0}, {7: Row(5, 0, 0, bytes([1]))}).to_bytes(),
        Details({"tea": 1}, {}).to_bytes(),
        Details({}, {7: Row(5, 0, 0, b"")}).to_bytes() + b"\x00",
    ],
)
def test_damaged_details_are_refused(data):
    with pytest.raises(ValueError):  # noqa: PT011 - what the codec asks for; the words are msgspec's
        Details.of_bytes(data)
