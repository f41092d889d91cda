"""Records: what is written is read, in Python and in native code alike, and what is damaged is refused by both."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream.contracts.money import MINOR_UNITS_MAX
from stream.contracts.times import MOMENT_MAX, MOMENT_MIN
from stream.scoring.abc import CLASSES
from stream.scoring.conduct import CONDUCT
from stream.scoring.lifecycle import STAGES
from stream.scoring.needs import NEEDS
from stream.scoring.policy import LEVELS
from stream.scoring.units import DAY
from stream.state.activity import Activity
from stream.state.answers import Answers
from stream.state.codec import (
    ELSEWHERE,
    FORMAT,
    HAS_MORE,
    NUMBERS,
    START_SIZE,
    THERE_AT,
    RecordError,
    decode,
    encode,
    segment_in,
)
from stream.state.customer import NEVER, TIER_NAMES, UNSET, Customer
from stream.state.details import Details, Row
from stream.state.plain import layout as at
from stream.state.plain.customers import PlainCustomers, block_of
from stream.state.plain.heap import make_room
from stream.state.plain.record import (
    FIXED_BYTES_MAX,
    ORDER_BYTES_MAX,
    get_record,
    is_plain_record,
    orders_in,
    put_record,
)
from stream.state.stored_names import name_of, stored_name
from tests.kit.histories import BEGINNING
from tests.kit.memory import MemoryShard

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
UNTOUCHED = 0xA5
SINCE_AT, WIDTHS_AT, ORDERS_AT = 3, 6, 7
VERSIONS = ("version", "tier_version", "churn_version", "changes_version", "follow_version")
NO_LIMIT = 65_535

int64s = st.sampled_from((INT64_MIN, UNSET, -1, 0, 1, 2**62 - 1, 2**62, INT64_MAX)) | st.integers(INT64_MIN, INT64_MAX)
moments = (
    st.integers(BEGINNING, BEGINNING + 800 * DAY)
    | st.sampled_from((UNSET, MOMENT_MIN, -1, 0, MOMENT_MAX, NEVER))
    | int64s
)
amounts = st.integers(0, 70_000) | st.sampled_from((0, 255, 256, MINOR_UNITS_MAX)) | int64s
counts = st.integers(0, 300) | st.integers(0, INT64_MAX)
hashes = st.integers(0, 2**64 - 1)


@st.composite
def plain_customers(draw, orders_max=12):
    """Orders and what was said, sensible or not: any numbers that fit into 64 bits."""
    c = Customer("c")
    usual = st.lists(st.integers(BEGINNING, BEGINNING + 365 * DAY), max_size=orders_max).map(sorted)
    times = draw(usual | st.lists(moments, max_size=orders_max))
    n = len(times)
    c.times = array("q", times)
    c.gross = array("q", draw(st.lists(amounts, min_size=n, max_size=n)))
    c.hashes = bytearray(draw(st.binary(min_size=8 * n, max_size=8 * n)))
    c.as_of = draw(moments | st.just(times[-1] if times else UNSET))
    begun = moments | st.sampled_from(times) if times else moments
    c.tier_since, c.armed = draw(begun), draw(moments | st.just(-1))
    c.tier, c.level = draw(st.integers(0, len(TIER_NAMES) - 1)), draw(st.integers(0, len(LEVELS) - 1))
    c.fingerprint = draw(st.integers(0, 2**32 - 1))
    c.segment = draw(st.text(max_size=20) | st.sampled_from(("", "loyal", "our friends", "s" * 255, "é" * 127)))
    c.version, c.tier_version, c.churn_version, c.changes_version = (draw(counts) for _ in range(4))
    c.buckets = draw(st.none() | st.tuples(st.integers(1, 9) | st.integers(1, INT64_MAX), counts, int64s))
    c.abc, c.lifecycle = draw(st.integers(0, len(CLASSES) - 1)), draw(st.integers(0, len(STAGES) - 1))
    c.lifecycle_since = draw(begun | st.just(c.tier_since))
    c.matrix, c.market_segments, c.action = draw(counts), draw(counts), draw(counts)
    c.contacted_at, c.action_at, c.sample = draw(moments | st.just(0)), draw(moments | st.just(0)), draw(int64s)
    c.follow_version = draw(counts)
    return c


@st.composite
def details(draw):
    """Details of orders, all of whose categories have names."""
    names = draw(st.lists(st.text(max_size=9), unique=True, max_size=3))
    numbers = st.lists(st.integers(0, len(names) - 1), max_size=3) if names else st.just([])
    row = st.builds(Row, int64s, amounts, st.integers(0, 1), numbers.map(bytes))
    return Details({name: number for number, name in enumerate(names)}, draw(st.dictionaries(hashes, row, max_size=3)))


@st.composite
def customers(draw):
    """Customers with any of the sections."""
    c = draw(plain_customers(4))
    given = st.tuples(int64s, hashes, st.text(min_size=1, max_size=9))
    c.refunds = draw(st.none() | st.dictionaries(hashes, st.dictionaries(hashes, int64s, min_size=1), min_size=1))
    c.folded = draw(st.none() | st.lists(st.tuples(int64s, int64s, int64s, int64s), min_size=1, max_size=3))
    c.counters = draw(
        st.none()
        | st.dictionaries(st.integers(0, 255), st.tuples(st.integers(0, 2**32 - 1), int64s), min_size=1, max_size=3)
    )
    c.details = draw(st.none() | details())
    c.activity = draw(
        st.none()
        | st.builds(
            Activity,
            st.dictionaries(int64s, counts, max_size=3),
            st.lists(st.tuples(int64s, hashes, st.integers(0, 255)), max_size=3),
            st.dictionaries(st.text(max_size=9), counts, max_size=3),
            counts,
        )
    )
    c.answers = draw(
        st.none()
        | st.builds(
            Answers,
            st.none() | st.tuples(int64s, st.integers(1, 5)),
            st.none() | st.tuples(int64s, st.integers(-1, 100), st.just((("price", 8.5),)) | st.just(())),
        )
    )
    c.need, c.conduct = draw(st.integers(0, len(NEEDS) - 1)), draw(st.integers(0, len(CONDUCT) - 1))
    c.cart_said = draw(st.just(0) | int64s)
    c.seen = draw(st.none() | st.integers(1, 4).map(lambda n: bytearray(8 * n)))
    c.tickets = draw(st.none() | st.dictionaries(hashes, st.tuples(int64s, int64s), min_size=1, max_size=3))
    c.nps_at, c.nps_score = draw(st.just((UNSET, -1)) | st.tuples(int64s.filter(lambda at: at != UNSET), st.just(7)))
    c.kind, c.region = draw(st.none() | given), draw(st.none() | given)
    c.registered_at = draw(st.just(0) | int64s)
    return c


def fields_of(c):
    """What a record says: sums are not in it, nor what is only known in memory."""
    left_out = ("batch", "due", "due_is_exact", "n", "first_at", "last_at", "window_from", "frequency", "monetary")
    return {name: getattr(c, name) for name in Customer.__slots__ if name not in left_out}


def refused(blob):
    try:
        decode("c", blob)
    except RecordError:
        return True
    return False


@settings(max_examples=300)
@given(plain_customers() | customers())
def test_what_is_written_is_read(c):
    read = decode("c", encode(c))
    assert fields_of(read) == fields_of(c)
    assert (read.due, read.due_is_exact) == (c.armed, False)
    assert encode(read) == encode(c)


def a_year_of(n):
    """A customer with orders every 365 / n days and a little, as the figures in docs/decisions/0011 are of."""
    c = Customer("c")
    c.times = array("q", [BEGINNING + k * 365 * DAY // n + 7_919 * k for k in range(n)])
    c.gross = array("q", [1_999 + 3_500 * k % 20_000 for k in range(n)])
    c.hashes = bytearray(range(8)) * n
    c.as_of = c.times[-1]
    c.tier_since, c.armed = c.as_of - 90 * DAY, c.as_of + 14 * DAY
    c.tier, c.level, c.segment, c.fingerprint = 2, 1, "promising", 2**32 - 1
    c.version, c.tier_version, c.churn_version, c.changes_version = 3 * n, 4, 2, 6
    c.buckets = (n, 700, c.as_of // (DAY // 4))
    c.abc, c.lifecycle, c.lifecycle_since, c.matrix = 2, 3, c.as_of - 40 * DAY, 0b00101_01001_00011_01000
    c.sample = 2**27 - 1
    return c


@pytest.mark.parametrize(("n", "size"), [(0, 55), (2, 85), (8, 165), (50, 755)])
def test_a_record_is_no_longer_than_is_said_of_it(n, size):
    assert len(encode(a_year_of(n) if n else Customer("c"))) <= size


# -- native code ------------------------------------------------------------------------------------------------------


def row_for(n):
    """A shard's rows, and one of them with room for so many orders."""
    plain = PlainCustomers(2, 1_000)
    (slot,) = plain.find(block_of(["c"])).tolist()
    if n:
        assert make_room(plain._memory, slot, n)
    return plain._memory, slot


