"""What is said of a plain customer, written as it leaves: see `stream.contracts.bundle`.

The plain form is `stream.state.announcements`; a law holds the two equal.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from stream.contracts.bundle import (
    CHURN_RECOVERED_KIND,
    CHURN_WARNING_KIND,
    CHURN_WARNINGS_TOPIC,
    CUSTOMER_CHANGED_KIND,
    CUSTOMER_CHANGES_TOPIC,
    FOLLOW_UP_DUE_KIND,
    FOLLOW_UPS_TOPIC,
    TIER_CHANGED_KIND,
    TIER_CHANGES_TOPIC,
)
from stream.native.jit import Bytes, inlined, native
from stream.native.text import put_int, put_moment, put_money, put_rounded
from stream.scoring.abc import CLASSES
from stream.scoring.lifecycle import STAGES
from stream.scoring.units import DAY
from stream.state.customer import TIER_NAMES, TIER_NONE
from stream.state.plain import phrases as phrase
from stream.state.plain import tables as table
from stream.state.plain.advice import advised, recommended
from stream.state.plain.appointments import is_held_out, note_contact
from stream.state.plain.layout import (
    ABC,
    AS_OF,
    CHANGES_VERSION,
    CHURN_VERSION,
    FOLLOW_VERSION,
    LAST_AT,
    LEDGER_AT,
    LEVEL,
    LIFECYCLE,
    LIFECYCLE_SINCE,
    MARKET_SEGMENTS,
    MATRIX,
    SEGMENT,
    TIER,
    TIER_SINCE,
    TIER_VERSION,
    VERSION,
    Longs,
    Memory,
    N,
)
from stream.state.plain.message import Said, Why, begin, effect, finish, write
from stream.state.plain.parts import listed, parted, put_clv, put_figures
from stream.state.plain.reasons import churn, put_reasons
from stream.state.plain.rules import Rules
from stream.state.plain.worth import cell_in
from stream.state.worth import Worth

_TIERS: Final = len(TIER_NAMES)
_CLASSES: Final = len(CLASSES)
_STAGES: Final = len(STAGES)
_BRACE: Final = ord("}")


class Was(NamedTuple):
    """What was said of a customer before a look; as `stream.state.changes.Said`, the segment by number."""

    tier: int
    segment: int
    level: int
    abc: int
    lifecycle: int
    matrix: int
    market_segments: int


@native
def was_said(row: Longs) -> Was:
    """What was last said of a customer."""
    return Was(row[TIER], row[SEGMENT], row[LEVEL], row[ABC], row[LIFECYCLE], row[MATRIX], row[MARKET_SEGMENTS])


@inlined
def announce(
    said: Said, memory: Memory, slot: int, rules: Rules, was: Was, figures: Worth, why: Why, text: Bytes
) -> None:
    """Say what changed, in three messages at most; the row has what is true now, the versions go up here.

    Parameters
    ----------
    was
        What was said before.
    figures
        What the customer is worth.
    text
        Of the block of the event that is the cause.
    """
    row = memory.rows[slot]
    row[VERSION] += 1
    if row[LIFECYCLE] != was.lifecycle:
        row[LIFECYCLE_SINCE] = row[AS_OF]
    if row[TIER] != was.tier:
        row[TIER_SINCE] = row[AS_OF]
        row[TIER_VERSION] += 1
        _tier_changed(said, memory, slot, rules, was.tier, figures, why, text)
    if row[LEVEL] > was.level and row[LEVEL] >= rules.warn_level:
        row[CHURN_VERSION] += 1
        _warning(said, memory, slot, rules, was.level, figures, CHURN_WARNING_KIND, phrase.WARNING_ID, why, text)
        note_contact(row, rules, recommended(rules, row))
    elif row[LEVEL] < rules.warn_level <= was.level:
        row[CHURN_VERSION] += 1
        _warning(said, memory, slot, rules, was.level, figures, CHURN_RECOVERED_KIND, phrase.RECOVERED_ID, why, text)
    if (
        row[SEGMENT] != was.segment
        or row[ABC] != was.abc
        or row[LIFECYCLE] != was.lifecycle
        or row[MATRIX] != was.matrix
        or row[MARKET_SEGMENTS] != was.market_segments
    ):
        row[CHANGES_VERSION] += 1
        _customer_changed(said, memory, slot, rules, was, why, text)


@inlined
def _tier_changed(
    said: Said, memory: Memory, slot: int, rules: Rules, was: int, figures: Worth, why: Why, text: Bytes
) -> None:
    row, out = memory.rows[slot], said.body
    at = begin(said, memory, slot, rules)
    at = write(rules, out, at, phrase.VERSION)
    at = put_int(out, at, row[TIER_VERSION])
    at = write(rules, out, at, phrase.COMMA)
    at = write(rules, out, at, phrase.MOVE + was * _TIERS + row[TIER])
    at = effect(rules, out, at, row[AS_OF], why, text)
    if row[TIER] != TIER_NONE:
        at = write(rules, out, at, phrase.RFM)
        at = put_figures(rules, out, at, row)
        at = write(rules, out, at, phrase.SEGMENT)
        at = write(rules, out, at, phrase.SEGMENT_NAME + row[SEGMENT])
        at = write(rules, out, at, phrase.CLASS + row[ABC])
        at = put_clv(rules, out, at, figures)
    at = _calibration_and_action(rules, out, at, row)
    finish(said, memory, slot, rules, at, TIER_CHANGES_TOPIC, TIER_CHANGED_KIND, phrase.TIER_CHANGED_ID, why, text)


@inlined
def _calibration_and_action(rules: Rules, out: Bytes, at: int, row: Longs) -> int:
    """The last fields of a message about a change, and the end of the object."""
    at = write(rules, out, at, phrase.CALIBRATION_OPEN)
    at = write(rules, out, at, phrase.ACTION + advised(rules, row))
    out[at] = _BRACE
    return at + 1


@native
def follow_up(said: Said, memory: Memory, slot: int, rules: Rules, why: Why, text: Bytes) -> None:
    """Say that it is time to be in touch; not of who is held out."""
    row, out, action = memory.rows[slot], said.body, recommended(rules, memory.rows[slot])
    if not is_held_out(rules, row):
        row[FOLLOW_VERSION] += 1
        at = begin(said, memory, slot, rules)
        at = write(rules, out, at, phrase.VERSION)
        at = put_int(out, at, row[FOLLOW_VERSION])
        at = write(rules, out, at, phrase.FOLLOW_TIER + row[TIER])
        at = write(rules, out, at, phrase.FOLLOW_STAGE + row[LIFECYCLE])
        if action:
            at = write(rules, out, at, phrase.TO_DO + action)
            at = write(rules, out, at, phrase.DEADLINE)
            at = put_moment(out, at, row[AS_OF] + rules.wholes[table.DEADLINES + action])
            at = write(rules, out, at, phrase.END_OF_TEXT)
        at = effect(rules, out, at, row[AS_OF], why, text)
        at = write(rules, out, at, phrase.CALIBRATION)
        finish(said, memory, slot, rules, at, FOLLOW_UPS_TOPIC, FOLLOW_UP_DUE_KIND, phrase.FOLLOW_UP_DUE_ID, why, text)
    note_contact(row, rules, action)


@inlined
def _customer_changed(said: Said, memory: Memory, slot: int, rules: Rules, was: Was, why: Why, text: Bytes) -> None:
    row, out = memory.rows[slot], said.body
    at = begin(said, memory, slot, rules)
    at = write(rules, out, at, phrase.VERSION)
    at = put_int(out, at, row[CHANGES_VERSION])
    at = write(rules, out, at, phrase.COMMA)
    at = first = write(rules, out, at, phrase.CHANGES)
    if row[SEGMENT] != was.segment:
        at = write(rules, out, at, phrase.A_SEGMENT)
        at = write(rules, out, at, phrase.SEGMENT_NAME + was.segment)
        at = write(rules, out, at, phrase.TO)
        at = write(rules, out, at, phrase.SEGMENT_NAME + row[SEGMENT])
        at = write(rules, out, at, phrase.END_OF_CHANGE)
    if row[ABC] != was.abc:
        at = parted(out, at, first)
        at = write(rules, out, at, phrase.CLASS_MOVE + was.abc * _CLASSES + row[ABC])
    if row[LIFECYCLE] != was.lifecycle:
        at = parted(out, at, first)
        at = write(rules, out, at, phrase.STAGE_MOVE + was.lifecycle * _STAGES + row[LIFECYCLE])
    for number in range(rules.wholes[table.MATRICES]):
        before, after = cell_in(was.matrix, number), cell_in(row[MATRIX], number)
        if before != after:
            at = parted(out, at, first)
            at = write(rules, out, at, phrase.A_CELL + number)
            at = write(rules, out, at, phrase.CELL_NAME + number * phrase.CELLS_KEPT + before)
            at = write(rules, out, at, phrase.TO)
            at = write(rules, out, at, phrase.CELL_NAME + number * phrase.CELLS_KEPT + after)
            at = write(rules, out, at, phrase.END_OF_CHANGE)
    if row[MARKET_SEGMENTS] != was.market_segments:
        left = was.market_segments & ~row[MARKET_SEGMENTS]
        at = listed(rules, out, at, first, left, phrase.RULE_LEFT)
        entered = row[MARKET_SEGMENTS] & ~was.market_segments
        at = listed(rules, out, at, first, entered, phrase.RULE_ENTERED)
    at = write(rules, out, at, phrase.END_OF_CHANGES)
    at = effect(rules, out, at, row[AS_OF], why, text)
    at = write(rules, out, at, phrase.CALIBRATION)
    finish(
        said,
        memory,
        slot,
        rules,
        at,
        CUSTOMER_CHANGES_TOPIC,
        CUSTOMER_CHANGED_KIND,
        phrase.CUSTOMER_CHANGED_ID,
        why,
        text,
    )


@inlined
def _warning(
    said: Said,
    memory: Memory,
    slot: int,
    rules: Rules,
    was: int,
    figures: Worth,
    kind: int,
    id_phrase: int,
    why: Why,
    text: Bytes,
) -> None:
    row, out = memory.rows[slot], said.body
    first_at = memory.heap[row[LEDGER_AT]]
    risk, p_alive = churn(rules, row, first_at)
    at = begin(said, memory, slot, rules)
    at = write(rules, out, at, phrase.VERSION)
    at = put_int(out, at, row[CHURN_VERSION])
    at = write(rules, out, at, phrase.LEVEL)
    at = write(rules, out, at, phrase.LEVEL_NAME + row[LEVEL])
    at = write(rules, out, at, phrase.FROM_LEVEL)
    at = write(rules, out, at, phrase.LEVEL_NAME + was)
    at = write(rules, out, at, phrase.RISK)
    at = put_rounded(out, at, risk)
    at = write(rules, out, at, phrase.P_ALIVE)
    at = put_rounded(out, at, p_alive)
    at = write(rules, out, at, phrase.DAYS_SINCE)
    at = put_rounded(out, at, (row[AS_OF] - row[LAST_AT]) / DAY)
    if row[N] > 1:
        at = write(rules, out, at, phrase.EXPECTED_GAP)
        at = put_rounded(out, at, (row[LAST_AT] - first_at) / (row[N] - 1) / DAY)
    at = put_reasons(rules, out, at, row, first_at)
    at = write(rules, out, at, phrase.AT_STAKE)
    at = put_money(out, at, figures.at_stake, rules.exponent)
    at = write(rules, out, at, phrase.END_OF_TEXT)
    at = effect(rules, out, at, row[AS_OF], why, text)
    at = _calibration_and_action(rules, out, at, row)
    finish(said, memory, slot, rules, at, CHURN_WARNINGS_TOPIC, kind, id_phrase, why, text)
