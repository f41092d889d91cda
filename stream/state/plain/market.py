"""Rule segments of a plain customer, by decision diagrams that are made with the model.

The plain form is `stream.state.character.market_segments_of`; `stream.scoring.market_diagrams` says what these are, and
`tables.diagrams` how they lie.
"""

from __future__ import annotations

from stream.native.jit import inlined
from stream.scoring.rule_words import HOLDS
from stream.state.customer import CELL_MASK, MATRIX_BITS
from stream.state.plain import tables as table
from stream.state.plain.assess import cell_of
from stream.state.plain.layout import ABC, LEVEL, LIFECYCLE, MATRIX, TIER, Longs
from stream.state.plain.rules import Rules


@inlined
def market_segments_of(row: Longs, rules: Rules) -> int:
    """Rule segments that follow from what is said of a customer with orders, as records keep them."""
    wholes = rules.wholes
    found = wholes[table.MARKET_ALWAYS]
    if wholes[table.MARKET_RULES]:
        matrix = row[MATRIX]
        # In the order of `stream.scoring.market_diagrams.dimensions`.
        values = (
            row[TIER],
            cell_of(rules, row),
            row[ABC],
            row[LIFECYCLE],
            row[LEVEL],
            matrix & CELL_MASK,
            matrix >> MATRIX_BITS & CELL_MASK,
            matrix >> 2 * MATRIX_BITS & CELL_MASK,
            matrix >> 3 * MATRIX_BITS & CELL_MASK,
        )
        first = wholes[table.MARKET_AT]
        for rule in range(first, first + 2 * wholes[table.MARKET_RULES], 2):
            at = wholes[rule + 1]
            while at >= 0:
                at = wholes[at + 1 + values[wholes[at]]]
            if at == HOLDS:
                found |= wholes[rule]
    return int(found | wholes[table.MARKET_MARK]) if found else 0
