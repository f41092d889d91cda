"""Orders that are unlike a plain customer: as `stream.state.unusual` and `stream.scoring.anomaly`, the plain form.

An anomaly is beyond all figures that are looked back at, and so many times their median that half of them at least are
below a bar. A pass over whole numbers, which ends after a few of them most often, sees to that; what is left is judged
by logarithms, medians and spreads, in the steps of the plain form, to the bit.
"""

from __future__ import annotations

from math import exp, log
from typing import Final

from stream.contracts.bundle import ANOMALY_KIND, CUSTOMER_CHANGES_TOPIC
from stream.native.jit import Bytes, inlined, native
from stream.native.text import put_int, put_rounded
from stream.scoring.anomaly import GAP_MIN, MAD_TO_DEVIATION, VALUE_MIN
from stream.scoring.units import DAY
from stream.state.plain import phrases as phrase
from stream.state.plain import tables as table
from stream.state.plain.layout import AS_OF, CHANGES_VERSION, LEDGER_AT, ROOM, Doubles, Longs, Memory, N
from stream.state.plain.message import Said, Why, begin, effect, finish, write
from stream.state.plain.rules import Rules

# What is read of a ledger: amounts as they are, moments as what lies between them.
_VALUE: Final = 0
_GAP: Final = 1


def scratch_words(history_max: int) -> int:
    """Words that `compare` works in: the logarithms of one figure more than are looked back at, and those in order."""
    return 2 * history_max + 1


@inlined
def compare(said: Said, memory: Memory, slot: int, rules: Rules, why: Why, text: Bytes, scratch: Doubles) -> None:
    """Say so where the value of the last order, or the gap before it, is unusual: the one that is further from usual.

    Parameters
    ----------
    scratch
        As many words as `scratch_words` says.
    """
    row, wholes, reals = memory.rows[slot], rules.wholes, rules.reals
    earlier, least, most = row[N] - 1, wholes[table.ANOMALY_LEAST], wholes[table.ANOMALY_MOST]
    if earlier >= least:
        heap, last = memory.heap, row[LEDGER_AT] + earlier
        dear = _stands_out(_VALUE, heap, last + row[ROOM], min(earlier, most), VALUE_MIN, reals[table.VALUE_RATIO])
        late = _stands_out(_GAP, heap, last, min(earlier - 1, most), GAP_MIN, reals[table.GAP_RATIO])
        if dear or late:
            _judge_both(said, memory, slot, rules, int(dear), int(late), why, text, scratch)


@inlined
def _figure(kind: int, heap: Longs, at: int, lowest: int) -> int:
    return int(max(heap[at] - heap[at - 1] if kind == _GAP else heap[at], lowest))


@inlined
def _stands_out(kind: int, heap: Longs, last: int, known: int, lowest: int, ratio: float) -> bool:
    """Whether a figure is beyond so many before it, and may be `ratio` times their median."""
    figure = _figure(kind, heap, last, lowest)
    bar = figure / ratio
    if bar < lowest:
        return False
    low_enough, above = min(int(bar), figure - 1), 0
    for place in range(last - 1, last - known - 1, -1):
        before = _figure(kind, heap, place, lowest)
        if before > low_enough:
            above += 1
            if before >= figure or 2 * above > known:
                return False
    return True


@native
def _judge_both(
    said: Said, memory: Memory, slot: int, rules: Rules, dear: int, late: int, why: Why, text: Bytes, scratch: Doubles
) -> None:
    """Judge the value and the gap that stand out, and tell of the one that is further from usual."""
    row, heap, wholes, reals = memory.rows[slot], memory.heap, rules.wholes, rules.reals
    least, most, limit = wholes[table.ANOMALY_LEAST], wholes[table.ANOMALY_MOST], reals[table.ANOMALY_Z]
    earlier, moment = row[N] - 1, row[LEDGER_AT] + row[N] - 1
    amount, gap = heap[moment + row[ROOM]], heap[moment] - heap[moment - 1]
    value_z, value_from, value_to, gap_z, gap_from, gap_to = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if dear:
        known = _take(_VALUE, heap, moment + row[ROOM], min(earlier, most + 1), VALUE_MIN, scratch)
        figure = log(max(amount, VALUE_MIN))
        value_z, value_from, value_to = judge(figure, scratch, known, least, most, limit, reals[table.VALUE_SPREAD])
    if late:
        known = _take(_GAP, heap, moment, min(earlier - 1, most + 1), GAP_MIN, scratch)
        figure = log(max(gap, GAP_MIN))
        gap_z, gap_from, gap_to = judge(figure, scratch, known, least, most, limit, reals[table.GAP_SPREAD])
    if value_z > 0 and value_z >= gap_z:
        unit = 1
        for _ in range(rules.exponent):
            unit *= 10
        low = max(value_from, VALUE_MIN)
        _tell(said, memory, slot, rules, phrase.VALUE_IS, amount / unit, low / unit, value_to / unit, why, text)
    elif gap_z > 0:
        low = max(gap_from, GAP_MIN)
        _tell(said, memory, slot, rules, phrase.GAP_IS, gap / DAY, low / DAY, gap_to / DAY, why, text)


