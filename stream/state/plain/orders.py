"""Plain orders of plain customers, and their silence: the path that nearly every event takes.

It does what `stream.state.shard` and `stream.state.order_path` do, the plain form, to rows instead of objects; every
event that would need another branch is left to them, and with it all that follows of that customer in the batch. A law
in ``tests/property`` holds the two equal.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from stream.contracts.block import AMOUNT, AT, EVENT_FROM, EVENT_SIZE, ORDER
from stream.contracts.block import PLAIN as PLAIN_EVENT
from stream.native.jit import Bytes, inlined, native
from stream.scoring.lifecycle import CHURNED, WON_BACK
from stream.state.customer import TIER_NAMES, UNSET
from stream.state.plain.announce import announce, follow_up, grounds, tell_scores, was_said
from stream.state.plain.appointments import (
    WAITING,
    follow_up_is_due,
    is_held_out,
    label_and_sample,
    next_appointment,
    number_of_action,
    outcome,
)
from stream.state.plain.assess import assess
from stream.state.plain.cells import (
    A_MOVE,
    A_REASON,
    A_SEGMENT,
    A_STAGE,
    AN_OUTCOME,
    REASON_BITS,
    SEGMENT_BITS,
    STAGE_BITS,
    TIER_BITS,
    Sums,
    add,
    has_room_for,
)
from stream.state.plain.heap import make_room
from stream.state.plain.layout import (
    A_TIMER,
    ABC,
    ACTION,
    ARMED,
    AS_OF,
    BATCH,
    CAUSE,
    CAUSE_AT,
    DUE,
    DUE_IS_EXACT,
    FINGERPRINT,
    FORM,
    FREQUENCY,
    LAST_AT,
    LEDGER_AT,
    LEFT,
    LEVEL,
    LIFECYCLE,
    MARKET_SEGMENTS,
    MATRIX,
    MONETARY,
    NO_CAUSE,
    PLAIN,
    ROOM,
    SEGMENT,
    TIER,
    Longs,
    Memory,
    N,
)
from stream.state.plain.market import market_segments_of
from stream.state.plain.message import TIMER, Said, Why, has_room
from stream.state.plain.rules import Rules
from stream.state.plain.worth import matrix_of, worth
from stream.state.table_names import REASON_KINDS
from stream.state.tables import HOUR

_TIERS: Final = len(TIER_NAMES)
_WARNED: Final = REASON_KINDS.index("warned")
_CHURNED: Final = REASON_KINDS.index("churned")
_WON_BACK: Final = REASON_KINDS.index("won_back")
#: Messages, and sums, that one look leads to, at most; an order is counted too, in two sums.
MESSAGES_MAX: Final = 4
SUMS_MAX: Final = 7
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
LABELS: Final = 6
COUNTS: Final = 7

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
    labels
        Churn samples and their labels, see `appointments.label_and_sample`.
    """

    touched: Longs
    later: Longs
    clocks: Longs
    changed: Longs
    counts: Longs
    sums: Sums
    labels: Longs


