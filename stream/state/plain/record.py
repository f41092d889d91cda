"""The record of a plain customer in native code, to the byte that of `stream.state.codec`; laws hold the two equal."""

from __future__ import annotations

from typing import Final

from stream.native.jit import Bytes, native
from stream.native.text import put
from stream.native.varint import WORD_SIZE_MAX, get_word, put_word, skip_words
from stream.native.words import get_int32, get_int64, put_int32, put_int64
from stream.scoring.abc import CLASSES
from stream.scoring.lifecycle import STAGES
from stream.scoring.policy import LEVELS
from stream.state.codec import FORMAT, NUMBERS, START_SIZE
from stream.state.compact import WIDTH_MAX
from stream.state.customer import TIER_NAMES
from stream.state.plain.heap import ENTRY_WORDS
from stream.state.plain.layout import (
    ABC,
    ACTION,
    ACTION_AT,
    ARMED,
    AS_OF,
    BUCKET_F,
    BUCKET_L,
    BUCKET_M,
    CHANGES_VERSION,
    CHURN_VERSION,
    CONTACTED_AT,
    FINGERPRINT,
    FOLLOW_VERSION,
    LEDGER_AT,
    LEVEL,
    LIFECYCLE,
    LIFECYCLE_SINCE,
    MARKET_SEGMENTS,
    MATRIX,
    ROOM,
    SAMPLE,
    TIER,
    TIER_SINCE,
    TIER_VERSION,
    VERSION,
    Longs,
    Memory,
    N,
)

#: Bytes of a record but for the name of its segment and its orders, and of each order, at most.
FIXED_BYTES_MAX: Final = START_SIZE + NUMBERS * WORD_SIZE_MAX
ORDER_BYTES_MAX: Final = ENTRY_WORDS * WIDTH_MAX

#: Where the size of the segment's name stands; the name itself is at `START_SIZE`.
NAME_SIZE_AT: Final = 6
_FLAGS_AT: Final = 1
_TIER_AT: Final = 3
_LEVEL_AT: Final = 4
#: Half a byte each: the ABC class, and above it the stage of the lifecycle.
_STANDING_AT: Final = 5
_WIDTHS_AT: Final = 7
_ORDERS_AT: Final = 8
_FINGERPRINT_AT: Final = 10

_HASH_SIZE: Final = 8
_NO_SIGN: Final = (1 << 63) - 1
_UNSIGNED: Final = 0xFFFFFFFF
_TIERS: Final = len(TIER_NAMES)
_LEVELS: Final = len(LEVELS)
_CLASSES: Final = len(CLASSES)
_STAGES: Final = len(STAGES)


@native
def put_record(memory: Memory, row: Longs, names: Bytes, name_from: int, name_size: int, out: Bytes, at: int) -> int:
    """Write the record of a row and give where it ends.

    There is room for `FIXED_BYTES_MAX`, the name, and `ORDER_BYTES_MAX` for each order.
    """
    heap, n, as_of = memory.heap, row[N], row[AS_OF]
    times = row[LEDGER_AT]
    amounts = times + row[ROOM]
    hashes = amounts + row[ROOM]
    gap_bits = amount_bits = 0
    for entry in range(1, n):
        gap_bits |= heap[times + entry] - heap[times + entry - 1]
    for entry in range(n):
        amount_bits |= heap[amounts + entry]
    gap_width, amount_width = width_of(gap_bits), width_of(amount_bits)
    out[at], out[at + _FLAGS_AT], out[at + _FLAGS_AT + 1] = FORMAT, 0, 0
    out[at + _TIER_AT], out[at + _LEVEL_AT] = row[TIER], row[LEVEL]
    out[at + _STANDING_AT] = row[ABC] | row[LIFECYCLE] << 4
    out[at + NAME_SIZE_AT] = name_size
    out[at + _WIDTHS_AT] = gap_width | amount_width << 4
    out[at + _ORDERS_AT], out[at + _ORDERS_AT + 1] = n & 0xFF, n >> 8
    at = put_int32(out, at + _FINGERPRINT_AT, row[FINGERPRINT])
    at = put(out, at, names, name_from, name_size)
    at = put_word(out, at, as_of)
    at = put_word(out, at, as_of - row[TIER_SINCE])
    at = put_word(out, at, _zigzag(row[ARMED] - as_of))
    at = put_word(out, at, as_of - heap[times + n - 1] if n else 0)
    at = put_word(out, at, row[VERSION])
    at = put_word(out, at, row[TIER_VERSION])
    at = put_word(out, at, row[CHURN_VERSION])
    at = put_word(out, at, row[CHANGES_VERSION])
    at = put_word(out, at, row[BUCKET_F])
    at = put_word(out, at, row[BUCKET_M])
    at = put_word(out, at, _zigzag(row[BUCKET_L]))
    at = put_word(out, at, _zigzag(row[LIFECYCLE_SINCE] - row[TIER_SINCE]))
    at = put_word(out, at, row[MATRIX])
    at = put_word(out, at, row[MARKET_SEGMENTS])
    at = put_word(out, at, row[CONTACTED_AT])
    at = put_word(out, at, row[ACTION])
    at = put_word(out, at, row[ACTION_AT])
    at = put_word(out, at, row[SAMPLE])
    at = put_word(out, at, row[FOLLOW_VERSION])
    # Each integer is written whole: what is too much of it is overwritten by what follows, and that is never less than
    # the eight bytes of a hash.
    for entry in range(1, n):
        put_int64(out, at, heap[times + entry] - heap[times + entry - 1])
        at += gap_width
    for entry in range(n):
        put_int64(out, at, heap[amounts + entry])
        at += amount_width
    for entry in range(n):
        at = put_int64(out, at, heap[hashes + entry])
    return at


