"""Plain orders of plain customers: the path that nearly every event takes.

It does what `stream.state.order_path` does, the plain form, to rows instead of objects; every event that would need
another branch is left to it, and with it all that follows of that customer in the batch. A law in ``tests/property``
holds the two equal.
"""

from __future__ import annotations

from math import ceil
from typing import Final, NamedTuple

from stream.contracts.block import AMOUNT, AT, CHANNEL_FROM, CHANNEL_SIZE, ORDER
from stream.contracts.block import PLAIN as PLAIN_EVENT
from stream.native.jit import Bytes, native
from stream.scoring.units import WEEK
from stream.state.customer import TIER_NAMES, UNSET
from stream.state.plain.announce import Said, announce, has_room, tell_scores
from stream.state.plain.cells import A_MOVE, Sums, add
from stream.state.plain.heap import make_room
from stream.state.plain.layout import (
    AS_OF,
    BATCH,
    CAUSE,
    DUE,
    DUE_IS_EXACT,
    FINGERPRINT,
    FORM,
    FREQUENCY,
    LAST_AT,
    LEDGER_AT,
    LEFT,
    LEVEL,
    MONETARY,
    NO_CAUSE,
    PLAIN,
    ROOM,
    SEGMENT,
    TIER,
    TIER_SINCE,
    WINDOW_FROM,
    Longs,
    Memory,
    N,
)
from stream.state.plain.rules import Rules
from stream.state.tables import HOUR

_TIERS: Final = len(TIER_NAMES)
_MESSAGES_MAX: Final = 2

# Registers of `Work.counts`.
#: Events applied, and those heard before.
APPLIED: Final = 0
DUPLICATES: Final = 1
#: Entries of the lists of the same names.
TOUCHED: Final = 2
LATER: Final = 3
CHANGED: Final = 4
#: Greatest moment so far, ms.
CLOCK: Final = 5
COUNTS: Final = 6

# What became of an event.
_DONE: Final = 0
_LEFT: Final = 1
_NO_ROOM: Final = 2


class Work(NamedTuple):
    """What a batch leads to, but for its messages; each list has room for all events.

    Attributes
    ----------
    touched
        Rows that an event came to.
    later, clocks
        Events left to the plain form, and the clock before each.
    changed
        Rows whose classification changed; their `CAUSE` is the event.
    counts
        See above.
    """

    touched: Longs
    later: Longs
    clocks: Longs
    changed: Longs
    counts: Longs
    sums: Sums


@native
def apply(  # noqa: PLR0913, PLR0917 - native code has no object to keep them in
    memory: Memory,
    rules: Rules,
    events: Longs,
    text: Bytes,
    slots: Longs,
    first: int,
    batch: int,
    seed_before: int,
    work: Work,
    said: Said,
) -> int:
    """Apply events in the order given.

    Parameters
    ----------
    events, text
        Of the block.
    slots
        Row of each event's customer.
    first
        Event to begin with.
    batch
        Number of this batch.
    seed_before
        What is said of an earlier moment, ms, is old news.
    work, said
        Get what comes of it.

    Returns
    -------
    The first event that was not looked at, because the heap or the messages need more room first.
    """
    counts = work.counts
    for i in range(first, len(events)):
        slot, at = slots[i], events[i, AT]
        fate = _LEFT
        if (
            slot >= 0
            and events[i, PLAIN_EVENT]
            and memory.rows[slot, FORM] == PLAIN
            and memory.rows[slot, LEFT] != batch
        ):
            fate = _one(memory, rules, slot, i, events[i], text, batch, seed_before, work, said)
        if fate == _NO_ROOM:
            return i
        if fate == _LEFT:
            if slot >= 0:
                memory.rows[slot, LEFT] = batch
            work.later[counts[LATER]] = i
            work.clocks[counts[LATER]] = counts[CLOCK]
            counts[LATER] += 1
            if slot < 0:
                continue  # the time of a dead letter is not its own
        counts[CLOCK] = max(counts[CLOCK], at)
    return len(events)