@inlined
def _take(kind: int, heap: Longs, last: int, known: int, lowest: int, scratch: Doubles) -> int:
    """Put logarithms of so many figures before the last in the scratch, the oldest first; gives how many."""
    for place in range(known):
        scratch[place] = log(_figure(kind, heap, last - known + place, lowest))
    return known


@native
def judge(
    figure: float, scratch: Doubles, known: int, least: int, most: int, limit: float, spread_min: float
) -> tuple[float, float, float]:
    """How far a figure is from usual that is beyond the `most` before it, where it is an anomaly; 0 where it is none.

    Parameters
    ----------
    figure
        Its logarithm.
    scratch
        Logarithms of so many (`known`) figures before it, the oldest first; what is behind them is written over.
    least, most
        Earlier figures that it takes, and that are looked back at.
    limit
        Spreads from the median beyond which a figure is an anomaly.
    spread_min
        The least spread.

    Returns
    -------
    Spreads from the median, and the usual range from and to, in the unit of the figure.
    """
    if known < least:
        return 0.0, 0.0, 0.0
    latest = min(known, most)
    middle, spread = _centre(scratch, known - latest, latest, known, spread_min)
    far = (figure - middle) / spread
    if far <= limit:
        return 0.0, 0.0, 0.0
    latest = min(known - 1, most)
    if latest >= least:
        usual, width = _centre(scratch, known - 1 - latest, latest, known, spread_min)
        if (scratch[known - 1] - usual) / width > limit:
            return 0.0, 0.0, 0.0
    reach = limit * spread
    return far, exp(middle - reach), exp(middle + reach)


@native
def _centre(scratch: Doubles, first: int, count: int, free: int, spread_min: float) -> tuple[float, float]:
    """Median and spread of so many words from `first` on; those from `free` on are written over."""
    for place in range(count):
        scratch[free + place] = scratch[first + place]
    middle = _median(scratch, free, count)
    for place in range(free, free + count):
        scratch[place] = abs(scratch[place] - middle)
    return middle, max(MAD_TO_DEVIATION * _median(scratch, free, count), spread_min)


@native
def _median(scratch: Doubles, first: int, count: int) -> float:
    """The median of so many words, which are put in order."""
    step = count // 2
    while step:  # Shell 1959: next to no code, and history_max may be a thousand
        for place in range(first + step, first + count):
            word, to = scratch[place], place
            while to >= first + step and scratch[to - step] > word:
                scratch[to] = scratch[to - step]
                to -= step
            scratch[to] = word
        step //= 2
    half = first + count // 2
    return float(scratch[half] if count % 2 else (scratch[half - 1] + scratch[half]) / 2)


@native
def _tell(
    said: Said,
    memory: Memory,
    slot: int,
    rules: Rules,
    figure: int,
    value: float,
    low: float,
    high: float,
    why: Why,
    text: Bytes,
) -> None:
    """Say that a figure, by the number of its phrase, is out of its usual range; all three in the unit that is told."""
    row, out = memory.rows[slot], said.body
    row[CHANGES_VERSION] += 1
    at = begin(said, memory, slot, rules)
    at = write(rules, out, at, phrase.VERSION)
    at = put_int(out, at, row[CHANGES_VERSION])
    at = write(rules, out, at, figure)
    at = put_rounded(out, at, value)
    at = write(rules, out, at, phrase.USUAL_FROM)
    at = put_rounded(out, at, low)
    at = write(rules, out, at, phrase.USUAL_TO)
    at = put_rounded(out, at, high)
    at = write(rules, out, at, phrase.COMMA)
    at = effect(rules, out, at, row[AS_OF], why, text)
    at = write(rules, out, at, phrase.CALIBRATION)
    finish(said, memory, slot, rules, at, CUSTOMER_CHANGES_TOPIC, ANOMALY_KIND, phrase.ANOMALY_ID, why, text)
