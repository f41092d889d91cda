"""The native reading of orders gives what the careful reading of one order gives, or hands the record on."""

from __future__ import annotations

import json
from datetime import datetime
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.contracts.acceptance import Limits
from stream.contracts.block import CUSTOMER_HASH, NEVER, PLAIN
from stream.contracts.decode import Decoder
from stream.contracts.events import OrderEvent
from stream.contracts.ids import hash_id
from stream.contracts.json_skip import NESTING_MAX, after_value
from stream.contracts.money import exponent_of, from_minor, to_minor
from stream.contracts.native_fields import minor_of, moment_of
from stream.contracts.native_orders import plain_orders
from stream.contracts.times import parse_time
from stream.contracts.topics import Topics

NOW = 1_767_225_600_000
EARLIEST = 631_152_000_000
TOLERANCE = 300_000
VALUE_BYTES_MAX = 2_000

ascii_ids = st.from_regex(r"[a-z ]{1,3}-[0-9]{1,9}", fullmatch=True)
ids = st.one_of(ascii_ids, st.text(max_size=80), st.integers(250, 260).map("i".__mul__))
names = st.one_of(st.none(), st.text(max_size=5), st.sampled_from(["", "web", "w" * 64, "w" * 65]))
texts_of_moments = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.from_regex(
        r"(0000|0001|1600|1900|19[89]\d|20[0-2]\d|9999)-(0\d|1[0-3])-([0-2]\d|3[0-2])[Tt ](0\d|2[0-4]):[0-6]\d:[0-6]\d"
        r"(\.\d{0,8})?([Zz]|[+-](0\d|2[0-4]):?[0-6]\d)?",
        fullmatch=True,
    ),
    st.sampled_from(["2025-12-31T23:59:59.9999Z", "2026-01-01T00:05:00.001+00:00", "2024-02-29T00:00:00-23:59", ""]),
)
amounts = st.one_of(
    st.from_regex(r"[0-9]{1,14}(\.[0-9]{1,5})?", fullmatch=True),
    st.sampled_from(["12.34", "-1.00", "1e3", "x", ".5", "5.", "0.005", "\u0661.00", "10000000000000.00", "0" * 20]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 10**9).map(lambda number: round(number, 2)),
    st.integers(-5, 10**16),
)


def json_of(numbers):
    return st.recursive(
        st.none() | st.booleans() | st.integers(-(10**25), 10**25) | numbers | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=8,
    )


good_json = json_of(st.floats(allow_nan=False, allow_infinity=False))
json_values = json_of(st.floats())  # Python writes NaN and Infinity, which JSON does not have
DETAILS = ("discount", "coupon", "items")
details = st.sampled_from(
    [None, 0, "0.50", "", "TEN", [], [{"sku": "s", "category": "tea", "price": 1, "quantity": 2}]]
)
currencies = st.sampled_from(["EUR", "EUR", "USD", None, ""])


@st.composite
def orders(draw, ids=ids, moments=texts_of_moments, amounts=amounts, channels=names, currencies=currencies):
    """The JSON of an order in one of many ways to write it, and its customer."""
    order = {
        "event_id": draw(ids),
        "type": draw(st.sampled_from(["order.completed"] * 9 + ["order.refunded"])),
        "customer_id": draw(ids),
        "order_id": draw(ids),
        "occurred_at": draw(moments),
        "amount": draw(amounts),
        "currency": draw(currencies),
        "channel": draw(channels),
        "attributes": draw(json_values),
    }
    order |= draw(st.just({}) | st.just({}) | st.dictionaries(st.sampled_from(DETAILS), json_values | details))
    for left_out in draw(st.sets(st.sampled_from(["channel", "attributes", "attributes", "amount"]), max_size=2)):
        del order[left_out]
    order = dict(draw(st.permutations(sorted(order.items()))))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), ("\t,\r\n", " :")]))
    text = json.dumps(order, ensure_ascii=draw(st.booleans()), separators=separators)
    return text.encode(errors="replace"), order["customer_id"].encode(errors="replace")


@st.composite
def damaged(draw):
    """An order to which something happened."""
    value, customer = draw(orders(ids=ascii_ids))
    data = bytearray(value)
    if draw(st.booleans()):
        again = draw(st.sampled_from([b"amount", b"event_id", b"channel", b"\\u0061mount"]))
        data[-1:] = b',"%b":"1.00"}' % again
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(data) - 1))
        if draw(st.booleans()):
            data[place] = draw(st.sampled_from(b'{}[]":,\\ 0123456789-+.eEntf\x00\x7f\xc2\xff') | st.integers(0, 255))
        else:
            del data[place]
    if draw(st.booleans()):
        data = data[: draw(st.integers(0, len(data)))]
    return bytes(data), customer


