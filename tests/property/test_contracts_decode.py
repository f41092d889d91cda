"""Whatever is in the log: one outcome a record, in order, and no record changes what becomes of another."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import datetime, timedelta, timezone

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.dead_letters import dead_letter_message, read_dead_letter
from stream.contracts.events import COMPLETED, DeadLetter, OrderEvent
from stream.contracts.ids import hash_id
from stream.contracts.money import from_minor
from stream.contracts.order_details import order_details
from stream.contracts.times import DAY, format_time, parse_time
from stream.contracts.topics import INPUT_RANK, Topics
from stream.contracts.wire import Order
from tests.unit.contracts.records import COMPLAINT, NOW, NPS, ORDER, PROFILE, REQUEST, FakeRecord, decode, record

EARLIEST = parse_time("1990-01-01T00:00:00Z")

names = st.sampled_from(sorted(INPUT_RANK))
ids = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=64)


def json_of(numbers):
    return st.recursive(
        st.none() | st.booleans() | st.integers(-(10**25), 10**25) | numbers | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )


good_json = json_of(st.floats(allow_nan=False, allow_infinity=False))
any_json = json_of(st.floats())  # Python writes NaN and Infinity, which JSON does not have
events = st.sampled_from([ORDER, COMPLAINT, NPS, PROFILE, REQUEST])


details = st.fixed_dictionaries(
    {},
    optional={
        "discount": st.sampled_from([None, 0, 1.5, "0.25"]),
        "coupon": st.sampled_from([None, "", "TEN"]),
        "items": st.lists(
            st.fixed_dictionaries(
                {"sku": ids},
                optional={
                    "category": st.sampled_from([None, "", "tea", "café"]),
                    "price": st.sampled_from([None, 3, "0.99"]),
                    "quantity": st.sampled_from([None, 2, 0.3]),
                },
            ),
            max_size=3,
        )
        | st.none(),
    },
)


@st.composite
def orders(draw):
    """An order in one of the ways it may be written, and the event that it is."""
    customer, order, event = draw(ids), draw(ids), draw(ids)
    at = draw(st.integers(EARLIEST, NOW))
    minor = draw(st.integers(0, 10**15))
    amount = draw(st.sampled_from([from_minor(minor), minor / 100]))
    channel = draw(st.none() | st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=16))
    value = {
        "customer_id": customer,
        "event_id": event,
        "order_id": order,
        "occurred_at": draw(st.sampled_from([format_time(at), at / 1000])),
        "type": "order.completed",
        "amount": amount,
        "currency": "USD",
        "channel": channel,
        "attributes": draw(good_json),
    }
    value |= draw(st.just({}) | details)
    value = dict(draw(st.permutations(sorted(value.items()))))
    said = order_details(msgspec.convert(value | {"amount": str(amount)}, Order), 2)
    expected = OrderEvent(COMPLETED, at, customer, hash_id(order), hash_id(event), event, minor, channel or "", 0, said)
    data = json.dumps(value, ensure_ascii=draw(st.booleans())).encode()
    return FakeRecord(0, customer.encode(), data, NOW), expected


@st.composite
def broken(draw):
    """A record that was good until something happened to it; it may even still be good."""
    event = dict(draw(events))
    if draw(st.booleans()):
        event[draw(st.sampled_from(sorted(event)))] = draw(any_json)
    data = bytearray(json.dumps(event).encode())
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)) | st.just(len(data)))])


anything = st.builds(
    FakeRecord,
    st.just(0),
    st.none() | st.just(b"c-1") | st.binary(max_size=20),
    st.none() | st.binary(max_size=60) | any_json.map(lambda value: json.dumps(value).encode()) | broken(),
    st.none() | st.integers(-1, 2 * NOW),
)


def numbered(records):
    for offset, given_record in enumerate(records):
        given_record.offset = offset
    return records


@given(orders())
def test_an_order_is_read_as_it_was_meant_however_it_is_written(written):
    given_record, expected = written
    assert decode("orders", given_record) == [expected]


@given(names, st.lists(anything, max_size=20))
def test_any_bytes_give_one_outcome_each_and_nothing_is_raised(name, records):
    records = numbered(records)
    outcomes = decode(name, *records)
    assert [outcome.offset for outcome in outcomes] == list(range(len(records)))
    for outcome, was in zip(outcomes, records, strict=True):
        if isinstance(outcome, DeadLetter):
            assert outcome.field
            assert outcome.reason
            assert (outcome.topic, outcome.partition) == (f"shop.{name}", 3)
            assert (outcome.key, outcome.value) == (was.key, was.value)


@given(st.lists(anything.map(lambda bad: (bad, None)) | orders(), max_size=20))
def test_good_records_are_untouched_by_what_is_between_them(mixed):
    records = numbered([given_record for given_record, _ in mixed])
    for outcome, (_, expected) in zip(decode("orders", *records), mixed, strict=True):
        if expected is not None:
            expected.offset = outcome.offset
            assert outcome == expected


@given(names, st.lists(anything, max_size=12), st.integers(0, 12))
def test_where_a_batch_ends_does_not_matter(name, records, cut):
    records = numbered(records)
    whole = decode(name, *records)
    assert decode(name, *records[:cut]) + decode(name, *records[cut:]) == whole
    assert [outcome for one in records for outcome in decode(name, one)] == whole


@given(names, st.lists(anything, max_size=12), st.integers(0, 3_650 * DAY))
def test_a_later_replay_decides_the_same_where_records_are_not_from_the_future(name, records, later):
    for given_record in numbered(records):
        given_record.timestamp = min(given_record.timestamp or 0, NOW)
        given_record.timestamp = max(given_record.timestamp, 0)
    assert decode(name, *records, now_ms=NOW + 1) == decode(name, *records, now_ms=NOW + 1 + later)


@given(anything)
def test_a_dead_letter_carries_its_record_to_the_byte(bad):
    (outcome,) = decode("orders", bad)
    if isinstance(outcome, DeadLetter):
        said = read_dead_letter(dead_letter_message(outcome, Topics("shop."), NOW).value)
        assert (said.topic, said.partition, said.offset) == ("shop.orders", 3, 0)
        assert (said.field, said.reason, said.truncated) == (outcome.field, outcome.reason, False)
        for text, data in ((said.key, bad.key), (said.value, bad.value)):
            assert (None if data is None else b64decode(text, validate=True)) == data


@given(
    st.datetimes(
        datetime(1990, 1, 2),  # noqa: DTZ001  zones are drawn
        datetime(2017, 5, 30),  # noqa: DTZ001
        timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
)
def test_moments_of_any_zone_and_fraction_are_those_of_parse_time(moment):
    given_record = record({**ORDER, "occurred_at": moment.isoformat()}, timestamp=NOW)
    assert decode("orders", given_record)[0].at == parse_time(moment)
