"""Plain orders of plain customers, and their silence: the path that nearly every event takes.

It does what `stream.state.shard` and `stream.state.order_path` do, the plain form, to rows instead of objects; every
event that would need another branch is left to them, and with it all that follows of that customer in the batch. A law
in ``tests/property`` holds the two equal.
"""

from __future__ import annotations

from typing import Final

from stream.contracts.block import AMOUNT, AT, EVENT_FROM, EVENT_SIZE, ORDER
from stream.contracts.block import PLAIN as PLAIN_EVENT
from stream.native.jit import Bytes, inlined, native
from stream.native.text import ROUNDED_END
from stream.state.customer import UNSET
from stream.state.plain.cells import A_SEGMENT, add
from stream.state.plain.heap import make_room
from stream.state.plain.layout import (
    A_TIMER,
    ARMED,
    AS_OF,
    CAUSE,
    CAUSE_AT,
    DUE,
    FINGERPRINT,
    FORM,
    FREQUENCY,
    LAST_AT,
    LEDGER_AT,
    LEFT,
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
from stream.state.plain.looks import fire, look, room_to_look
from stream.state.plain.message import TIMER, Said, Why, has_room
from stream.state.plain.rules import Rules
from stream.state.plain.scores import tell_scores
from stream.state.plain.unusual import compare
from stream.state.plain.work import APPLIED, CHANGED, CLOCK, DUPLICATES, LATER, Work, touch
from stream.state.tables import HOUR

#: Place of an order that the ledger does not know.
_NEW: Final = -1

# What became of an event.
_DONE: Final = 0
_LEFT: Final = 1
_NO_ROOM: Final = 2


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
            touch(row, slots[i], batch, work)
            if not fire(memory, rules, slots[i], clock, text, seed_before, work, said):
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
        touch(row, slot, batch, work)
        if not fire(memory, rules, slot, at, text, seed_before, work, said):
            return _NO_ROOM
    entry = _entry_of(memory, row, event[ORDER])
    if entry != _NEW:
        if _comes_before(memory, row, event, entry):
            return _LEFT
        work.counts[DUPLICATES] += 1
        return _DONE
    if (
        at < row[AS_OF]
        or n >= rules.entries_max
        or (n and at <= memory.heap[row[LEDGER_AT] + n - 1])
        or event[AMOUNT] >= ROUNDED_END  # if it is unusual, it cannot be written here
    ):
        return _LEFT
    if not room_to_look(rules, work, said) or not make_room(memory, slot, n + 1):
        return _NO_ROOM

    touch(row, slot, batch, work)
    work.counts[APPLIED] += 1
    _append(memory, row, event)
    hour, amount = at // HOUR, event[AMOUNT]
    add(work.sums, hour, channel, row[TIER], amount)
    add(work.sums, hour, A_SEGMENT, row[SEGMENT], amount)
    why = Why(at, event[EVENT_FROM], event[EVENT_SIZE], 1 if at < seed_before else 0)
    if look(memory, rules, slot, at, why, text, work, said):
        row[CAUSE] = number
    compare(said, memory, slot, rules, why, text, work.scratch)
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
