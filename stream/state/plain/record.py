"""The record of a plain customer in native code, to the byte that of `stream.state.codec`; laws hold the two equal."""

from __future__ import annotations

from typing import Final

import numpy as np

from stream.native.jit import Bytes, native
from stream.native.text import put
from stream.native.varint import WORD_SIZE_MAX, get_word, put_word, skip_words
from stream.native.words import get_int32, get_int64, put_int32, put_int64
from stream.scoring.abc import CLASSES
from stream.scoring.churn_samples import FEATURE_BITS, MINUTE, SET_AT
from stream.scoring.lifecycle import STAGES
from stream.scoring.policy import LEVELS
from stream.scoring.quantiles import RECENCY_BUCKET
from stream.state.codec import (
    CHURN,
    CONTACT,
    ELSEWHERE,
    FEATURES,
    FOLLOW,
    FORMAT,
    HALF,
    HAS_MORE,
    LAST,
    MARKET,
    MORE_SIZE,
    NAME_SIZE_AT,
    NUMBERS,
    NUMBERS_MAX,
    OPTIONAL,
    PENDING,
    SAID,
    SAMPLED,
    START_SIZE,
    THERE_AT,
)
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
FIXED_BYTES_MAX: Final = START_SIZE + MORE_SIZE + NUMBERS_MAX * WORD_SIZE_MAX
ORDER_BYTES_MAX: Final = ENTRY_WORDS * WIDTH_MAX

#: Half a byte each: tier and level; class and stage; the orders that tier and stage began with; widths of the columns.
_SAID_AT: Final = 1
_STANDING_AT: Final = 2
_SINCE_AT: Final = 3
_WIDTHS_AT: Final = 6
_ORDERS_AT: Final = 7
_FINGERPRINT_AT: Final = 8
#: Behind the flags of sections, of which a plain record has none.
_MORE_ORDERS_AT: Final = START_SIZE + 2

