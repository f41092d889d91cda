"""Sums of a batch for the rolling tables: orders by hour, channel and tier, by hour and segment, and moves by hour.

The tables show one of these at a time, never a segment within a channel; so two small sums an order are less to spell
out than one for every combination.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from stream.native.jit import native
from stream.state.plain.layout import Longs

# Columns of a sum.
HOUR: Final = 0
#: Number of the channel, see `channels`; or one of those below.
CHANNEL: Final = 1
#: Rank of the tier; of a sum by segment, its number; of a move, the rank before times `TIERS` and that after.
CLASS: Final = 2
COUNT: Final = 3
REVENUE: Final = 4
WIDTH: Final = 5

#: In place of a channel.
A_MOVE: Final = -1
A_SEGMENT: Final = -2
#: A move between stages: stage before, stage after, tier and segment said before, see `stage_move`.
A_STAGE: Final = -3
#: Reasons: place of the kind in `REASON_KINDS`, and a bit for each of `REASONS`.
A_REASON: Final = -4
#: The outcome of an action: its number, whether the customer was held out, whether they came back.
AN_OUTCOME: Final = -5

#: Reasons that a plain customer may have, by bit.
REASONS: Final = ("p_alive", "rhythm", "quiet", "gap")
REASON_BITS: Final = len(REASONS)
SEGMENT_BITS: Final = 8
TIER_BITS: Final = 2
STAGE_BITS: Final = 3
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
def reindex(sums: Sums) -> None:
    """Fill the places, made anew and empty."""
    for number in range(sums.used[0]):
        row = sums.rows[number]
        place = _home(sums, row[HOUR], row[CHANNEL], row[CLASS])
        while sums.places[place]:
            place = (place + 1) & (len(sums.places) - 1)
        sums.places[place] = number + 1


@native
def _home(sums: Sums, hour: int, channel: int, kind: int) -> int:
    """Where the search for a sum begins."""
    key = ((hour * 1024 + channel) * 256 + kind) * _MIX
    return int((key ^ (key >> 29)) & (len(sums.places) - 1))


@native
def add(sums: Sums, hour: int, channel: int, kind: int, amount: int) -> None:
    """Count one order of `amount`, or one move."""
    rows, places = sums.rows, sums.places
    mask = len(places) - 1
    place = _home(sums, hour, channel, kind)
    while places[place]:
        row = rows[places[place] - 1]
        if row[HOUR] == hour and row[CHANNEL] == channel and row[CLASS] == kind:
            row[COUNT] += 1
            row[REVENUE] += amount
            return
        place = (place + 1) & mask
    used = sums.used[0]
    places[place] = used + 1
    row = rows[used]
    row[HOUR], row[CHANNEL], row[CLASS] = hour, channel, kind
    row[COUNT], row[REVENUE] = 1, amount
    sums.used[0] = used + 1
