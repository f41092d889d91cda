"""Parts that several messages about a plain customer have."""

from __future__ import annotations

from typing import Final

from stream.native.jit import Bytes, inlined, native
from stream.native.text import put_int, put_money, put_rounded
from stream.scoring.market_segments import RULES_MAX
from stream.scoring.units import DAY
from stream.state.plain import phrases as phrase
from stream.state.plain.assess import cell_of
from stream.state.plain.layout import AS_OF, FREQUENCY, LAST_AT, MONETARY, Longs
from stream.state.plain.message import write
from stream.state.plain.rules import Rules
from stream.state.worth import Worth

_COMMA: Final = ord(",")


@native
def put_figures(rules: Rules, out: Bytes, at: int, row: Longs) -> int:
    """Recency, frequency, monetary value and their scores."""
    at = put_rounded(out, at, (row[AS_OF] - row[LAST_AT]) / DAY)
    at = write(rules, out, at, phrase.FREQUENCY)
    at = put_int(out, at, row[FREQUENCY])
    at = write(rules, out, at, phrase.MONETARY)
    at = put_money(out, at, row[MONETARY], rules.exponent)
    return write(rules, out, at, phrase.SCORE + cell_of(rules, row))


@inlined
def put_clv(rules: Rules, out: Bytes, at: int, figures: Worth) -> int:
    """The lifetime value, with the words before and behind it."""
    at = write(rules, out, at, phrase.CLV)
    at = put_money(out, at, figures.clv, rules.exponent)
    return write(rules, out, at, phrase.QUOTE)


@native
def listed(rules: Rules, out: Bytes, at: int, first: int, bits: int, phrases: int) -> int:
    """The phrase of each rule whose bit is set, from these phrases on, in a list that begins at `first`."""
    for number in range(RULES_MAX):
        if bits >> number & 1:
            at = parted(out, at, first)
            at = write(rules, out, at, phrases + number)
    return at


@native
def parted(out: Bytes, at: int, first: int) -> int:
    """A comma, where it is not the first of a list."""
    if at == first:
        return at
    out[at] = _COMMA
    return at + 1
