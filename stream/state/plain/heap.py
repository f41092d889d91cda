"""Pieces of 2**k words, taken from the end of the heap or from those given back."""

from __future__ import annotations

from typing import Final

from stream.native.jit import native
from stream.state.plain.layout import FREE_PIECES, HEAP_END, LEDGER_AT, ROOM, Memory, N

#: What `take` gives where the heap has no room; it must grow, and the call be made again.
FULL: Final = -1
#: Three words an entry: times first, then amounts, then hashes of order ids, each with the room of all.
ENTRY_WORDS: Final = 3
LEDGER_WORDS_MIN: Final = 8


@native
def class_of(words: int) -> int:
    """Smallest k with 2**k >= `words`."""
    k = 0
    while 1 << k < words:
        k += 1
    return k


@native
def take(memory: Memory, words: int) -> int:
    """Where a piece of at least so many words lies, or `FULL`."""
    registers, heap = memory.registers, memory.heap
    k = class_of(words)
    first: int = registers[FREE_PIECES + k]
    if first:
        registers[FREE_PIECES + k] = heap[first - 1]
        return first - 1
    at: int = registers[HEAP_END]
    if at + (1 << k) > len(heap):
        return FULL
    registers[HEAP_END] = at + (1 << k)
    return at


@native
def give_back(memory: Memory, at: int, words: int) -> None:
    """A piece that was taken for so many words is free again."""
    registers = memory.registers
    k = class_of(words)
    memory.heap[at] = registers[FREE_PIECES + k]
    registers[FREE_PIECES + k] = at + 1


@native
def make_room(memory: Memory, slot: int, entries: int) -> bool:
    """Let the ledger of a row have room for so many entries; false where the heap must grow first."""
    row = memory.rows[slot]
    room = row[ROOM]
    if entries <= room:
        return True
    words = 1 << class_of(max(LEDGER_WORDS_MIN, entries * ENTRY_WORDS))
    to = take(memory, words)
    if to == FULL:
        return False
    heap, now, n = memory.heap, words // ENTRY_WORDS, row[N]
    if room:
        at = row[LEDGER_AT]
        for column in range(ENTRY_WORDS):
            for entry in range(n):
                heap[to + column * now + entry] = heap[at + column * room + entry]
        give_back(memory, at, room * ENTRY_WORDS)
    row[LEDGER_AT], row[ROOM] = to, now
    return True