@st.composite
def records(draw):
    value, customer = draw(orders() | damaged() | st.tuples(st.none() | st.binary(max_size=9), st.none()))
    key = draw(st.sampled_from([customer, customer, customer, customer, b"another", None]))
    written = draw(st.sampled_from([NOW - 5, NOW - 5, NOW, NOW + 5, 0, -1, None]))
    return SimpleNamespace(offset=draw(st.integers(0, 2**60)), timestamp=written, key=key, value=value)


def read(given_records, currency="EUR"):
    limits = Limits(currency, exponent_of(currency), EARLIEST, TOLERANCE)
    return plain_orders(limits, VALUE_BYTES_MAX, given_records, NOW)


def carefully(given_records, currency="EUR"):
    decoder = Decoder(Topics(), currency, EARLIEST, TOLERANCE, VALUE_BYTES_MAX)
    return decoder._carefully("orders", 0, given_records, NOW)


@given(st.lists(records(), max_size=6), st.sampled_from(["EUR", "EUR", "JPY"]))
def test_a_plain_order_is_the_one_that_careful_reading_gives(given_records, currency):
    block = read(given_records, currency)
    assert len(block) == len(given_records)
    for number, expected in enumerate(carefully(given_records, currency)):
        if block.rows[number, PLAIN]:
            assert isinstance(expected, OrderEvent), (given_records[number], expected)
            assert block.event(number) == expected
            assert np.uint64(block.rows[number, CUSTOMER_HASH].view(np.uint64)) == hash_id(expected.customer)


@given(st.lists(records(), max_size=6))
def test_a_block_holds_what_careful_reading_gives(given_records):
    decoder = Decoder(Topics(), "EUR", EARLIEST, TOLERANCE, VALUE_BYTES_MAX)
    assert list(decoder.decode("orders", 0, given_records, NOW)) == carefully(given_records)


@st.composite
def plain(draw):
    """An order such as nearly all of them are."""
    amount = draw(st.from_regex(r"(0|[1-9][0-9]{0,9})\.[0-9]{1,2}", fullmatch=True))
    moment = draw(st.datetimes(datetime(1990, 1, 2), datetime(2025, 12, 31)))  # noqa: DTZ001 - the zone is written
    order = {
        "event_id": draw(ascii_ids),
        "type": "order.completed",
        "customer_id": draw(ascii_ids),
        "order_id": draw(ascii_ids),
        "occurred_at": moment.isoformat() + draw(st.sampled_from(["Z", "+00:00", "-05:30"])),
        "amount": draw(st.sampled_from([amount, float(amount), int(float(amount))])),
        "currency": "EUR",
    }
    order |= draw(
        st.fixed_dictionaries(
            {},
            optional={"channel": st.sampled_from([None, "", "web"]), "attributes": good_json, "items_note": good_json}
            | dict.fromkeys(DETAILS, st.none()),
        )
    )
    order = dict(draw(st.permutations(sorted(order.items()))))
    value = json.dumps(order, ensure_ascii=False, indent=draw(st.none() | st.just(2))).encode()
    return SimpleNamespace(offset=7, timestamp=NOW - 1, key=order["customer_id"].encode(), value=value)


@given(st.lists(plain(), min_size=1, max_size=4))
def test_nearly_all_orders_are_plain(given_records):
    assert read(given_records).rows[:, PLAIN].all()


@given(plain(), st.sampled_from(DETAILS), details.filter(lambda given: given is not None), st.booleans())
def test_an_order_that_says_more_is_not_plain(given_record, field, value, escaped):
    name = field if not escaped else f"\\u{ord(field[0]):04x}{field[1:]}"
    order = given_record.value.rstrip()[:-1] + f',"{name}":{json.dumps(value)}}}'.encode()
    if json.loads(given_record.value).get(field, ...) is ...:
        given_record.value = order
        assert not read([given_record]).rows[:, PLAIN].any()


def test_of_a_field_that_comes_twice_the_last_counts():
    order = {"event_id": "e", "type": "order.completed", "customer_id": "c", "order_id": "o", "amount": 1}
    order |= {"occurred_at": "2025-01-01T00:00:00Z", "currency": "EUR", "channel": "web"}
    value = json.dumps(order).encode()[:-1] + b',"channel":null}'
    given_record = SimpleNamespace(offset=7, timestamp=NOW - 1, key=b"c", value=value)
    (event,) = Decoder(Topics(), "EUR").decode("orders", 0, [given_record], NOW)
    assert event.channel == ""


WORDS = (
    b'{"event_id":"e-1","type":"order.completed","customer_id":"c-1","order_id":"o-1",'
    b'"occurred_at":"2025-01-01T00:00:00Z","currency":"EUR","amount":%b}'
)


