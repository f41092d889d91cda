"""Orders as nearly all of them are, read straight from the joined JSON of a batch by native code.

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
    NINE,
    OBJECT,
    OBJECT_END,
    QUOTE,
    ZERO,
    after_blanks,
    after_byte,
    after_null,
    after_value,
    plain_end,
)
from stream.contracts.native_fields import minor_of, moment_of
from stream.native.jit import Bytes, native
from stream.native.text import equal
from stream.native.xxh3 import xxh3_64

Integers = NDArray[np.int64]

# Fields of `wire.Order`, by number; those before the channel are required, those behind it are not of a plain order
# unless they are null. The last is any other field.
_EVENT_ID: Final = 0
_TYPE: Final = 1
_CUSTOMER: Final = 2
_ORDER_ID: Final = 3
_OCCURRED_AT: Final = 4
_AMOUNT: Final = 5
_CURRENCY: Final = 6
_CHANNEL: Final = 7
_UNREAD: Final = 11
_REQUIRED: Final = (1 << _CHANNEL) - 1
_READ: Final = (1 << _UNREAD) - 1

_NAMES: Final = (
    *("event_id", "type", "customer_id", "order_id", "occurred_at", "amount", "currency", "channel"),
    *("discount", "coupon", "items"),
)
# The names, and behind them, by the number that stands for any other name, the one type that is read.
_COMPLETED: Final = _UNREAD
_WORDS: Final = [word.encode() for word in (*_NAMES, "order.completed")]
_WORD_BYTES: Final = np.frombuffer(b"".join(_WORDS), np.uint8)
_WORD_SIZE: Final = np.array([len(word) for word in _WORDS], np.int64)
_WORD_FROM: Final = np.cumsum(_WORD_SIZE) - _WORD_SIZE

# A text that is cut short ends here at the latest.
_BEHIND_ALL: Final = bytes([QUOTE])


@native
def _is_word(text: Bytes, at: int, size: int, word: int) -> bool:
    return size == _WORD_SIZE[word] and equal(text, at, _WORD_BYTES, _WORD_FROM[word], size)


@native
def _read_name(text: Bytes, at: int, end: int) -> tuple[int, int]:
    """Which field follows, and where its value begins; `BAD` where no plain name and colon follow."""
    start = after_byte(text, at, end, QUOTE)
    if start == BAD:
        return _UNREAD, BAD
    quote = plain_end(text, start)
    if quote >= end or text[quote] != QUOTE:
        return _UNREAD, BAD
    at = after_byte(text, quote + 1, end, COLON)
    for field in range(_UNREAD):
        if _is_word(text, start, quote - start, field):
            return field, at
    return _UNREAD, at


@native
def _take_text(text: Bytes, start: int, size: int, field: int, currency: Bytes, exponent: int, row: Integers) -> bool:
    """Put the text of a field into the row; whether it is as it must be."""
    if field == _CHANNEL:
        row[CHANNEL_FROM], row[CHANNEL_SIZE] = start, size
        return size <= NAME_BYTES_MAX
    if field == _CURRENCY:
        return size == len(currency) and equal(text, start, currency, 0, size)
    if field == _TYPE:
        return _is_word(text, start, size, _COMPLETED)
    if field == _AMOUNT:
        row[AMOUNT], end = minor_of(text, start, start + size, exponent)
        return bool(row[AMOUNT] >= 0) and end == start + size
    if field == _OCCURRED_AT:
        row[AT] = moment_of(text, start, size)
        return bool(row[AT] != NEVER)
    if field == _EVENT_ID:
        row[EVENT_FROM], row[EVENT_SIZE] = start, size
    elif field == _CUSTOMER:
        row[CUSTOMER_FROM], row[CUSTOMER_SIZE], row[CUSTOMER_HASH] = start, size, xxh3_64(text, start, size)
    else:
        row[ORDER] = xxh3_64(text, start, size)
    return 0 < size <= ID_BYTES_MAX


@native
def _take_number(text: Bytes, at: int, end: int, exponent: int, row: Integers) -> int:
    """Put an amount that is a number of JSON into the row, and give where it ends, or `BAD`."""
    if at + 1 < end and text[at] == ZERO and ZERO <= text[at + 1] <= NINE:
        return BAD
    row[AMOUNT], at = minor_of(text, at, end, exponent)
    return at if row[AMOUNT] >= 0 else BAD


@native
def _take_value(text: Bytes, at: int, end: int, field: int, currency: Bytes, exponent: int, row: Integers) -> int:
    """Put the value of a field into the row, and give where it ends; `BAD` where it is not as it must be."""
    at = after_blanks(text, at, end)
    if field == _UNREAD:
        return after_value(text, at, end)
    if field > _CHANNEL:
        return after_null(text, at, end)
    if at < end and text[at] == QUOTE:
        start = at + 1
        at = plain_end(text, start)
        if at < end and text[at] == QUOTE and _take_text(text, start, at - start, field, currency, exponent, row):
            return at + 1
        return BAD
    if field == _AMOUNT:
        return _take_number(text, at, end, exponent, row)
    return after_null(text, at, end) if field == _CHANNEL else BAD


@native
def _read_order(text: Bytes, at: int, end: int, currency: Bytes, exponent: int, row: Integers) -> bool:
    """Put one record into a row, but for its offset; whether it holds a plain order."""
    at = after_byte(text, at, end, OBJECT)
    row[CHANNEL_FROM], row[CHANNEL_SIZE] = at, 0
    seen = 0
    while at != BAD:
        field, at = _read_name(text, at, end)
        # Of a field that comes twice msgspec takes the last; that is left to it.
        if at == BAD or seen & _READ & (1 << field):
            return False
        seen |= 1 << field
        at = _take_value(text, at, end, field, currency, exponent, row)
        if at == BAD:
            return False
        at = after_blanks(text, at, end)
        if at < end and text[at] == OBJECT_END:
            return seen & _REQUIRED == _REQUIRED and after_blanks(text, at + 1, end) == end
        at = after_byte(text, at, end, COMMA)
    return False


@native
def read_orders(
    text: Bytes,
    sizes: Integers,
    keys: Bytes,
    key_sizes: Integers,
    written: Integers,
    currency: Bytes,
    limits: tuple[int, int, int, int, int],
    rows: Integers,
) -> None:
    """Fill the rows of those records that are plain orders, but for their offsets.

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
    currency
        The only one accepted.
    limits
        Its decimal places; the earliest moment accepted and how far one may be behind `written`, ms; the largest size
        that is read; the wall clock, ms.
    rows
        One row for each record, see `block`. Those of records that are not plain get 0 in `PLAIN`, and anything in
        the other columns.
    """
    exponent, earliest, tolerance, size_max, now = limits
    start = key_start = 0
    for number in range(len(sizes)):
        row, size, key_size = rows[number], sizes[number], key_sizes[number]
        latest = (written[number] if 0 <= written[number] < now else now) + tolerance
        plain = (
            size <= size_max
            and _read_order(text, start, start + size, currency, exponent, row)
            and earliest <= row[AT] <= latest
            and key_size == row[CUSTOMER_SIZE]
            and equal(text, row[CUSTOMER_FROM], keys, key_start, key_size)
        )
        row[PLAIN] = 1 if plain else 0
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
               channel='', offset=5, details=None)
    """
    # What is missing is no JSON, no customer and no moment.
    values = [record.value or b"" for record in records]
    keys = [record.key or b"" for record in records]
    written = [-1 if (moment := record.timestamp) is None else moment for record in records]
    n = len(records)
    rows = np.empty((n, WIDTH), np.int64)
    rows[:, OFFSET] = [record.offset for record in records]
    text = np.frombuffer(bytearray().join([*values, _BEHIND_ALL]), np.uint8)
    read_orders(
        text,
        np.fromiter(map(len, values), np.int64, n),
        np.frombuffer(bytearray().join(keys), np.uint8),
        np.fromiter(map(len, keys), np.int64, n),
        np.fromiter(written, np.int64, n),
        np.frombuffer(bytearray(limits.currency.encode()), np.uint8),
        (limits.exponent, limits.occurred_at_min, limits.future_tolerance, value_bytes_max, now_ms),
        rows,
    )
    return EventBlock(rows, text, {})
