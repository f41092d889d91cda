"""Channels of plain orders as numbers, so that sums are kept by numbers alone."""

from __future__ import annotations

from typing import Final

from stream.contracts.block import CHANNEL_FROM, CHANNEL_SIZE, PLAIN
from stream.native.jit import Bytes, native
from stream.native.xxh3 import xxh3_64
from stream.state.plain.layout import Longs

#: Number where no channel is named. The names known have 1 and on, all that get no name the number after theirs.
NONE: Final = 0


@native
def number_all(events: Longs, text: Bytes, known: Longs, names_max: int, first: int, numbers: Longs) -> int:
    """Number the channels of plain orders.

    Parameters
    ----------
    events, text
        Of the block.
    known
        XXH3-64 of the names known, by number less one.
    names_max
        How many names there may be.
    first
        Event to begin with.
    numbers
        Gets one number an event, `NONE` for what is not plain.

    Returns
    -------
    The first event whose channel is not known and may be added.
    """
    for i in range(first, len(events)):
        number = NONE
        size = events[i, CHANNEL_SIZE]
        if size and events[i, PLAIN]:
            name = xxh3_64(text, events[i, CHANNEL_FROM], size)
            place = 0
            while place < len(known) and known[place] != name:
                place += 1
            if place == len(known) and place < names_max:
                return i
            number = place + 1
        numbers[i] = number
    return len(events)