_HASH_SIZE: Final = 8
_BYTE: Final = 0xFF
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
    last_at = heap[times + n - 1] if n else as_of
    tier_order, stage_order = (
        _order_at(heap, times, n, row[TIER_SINCE]),
        _order_at(heap, times, n, row[LIFECYCLE_SINCE]),
    )
    start = at
    out[at] = FORMAT
    out[at + _SAID_AT] = row[TIER] | row[LEVEL] << 4
    out[at + _STANDING_AT] = row[ABC] | row[LIFECYCLE] << 4
    out[at + _SINCE_AT] = tier_order | stage_order << 4
    out[at + NAME_SIZE_AT] = name_size
    out[at + _WIDTHS_AT] = gap_width | amount_width << 4
    out[at + _ORDERS_AT] = n & _BYTE
    at = put_int32(out, at + _FINGERPRINT_AT, row[FINGERPRINT])
    there = 0
    if n > _BYTE:
        there = HAS_MORE
        out[at], out[at + 1], out[at + 2] = 0, 0, n >> 8
        at += MORE_SIZE
    at = put(out, at, names, name_from, name_size)
    at = put_word(out, at, as_of)
    at = put_word(out, at, _zigzag(row[ARMED] - as_of))
    at = put_word(out, at, row[VERSION])
    at = put_word(out, at, row[TIER_VERSION])
    at = put_word(out, at, row[CHANGES_VERSION])
    at = put_word(out, at, row[MATRIX])
    at = put_word(out, at, row[BUCKET_F])
    at = put_word(out, at, row[BUCKET_M])
    at = put_word(out, at, _zigzag(row[BUCKET_L] - last_at // RECENCY_BUCKET))
    found, at = _put_optional(row, last_at, out, at)
    out[start + THERE_AT] = there | found
    if tier_order == ELSEWHERE:
        at = put_word(out, at, as_of - row[TIER_SINCE])
    if stage_order == ELSEWHERE:
        at = put_word(out, at, _zigzag(row[LIFECYCLE_SINCE] - row[TIER_SINCE]))
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
def _put_optional(row: Longs, last_at: int, out: Bytes, at: int) -> tuple[int, int]:
    """Write what there is of `codec.OPTIONAL`; which that is, and where it ends."""
    there, as_of = 0, row[AS_OF]
    if last_at != as_of:
        there |= LAST
        at = put_word(out, at, as_of - last_at)
    if row[CHURN_VERSION]:
        there |= CHURN
        at = put_word(out, at, row[CHURN_VERSION])
    if row[MARKET_SEGMENTS]:
        there |= MARKET
        at = put_word(out, at, row[MARKET_SEGMENTS])
    if row[CONTACTED_AT]:
        there |= CONTACT
        at = put_word(out, at, _zigzag(row[CONTACTED_AT] - as_of))
    if row[ACTION] or row[ACTION_AT]:
        there |= PENDING
        at = put_word(out, at, row[ACTION])
        at = put_word(out, at, _zigzag(row[ACTION_AT] - as_of))
    sample = row[SAMPLE]
    if sample:
        there |= SAMPLED
        at = put_word(out, at, sample & FEATURES)
        at = put_word(out, at, sample >> FEATURE_BITS & SAID)
        at = put_word(out, at, _zigzag(_sampled_now(as_of) - (sample >> SET_AT)))
    if row[FOLLOW_VERSION]:
        there |= FOLLOW
        at = put_word(out, at, row[FOLLOW_VERSION])
    return there, at


@native
def is_plain_record(blob: Bytes, at: int, size: int, entries_max: int) -> bool:
    """Whether so many bytes are the whole record of a customer who is no more than at most `entries_max` orders."""
    if size < START_SIZE or blob[at] != FORMAT:
        return False
    there, since = _byte(blob, at + THERE_AT), _byte(blob, at + _SINCE_AT)
    if there & HAS_MORE and (size < START_SIZE + MORE_SIZE or blob[at + START_SIZE] or blob[at + START_SIZE + 1]):
        return False
    said, standing = _byte(blob, at + _SAID_AT), _byte(blob, at + _STANDING_AT)
    widths, n = _byte(blob, at + _WIDTHS_AT), orders_in(blob, at)
    gap_width, amount_width = widths & HALF, widths >> 4
    tier_order, stage_order = since & HALF, since >> 4
    if (
        n > entries_max
        or gap_width > WIDTH_MAX
        or amount_width > WIDTH_MAX
        or (tier_order >= n and tier_order != ELSEWHERE)
        or (stage_order >= n and stage_order != ELSEWHERE)
        or said & HALF >= _TIERS
        or said >> 4 >= _LEVELS
        or standing & HALF >= _CLASSES
        or standing >> 4 >= _STAGES
    ):
        return False
    name_at, name_size = name_in(blob, at)
    numbers = name_at + name_size
    columns = at + size - max(0, n - 1) * gap_width - n * (amount_width + _HASH_SIZE)
    count = NUMBERS + int(tier_order == ELSEWHERE) + int(stage_order == ELSEWHERE)
    for bit in range(len(OPTIONAL)):
        if there >> bit & 1:
            count += OPTIONAL[bit]
    return bool(columns >= numbers and skip_words(blob, numbers, columns, count) == columns)


@native
def name_in(blob: Bytes, at: int) -> tuple[int, int]:
    """Where the name of the segment begins in a record, and its size."""
    name = at + START_SIZE
    if _byte(blob, at + THERE_AT) & HAS_MORE:
        name += MORE_SIZE
    return name, _byte(blob, at + NAME_SIZE_AT)


@native
def _byte(blob: Bytes, at: int) -> int:
    """A byte as a number that may be added to others: numba's of a byte alone has no sign."""
    return int(np.int64(blob[at]))


@native
def orders_in(blob: Bytes, at: int) -> int:
    """How many orders a record has."""
    n = _byte(blob, at + _ORDERS_AT)
    if _byte(blob, at + THERE_AT) & HAS_MORE:
        n |= _byte(blob, at + _MORE_ORDERS_AT) << 8
    return n


@native
def get_record(memory: Memory, slot: int, blob: Bytes, at: int) -> None:
    """Fill a row, whose ledger has room for all orders, from what `is_plain_record` holds for one.

    Of its columns all are set that a record tells of by itself: not the number of the segment, nor sums.
    """
    row, heap, n = memory.rows[slot], memory.heap, orders_in(blob, at)
    there, since = _byte(blob, at + THERE_AT), _byte(blob, at + _SINCE_AT)
    said, standing, widths = (
        _byte(blob, at + _SAID_AT),
        _byte(blob, at + _STANDING_AT),
        _byte(blob, at + _WIDTHS_AT),
    )
    row[TIER], row[LEVEL] = said & HALF, said >> 4
    row[ABC], row[LIFECYCLE] = standing & HALF, standing >> 4
    row[FINGERPRINT] = get_int32(blob, at + _FINGERPRINT_AT) & _UNSIGNED
    name_at, name_size = name_in(blob, at)
    as_of, at = get_word(blob, name_at + name_size)
    armed, at = get_word(blob, at)
    row[AS_OF], row[ARMED] = as_of, as_of + _unzigzag(armed)
    row[VERSION], at = get_word(blob, at)
    row[TIER_VERSION], at = get_word(blob, at)
    row[CHANGES_VERSION], at = get_word(blob, at)
    row[MATRIX], at = get_word(blob, at)
    row[BUCKET_F], at = get_word(blob, at)
    row[BUCKET_M], at = get_word(blob, at)
    bucket, at = get_word(blob, at)
    before = 0
    if there & LAST:
        before, at = get_word(blob, at)
    last_at = as_of - before
    row[BUCKET_L] = last_at // RECENCY_BUCKET + _unzigzag(bucket)
    at = _get_optional(row, there, blob, at)
    tier_order, stage_order = since & HALF, since >> 4
    row[TIER_SINCE] = row[LIFECYCLE_SINCE] = 0
    if tier_order == ELSEWHERE:
        word, at = get_word(blob, at)
        row[TIER_SINCE] = as_of - word
    stage_since = 0
    if stage_order == ELSEWHERE:
        stage_since, at = get_word(blob, at)
    row[N] = n
    if n:
        _get_orders(memory, row, n, last_at, widths & HALF, widths >> 4, blob, at)
    last = row[LEDGER_AT] + n - 1
    if tier_order != ELSEWHERE:
        row[TIER_SINCE] = heap[last - tier_order]
    row[LIFECYCLE_SINCE] = (
        row[TIER_SINCE] + _unzigzag(stage_since) if stage_order == ELSEWHERE else heap[last - stage_order]
    )


@native
def _get_optional(row: Longs, there: int, blob: Bytes, at: int) -> int:
    """Set what a record has of `codec.OPTIONAL`, but for the last entry; where that ends."""
    as_of = row[AS_OF]
    row[CHURN_VERSION] = row[MARKET_SEGMENTS] = row[CONTACTED_AT] = row[ACTION] = row[ACTION_AT] = 0
    row[SAMPLE] = row[FOLLOW_VERSION] = 0
    if there & CHURN:
        row[CHURN_VERSION], at = get_word(blob, at)
    if there & MARKET:
        row[MARKET_SEGMENTS], at = get_word(blob, at)
    if there & CONTACT:
        word, at = get_word(blob, at)
        row[CONTACTED_AT] = as_of + _unzigzag(word)
    if there & PENDING:
        row[ACTION], at = get_word(blob, at)
        word, at = get_word(blob, at)
        row[ACTION_AT] = as_of + _unzigzag(word)
    if there & SAMPLED:
        features, at = get_word(blob, at)
        said, at = get_word(blob, at)
        word, at = get_word(blob, at)
        row[SAMPLE] = _sampled_now(as_of) - _unzigzag(word) << SET_AT | said << FEATURE_BITS | features
    if there & FOLLOW:
        row[FOLLOW_VERSION], at = get_word(blob, at)
    return at


@native
def _get_orders(
    memory: Memory, row: Longs, n: int, last_at: int, gap_width: int, amount_width: int, blob: Bytes, at: int
) -> None:
    """Fill a ledger with the columns that begin at a place."""
    heap = memory.heap
    times = row[LEDGER_AT]
    amounts = times + row[ROOM]
    hashes = amounts + row[ROOM]
    # Eight bytes are read of each integer, however wide it is: the hashes behind them are as many.
    moment = heap[times + n - 1] = last_at
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
def _sampled_now(as_of: int) -> int:
    return as_of // MINUTE << 1 | 1


@native
def _order_at(heap: Longs, times: int, n: int, moment: int) -> int:
    """Which of the last orders was at a moment, counted from the last; `ELSEWHERE` if none."""
    for order in range(min(n, ELSEWHERE)):
        if heap[times + n - 1 - order] == moment:
            return order
    return ELSEWHERE


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
