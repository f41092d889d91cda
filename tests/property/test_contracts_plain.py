"""The loop for plain orders gives what the careful reading of one order gives, or hands the record on."""

from types import SimpleNamespace

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stream.contracts import wire
from stream.contracts.acceptance import Limits, order_event
from stream.contracts.plain import free_of_controls, plain_orders
from stream.contracts.refusals import Refused

NOW = 1_767_225_600_000
LIMITS = Limits("EUR", 2, 631_152_000_000, 300_000)

ids = st.one_of(st.text(min_size=1, max_size=80), st.from_regex(r"[a-z]{1,3}-[0-9]{1,9}", fullmatch=True))
orders = st.fixed_dictionaries(
    {
        "event_id": ids,
        "type": st.sampled_from(["order.completed", "order.completed", "order.refunded", "order.cancelled"]),
        "customer_id": ids,
        "order_id": ids,
        "occurred_at": st.one_of(
            st.sampled_from(["2025-12-31T23:59:59.9999Z", "2026-01-01T00:05:00.001+00:00", "1989-01-01T00:00:00Z"]),
            st.integers(NOW // 1_000 - 10**6, NOW // 1_000 + 600),
        ),
    },
    optional={
        "amount": st.one_of(
            st.sampled_from(["12.34", "-1.00", "1e3", "x", "0.005", "\u0661.00"]), st.floats(), st.integers()
        ),
        "currency": st.sampled_from(["EUR", "USD"]),
        "channel": st.one_of(st.none(), st.text(max_size=20)),
    },
)


@given(st.lists(st.tuples(orders, st.sampled_from([NOW - 5, NOW + 5, -1, None]), st.booleans()), max_size=8))
def test_the_short_reading_equals_the_careful_one(given_orders):
    records, reads = [], []
    for offset, (order, written, right_key) in enumerate(given_orders):
        value = msgspec.json.encode(order)
        try:
            read = msgspec.json.decode(value, type=wire.Order)
        except msgspec.DecodeError as error:
            read = Refused("value", str(error))
        if free_of_controls([value]):
            key = order["customer_id"].encode() if right_key else b"another"
            records.append(SimpleNamespace(offset=offset, timestamp=written, key=key, value=value))
            reads.append(read)
    found, others = plain_orders(LIMITS, records, reads, NOW)
    assert len(found) == len(records)
    assert [at for at, event in enumerate(found) if event is None] == others
    for event, record, read in zip(found, records, reads, strict=True):
        if event is not None:
            assert event == order_event(LIMITS, record, read, NOW)
