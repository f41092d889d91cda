"""Sums of a batch for the rolling tables: orders by hour, channel and tier, and moves between tiers by hour."""

from __future__ import annotations

from typing import Final, NamedTuple

from stream.native.jit import Bytes, native
from stream.native.text import equal
from stream.native.xxh3 import xxh3_64
from stream.state.plain.layout import Longs

# Columns of a sum.
HOUR: Final = 0
CHANNEL_FROM: Final = 1
#: `A_MOVE` where moves are counted.
CHANNEL_SIZE: Final = 2
#: Rank of the tier; of a move, that of the tier before times `TIERS`, and that of the tier after.
TIER: Final = 3
COUNT: Final = 4
REVENUE: Final = 5
WIDTH: Final = 6

A_MOVE: Final = -1
_MIX: Final = -0x61C8864680B583EB


class Sums(NamedTuple):
    """Sums of a batch.

    Attributes
    ----------
    rows
        One sum each, see above.
    places
        Open addressing: row + 1, or 0. A power of two, at least twice the rows.
    used
        Number of rows in use.
    """

    rows: Longs
    places: Longs
    used: Longs


@native
def has_room_for(sums: Sums, count: int) -> bool:
    """Whether so many more sums fit in."""
    used = sums.used[0] + count
    return bool(used <= len(sums.rows) and 2 * used <= len(sums.places))


@native
def reindex(sums: Sums, text: Bytes) -> None:
    """Fill the places, made anew and empty."""
    for number in range(sums.used[0]):
        row = sums.rows[number]
        place = _home(sums, row[HOUR], text, row[CHANNEL_FROM], row[CHANNEL_SIZE], row[TIER])
        while sums.places[place]:
            place = (place + 1) & (len(sums.places) - 1)
        sums.places[place] = number + 1


@native
def _home(sums: Sums, hour: int, text: Bytes, channel_from: int, channel_size: int, tier: int) -> int:
    """Where the search for a sum begins."""
    key = (hour * 16 + tier) * _MIX
    if channel_size > 0:
        key ^= xxh3_64(text, channel_from, channel_size)
    return int((key ^ (key >> 29)) & (len(sums.places) - 1))


@native
def add(sums: Sums, hour: int, text: Bytes, channel_from: int, channel_size: int, tier: int, amount: int) -> None:
    """Count one order of `amount`, or one move."""
    rows, places = sums.rows, sums.places
    mask = len(places) - 1
    place = _home(sums, hour, text, channel_from, channel_size, tier)
    while places[place]:
        row = rows[places[place] - 1]
        if (
            row[HOUR] == hour
            and row[TIER] == tier
            and row[CHANNEL_SIZE] == channel_size
            and (channel_size <= 0 or equal(text, row[CHANNEL_FROM], text, channel_from, channel_size))
        ):
            row[COUNT] += 1
            row[REVENUE] += amount
            return
        place = (place + 1) & mask
    used = sums.used[0]
    places[place] = used + 1
    row = rows[used]
    row[HOUR], row[CHANNEL_FROM], row[CHANNEL_SIZE], row[TIER] = hour, channel_from, channel_size, tier
    row[COUNT], row[REVENUE] = 1, amount
    sums.used[0] = used + 1