@native
def apply(
    memory: Memory,
    rules: Rules,
    events: Longs,
    text: Bytes,
    slots: Longs,
    channels: Longs,
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
    channels
        Number of each event's channel.
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
    The first event that was not done with, because something needs more room first.
    """
    counts = work.counts
    for i in range(first, len(events)):
        slot, at = slots[i], events[i, AT]
        fate = _LEFT
        if slot >= 0 and events[i, PLAIN_EVENT] and _is_up_to_date(memory, rules, slot, batch):
            fate = _one(memory, rules, slot, i, events[i], text, channels[i], batch, seed_before, work, said)
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
def sweep(
    memory: Memory,
    rules: Rules,
    slots: Longs,
    first: int,
    clock: int,
    batch: int,
    seed_before: int,
    text: Bytes,
    work: Work,
    said: Said,
) -> int:
    """Apply what silence made true before `clock` for these rows; other parameters and result as of `apply`."""
    counts = work.counts
    for i in range(first, len(slots)):
        row = memory.rows[slots[i]]
        if _is_up_to_date(memory, rules, slots[i], batch) and row[N]:
            _touch(row, slots[i], batch, work)
            if not _fire(memory, rules, slots[i], clock, text, seed_before, work, said):
                return i
            # The armed moment was early; what is settled arms the true one.
            row[ARMED] = -1
        else:
            work.later[counts[LATER]] = i
            counts[LATER] += 1
    return len(slots)


@inlined
def _is_up_to_date(memory: Memory, rules: Rules, slot: int, batch: int) -> bool:
    """Whether a row is of a plain customer, who knows the rules, and of whom nothing is left to the plain form."""
    row = memory.rows[slot]
    if row[FORM] != PLAIN or row[LEFT] == batch:
        return False
    if row[AS_OF] == UNSET:
        row[FINGERPRINT] = rules.fingerprint
    return bool(row[FINGERPRINT] == rules.fingerprint)


@native
def _one(
    memory: Memory,
    rules: Rules,
    slot: int,
    number: int,
    event: Longs,
    text: Bytes,
    channel: int,
    batch: int,
    seed_before: int,
    work: Work,
    said: Said,
) -> int:
    row = memory.rows[slot]
    at, n = event[AT], row[N]
    if row[DUE] < at:
        _touch(row, slot, batch, work)
        if not _fire(memory, rules, slot, at, text, seed_before, work, said):
            return _NO_ROOM
    entry = _entry_of(memory, row, event[ORDER])
    if entry != _NEW:
        if _comes_before(memory, row, event, entry):
            return _LEFT
        work.counts[DUPLICATES] += 1
        return _DONE
    if at < row[AS_OF] or n >= rules.entries_max or (n and at <= memory.heap[row[LEDGER_AT] + n - 1]):
        return _LEFT
    if not _room_to_look(rules, work, said) or not make_room(memory, slot, n + 1):
        return _NO_ROOM

    _touch(row, slot, batch, work)
    work.counts[APPLIED] += 1
    _append(memory, row, event)
    hour, amount = at // HOUR, event[AMOUNT]
    add(work.sums, hour, channel, row[TIER], amount)
    add(work.sums, hour, A_SEGMENT, row[SEGMENT], amount)
    why = Why(at, event[EVENT_FROM], event[EVENT_SIZE], 1 if at < seed_before else 0)
    if _look(memory, rules, slot, at, why, text, work, said):
        row[CAUSE] = number
    return _DONE


@native
def _fire(
    memory: Memory, rules: Rules, slot: int, before: int, text: Bytes, seed_before: int, work: Work, said: Said
) -> bool:
    """Look at the customer at every moment before `before` at which silence may have changed something.

    False where something needs more room first; what is done by then stays done.
    """
    row = memory.rows[slot]
    while row[DUE] < before:
        if not row[DUE_IS_EXACT]:
            _, _, _, _, _, due = assess(memory, row, rules, row[AS_OF])
            row[DUE], row[DUE_IS_EXACT] = min(due, next_appointment(row, rules)), 1
            continue
        if not _room_to_look(rules, work, said):
            return False
        due = row[DUE]
        why = Why(due, 0, TIMER, 1 if due < seed_before else 0)
        if _look(memory, rules, slot, due, why, text, work, said):
            row[CAUSE], row[CAUSE_AT] = A_TIMER, due
    return True


@inlined
def _look(memory: Memory, rules: Rules, slot: int, as_of: int, why: Why, text: Bytes, work: Work, said: Said) -> bool:
    """Look at the customer at a moment, and say what changed; whether anything did. The caller notes the cause."""
    row, counts = memory.rows[slot], work.counts
    action = number_of_action(row, rules) if row[ACTION] else 0
    came_back = outcome(row, as_of, rules)
    if came_back != WAITING:
        kind = (action * 2 + is_held_out(rules, row)) * 2 + came_back
        add(work.sums, as_of // HOUR, AN_OUTCOME, kind, 0)
    tier, cell, level, abc, stage, due = assess(memory, row, rules, as_of)
    changed = _classify(memory, rules, slot, tier, rules.segments[cell], level, abc, stage, why, text, work, said)
    if follow_up_is_due(row, rules):
        follow_up(said, memory, slot, rules, why, text)
    label = label_and_sample(memory, row, rules)
    if label:
        work.labels[counts[LABELS]] = label
        counts[LABELS] += 1
    row[DUE], row[DUE_IS_EXACT] = min(due, next_appointment(row, rules)), 1
    if changed and row[CAUSE] == NO_CAUSE:
        work.changed[counts[CHANGED]] = slot
        counts[CHANGED] += 1
    return changed


@native
def _classify(
    memory: Memory,
    rules: Rules,
    slot: int,
    tier: int,
    segment: int,
    level: int,
    abc: int,
    stage: int,
    why: Why,
    text: Bytes,
    work: Work,
    said: Said,
) -> bool:
    """Note what is true at the row's `as_of`, and say what changed; whether anything did."""
    row = memory.rows[slot]
    if (
        tier == row[TIER]
        and segment == row[SEGMENT]
        and level == row[LEVEL]
        and abc == row[ABC]
        and stage == row[LIFECYCLE]
    ):
        return False
    was = was_said(row)
    row[TIER], row[SEGMENT], row[LEVEL], row[ABC], row[LIFECYCLE] = tier, segment, level, abc, stage
    figures = worth(memory, row, rules)
    row[MATRIX] = matrix_of(memory, row, rules, figures)
    row[MARKET_SEGMENTS] = market_segments_of(row, rules)
    announce(said, memory, slot, rules, was, figures, why, text)
    hour = row[AS_OF] // HOUR
    if tier != was.tier:
        add(work.sums, hour, A_MOVE, was.tier * _TIERS + tier, 0)
    if level > was.level and level >= rules.warn_level:
        add(work.sums, hour, A_REASON, _WARNED << REASON_BITS | grounds(memory, rules, row), 0)
    if stage != was.lifecycle:
        kind = (was.lifecycle << STAGE_BITS | stage) << TIER_BITS | was.tier
        add(work.sums, hour, A_STAGE, kind << SEGMENT_BITS | was.segment, 0)
        if stage == CHURNED:
            add(work.sums, hour, A_REASON, _CHURNED << REASON_BITS | grounds(memory, rules, row), 0)
        elif stage == WON_BACK:
            add(work.sums, hour, A_REASON, _WON_BACK << REASON_BITS | grounds(memory, rules, row), 0)
    return True


@inlined
def _room_to_look(rules: Rules, work: Work, said: Said) -> bool:
    """Whether there is room for all that an order and a look at its customer lead to."""
    return (
        has_room(said, rules, MESSAGES_MAX)
        and has_room_for(work.sums, SUMS_MAX)
        and work.counts[LABELS] < len(work.labels)
    )


@native
def _touch(row: Longs, slot: int, batch: int, work: Work) -> None:
    if row[BATCH] != batch:
        row[BATCH] = batch
        work.touched[work.counts[TOUCHED]] = slot
        work.counts[TOUCHED] += 1


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
    row[LAST_AT] = event[AT]
    row[FREQUENCY] += 1
    row[MONETARY] += event[AMOUNT]


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
            cause = row[CAUSE]
            if cause == A_TIMER:
                why = Why(row[CAUSE_AT], 0, TIMER, 0)
            else:
                why = Why(0, events[cause, EVENT_FROM], events[cause, EVENT_SIZE], 0)
            tell_scores(said, memory, slot, rules, why, text)
            row[CAUSE], row[CAUSE_AT] = NO_CAUSE, 0
    return int(work.counts[CHANGED])
