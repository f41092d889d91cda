"""Stored records into rows: what `stream.state.codec.decode` and `stream.state.ledger.rebuild` do for objects."""

from __future__ import annotations

from typing import Final

from stream.native.jit import Bytes, native
from stream.native.text import get_int32, get_int64
from stream.state.codec import FORMAT, HEADER_SIZE
from stream.state.customer import NEVER, TIER_NAMES, UNSET
from stream.state.plain.heap import ENTRY_WORDS, make_room
from stream.state.plain.layout import (
    ARMED,
    AS_OF,
    BUCKET_F,
    BUCKET_L,
    BUCKET_M,
    CHANGES_VERSION,
    CHURN_VERSION,
    DUE,
    DUE_IS_EXACT,
    FINGERPRINT,
    FORM,
    FREQUENCY,
    LAST_AT,
    LEDGER_AT,
    LEVEL,
    MONETARY,
    PLAIN,
    ROOM,
    SAFE,
    SEGMENT,
    TIER,
    TIER_SINCE,
    TIER_VERSION,
    VERSION,
    WINDOW_FROM,
    Longs,
    Memory,
    N,
)

_UNSIGNED: Final = 0xFFFFFFFF
_WORD: Final = 8
_TIERS: Final = len(TIER_NAMES)
#: Where the size of the segment's name stands in a record, and the number of orders before it.
SEGMENT_SIZE_AT: Final = 50
_ORDERS_AT: Final = 48
_TIER_AT: Final = 2
#: Size of a record where none is stored, and where it begins.
NOTHING: Final = -1


@native
def begin(memory: Memory, slot: int) -> None:
    """Make the row of a customer of whom nothing is stored."""
    row = memory.rows[slot]
    row[FORM] = PLAIN
    row[AS_OF] = UNSET
    row[DUE] = NEVER
    row[DUE_IS_EXACT] = 1
    row[ARMED] = -1


@native
def survey(
    memory: Memory, slots: Longs, blob: Bytes, starts: Longs, sizes: Longs, entries_max: int, plain: Longs
) -> None:
    """Whether each customer is plain: by its id, and by its record where its size is not `NOTHING`.

    A record that is not what it should be is not plain; the plain form says what is wrong with it.
    """
    for i in range(len(slots)):
        at, size = starts[i], sizes[i]
        plain[i] = entries_max >= 0 and memory.rows[slots[i], SAFE]
        if plain[i] and size != NOTHING:
            plain[i] = size >= HEADER_SIZE and blob[at] == FORMAT and not blob[at + 1] and blob[at + _TIER_AT] < _TIERS
            if plain[i]:
                n = int(blob[at + _ORDERS_AT]) | int(blob[at + _ORDERS_AT + 1]) << 8
                named = HEADER_SIZE + blob[at + SEGMENT_SIZE_AT]
                plain[i] = n <= entries_max and size == named + n * ENTRY_WORDS * _WORD


@native
def admit(memory: Memory, slot: int, blob: Bytes, at: int, segment: int, window: int) -> bool:
    """Fill the row of a customer from a record that `survey` found plain; false where the heap must grow first.

    Parameters
    ----------
    segment
        Number of the segment that the record names.
    window
        Length of the window, ms.
    """
    row = memory.rows[slot]
    n = int(blob[at + _ORDERS_AT]) | int(blob[at + _ORDERS_AT + 1]) << 8
    if n and not make_room(memory, slot, n):
        return False
    row[FORM] = PLAIN
    row[TIER], row[LEVEL] = blob[at + _TIER_AT], blob[at + 3]
    row[FINGERPRINT] = get_int32(blob, at + 4) & _UNSIGNED
    row[AS_OF] = get_int64(blob, at + 8)
    row[TIER_SINCE] = get_int64(blob, at + 16)
    row[ARMED] = row[DUE] = get_int64(blob, at + 24)
    row[DUE_IS_EXACT] = 0
    row[VERSION] = get_int32(blob, at + 32) & _UNSIGNED
    row[TIER_VERSION] = get_int32(blob, at + 36) & _UNSIGNED
    row[CHURN_VERSION] = get_int32(blob, at + 40) & _UNSIGNED
    row[CHANGES_VERSION] = get_int32(blob, at + 44) & _UNSIGNED
    row[SEGMENT] = segment
    row[BUCKET_F] = get_int32(blob, at + 51) & _UNSIGNED
    row[BUCKET_M] = get_int32(blob, at + 55) & _UNSIGNED
    row[BUCKET_L] = get_int32(blob, at + 59)
    row[N] = n
    columns = at + HEADER_SIZE + blob[at + SEGMENT_SIZE_AT]
    times, room = row[LEDGER_AT], row[ROOM]
    for column in range(ENTRY_WORDS):
        for entry in range(n):
            memory.heap[times + column * room + entry] = get_int64(blob, columns + _WORD * (column * n + entry))
    sum_up(memory, slot, window)
    return True


@native
def sum_up(memory: Memory, slot: int, window: int) -> None:
    """Recompute the sums from the ledger, at the row's `as_of`."""
    row, heap = memory.rows[slot], memory.heap
    times, room, n = row[LEDGER_AT], row[ROOM], row[N]
    start = row[AS_OF] - window
    index = 0
    while index < n and heap[times + index] <= start:
        index += 1
    monetary = 0
    for entry in range(index, n):
        monetary += heap[times + room + entry]
    row[WINDOW_FROM], row[FREQUENCY], row[MONETARY] = index, n - index, monetary
    if n:
        row[LAST_AT] = heap[times + n - 1]


@native
def admit_all(
    memory: Memory,
    slots: Longs,
    first: int,
    blob: Bytes,
    starts: Longs,
    segments: Longs,
    window: int,
) -> int:
    """Fill rows from records.

    Parameters
    ----------
    starts
        Where the record of each begins; `NOTHING` where nothing is stored.
    segments
        Number of the segment that each names.

    Returns
    -------
    The first that was not filled, because the heap must grow first.
    """
    for i in range(first, len(slots)):
        if starts[i] == NOTHING:
            begin(memory, slots[i])
        elif not admit(memory, slots[i], blob, starts[i], segments[i], window):
            return i
    return len(slots)
