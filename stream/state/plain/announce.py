"""What is said of a plain customer, written as it leaves: see `stream.contracts.bundle`.

The plain form is `stream.state.announcements`; a law holds the two equal.
"""

from __future__ import annotations

from math import exp
from typing import Final

from stream.contracts.bundle import (
    CHURN_RECOVERED_KIND,
    CHURN_WARNING_KIND,
    CHURN_WARNINGS_TOPIC,
    CUSTOMER_CHANGES_TOPIC,
    CUSTOMER_SCORES_TOPIC,
    SCORES_KIND,
    SEGMENT_CHANGED_KIND,
    TIER_CHANGED_KIND,
    TIER_CHANGES_TOPIC,
)
from stream.native.jit import Bytes, native
from stream.native.text import put_int, put_moment, put_money, put_rounded
from stream.scoring.units import DAY
from stream.state.customer import NEVER, TIER_NAMES, TIER_NONE
from stream.state.plain import rules as phrase
from stream.state.plain.assess import cell_of, gap_step, has_rhythm, log_odds_gone, usual_gap
from stream.state.plain.layout import (
    AS_OF,
    CHANGES_VERSION,
    CHURN_VERSION,
    DUE,
    FREQUENCY,
    LAST_AT,
    LEDGER_AT,
    LEVEL,
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

_TIERS: Final = len(TIER_NAMES)
_BRACE: Final = ord("}")
_COMMA: Final = ord(",")


@native
def announce(
    said: Said,
    memory: Memory,
    slot: int,
    rules: Rules,
    was_tier: int,
    was_segment: int,
    was_level: int,
    why: Why,
    text: Bytes,
) -> None:
    """Say what changed, in three messages at most; the row has what is true now, the versions go up here.

    Parameters
    ----------
    was_tier, was_segment, was_level
        What was said before.
    text
        Of the block of the event that is the cause.
    """
    row = memory.rows[slot]
    row[VERSION] += 1
    if row[TIER] != was_tier:
        row[TIER_SINCE] = row[AS_OF]
        row[TIER_VERSION] += 1
        _tier_changed(said, memory, slot, rules, was_tier, why, text)
    if row[LEVEL] > was_level and row[LEVEL] >= rules.warn_level:
        row[CHURN_VERSION] += 1
        _warning(said, memory, slot, rules, was_level, CHURN_WARNING_KIND, phrase.WARNING_ID, why, text)
    elif row[LEVEL] < rules.warn_level <= was_level:
        row[CHURN_VERSION] += 1
        _warning(said, memory, slot, rules, was_level, CHURN_RECOVERED_KIND, phrase.RECOVERED_ID, why, text)
    if row[SEGMENT] != was_segment:
        row[CHANGES_VERSION] += 1
        _segment_changed(said, memory, slot, rules, was_segment, why, text)


@native
def _tier_changed(said: Said, memory: Memory, slot: int, rules: Rules, was: int, why: Why, text: Bytes) -> None:
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
    at = write(rules, out, at, phrase.CALIBRATION)
    finish(said, memory, slot, rules, at, TIER_CHANGES_TOPIC, TIER_CHANGED_KIND, phrase.TIER_CHANGED_ID, why, text)


@native
def _segment_changed(said: Said, memory: Memory, slot: int, rules: Rules, was: int, why: Why, text: Bytes) -> None:
    row, out = memory.rows[slot], said.body
    at = begin(said, memory, slot, rules)
    at = write(rules, out, at, phrase.VERSION)
    at = put_int(out, at, row[CHANGES_VERSION])
    at = write(rules, out, at, phrase.COMMA)
    at = write(rules, out, at, phrase.FROM)
    at = write(rules, out, at, phrase.SEGMENT_NAME + was)
    at = write(rules, out, at, phrase.TO)
    at = write(rules, out, at, phrase.SEGMENT_NAME + row[SEGMENT])
    at = write(rules, out, at, phrase.COMMA)
    at = effect(rules, out, at, row[AS_OF], why, text)
    at = write(rules, out, at, phrase.CALIBRATION)
    finish(
        said,
        memory,
        slot,
        rules,
        at,
        CUSTOMER_CHANGES_TOPIC,
        SEGMENT_CHANGED_KIND,
        phrase.SEGMENT_CHANGED_ID,
        why,
        text,
    )


@native
def _warning(
    said: Said, memory: Memory, slot: int, rules: Rules, was: int, kind: int, id_phrase: int, why: Why, text: Bytes
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
    at = put_money(out, at, row[MONETARY], rules.exponent)
    at = write(rules, out, at, phrase.END_OF_TEXT)
    at = effect(rules, out, at, row[AS_OF], why, text)
    at = write(rules, out, at, phrase.CALIBRATION)
    finish(said, memory, slot, rules, at, CHURN_WARNINGS_TOPIC, kind, id_phrase, why, text)


@native
def tell_scores(said: Said, memory: Memory, slot: int, rules: Rules, why: Why, text: Bytes) -> None:
    """The whole record, for the compacted topic."""
    row, out = memory.rows[slot], said.body
    first_at = memory.heap[row[LEDGER_AT]]
    at = begin(said, memory, slot, rules)
    at = write(rules, out, at, phrase.AS_OF)
    at = put_moment(out, at, row[AS_OF])
    at = write(rules, out, at, phrase.VERSION)
    at = put_int(out, at, row[VERSION])
    at = write(rules, out, at, phrase.TIER + row[TIER])
    at = put_moment(out, at, row[TIER_SINCE])
    at = write(rules, out, at, phrase.STANDING + cell_of(rules, row))
    at = put_int(out, at, row[N])
    at = write(rules, out, at, phrase.FIRST_ORDER_AT)
    at = put_moment(out, at, first_at)
    at = write(rules, out, at, phrase.LAST_ORDER_AT)
    at = put_moment(out, at, row[LAST_AT])
    at = write(rules, out, at, phrase.SCORES_RFM)
    at = _figures(rules, out, at, row)
    if row[AS_OF] == row[LAST_AT]:
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
    if row[DUE] != NEVER:
        at = write(rules, out, at, phrase.NEXT_CHANGE_AT)
        at = put_moment(out, at, row[DUE])
        at = write(rules, out, at, phrase.END)
    else:
        out[at] = _BRACE
        at += 1
    finish(said, memory, slot, rules, at, CUSTOMER_SCORES_TOPIC, SCORES_KIND, phrase.SCORES_ID, why, text)


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
    gone = log_odds_gone(rules, row, first_at)
    step, _ = gap_step(rules, row, first_at)
    logit = rules.bias + (rules.alive_weight * gone + rules.gap_weights[step])
    return _probability(logit), _probability(-gone)


@native
def _probability(log_odds: float) -> float:
    """As `stream.scoring.alive.probability`."""
    if log_odds >= 0:
        return 1 / (1 + exp(-log_odds))
    odds = exp(log_odds)
    return odds / (1 + odds)


@native
def _reasons(rules: Rules, out: Bytes, at: int, row: Longs, first_at: int) -> int:
    """The list of reasons, the weightier first."""
    weight = rules.alive_weight * log_odds_gone(rules, row, first_at)
    step, _ = gap_step(rules, row, first_at)
    at = write(rules, out, at, phrase.REASONS)
    first = step > 0 and rules.gap_weights[step] > weight
    if first:
        at = _because_gap(rules, out, at, row, first_at, step)
        out[at] = _COMMA
        at += 1
    at = _because_alive(rules, out, at, row, first_at, weight)
    if step > 0 and not first:
        out[at] = _COMMA
        at = _because_gap(rules, out, at + 1, row, first_at, step)
    return write(rules, out, at, phrase.END_OF_LIST)


@native
def _because_alive(rules: Rules, out: Bytes, at: int, row: Longs, first_at: int, weight: float) -> int:
    at = write(rules, out, at, phrase.BECAUSE_ALIVE)
    at = put_rounded(out, at, weight)
    at = write(rules, out, at, phrase.DETAIL_ALIVE)
    at = put_rounded(out, at, _probability(-log_odds_gone(rules, row, first_at)))
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
