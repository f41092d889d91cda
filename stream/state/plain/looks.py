"""Looks at plain customers: as `stream.state.looks`, the plain form."""

from __future__ import annotations

from typing import Final

from stream.native.jit import Bytes, inlined, native
from stream.scoring.lifecycle import CHURNED, WON_BACK
from stream.state.customer import TIER_NAMES
from stream.state.plain.announce import announce, follow_up, was_said
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
    A_STAGE,
    AN_OUTCOME,
    REASON_BITS,
    SEGMENT_BITS,
    STAGE_BITS,
    TIER_BITS,
    add,
    has_room_for,
)
from stream.state.plain.layout import (
    A_TIMER,
    ABC,
    ACTION,
    AS_OF,
    CAUSE,
    CAUSE_AT,
    DUE,
    DUE_IS_EXACT,
    LEVEL,
    LIFECYCLE,
    MARKET_SEGMENTS,
    MATRIX,
    NO_CAUSE,
    SEGMENT,
    TIER,
    Memory,
)
from stream.state.plain.market import market_segments_of
from stream.state.plain.message import TIMER, Said, Why, has_room
from stream.state.plain.reasons import grounds
from stream.state.plain.rules import Rules
from stream.state.plain.work import CHANGED, LABELS, Work
from stream.state.plain.worth import matrix_of, worth
from stream.state.table_names import REASON_KINDS
from stream.state.tables import HOUR

_TIERS: Final = len(TIER_NAMES)
_WARNED: Final = REASON_KINDS.index("warned")
_CHURNED: Final = REASON_KINDS.index("churned")
_WON_BACK: Final = REASON_KINDS.index("won_back")
#: Messages, and sums, that one look leads to, at most; an order may be unusual, and is counted too, in two sums.
MESSAGES_MAX: Final = 5
SUMS_MAX: Final = 7


@native
def fire(
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
        if not room_to_look(rules, work, said):
            return False
        due = row[DUE]
        why = Why(due, 0, TIMER, 1 if due < seed_before else 0)
        if look(memory, rules, slot, due, why, text, work, said):
            row[CAUSE], row[CAUSE_AT] = A_TIMER, due
    return True


@inlined
def look(memory: Memory, rules: Rules, slot: int, as_of: int, why: Why, text: Bytes, work: Work, said: Said) -> bool:
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
def room_to_look(rules: Rules, work: Work, said: Said) -> bool:
    """Whether there is room for all that an order and a look at its customer lead to."""
    return (
        has_room(said, rules, MESSAGES_MAX)
        and has_room_for(work.sums, SUMS_MAX)
        and work.counts[LABELS] < len(work.labels)
    )
