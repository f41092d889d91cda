"""Orders as nearly all of them are, read straight from the joined JSON of a batch, as native code.

What follows decides nothing: each test here is a sufficient condition for msgspec and `acceptance.order_event` to give
the very same event. A record that fails one is not refused but left to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream.contracts.acceptance import Limits, Record
from stream.contracts.block import (
    AMOUNT,
    AT,
    CHANNEL_FROM,
    CHANNEL_SIZE,
    CUSTOMER_FROM,
    CUSTOMER_HASH,
    CUSTOMER_SIZE,
    EVENT_FROM,
    EVENT_SIZE,
    NEVER,
    OFFSET,
    ORDER,
    PLAIN,
    WIDTH,
    EventBlock,
)
from stream.contracts.ids import ID_BYTES_MAX, NAME_BYTES_MAX
from stream.contracts.json_skip import (
    BAD,
    COLON,
    COMMA,
    OBJECT,
    OBJECT_END,
    QUOTE,
    Text,
    after_blanks,
    after_digits,
    after_literal,
    after_value,
    plain_end,
)
from stream.contracts.money import MINOR_UNITS_MAX
from stream.contracts.times import DAY, MOMENT_MAX, MOMENT_MIN, SECOND
from stream.native.jit import native
from stream.native.text import equal
from stream.native.xxh3 import xxh3_64

Rows = NDArray[np.int64]

# Fields of `wire.Order`, by number.
_EVENT_ID: Final = 0
_TYPE: Final = 1
_CUSTOMER: Final = 2
_ORDER_ID: Final = 3
_OCCURRED_AT: Final = 4
_AMOUNT: Final = 5
_CURRENCY: Final = 6
_CHANNEL: Final = 7
_FIELDS: Final = 8
_REQUIRED: Final = (1 << _CHANNEL) - 1

_NAMES: Final = ("event_id", "type", "customer_id", "order_id", "occurred_at", "amount", "currency", "channel")
_TYPE_TEXT: Final = b"order.completed"
_TYPE_SIZE: Final = len(_TYPE_TEXT)
# Names and the type, one behind the other.
_WORDS: Final = np.frombuffer("".join(_NAMES).encode() + _TYPE_TEXT, np.uint8)
_WORD_FROM: Final = np.cumsum([0, *map(len, _NAMES)])
_WORD_SIZE: Final = np.array([*map(len, _NAMES), _TYPE_SIZE], np.int64)

# A text that is cut short ends here at the latest.
_BEHIND: Final = bytes([QUOTE])
_ZERO: Final = 0x30
_SPACE: Final = 0x20
_POINT: Final = 0x2E
#: So many digits are an amount below the largest, and a double that names each of them.
_DIGITS_MAX: Final = 15
_TENS: Final = np.array([10**power for power in range(5)], np.int64)
_SECONDS_SIZE: Final = len("2017-01-01T11:53:26")
_MICROSECOND_DIGITS: Final = 6
_MONTH_STARTS: Final = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365], np.int64)
_MINUTE: Final = 60 * SECOND
_HOUR: Final = 60 * _MINUTE


@native
def _is(text: Text, at: int, word: int) -> bool:
    start = _WORD_FROM[word]
    for i in range(_WORD_SIZE[word]):
        if text[at + i] != _WORDS[start + i]:
            return False
    return True


@native
def _field(text: Text, at: int, size: int) -> int:
    """The number of the field of this name; `_FIELDS` for one that is not read."""
    for field in range(_FIELDS):
        if _WORD_SIZE[field] == size and _is(text, at, field):
            return field
    return _FIELDS


@native
def _number(text: Text, at: int, digits: int) -> int:
    """The value of so many digits; negative if one is none."""
    value = 0
    for place in range(at, at + digits):
        digit = int(text[place]) - _ZERO
        if digit < 0 or digit > 9:
            return -1
        value = 10 * value + digit
    return value


@native
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date that there is; else `NEVER`."""
    leap = 1 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 0
    if year < 1 or month < 1 or month > 12 or day < 1:
        return NEVER
    length = _MONTH_STARTS[month] - _MONTH_STARTS[month - 1] + (leap if month == 2 else 0)
    if day > length:
        return NEVER
    before = year - 1
    since = 365 * before + before // 4 - before // 100 + before // 400 - 719_162
    return since + _MONTH_STARTS[month - 1] + (leap if month > 2 else 0) + day - 1


