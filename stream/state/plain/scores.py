"""The scores of a plain customer as one message: the whole record, for the compacted topic."""

from __future__ import annotations

from typing import Final

from stream.contracts.bundle import CUSTOMER_SCORES_TOPIC, SCORES_KIND
from stream.native.jit import Bytes, native
from stream.native.text import put_int, put_moment, put_rounded
from stream.scoring.lifecycle import STAGES
from stream.state.customer import NEVER
from stream.state.plain import phrases as phrase
from stream.state.plain import tables as table
from stream.state.plain.advice import advised
from stream.state.plain.assess import cell_of
from stream.state.plain.layout import (
    ABC,
    AS_OF,
    DUE,
    LAST_AT,
    LEDGER_AT,
    LEVEL,
    LIFECYCLE,
    MARKET_SEGMENTS,
    MATRIX,
    TIER,
    TIER_SINCE,
    VERSION,
    Longs,
    Memory,
    N,
)
from stream.state.plain.message import Said, Why, begin, finish, write
from stream.state.plain.parts import listed, parted, put_clv, put_figures
from stream.state.plain.reasons import churn, put_reasons
from stream.state.plain.rules import Rules
from stream.state.plain.worth import cell_in, worth

_STAGES: Final = len(STAGES)
_BRACE: Final = ord("}")


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
    at = put_figures(rules, out, at, row)
    at = put_clv(rules, out, at, figures)
    if row[AS_OF] == row[LAST_AT] and not rules.reals[table.RHYTHM_WEIGHT]:
        at = write(rules, out, at, phrase.AFTER_ORDER + row[N])
    else:
        risk, p_alive = churn(rules, row, first_at)
        at = write(rules, out, at, phrase.P_ALIVE)
        at = put_rounded(out, at, p_alive)
        at = write(rules, out, at, phrase.CHURN)
        at = write(rules, out, at, phrase.LEVEL_NAME + row[LEVEL])
        at = write(rules, out, at, phrase.RISK)
        at = put_rounded(out, at, risk)
        at = put_reasons(rules, out, at, row, first_at)
        out[at] = _BRACE
        at += 1
    at = _cells(rules, out, at, row)
    at = write(rules, out, at, phrase.LOYALTY)
    at = put_rounded(out, at, figures.loyalty)
    if row[MARKET_SEGMENTS]:
        at = first = write(rules, out, at, phrase.RULES)
        at = listed(rules, out, at, first, row[MARKET_SEGMENTS], phrase.RULE_NAME)
        at = write(rules, out, at, phrase.END_OF_LIST)
    if row[DUE] != NEVER:
        at = write(rules, out, at, phrase.NEXT_CHANGE_AT)
        at = put_moment(out, at, row[DUE])
        at = write(rules, out, at, phrase.QUOTE)
    at = write(rules, out, at, phrase.ACTION + advised(rules, row))
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
            at = parted(out, at, first)
            at = write(rules, out, at, phrase.MATRIX_NAME + number)
            at = write(rules, out, at, phrase.CELL_NAME + number * phrase.CELLS_KEPT + cell)
    if at == first:
        return start
    out[at] = _BRACE
    return at + 1