@native
def _one(  # noqa: PLR0911, PLR0913, PLR0917 - as above; each way out is a reason to leave it
    memory: Memory,
    rules: Rules,
    slot: int,
    number: int,
    event: Longs,
    text: Bytes,
    batch: int,
    seed_before: int,
    work: Work,
    said: Said,
) -> int:
    row, heap, counts = memory.rows[slot], memory.heap, work.counts
    at, amount, order, n = event[AT], event[AMOUNT], event[ORDER], row[N]
    if row[AS_OF] == UNSET:
        row[FINGERPRINT] = rules.fingerprint
    if row[DUE] < at or row[FINGERPRINT] != rules.fingerprint:
        return _LEFT
    times, room = row[LEDGER_AT], row[ROOM]
    for entry in range(n):
        if heap[times + 2 * room + entry] == order:
            was_at, was_amount = heap[times + entry], heap[times + room + entry]
            if at < was_at or (at == was_at and amount < was_amount):
                return _LEFT
            counts[DUPLICATES] += 1
            return _DONE
    if at < row[AS_OF] or n >= rules.entries_max:
        return _LEFT
    first_at, due = at, float(at + rules.window)
    if n:
        if at <= heap[times + n - 1]:
            return _LEFT
        first_at = heap[times]
        if row[WINDOW_FROM] < n:
            due = float(heap[times + row[WINDOW_FROM]] + rules.window)
            if due <= at:
                return _LEFT

    cell = rules.fresh_cells[row[FREQUENCY] + 1] + _edges_below(rules, row[MONETARY] + amount)
    was_tier, was_segment, was_level = row[TIER], row[SEGMENT], row[LEVEL]
    level = rules.fresh_levels[n]
    if (level > was_level and level >= rules.warn_level) or level < rules.warn_level <= was_level:
        return _LEFT  # a warning, or that it is over
    if not has_room(said, rules, _MESSAGES_MAX) or not make_room(memory, slot, n + 1):
        return _NO_ROOM

    if row[BATCH] != batch:
        row[BATCH] = batch
        work.touched[counts[TOUCHED]] = slot
        counts[TOUCHED] += 1
    times, room = row[LEDGER_AT], row[ROOM]
    heap[times + n], heap[times + room + n], heap[times + 2 * room + n] = at, amount, order
    row[N] = n + 1
    row[LAST_AT] = row[AS_OF] = at
    row[FREQUENCY] += 1
    row[MONETARY] += amount
    counts[APPLIED] += 1
    add(work.sums, at // HOUR, text, event[CHANNEL_FROM], event[CHANNEL_SIZE], was_tier, amount)

    due = min(due, float(at + rules.fresh_age))
    tier = rules.raw_tiers[was_tier * 125 + cell]
    if tier < was_tier:
        stays_until = row[TIER_SINCE] + rules.min_stay
        if at < stays_until:
            tier = was_tier
            due = min(due, float(stays_until))
    span = at - first_at
    if span and n >= rules.rhythm_from:
        due = min(due, at + rules.fresh_gap * max(rules.gap_min, span / n))
    due = min(due, first_at + ((rules.alpha + span / WEEK) * rules.fresh_growth[n] - rules.alpha) * WEEK)
    moment = int(ceil(due / 1000)) * 1000
    # Where rounding puts a crossing behind us, it is in the next second.
    row[DUE] = moment if moment > at else (at // 1000 + 1) * 1000
    row[DUE_IS_EXACT] = 1
    segment = rules.segments[cell]
    if tier != was_tier or segment != was_segment or level != was_level:
        row[TIER], row[SEGMENT], row[LEVEL] = tier, segment, level
        if tier != was_tier:
            add(work.sums, at // HOUR, text, 0, A_MOVE, was_tier * _TIERS + tier, 0)
        announce(said, memory, slot, rules, cell, was_tier, was_segment, at < seed_before, event, text)
        if row[CAUSE] == NO_CAUSE:
            work.changed[counts[CHANGED]] = slot
            counts[CHANGED] += 1
        row[CAUSE] = number
    return _DONE


@native
def _edges_below(rules: Rules, monetary: int) -> int:
    """Monetary part of the cell: `bisect_right` of four edges."""
    edges = rules.monetary_edges
    count = 0
    while count < len(edges) and edges[count] <= monetary:
        count += 1
    return count


@native
def tell_all(memory: Memory, rules: Rules, events: Longs, text: Bytes, first: int, work: Work, said: Said) -> int:
    """Say the scores of every customer whose classification changed and who is still plain.

    Returns
    -------
    The first of `Work.changed` that was not looked at, because the messages need more room first.
    """
    for i in range(first, work.counts[CHANGED]):
        slot = work.changed[i]
        row = memory.rows[slot]
        if row[FORM] == PLAIN and row[CAUSE] != NO_CAUSE:
            if not has_room(said, rules, 1):
                return i
            cell = rules.fresh_cells[row[FREQUENCY]] + _edges_below(rules, row[MONETARY])
            tell_scores(said, memory, slot, rules, cell, events[row[CAUSE]], text)
            row[CAUSE] = NO_CAUSE
    return work.counts[CHANGED]