@native
def moment_of(text: Text, at: int, size: int) -> int:
    """Ms since 1970 of ``YYYY-MM-DDTHH:MM:SS``, a fraction of up to six digits or none, and ``Z`` or an offset.

    Anything else is `NEVER`, RFC 3339 or not.
    """
    end = at + size
    zone = at + _SECONDS_SIZE
    if size <= _SECONDS_SIZE:
        return NEVER
    if (
        text[at + 4] != ord("-")
        or text[at + 7] != ord("-")
        or text[at + 10] != ord("T")
        or text[at + 13] != COLON
        or text[at + 16] != COLON
    ):
        return NEVER
    year, month, day = _number(text, at, 4), _number(text, at + 5, 2), _number(text, at + 8, 2)
    hour, minute, second = _number(text, at + 11, 2), _number(text, at + 14, 2), _number(text, at + 17, 2)
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return NEVER
    days = _days(year, month, day)
    if days == NEVER:
        return NEVER
    ms = 0
    if text[zone] == _POINT:
        start, zone = zone + 1, after_digits(text, zone + 1, end)
        digits = zone - start
        if digits == 0 or digits > _MICROSECOND_DIGITS:
            return NEVER
        ms = _number(text, start, min(digits, 3)) * _TENS[max(3 - digits, 0)]
    moment = days * DAY + hour * _HOUR + minute * _MINUTE + second * SECOND + ms
    if zone + 1 == end and text[zone] == ord("Z"):
        return moment
    if zone + 6 != end or text[zone + 3] != COLON:
        return NEVER
    hours, minutes = _number(text, zone + 1, 2), _number(text, zone + 4, 2)
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return NEVER
    ahead = hours * _HOUR + minutes * _MINUTE
    if text[zone] == ord("-"):
        moment += ahead
    elif text[zone] == ord("+"):
        moment -= ahead
    else:
        return NEVER
    # An hour of the year 9999 somewhere may be one of the year 10000 in UTC.
    return moment if MOMENT_MIN <= moment <= MOMENT_MAX else NEVER


@native
def minor_of(text: Text, at: int, end: int, exponent: int) -> tuple[int, int]:
    """Minor units of digits, or digits, a point and at most `exponent` digits; and where they end.

    The amount is negative where it is written otherwise, or may be too large.
    """
    whole = after_digits(text, at, end)
    digits, decimals, behind = whole - at, 0, whole
    if digits == 0 or digits > _DIGITS_MAX:
        return -1, at
    minor = _number(text, at, digits)
    if whole < end and text[whole] == _POINT:
        behind = after_digits(text, whole + 1, end)
        decimals = behind - whole - 1
        if decimals == 0 or decimals > exponent or digits + decimals > _DIGITS_MAX:
            return -1, at
        minor = minor * _TENS[decimals] + _number(text, whole + 1, decimals)
    scale = _TENS[exponent - decimals]
    return minor * scale if minor <= MINOR_UNITS_MAX // scale else -1, behind


@native
def _read_number(text: Text, at: int, end: int, exponent: int) -> tuple[int, int]:
    """An amount written as a number of JSON."""
    if at + 1 < end and text[at] == _ZERO and _ZERO <= text[at + 1] <= _ZERO + 9:
        return -1, at
    return minor_of(text, at, end, exponent)


@native
def read_order(text: Text, at: int, end: int, currency: Text, exponent: int, rows: Rows, number: int) -> bool:
    """Fill a row, but for offset and hashes, from one record; whether it holds a plain order."""
    if text[at] <= _SPACE:
        at = after_blanks(text, at, end)
    if at >= end or text[at] != OBJECT:
        return False
    seen = 0
    rows[number, CHANNEL_FROM], rows[number, CHANNEL_SIZE] = at, 0
    while True:
        # A key, behind the brace or a comma.
        at += 1
        if text[at] <= _SPACE:
            at = after_blanks(text, at, end)
        if at >= end or text[at] != QUOTE:
            return False
        start = at + 1
        at = plain_end(text, start)
        if at >= end or text[at] != QUOTE:
            return False
        field = _field(text, start, at - start)
        at += 1
        if text[at] <= _SPACE:
            at = after_blanks(text, at, end)
        if at >= end or text[at] != COLON:
            return False
        at += 1
        if text[at] <= _SPACE:
            at = after_blanks(text, at, end)
        if at >= end:
            return False
        if field == _FIELDS:
            at = after_value(text, at, end)
            if at == BAD:
                return False
        else:
            if seen >> field & 1:
                return False
            seen |= 1 << field
            if text[at] == QUOTE:
                start = at + 1
                at = plain_end(text, start)
                if at >= end or text[at] != QUOTE:
                    return False
                if not _take(text, field, start, at - start, currency, exponent, rows, number):
                    return False
                at += 1
            elif field == _AMOUNT:
                minor, at = _read_number(text, at, end, exponent)
                if minor < 0:
                    return False
                rows[number, AMOUNT] = minor
            elif field == _CHANNEL and text[at] == ord("n"):
                at = after_literal(text, at, end)
                if at == BAD:
                    return False
            else:
                return False
        if text[at] <= _SPACE:
            at = after_blanks(text, at, end)
        if at >= end:
            return False
        if text[at] == OBJECT_END:
            return seen & _REQUIRED == _REQUIRED and after_blanks(text, at + 1, end) == end
        if text[at] != COMMA:
            return False


