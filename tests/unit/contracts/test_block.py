"""Events go into a block and come out as they were, however the block is cut and put together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.block import (
    AMOUNT,
    AT,
    CHANNEL_SIZE,
    CUSTOMER_FROM,
    CUSTOMER_HASH,
    CUSTOMER_SIZE,
    NEVER,
    OFFSET,
    ORDER,
    PLAIN,
    WIDTH,
    EventBlock,
    is_plain,
)
from stream.contracts.events import CANCELLED, COMPLETED, REFUNDED, DeadLetter, OrderEvent, PrivacyEvent
from stream.contracts.ids import hash_id

texts = st.text(max_size=6) | st.sampled_from(["c-1", "a b", 'c"1', "c\\1", "ç", "\x7f", ""])
moments = st.integers(-(10**13), 10**13)
offsets = st.integers(0, 2**60)
orders = st.builds(
    lambda kind, at, customer, order, event, amount, channel, offset: OrderEvent(
        kind, at, customer, hash_id(order), hash_id(event), event, amount, channel, offset
    ),
    st.sampled_from([COMPLETED, COMPLETED, REFUNDED, CANCELLED]),
    *(moments, texts, texts, texts, st.integers(0, 10**15), texts, offsets),
)
requests = st.builds(
    lambda at, customer, event, offset: PrivacyEvent("customer.erase", at, customer, hash_id(event), event, offset),
    *(moments, texts, texts, offsets),
)
letters = st.builds(DeadLetter, st.just("orders"), st.just(3), offsets, *[st.just("value")] * 2, st.none(), st.none())
events = st.lists(orders | requests | letters, max_size=8)


def signed(number):
    return int(np.uint64(number).view(np.int64))


@given(events)
def test_events_come_back_as_they_went_in(given_events):
    block = EventBlock.of(given_events)
    assert list(block) == given_events
    assert block.rows.shape == (len(given_events), WIDTH)
    before = NEVER
    for number, (row, event) in enumerate(zip(block.rows.tolist(), given_events, strict=True)):
        before = getattr(event, "at", before)
        assert (row[AT], row[OFFSET]) == (before, event.offset)
        assert (number in block.others) is (row[PLAIN] == 0)
        assert block.customer(number) == getattr(event, "customer", "")
        if isinstance(event, DeadLetter):
            assert row[CUSTOMER_SIZE] == 0
        else:
            assert row[CUSTOMER_HASH] == signed(hash_id(event.customer))
            assert bool(row[PLAIN]) is is_plain(event)


@given(events, st.integers(0, 8), st.integers(0, 8))
def test_a_slice_is_that_of_the_list(given_events, first, size):
    block = EventBlock.of(given_events)
    first = min(first, len(block))
    last = min(first + size, len(block))
    part = block.slice(first, last)
    assert list(part) == given_events[first:last]
    assert part.rows.flags.c_contiguous


@given(st.lists(events, max_size=4))
def test_blocks_are_joined_like_lists(given_lists):
    joined = EventBlock.join([EventBlock.of(one) for one in given_lists])
    assert list(joined) == [event for one in given_lists for event in one]


@given(st.lists(events, min_size=1, max_size=4), st.randoms(use_true_random=False), st.integers(0, 40))
def test_rows_of_blocks_are_merged_in_any_order(given_lists, random, n):
    places = [(which, index) for which, one in enumerate(given_lists) for index in range(len(one))]
    random.shuffle(places)
    places = places[:n]
    columns = np.array(places, np.int64).reshape(-1, 2)
    merged = EventBlock.merge([EventBlock.of(one) for one in given_lists], columns[:, 0], columns[:, 1])
    assert list(merged) == [given_lists[which][index] for which, index in places]
    assert merged.rows.flags.c_contiguous
    assert merged.text.flags.writeable


def test_a_plain_order_is_in_its_row_and_any_other_event_is_itself():
    plain = OrderEvent(COMPLETED, 7, "c-1", 2**64 - 1, hash_id("e-1"), "e-1", 1234, "", 3)
    refund = OrderEvent(REFUNDED, 8, "c-1", 5, hash_id("e-2"), "e-2", -1, "web", 4)
    block = EventBlock.of([plain, refund])
    assert block.rows[0, [PLAIN, AT, AMOUNT, ORDER, CHANNEL_SIZE, OFFSET]].tolist() == [1, 7, 1234, -1, 0, 3]
    assert block.event(1) is refund
    assert bytes(block.text[block.rows[1, CUSTOMER_FROM] :][:3]) == b"c-1"


def test_events_put_into_rows_leave_the_others_alone():
    first, second, third = (
        OrderEvent(COMPLETED, at, f"c-{at}", at, hash_id("e-1"), "e-1", 1, "", at) for at in range(3)
    )
    block = EventBlock.of([first, second, third])
    dead = DeadLetter("orders", 3, 9, "value", "is empty", None, b"")
    assert list(block.filled({1: dead, 2: first})) == [first, dead, first]
    assert block.rows[1, AT] == 0