@native
def is_plain_record(blob: Bytes, at: int, size: int, entries_max: int) -> bool:
    """Whether so many bytes are the whole record of a customer who is no more than at most `entries_max` orders."""
    if size < START_SIZE or blob[at] != FORMAT or blob[at + _FLAGS_AT] or blob[at + _FLAGS_AT + 1]:
        return False
    widths, n = blob[at + _WIDTHS_AT], orders_in(blob, at)
    gap_width, amount_width = int(widths & 0xF), int(widths >> 4)
    if (
        n > entries_max
        or gap_width > WIDTH_MAX
        or amount_width > WIDTH_MAX
        or blob[at + _TIER_AT] >= _TIERS
        or blob[at + _LEVEL_AT] >= _LEVELS
        or blob[at + _STANDING_AT] & 0xF >= _CLASSES
        or blob[at + _STANDING_AT] >> 4 >= _STAGES
    ):
        return False
    numbers = at + START_SIZE + int(blob[at + NAME_SIZE_AT])
    columns = at + size - max(0, n - 1) * gap_width - n * (amount_width + _HASH_SIZE)
    return bool(columns >= numbers and skip_words(blob, numbers, columns, NUMBERS) == columns)


@native
def orders_in(blob: Bytes, at: int) -> int:
    """How many orders a record has."""
    return int(blob[at + _ORDERS_AT]) | int(blob[at + _ORDERS_AT + 1]) << 8


@native
def get_record(memory: Memory, slot: int, blob: Bytes, at: int) -> None:
    """Fill a row, whose ledger has room for all orders, from what `is_plain_record` holds for one.

    Of its columns all are set that a record tells of by itself: not the number of the segment, nor sums.
    """
    row, heap, n = memory.rows[slot], memory.heap, orders_in(blob, at)
    row[TIER], row[LEVEL] = blob[at + _TIER_AT], blob[at + _LEVEL_AT]
    row[ABC], row[LIFECYCLE] = blob[at + _STANDING_AT] & 0xF, blob[at + _STANDING_AT] >> 4
    row[FINGERPRINT] = get_int32(blob, at + _FINGERPRINT_AT) & _UNSIGNED
    gap_width, amount_width = int(blob[at + _WIDTHS_AT] & 0xF), int(blob[at + _WIDTHS_AT] >> 4)
    as_of, at = get_word(blob, at + START_SIZE + int(blob[at + NAME_SIZE_AT]))
    since, at = get_word(blob, at)
    armed, at = get_word(blob, at)
    last, at = get_word(blob, at)
    row[AS_OF], row[TIER_SINCE], row[ARMED] = as_of, as_of - since, as_of + _unzigzag(armed)
    row[VERSION], at = get_word(blob, at)
    row[TIER_VERSION], at = get_word(blob, at)
    row[CHURN_VERSION], at = get_word(blob, at)
    row[CHANGES_VERSION], at = get_word(blob, at)
    row[BUCKET_F], at = get_word(blob, at)
    row[BUCKET_M], at = get_word(blob, at)
    bucket, at = get_word(blob, at)
    row[BUCKET_L] = _unzigzag(bucket)
    stage, at = get_word(blob, at)
    row[LIFECYCLE_SINCE] = as_of - since + _unzigzag(stage)
    row[MATRIX], at = get_word(blob, at)
    row[MARKET_SEGMENTS], at = get_word(blob, at)
    row[CONTACTED_AT], at = get_word(blob, at)
    row[ACTION], at = get_word(blob, at)
    row[ACTION_AT], at = get_word(blob, at)
    row[SAMPLE], at = get_word(blob, at)
    row[FOLLOW_VERSION], at = get_word(blob, at)
    row[N] = n
    if not n:
        return
    times = row[LEDGER_AT]
    amounts = times + row[ROOM]
    hashes = amounts + row[ROOM]
    # Eight bytes are read of each integer, however wide it is: the hashes behind them are as many.
    moment = heap[times + n - 1] = as_of - last
    mask = mask_of(gap_width)
    for entry in range(n - 2, -1, -1):
        moment -= get_int64(blob, at + entry * gap_width) & mask
        heap[times + entry] = moment
    at += (n - 1) * gap_width
    mask = mask_of(amount_width)
    for entry in range(n):
        heap[amounts + entry] = get_int64(blob, at) & mask
        at += amount_width
    for entry in range(n):
        heap[hashes + entry] = get_int64(blob, at)
        at += _HASH_SIZE


@native
def width_of(bits: int) -> int:
    """Bytes that 64 bits need, read as a number without sign.

    >>> width_of(0), width_of(255), width_of(256), width_of(-1)
    (0, 1, 2, 8)
    """
    if bits < 0:
        return WIDTH_MAX
    width = 0
    while bits >> 8 * width:
        width += 1
        if width == WIDTH_MAX:
            break
    return width


@native
def mask_of(width: int) -> int:
    """The bits of an integer of so many bytes.

    >>> mask_of(0), mask_of(2), mask_of(8)
    (0, 65535, -1)
    """
    return -1 if width == WIDTH_MAX else (1 << 8 * width) - 1


@native
def _zigzag(number: int) -> int:
    return number << 1 ^ number >> 63


@native
def _unzigzag(word: int) -> int:
    return word >> 1 & _NO_SIGN ^ -(word & 1)