def written(c):
    """The record that native code makes of the row of a customer; fails where it writes beyond the record."""
    memory, slot = row_for(len(c.times))
    row, n = memory.rows[slot], len(c.times)
    start, room = row[at.LEDGER_AT], row[at.ROOM]
    for k, column in enumerate((c.times.tobytes(), c.gross.tobytes(), bytes(c.hashes))):
        memory.heap[start + k * room : start + k * room + n] = np.frombuffer(column, np.int64)
    row[at.N], row[at.AS_OF], row[at.ARMED], row[at.FINGERPRINT] = n, c.as_of, c.armed, c.fingerprint
    row[at.TIER], row[at.TIER_SINCE], row[at.LEVEL] = c.tier, c.tier_since, c.level
    row[at.VERSION], row[at.TIER_VERSION] = c.version, c.tier_version
    row[at.CHURN_VERSION], row[at.CHANGES_VERSION] = c.churn_version, c.changes_version
    row[at.BUCKET_F], row[at.BUCKET_M], row[at.BUCKET_L] = c.buckets or (0, 0, 0)
    row[at.ABC], row[at.LIFECYCLE], row[at.LIFECYCLE_SINCE] = c.abc, c.lifecycle, c.lifecycle_since
    row[at.MATRIX], row[at.MARKET_SEGMENTS], row[at.CONTACTED_AT] = c.matrix, c.market_segments, c.contacted_at
    row[at.ACTION], row[at.ACTION_AT], row[at.SAMPLE] = c.action, c.action_at, c.sample
    row[at.FOLLOW_VERSION] = c.follow_version
    name = stored_name(c.segment)
    names = np.frombuffer(bytearray(b"x" + name + b"x"), np.uint8)
    room = FIXED_BYTES_MAX + len(name) + n * ORDER_BYTES_MAX
    out = np.full(3 + room, UNTOUCHED, np.uint8)
    end = put_record(memory, row, names, 1, len(name), out, 3)
    assert end <= len(out)
    assert (out[:3] == UNTOUCHED).all()
    assert (out[end:] == UNTOUCHED).all()
    return out[3:end].tobytes()


