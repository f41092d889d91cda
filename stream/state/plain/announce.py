"""What is said of a plain customer, written as it leaves: see `stream.contracts.bundle`.

The plain form is `stream.state.announcements`; a law holds the two equal.
"""

from __future__ import annotations

from math import inf
from typing import Final, NamedTuple

from stream.contracts.bundle import (
    CHURN_RECOVERED_KIND,
    CHURN_WARNING_KIND,
    CHURN_WARNINGS_TOPIC,
    CUSTOMER_CHANGED_KIND,
    CUSTOMER_CHANGES_TOPIC,
    CUSTOMER_SCORES_TOPIC,
    FOLLOW_UP_DUE_KIND,
    FOLLOW_UPS_TOPIC,
    SCORES_KIND,
    TIER_CHANGED_KIND,
    TIER_CHANGES_TOPIC,
)
from stream.native.jit import Bytes, inlined, native
from stream.native.text import put_int, put_moment, put_money, put_rounded
from stream.scoring.abc import CLASSES
from stream.scoring.lifecycle import STAGES
from stream.scoring.market_segments import RULES_MAX
from stream.scoring.policy import LEVELS
from stream.scoring.units import DAY
from stream.state.customer import CELL_MASK, MATRIX_BITS, NEVER, TIER_NAMES, TIER_NONE
from stream.state.plain import phrases as phrase
from stream.state.plain import tables as table
from stream.state.plain.appointments import churn_logit, is_held_out, note_contact
from stream.state.plain.assess import cell_of, gap_step, growth, has_rhythm, log_odds_gone, rhythm, usual_gap
from stream.state.plain.cells import REASON_BITS
from stream.state.plain.layout import (
    ABC,
    AS_OF,
    CHANGES_VERSION,
    CHURN_VERSION,
    DUE,
    FOLLOW_VERSION,
    FREQUENCY,
    LAST_AT,
    LEDGER_AT,
    LEVEL,
    LIFECYCLE,
    LIFECYCLE_SINCE,
    MARKET_SEGMENTS,
    MATRIX,
    MONETARY,
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
from stream.state.plain.rules import Rules
from stream.state.plain.worth import probability, worth
from stream.state.worth import Worth

_TIERS: Final = len(TIER_NAMES)
_CLASSES: Final = len(CLASSES)
_STAGES: Final = len(STAGES)
_LEVELS: Final = len(LEVELS)

# Places in `cells.REASONS`.
_ALIVE: Final = 0
_RHYTHM: Final = 1
_QUIET: Final = 2
#: Below the weight of any reason.
_NO_REASON: Final = -inf
_BRACE: Final = ord("}")
_COMMA: Final = ord(",")


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
        at = _figures(rules, out, at, row)
        at = write(rules, out, at, phrase.SEGMENT)
        at = write(rules, out, at, phrase.SEGMENT_NAME + row[SEGMENT])
        at = write(rules, out, at, phrase.CLASS + row[ABC])
        at = _clv(rules, out, at, figures)
    at = _calibration_and_action(rules, out, at, row)
    finish(said, memory, slot, rules, at, TIER_CHANGES_TOPIC, TIER_CHANGED_KIND, phrase.TIER_CHANGED_ID, why, text)


@inlined
def _clv(rules: Rules, out: Bytes, at: int, figures: Worth) -> int:
    at = write(rules, out, at, phrase.CLV)
    at = put_money(out, at, figures.clv, rules.exponent)
    return write(rules, out, at, phrase.QUOTE)


@inlined
def _calibration_and_action(rules: Rules, out: Bytes, at: int, row: Longs) -> int:
    """The last fields of a message about a change, and the end of the object."""
    at = write(rules, out, at, phrase.CALIBRATION_OPEN)
    at = write(rules, out, at, phrase.ACTION + _advised(rules, row))
    out[at] = _BRACE
    return at + 1


@inlined
def _advised(rules: Rules, row: Longs) -> int:
    """Number of the action that is told to others, see `stream.state.advice`; 0 for none."""
    return 0 if is_held_out(rules, row) else recommended(rules, row)


@native
def recommended(rules: Rules, row: Longs) -> int:
    """Number of the action that follows from what is said."""
    return int(rules.wholes[table.ACTIONS + (row[TIER] * _STAGES + row[LIFECYCLE]) * _LEVELS + row[LEVEL]])


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
        at = _parted(out, at, first)
        at = write(rules, out, at, phrase.CLASS_MOVE + was.abc * _CLASSES + row[ABC])
    if row[LIFECYCLE] != was.lifecycle:
        at = _parted(out, at, first)
        at = write(rules, out, at, phrase.STAGE_MOVE + was.lifecycle * _STAGES + row[LIFECYCLE])
    for number in range(rules.wholes[table.MATRICES]):
        before, after = cell_in(was.matrix, number), cell_in(row[MATRIX], number)
        if before != after:
            at = _parted(out, at, first)
            at = write(rules, out, at, phrase.A_CELL + number)
            at = write(rules, out, at, phrase.CELL_NAME + number * phrase.CELLS_KEPT + before)
            at = write(rules, out, at, phrase.TO)
            at = write(rules, out, at, phrase.CELL_NAME + number * phrase.CELLS_KEPT + after)
            at = write(rules, out, at, phrase.END_OF_CHANGE)
    if row[MARKET_SEGMENTS] != was.market_segments:
        left = was.market_segments & ~row[MARKET_SEGMENTS]
        at = _listed(rules, out, at, first, left, phrase.RULE_LEFT)
        entered = row[MARKET_SEGMENTS] & ~was.market_segments
        at = _listed(rules, out, at, first, entered, phrase.RULE_ENTERED)
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


@native
def cell_in(matrix: int, number: int) -> int:
    """As `stream.state.worth.cell_in`."""
    return matrix >> number * MATRIX_BITS & CELL_MASK


@native
def _listed(rules: Rules, out: Bytes, at: int, first: int, bits: int, phrases: int) -> int:
    """The phrase of each rule whose bit is set, from these phrases on, in a list that begins at `first`."""
    for number in range(RULES_MAX):
        if bits >> number & 1:
            at = _parted(out, at, first)
            at = write(rules, out, at, phrases + number)
    return at


@native
def _parted(out: Bytes, at: int, first: int) -> int:
    """A comma, where it is not the first of a list."""
    if at == first:
        return at
    out[at] = _COMMA
    return at + 1


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
    risk, p_alive = _churn(rules, row, first_at)
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
    at = _reasons(rules, out, at, row, first_at)
    at = write(rules, out, at, phrase.AT_STAKE)
    at = put_money(out, at, figures.at_stake, rules.exponent)
    at = write(rules, out, at, phrase.END_OF_TEXT)
    at = effect(rules, out, at, row[AS_OF], why, text)
    at = _calibration_and_action(rules, out, at, row)
    finish(said, memory, slot, rules, at, CHURN_WARNINGS_TOPIC, kind, id_phrase, why, text)


@native
def tell_scores(said: Said, memory: Memory, slot: int, rules: Rules, why: Why, text: Bytes) -> None:
    """The whole record, for the compacted topic."""
    row, out = memory.rows[slot], said.body
    first_at, figures = memory.heap[row[LEDGER_AT]], worth(memory, row, rules)
    at = begin(said, memory, slot, rules)
    at = write(rules, out, at, phrase.AS_OF)
    at = put_moment(out, at, row[AS_OF])
    at = write(rules, out, at, phrase.VERSION)
    at = put_int(out, at, row[VERSION])
    at = write(rules, out, at, phrase.TIER + row[TIER])
    at = put_moment(out, at, row[TIER_SINCE])
    cell = cell_of(rules, row)
    at = write(rules, out, at, phrase.STANDING + cell)
    at = write(rules, out, at, phrase.CLASS_AND_STAGE + row[ABC] * _STAGES + row[LIFECYCLE])
    at = write(rules, out, at, phrase.VALUE + cell)
    at = put_int(out, at, row[N])
    at = write(rules, out, at, phrase.FIRST_ORDER_AT)
    at = put_moment(out, at, first_at)
    at = write(rules, out, at, phrase.LAST_ORDER_AT)
    at = put_moment(out, at, row[LAST_AT])
    at = write(rules, out, at, phrase.SCORES_RFM)
    at = _figures(rules, out, at, row)
    at = _clv(rules, out, at, figures)
    if row[AS_OF] == row[LAST_AT] and not rules.reals[table.RHYTHM_WEIGHT]:
        at = write(rules, out, at, phrase.AFTER_ORDER + row[N])
    else:
        risk, p_alive = _churn(rules, row, first_at)
        at = write(rules, out, at, phrase.P_ALIVE)
        at = put_rounded(out, at, p_alive)
        at = write(rules, out, at, phrase.CHURN)
        at = write(rules, out, at, phrase.LEVEL_NAME + row[LEVEL])
        at = write(rules, out, at, phrase.RISK)
        at = put_rounded(out, at, risk)
        at = _reasons(rules, out, at, row, first_at)
        out[at] = _BRACE
        at += 1
    at = _cells(rules, out, at, row)
    at = write(rules, out, at, phrase.LOYALTY)
    at = put_rounded(out, at, figures.loyalty)
    if row[MARKET_SEGMENTS]:
        at = first = write(rules, out, at, phrase.RULES)
        at = _listed(rules, out, at, first, row[MARKET_SEGMENTS], phrase.RULE_NAME)
        at = write(rules, out, at, phrase.END_OF_LIST)
    if row[DUE] != NEVER:
        at = write(rules, out, at, phrase.NEXT_CHANGE_AT)
        at = put_moment(out, at, row[DUE])
        at = write(rules, out, at, phrase.QUOTE)
    at = write(rules, out, at, phrase.ACTION + _advised(rules, row))
    out[at] = _BRACE
    at += 1
    finish(said, memory, slot, rules, at, CUSTOMER_SCORES_TOPIC, SCORES_KIND, phrase.SCORES_ID, why, text)


@native
def _cells(rules: Rules, out: Bytes, at: int, row: Longs) -> int:
    """The cells said; a number that no cell has any more is left out."""
    start = at
    at = first = write(rules, out, at, phrase.MATRIX)
    for number in range(rules.wholes[table.MATRICES]):
        cell = cell_in(row[MATRIX], number)
        if 0 < cell <= rules.wholes[table.CELL_COUNTS + number]:
            at = _parted(out, at, first)
            at = write(rules, out, at, phrase.MATRIX_NAME + number)
            at = write(rules, out, at, phrase.CELL_NAME + number * phrase.CELLS_KEPT + cell)
    if at == first:
        return start
    out[at] = _BRACE
    return at + 1


@native
def _figures(rules: Rules, out: Bytes, at: int, row: Longs) -> int:
    at = put_rounded(out, at, (row[AS_OF] - row[LAST_AT]) / DAY)
    at = write(rules, out, at, phrase.FREQUENCY)
    at = put_int(out, at, row[FREQUENCY])
    at = write(rules, out, at, phrase.MONETARY)
    at = put_money(out, at, row[MONETARY], rules.exponent)
    return write(rules, out, at, phrase.SCORE + cell_of(rules, row))


@native
def _churn(rules: Rules, row: Longs, first_at: int) -> tuple[float, float]:
    """Risk and P(alive)."""
    return probability(churn_logit(rules, row, first_at)), probability(-log_odds_gone(rules, row, first_at))


@native
def grounds(memory: Memory, rules: Rules, row: Longs) -> int:
    """Reasons that raise the risk, a bit each of `cells.REASONS`."""
    first_at, bits = memory.heap[row[LEDGER_AT]], 0
    for number in range(REASON_BITS):
        bits |= (reason_weight(rules, row, first_at, number) > 0) << number
    return bits


@native
def reason_weight(rules: Rules, row: Longs, first_at: int, number: int) -> float:
    """Weight of a reason by its place in `cells.REASONS`; `_NO_REASON` where it is none."""
    if number == _ALIVE:
        return float(rules.alive_weight * log_odds_gone(rules, row, first_at))
    if number == _RHYTHM:
        return (
            float(rules.reals[table.RHYTHM_WEIGHT] * rhythm(rules, row, first_at))
            if rules.reals[table.RHYTHM_WEIGHT]
            else _NO_REASON
        )
    if number == _QUIET:
        silent = rules.reals[table.QUIET_WEIGHT] and row[AS_OF] > row[LAST_AT]
        return float(rules.reals[table.QUIET_WEIGHT] * growth(rules, row, first_at)) if silent else _NO_REASON
    step, _ = gap_step(rules, row, first_at)
    return float(rules.gap_weights[step]) if step else _NO_REASON


@native
def _reasons(rules: Rules, out: Bytes, at: int, row: Longs, first_at: int) -> int:
    """The list of reasons, the weightier first."""
    at = first = write(rules, out, at, phrase.REASONS)
    told = 0
    for _ in range(REASON_BITS):
        # Of equals, the one that comes first stays first.
        next_one, heaviest = -1, _NO_REASON
        for number in range(REASON_BITS):
            weight = reason_weight(rules, row, first_at, number)
            if not told >> number & 1 and weight > heaviest:
                next_one, heaviest = number, weight
        if next_one < 0:
            break
        told |= 1 << next_one
        at = _parted(out, at, first)
        at = _because(rules, out, at, row, first_at, next_one, heaviest)
    return write(rules, out, at, phrase.END_OF_LIST)


@native
def _because(rules: Rules, out: Bytes, at: int, row: Longs, first_at: int, number: int, weight: float) -> int:
    if number == _ALIVE:
        return _because_alive(rules, out, at, row, first_at, weight)
    if number == _RHYTHM:
        at = write(rules, out, at, phrase.BECAUSE_RHYTHM)
        at = put_rounded(out, at, weight)
        at = write(rules, out, at, phrase.DETAIL_RHYTHM)
        at = put_rounded(out, at, probability(rhythm(rules, row, first_at)))
        at = write(rules, out, at, phrase.ORDERS)
        at = put_int(out, at, row[N])
        return write(rules, out, at, phrase.HORIZON)
    if number == _QUIET:
        at = write(rules, out, at, phrase.BECAUSE_QUIET)
        at = put_rounded(out, at, weight)
        at = write(rules, out, at, phrase.DETAIL_QUIET)
        at = put_rounded(out, at, growth(rules, row, first_at))
        at = write(rules, out, at, phrase.DAYS_SINCE)
        at = put_rounded(out, at, (row[AS_OF] - row[LAST_AT]) / DAY)
        return write(rules, out, at, phrase.END_OF_DETAIL)
    step, _ = gap_step(rules, row, first_at)
    return _because_gap(rules, out, at, row, first_at, step)


@native
def _because_alive(rules: Rules, out: Bytes, at: int, row: Longs, first_at: int, weight: float) -> int:
    at = write(rules, out, at, phrase.BECAUSE_ALIVE)
    at = put_rounded(out, at, weight)
    at = write(rules, out, at, phrase.DETAIL_ALIVE)
    at = put_rounded(out, at, probability(-log_odds_gone(rules, row, first_at)))
    at = write(rules, out, at, phrase.ORDERS)
    at = put_int(out, at, row[N])
    at = write(rules, out, at, phrase.DAYS_SINCE)
    at = put_rounded(out, at, (row[AS_OF] - row[LAST_AT]) / DAY)
    return write(rules, out, at, phrase.END_OF_DETAIL)


@native
def _because_gap(rules: Rules, out: Bytes, at: int, row: Longs, first_at: int, step: int) -> int:
    at = write(rules, out, at, phrase.GAP + step)
    at = put_rounded(out, at, (row[AS_OF] - row[LAST_AT]) / DAY)
    at = write(rules, out, at, phrase.USUAL_GAP)
    at = put_rounded(out, at, usual_gap(rules, row, first_at) / DAY if has_rhythm(rules, row, first_at) else 0.0)
    return write(rules, out, at, phrase.GAP_STEP + step)