@native
def _take(
    text: Text, field: int, start: int, size: int, currency: Text, exponent: int, rows: Rows, number: int
) -> bool:
    """Note the text of a field; whether it is as it must be."""
    if field == _CHANNEL:
        rows[number, CHANNEL_FROM], rows[number, CHANNEL_SIZE] = start, size
        return size <= NAME_BYTES_MAX
    if field == _CURRENCY:
        return size == len(currency) and equal(text, start, currency, 0, size)
    if field == _AMOUNT:
        minor, behind = minor_of(text, start, start + size, exponent)
        rows[number, AMOUNT] = minor
        return minor >= 0 and behind == start + size
    if field == _OCCURRED_AT:
        rows[number, AT] = moment_of(text, start, size)
        return rows[number, AT] != NEVER
    if field == _TYPE:
        return size == _TYPE_SIZE and _is(text, start, _FIELDS)
    if field == _EVENT_ID:
        rows[number, EVENT_FROM], rows[number, EVENT_SIZE] = start, size
    elif field == _CUSTOMER:
        rows[number, CUSTOMER_FROM], rows[number, CUSTOMER_SIZE] = start, size
        rows[number, CUSTOMER_HASH] = xxh3_64(text, start, size)
    else:
        rows[number, ORDER] = xxh3_64(text, start, size)
    return 0 < size <= ID_BYTES_MAX


@native
def read_orders(
    text: Text,
    sizes: Rows,
    keys: Text,
    key_sizes: Rows,
    written: Rows,
    offsets: Rows,
    now: int,
    currency: Text,
    exponent: int,
    earliest: int,
    tolerance: int,
    size_max: int,
    rows: Rows,
) -> None:
    """Fill the rows of those records that are plain orders.

    Parameters
    ----------
    text
        The values of all records, one behind the other, and a quote behind the last.
    sizes
        How many bytes of it are each record's.
    keys, key_sizes
        Their keys, likewise.
    written
        When each was written, ms; negative where that is not known.
    offsets
        Their places in the topic-partition.
    now
        The wall clock, ms.
    currency, exponent, earliest, tolerance
        As in `acceptance.Limits`.
    size_max
        Larger values are not read.
    rows
        One row for each record, see `block`. Those of records that are not plain get 0 in `PLAIN`, and anything in
        the other columns.
    """
    start = key_start = 0
    for number in range(len(sizes)):
        size, key_size = sizes[number], key_sizes[number]
        taken = size <= size_max and read_order(text, start, start + size, currency, exponent, rows, number)
        if taken:
            latest = (written[number] if 0 <= written[number] < now else now) + tolerance
            taken = (
                earliest <= rows[number, AT] <= latest
                and key_size == rows[number, CUSTOMER_SIZE]
                and equal(text, rows[number, CUSTOMER_FROM], keys, key_start, key_size)
            )
        rows[number, PLAIN] = 1 if taken else 0
        rows[number, OFFSET] = offsets[number]
        start += size
        key_start += key_size


def plain_orders(limits: Limits, value_bytes_max: int, records: Sequence[Record], now_ms: int) -> EventBlock:
    """The block of these records; rows of those that are not plain orders hold nothing yet but 0 in `PLAIN`.

    Parameters
    ----------
    limits
        What is accepted.
    value_bytes_max
        Larger values are not read.
    records
        As they were fetched.
    now_ms
        The wall clock.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> value = (
    ...     b'{"event_id":"e-1","type":"order.completed","customer_id":"c-1","order_id":"o-1",'
    ...     b'"occurred_at":"2017-01-01T11:53:26Z","amount":"12.34","currency":"USD"}'
    ... )
    >>> record = SimpleNamespace(offset=5, timestamp=1483271606000, key=b"c-1", value=value)
    >>> plain_orders(Limits("USD", 2, 0, 0), 1_000, [record], 1483271606000).event(0)
    OrderEvent(kind=0, at=1483271606000, customer='c-1', order=..., event=..., event_id='e-1', amount=1234,
               channel='', offset=5)
    """
    # What is missing is no JSON, no customer and no moment.
    n = len(records)
    values = [record.value or b"" for record in records]
    keys = [record.key or b"" for record in records]
    written = [-1 if (moment := record.timestamp) is None else moment for record in records]
    sizes = np.fromiter(map(len, values), np.int64, n)
    values.append(_BEHIND)
    text = np.frombuffer(bytearray().join(values), np.uint8)
    rows = np.empty((n, WIDTH), np.int64)
    read_orders(
        text,
        sizes,
        np.frombuffer(bytearray().join(keys), np.uint8),
        np.fromiter(map(len, keys), np.int64, n),
        np.fromiter(written, np.int64, n),
        np.fromiter([record.offset for record in records], np.int64, n),
        now_ms,
        np.frombuffer(bytearray(limits.currency.encode()), np.uint8),
        limits.exponent,
        limits.occurred_at_min,
        limits.future_tolerance,
        value_bytes_max,
        rows,
    )
    return EventBlock(rows, text, {})
