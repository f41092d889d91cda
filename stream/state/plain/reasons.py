"""Why a plain customer is at risk: the reasons counted, and the list of them in a message."""

from __future__ import annotations

from math import inf
from typing import Final

from stream.native.jit import Bytes, native
from stream.native.text import put_int, put_rounded
from stream.scoring.units import DAY
from stream.state.plain import phrases as phrase
from stream.state.plain import tables as table
from stream.state.plain.appointments import churn_logit
from stream.state.plain.assess import gap_step, growth, has_rhythm, log_odds_gone, rhythm, usual_gap
from stream.state.plain.cells import REASON_BITS
from stream.state.plain.figures import probability
from stream.state.plain.layout import AS_OF, LAST_AT, LEDGER_AT, Longs, Memory, N
from stream.state.plain.message import write
from stream.state.plain.parts import parted
from stream.state.plain.rules import Rules

# Places in `cells.REASONS`.
_ALIVE: Final = 0
_RHYTHM: Final = 1
_QUIET: Final = 2
#: Below the weight of any reason.
_NO_REASON: Final = -inf


@native
def churn(rules: Rules, row: Longs, first_at: int) -> tuple[float, float]:
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
def put_reasons(rules: Rules, out: Bytes, at: int, row: Longs, first_at: int) -> int:
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
        at = parted(out, at, first)
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
