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
_CELLS: Final = 125
_SECOND: Final = 1_000
#: Messages that one order leads to, at most.
_MESSAGES_MAX: Final = 2
#: Place of an order that the ledger does not know.
_NEW: Final = -1

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
def apply(  # noqa: PLR0917 - native code has no object to keep them in
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
def _one(  # noqa: C901, PLR0911, PLR0912, PLR0917 - as above; each way out is a reason to leave it
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
    row = memory.rows[slot]
    at, n = event[AT], row[N]
    if row[AS_OF] == UNSET:
        row[FINGERPRINT] = rules.fingerprint
    if row[DUE] < at or row[FINGERPRINT] != rules.fingerprint:
        return _LEFT
    entry = _entry_of(memory, row, event[ORDER])
    if entry != _NEW:
        if _comes_before(memory, row, event, entry):
            return _LEFT
        work.counts[DUPLICATES] += 1
        return _DONE
    if at < row[AS_OF] or n >= rules.entries_max or (n and at <= memory.heap[row[LEDGER_AT] + n - 1]):
        return _LEFT
    leaves = _leaves(memory, row, rules, at)
    if leaves <= at:
        return _LEFT
    level, was_level = rules.fresh_levels[n], row[LEVEL]
    if (level > was_level and level >= rules.warn_level) or level < rules.warn_level <= was_level:
        return _LEFT  # a warning, or that it is over
    if not has_room(said, rules, _MESSAGES_MAX) or not make_room(memory, slot, n + 1):
        return _NO_ROOM

    if row[BATCH] != batch:
        row[BATCH] = batch
        work.touched[work.counts[TOUCHED]] = slot
        work.counts[TOUCHED] += 1
    work.counts[APPLIED] += 1
    _append(memory, row, event)
    was_tier, was_segment = row[TIER], row[SEGMENT]
    add(work.sums, at // HOUR, text, event[CHANNEL_FROM], event[CHANNEL_SIZE], was_tier, event[AMOUNT])
    cell = _cell(rules, row)
    tier, segment = rules.raw_tiers[was_tier * _CELLS + cell], rules.segments[cell]
    if tier < was_tier and at < row[TIER_SINCE] + rules.min_stay:
        tier = was_tier
        leaves = min(leaves, row[TIER_SINCE] + rules.min_stay)
    row[DUE] = _next_change(memory, row, rules, leaves)
    row[DUE_IS_EXACT] = 1
    if tier != was_tier or segment != was_segment or level != was_level:
        row[TIER], row[SEGMENT], row[LEVEL] = tier, segment, level
        if tier != was_tier:
            add(work.sums, at // HOUR, text, 0, A_MOVE, was_tier * _TIERS + tier, 0)
        announce(said, memory, slot, rules, cell, was_tier, was_segment, at < seed_before, event, text)
        if row[CAUSE] == NO_CAUSE:
            work.changed[work.counts[CHANGED]] = slot
            work.counts[CHANGED] += 1
        row[CAUSE] = number
    return _DONE


@native
def _entry_of(memory: Memory, row: Longs, order: int) -> int:
    """Place of an order in the ledger, or `_NEW`."""
    hashes = row[LEDGER_AT] + 2 * row[ROOM]
    for entry in range(row[N]):
        if memory.heap[hashes + entry] == order:
            return entry
    return _NEW


@native
def _comes_before(memory: Memory, row: Longs, event: Longs, entry: int) -> bool:
    """Whether a known order takes the place of that entry, since it is earlier or, at the same time, smaller."""
    at = row[LEDGER_AT] + entry
    was, amount = memory.heap[at], memory.heap[at + row[ROOM]]
    return bool(event[AT] < was or (event[AT] == was and event[AMOUNT] < amount))


@native
def _append(memory: Memory, row: Longs, event: Longs) -> None:
    """Put an order behind all others; there is room."""
    end, room = row[LEDGER_AT] + row[N], row[ROOM]
    memory.heap[end], memory.heap[end + room], memory.heap[end + 2 * room] = event[AT], event[AMOUNT], event[ORDER]
    row[N] += 1
    row[LAST_AT] = row[AS_OF] = event[AT]
    row[FREQUENCY] += 1
    row[MONETARY] += event[AMOUNT]


@native
def _leaves(memory: Memory, row: Longs, rules: Rules, at: int) -> int:
    """When the oldest order of the window leaves it, once there is one at `at`."""
    oldest: int = memory.heap[row[LEDGER_AT] + row[WINDOW_FROM]] if row[WINDOW_FROM] < row[N] else at
    return oldest + rules.window


@native
def _next_change(memory: Memory, row: Longs, rules: Rules, leaves: int) -> int:
    """When silence after the last order may next change something, `leaves` at the latest; as in `order_path`."""
    at, first_at, x = row[LAST_AT], memory.heap[row[LEDGER_AT]], row[N] - 1
    due = float(min(leaves, at + rules.fresh_age))
    span = at - first_at
    if span and x >= rules.rhythm_from:
        due = min(due, at + rules.fresh_gap * max(rules.gap_min, span / x))
    due = min(due, first_at + ((rules.alpha + span / WEEK) * rules.fresh_growth[x] - rules.alpha) * WEEK)
    moment: int = ceil(due / _SECOND) * _SECOND
    # Where rounding puts a crossing behind us, it is in the next second.
    return moment if moment > at else (at // _SECOND + 1) * _SECOND


@native
def _cell(rules: Rules, row: Longs) -> int:
    """Place in the R-F-M cube at the moment of an order."""
    cell: int = rules.fresh_cells[row[FREQUENCY]]
    for edge in rules.monetary_edges:
        if edge <= row[MONETARY]:
            cell += 1
    return cell


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
            tell_scores(said, memory, slot, rules, _cell(rules, row), events[row[CAUSE]], text)
            row[CAUSE] = NO_CAUSE
    return int(work.counts[CHANGED])
