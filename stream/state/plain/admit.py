"""Stored records into rows: what `stream.state.codec.decode` and `stream.state.ledger.rebuild` do for objects."""

from __future__ import annotations

from typing import Final

from stream.native.jit import Bytes, native
from stream.state.customer import NEVER, UNSET
from stream.state.plain.heap import make_room
from stream.state.plain.layout import (
    ARMED,
    AS_OF,
    DUE,
    DUE_IS_EXACT,
    FORM,
    FREQUENCY,
    LAST_AT,
    LEDGER_AT,
    MONETARY,
    PLAIN,
    ROOM,
    SAFE,
    SEGMENT,
    WINDOW_FROM,
    Longs,
    Memory,
    N,
)
from stream.state.plain.record import get_record, is_plain_record, orders_in

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
            plain[i] = is_plain_record(blob, at, size, entries_max)


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
    n = orders_in(blob, at)
    if n and not make_room(memory, slot, n):
        return False
    get_record(memory, slot, blob, at)
    row[FORM] = PLAIN
    row[SEGMENT] = segment
    row[DUE] = row[ARMED]
    row[DUE_IS_EXACT] = 0
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
