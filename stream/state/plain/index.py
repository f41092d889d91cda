"""Customers found by their ids, made, and forgotten again."""

from __future__ import annotations

from typing import Final

from stream.contracts.block import CUSTOMER_FROM, CUSTOMER_HASH, CUSTOMER_SIZE
from stream.native.jit import Bytes, native
from stream.native.words import get_int64, put_int64
from stream.state.plain.heap import ENTRY_WORDS, FULL, give_back, take
from stream.state.plain.layout import (
    AWAITED,
    CAUSE,
    FORM,
    FREE,
    FREE_ROW,
    HAND,
    ID_AT,
    ID_HASH,
    ID_SIZE,
    LEDGER_AT,
    NO_CAUSE,
    OBJECT,
    PLAIN,
    RECENT,
    ROOM,
    ROWS_END,
    ROWS_USED,
    SAFE,
    Longs,
    Memory,
)

#: Row of an event that has no customer.
NOBODY: Final = -1
_WORD: Final = 8
_BLANK, _DELETE, _QUOTE, _BACKSLASH = 0x20, 0x7F, 0x22, 0x5C


@native
def words_of(size: int) -> int:
    """Words that so many bytes take, at least one."""
    return max(1, (size + _WORD - 1) // _WORD)


@native
def word(text: Bytes, start: int, size: int, number: int) -> int:
    """Word `number` of a text, as the heap holds it: little endian, filled up with zeros."""
    at = start + _WORD * number
    left = size - _WORD * number
    if left >= _WORD:
        return get_int64(text, at)
    value = 0
    for i in range(left):
        value |= int(text[at + i]) << (_WORD * i)
    return value


@native
def is_id(memory: Memory, slot: int, text: Bytes, start: int, size: int) -> bool:
    """Whether a row is that of the customer with this id."""
    row = memory.rows[slot]
    if row[ID_SIZE] != size:
        return False
    at = row[ID_AT]
    for number in range(words_of(size)):  # noqa: SIM110 - native code has no generators
        if memory.heap[at + number] != word(text, start, size, number):
            return False
    return True


@native
def put_id(memory: Memory, slot: int, out: Bytes, at: int) -> int:
    """Write the id of a row's customer, in whole words: up to 7 bytes beyond are written too; gives the end."""
    row = memory.rows[slot]
    start, size = row[ID_AT], row[ID_SIZE]
    for number in range(words_of(size)):
        put_int64(out, at + _WORD * number, memory.heap[start + number])
    return int(at + size)


@native
def find(
    memory: Memory, events: Longs, text: Bytes, slots: Longs, first: int, made: Longs, n_made: int, number: int
) -> tuple[int, int]:
    """The row of each event's customer; rows are made for those who have none.

    Parameters
    ----------
    events, text
        Of the block.
    slots
        Gets the row of each event, or `NOBODY`.
    first
        Event to begin with.
    made, n_made
        Gets the rows that were made, behind those that are there.
    number
        Of this look, greater than 0, see `evict`.

    Returns
    -------
    The first event that was not looked at, because the heap or the rows must grow first; and the rows made so far.
    """
    rows, places, registers = memory.rows, memory.places, memory.registers
    mask = len(places) - 1
    for i in range(first, len(events)):
        start, size = events[i, CUSTOMER_FROM], events[i, CUSTOMER_SIZE]
        if size == 0:
            slots[i] = NOBODY
            continue
        key = events[i, CUSTOMER_HASH]
        place = key & mask
        while True:
            slot = places[place] - 1
            if slot < 0 or (rows[slot, ID_HASH] == key and is_id(memory, slot, text, start, size)):
                break
            place = (place + 1) & mask
        if slot < 0:
            full = not registers[FREE_ROW] and registers[ROWS_END] == len(rows)
            if full or 2 * registers[ROWS_USED] >= len(places):
                return i, n_made
            at = take(memory, words_of(size))
            if at == FULL:
                return i, n_made
            slot = _make(memory, at, text, start, size)
            rows[slot, ID_HASH] = key
            places[place] = slot + 1
            made[n_made] = slot
            n_made += 1
        rows[slot, RECENT] = number
        slots[i] = slot
    return len(events), n_made


@native
def awaited(memory: Memory, slots: Longs, found: Longs) -> int:
    """Rows among these whose customers are still to be loaded, each as often as it is there; gives their number."""
    count = 0
    for slot in slots:
        if slot >= 0 and memory.rows[slot, FORM] == AWAITED:
            found[count] = slot
            count += 1
    return count


@native
def put_ids(memory: Memory, slots: Longs, out: Bytes, ends: Longs) -> None:
    """Write the ids of rows one behind the other, and where each ends; there is room for `ID_BYTES_MAX` each."""
    at = 0
    for i in range(len(slots)):
        at = put_id(memory, slots[i], out, at)
        ends[i] = at


@native
def _make(memory: Memory, at: int, text: Bytes, start: int, size: int) -> int:
    rows, registers = memory.rows, memory.registers
    slot: int = registers[FREE_ROW] - 1
    if slot >= 0:
        registers[FREE_ROW] = rows[slot, ID_AT]
    else:
        slot = registers[ROWS_END]
        registers[ROWS_END] = slot + 1
    registers[ROWS_USED] += 1
    rows[slot, :] = 0
    rows[slot, FORM] = AWAITED
    rows[slot, CAUSE] = NO_CAUSE
    rows[slot, ID_AT], rows[slot, ID_SIZE] = at, size
    rows[slot, SAFE] = 1
    for i in range(start, start + size):
        if not _BLANK <= text[i] < _DELETE or text[i] == _QUOTE or text[i] == _BACKSLASH:
            rows[slot, SAFE] = 0
    for number in range(words_of(size)):
        memory.heap[at + number] = word(text, start, size, number)
    return slot


@native
def reindex(memory: Memory) -> None:
    """Fill an index that was made anew and is empty."""
    rows, places = memory.rows, memory.places
    mask = len(places) - 1
    for slot in range(memory.registers[ROWS_END]):
        if rows[slot, FORM] != FREE:
            place = rows[slot, ID_HASH] & mask
            while places[place]:
                place = (place + 1) & mask
            places[place] = slot + 1


@native
def release_ledger(memory: Memory, slot: int) -> None:
    """Give the ledger of a row back."""
    row = memory.rows[slot]
    if row[ROOM]:
        give_back(memory, row[LEDGER_AT], row[ROOM] * ENTRY_WORDS)
        row[ROOM] = 0


@native
def forget(memory: Memory, slot: int) -> None:
    """Take a row out."""
    rows, places, registers = memory.rows, memory.places, memory.registers
    mask = len(places) - 1
    place = rows[slot, ID_HASH] & mask
    while places[place] != slot + 1:
        place = (place + 1) & mask
    # Those behind it move up, so that no search ends before it should.
    following = (place + 1) & mask
    while places[following]:
        home = rows[places[following] - 1, ID_HASH] & mask
        if ((following - home) & mask) >= ((following - place) & mask):
            places[place] = places[following]
            place = following
        following = (following + 1) & mask
    places[place] = 0
    release_ledger(memory, slot)
    give_back(memory, rows[slot, ID_AT], words_of(rows[slot, ID_SIZE]))
    rows[slot, FORM] = FREE
    rows[slot, ID_AT] = registers[FREE_ROW]
    registers[FREE_ROW] = slot + 1
    registers[ROWS_USED] -= 1


@native
def evict(memory: Memory, excess: int, number: int, objects: Longs) -> tuple[int, int]:
    """Take so many customers out, those first who were not looked at for long: a clock whose hand spares who was.

    Parameters
    ----------
    number
        Whoever was found by this look stays, even if fewer go than should.
    objects
        Gets the rows of those who are objects; these rows stay, for the caller to take out.

    Returns
    -------
    Rows taken out here, and rows given.
    """
    rows, registers = memory.rows, memory.registers
    gone = given = 0
    hand = registers[HAND]
    # Two rounds: the first may find that all were looked at.
    for _ in range(2 * registers[ROWS_END]):
        if gone + given >= excess:
            break
        hand = hand + 1 if hand + 1 < registers[ROWS_END] else 0
        row = rows[hand]
        if row[FORM] == PLAIN or row[FORM] == OBJECT:
            if row[RECENT] == number:
                continue
            if row[RECENT] > 0:
                row[RECENT] = 0
            elif row[RECENT] == 0 and row[FORM] == PLAIN:
                forget(memory, hand)
                gone += 1
            elif row[RECENT] == 0:
                # Not to be given twice, should the hand come round.
                row[RECENT] = -1
                objects[given] = hand
                given += 1
    registers[HAND] = hand
    return gone, given