@pytest.mark.parametrize(
    "amount", [b"012.34", b"00", b"-0", b"-1", b"1.", b".5", b"1e2", b"1E2", b"0x1", b"+1", b"1 2", b""]
)
def test_a_number_written_otherwise_is_left_to_careful_reading(amount):
    given_record = SimpleNamespace(offset=7, timestamp=NOW - 1, key=b"c-1", value=WORDS % amount)
    assert read([given_record]).rows[:, PLAIN].tolist() == [0]


def test_a_record_that_is_cut_short_takes_nothing_from_the_next():
    whole = WORDS % b"12"
    values = [part for cut in range(len(whole)) for part in (whole[:cut], whole[cut:])]
    given_records = [
        SimpleNamespace(offset=offset, timestamp=NOW - 1, key=b"c-1", value=value)
        for offset, value in enumerate([*values, whole])
    ]
    assert np.flatnonzero(read(given_records).rows[:, PLAIN]).tolist() == [1, len(values)]


def skipped(value, ending=b"}"):
    """Whether native code passes over all of a value."""
    text = np.frombuffer(bytearray(value + ending + b'"'), np.uint8)
    return after_value(text, 0, len(value)) == len(value)


class Nothing(msgspec.Struct):
    """Reads no field, so that all are skipped."""


def accepted(value):
    try:
        msgspec.json.decode(b'{"skipped":%b}' % value, type=Nothing)
    except msgspec.DecodeError:
        return False
    return True


@given(good_json, st.booleans(), st.none() | st.just(1))
def test_what_json_there_is_is_passed_over(value, escaped, indent):
    # Escapes of surrogate pairs are left to msgspec.
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    assert skipped(text.encode()) or "\\ud" in text


@given(
    json_values.map(lambda value: json.dumps(value).encode()),
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(b'{}[]":,\\ 019-+.eEutnfalsr\x00\x7f\xff')), max_size=3),
    st.integers(0, 60),
)
@example(b"1e999", [], 60)
@example(b"[1,]", [], 60)
@example(b'"\xff\\u00e9"', [], 60)
@example(b'"\\ud800"', [], 60)
@example(b"-", [], 60)
@example(b"01", [], 60)
def test_what_msgspec_refuses_is_not_passed_over(value, changes, size):
    data = bytearray(value[:size])
    for place, byte in changes:
        if place < len(data):
            data[place] = byte
    # Blanks around a value are none of its own.
    value = bytes(data).strip(b" \t\r\n")
    if skipped(value):
        assert accepted(value)


def test_nesting_has_a_bound():
    deepest = b"[" * NESTING_MAX + b"]" * NESTING_MAX
    assert skipped(deepest)
    assert not skipped(b"[" + deepest + b"]")
    assert skipped(b'[{"a":' * (NESTING_MAX // 2) + b"1" + b"}]" * (NESTING_MAX // 2))


@given(texts_of_moments)
@example("2024-02-29T23:59:59.999999+23:59")
@example("2023-02-29T00:00:00Z")
@example("2000-02-29T00:00:00Z")
@example("1900-02-29T00:00:00Z")
@example("0001-01-01T00:00:00Z")
@example("0001-01-01T00:00:00+00:01")
@example("9999-12-31T23:59:59-00:01")
@example("2026-01-01T00:00:00.Z")
@example("2026-01-01T00:00:00.9999999Z")
@example("2016-12-31T23:59:60Z")
@example("2026-01-01T24:00:00Z")
@example("2026-01-01T00:60:00Z")
def test_a_moment_is_that_of_parse_time(text):
    data = np.frombuffer(bytearray(text.encode() + b'"'), np.uint8)
    found = moment_of(data, 0, len(data) - 1)
    if found != NEVER:
        assert found == parse_time(text)


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - the zone is written
    st.sampled_from(["Z", "+00:00", "-00:30", "+23:59"]),
)
def test_moments_as_nearly_all_are_written_are_read(moment, zone):
    text = moment.isoformat() + zone
    data = np.frombuffer(bytearray(text.encode() + b'"'), np.uint8)
    assert moment_of(data, 0, len(data) - 1) != NEVER


@given(amounts.map(str), st.sampled_from([0, 2, 3, 4]))
@example("10000000000000.00", 2)
@example("999999999999999", 4)
@example("999999999999999", 0)
@example("99999999999.9999", 4)
def test_an_amount_is_that_of_to_minor(text, exponent):
    data = np.frombuffer(bytearray(text.encode() + b'"'), np.uint8)
    minor, end = minor_of(data, 0, len(data) - 1, exponent)
    if minor >= 0 and end == len(data) - 1:
        assert minor == to_minor(text, exponent)


@given(st.integers(0, 10**13 - 1), st.sampled_from([0, 2, 3]))
def test_amounts_as_nearly_all_are_written_are_read(minor, exponent):
    data = np.frombuffer(bytearray(from_minor(minor, exponent).encode() + b'"'), np.uint8)
    assert minor_of(data, 0, len(data) - 1, exponent) == (minor, len(data) - 1)