def read(blob):
    """The customer that native code reads from a record, by way of a row; None where it is none of a plain one."""
    data = np.frombuffer(bytearray(blob), np.uint8)
    if not is_plain_record(data, 0, len(blob), NO_LIMIT):
        return None
    n = orders_in(data, 0)
    memory, slot = row_for(n)
    get_record(memory, slot, data, 0)
    row = memory.rows[slot].tolist()
    c, start, room = Customer("c"), row[at.LEDGER_AT], row[at.ROOM]
    times, gross, keys = (memory.heap[start + k * room : start + k * room + n].tobytes() for k in range(3))
    c.times, c.gross, c.hashes = array("q", times), array("q", gross), bytearray(keys)
    assert row[at.N] == n
    c.as_of, c.armed, c.fingerprint = row[at.AS_OF], row[at.ARMED], row[at.FINGERPRINT]
    c.tier, c.tier_since, c.level = row[at.TIER], row[at.TIER_SINCE], row[at.LEVEL]
    c.version, c.tier_version = row[at.VERSION], row[at.TIER_VERSION]
    c.churn_version, c.changes_version = row[at.CHURN_VERSION], row[at.CHANGES_VERSION]
    if row[at.BUCKET_F]:
        c.buckets = (row[at.BUCKET_F], row[at.BUCKET_M], row[at.BUCKET_L])
    c.abc, c.lifecycle, c.lifecycle_since = row[at.ABC], row[at.LIFECYCLE], row[at.LIFECYCLE_SINCE]
    c.matrix, c.market_segments, c.contacted_at = row[at.MATRIX], row[at.MARKET_SEGMENTS], row[at.CONTACTED_AT]
    c.action, c.action_at, c.sample = row[at.ACTION], row[at.ACTION_AT], row[at.SAMPLE]
    c.follow_version = row[at.FOLLOW_VERSION]
    c.segment = name_of(segment_in(blob))
    return c


def extreme():
    c = a_year_of(2)
    c.times = array("q", (INT64_MAX, INT64_MIN))
    c.gross = array("q", (INT64_MIN, -1))
    c.segment = "s" * 255
    c.as_of, c.tier_since, c.armed = UNSET, 2**62 - 1, INT64_MAX
    c.version = c.tier_version = c.churn_version = c.changes_version = INT64_MAX
    c.buckets = (INT64_MAX, INT64_MAX, INT64_MIN)
    c.abc, c.lifecycle, c.lifecycle_since = len(CLASSES) - 1, len(STAGES) - 1, INT64_MIN
    c.matrix = c.market_segments = c.action = c.follow_version = INT64_MAX
    c.contacted_at, c.action_at, c.sample = INT64_MIN, INT64_MAX, INT64_MIN
    return c


@settings(max_examples=300)
@given(plain_customers())
@example(Customer("c"))
@example(extreme())
def test_native_code_writes_and_reads_the_same(c):
    blob = encode(c)
    assert written(c) == blob
    assert fields_of(read(blob)) == fields_of(c)


# -- damage -----------------------------------------------------------------------------------------------------------


@given(plain_customers() | customers(), st.data())
def test_a_record_that_was_cut_or_has_more_behind_it_is_refused(c, data):
    blob = encode(c)
    size = data.draw(st.integers(0, len(blob) - 1))
    for damaged in (blob[:size], blob + data.draw(st.binary(min_size=1, max_size=9))):
        assert refused(damaged)
        assert read(damaged) is None


@st.composite
def garbled(draw):
    """A record some of whose bytes are others; mostly those that say how the rest is to be read."""
    blob = bytearray(encode(draw(plain_customers() | customers())))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(1, START_SIZE - 1) | st.integers(1, len(blob) - 1))
        blob[place] = draw(st.sampled_from((0, 1, 0x7F, 0x80, 0xFF)) | st.integers(0, 255))
    return bytes(blob)


@settings(max_examples=500)
@given(garbled() | st.binary(max_size=99).map(lambda rest: bytes([FORMAT]) + rest))
@example(bytes([FORMAT, 0, 0, 0xFF, 0, 0, 0x99, 1, 0, 0, 0, 0]) + bytes(NUMBERS + 19))
@example(bytes([FORMAT, 0, 0, 0xFF, 0, 0, 0x75, 3, 0, 0, 0, 0]) + bytes(42))  # its columns would begin at -1
@example(bytes([FORMAT, 0, 0, 0xFF, HAS_MORE, 255, 0x88, 255, 0, 0, 0, 0, 0, 0, 255]))
@example(bytes([FORMAT, 0, 0, 0xFF, HAS_MORE, 0, 0, 0, 0, 0, 0, 0]))
def test_native_code_reads_of_garbled_bytes_what_the_plain_form_reads(blob):
    try:
        plainly = decode("c", blob)
    except RecordError:
        plainly = None
    if plainly is None or (blob[THERE_AT] & HAS_MORE and (blob[START_SIZE] or blob[START_SIZE + 1])):
        try:
            assert read(blob) is None
        except UnicodeDecodeError:
            assert plainly is None
    else:
        found = read(blob)
        # Native code knows numbers of 64 bits with a sign only; whoever said more than 2**63 things is garbled too.
        assert fields_of(found) | {"buckets": 0} == fields_of(as_native(plainly)) | {"buckets": 0}
    shard = MemoryShard()
    assert shard.state.missing(block_of(["a"])) == ["a"]
    if plainly is None:
        with pytest.raises(RecordError, match=r"restore\.md"):
            shard.state.admit(["a"], [blob])
    else:
        shard.state.admit(["a"], [blob])


@pytest.mark.parametrize(
    ("n", "place", "value"),
    [
        (0, 1, len(TIER_NAMES)),
        (0, 1, len(LEVELS) << 4),
        (0, 2, len(CLASSES)),
        (0, 2, len(STAGES) << 4),
        (0, WIDTHS_AT, 0x09),
        (0, WIDTHS_AT, 0x90),
        (1, WIDTHS_AT, 0x90),
        (2, WIDTHS_AT, 0x19),
    ],
)
def test_what_is_beyond_the_tables_or_wider_than_any_is_refused(n, place, value):
    """Each is a whole record but for the one byte."""
    for one in (0, value):
        gap_width, amount_width = (one & 0xF, one >> 4) if place == WIDTHS_AT else (0, 0)
        columns = max(0, n - 1) * gap_width + n * (amount_width + 8)
        start = bytearray(START_SIZE)
        start[0], start[SINCE_AT], start[ORDERS_AT] = FORMAT, ELSEWHERE | ELSEWHERE << 4, n
        start[place] = one
        blob = bytes(start) + bytes(NUMBERS + 2 + columns)
        assert refused(blob) == (read(blob) is None) == (one == value)


@pytest.mark.parametrize("since", [0x03, 0x30, 0xE0])
def test_a_tier_or_a_stage_that_began_with_an_order_there_is_not_is_refused(since):
    for one in (0x02, 0x20, since):
        blob = bytes([FORMAT, 0, 0, one, 0, 0, 0, 3, 0, 0, 0, 0]) + bytes(NUMBERS + 3 * 8)
        assert refused(blob) == (read(blob) is None) == (one == since)


def as_native(c):
    for name in (*VERSIONS, "matrix", "market_segments", "action"):
        word = getattr(c, name)
        setattr(c, name, word - (word >> 63 << 64))
    return c


@pytest.mark.parametrize("first", [b"", b"\x00", b"\x01", b"\x02", b"\x03", b"\x05", b"{"])
def test_another_format_is_refused_with_what_to_do(first):
    with pytest.raises(RecordError, match=rf"'c-1'.* {first.hex() or 'empty'}, this version reads 04.*restore\.md"):
        decode("c-1", first + encode(Customer("c-1"))[1:] if first else first)
