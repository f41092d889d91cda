"""Rule segments of customers of whom only their orders are known, as decision diagrams.

Need, conduct and profile of such a customer are what they are for everybody of whom nothing is known. What is left
follows from a few *dimensions*, each of which can be few things: segment, r, f and m from the cell of the R-F-M cube,
each other class from itself. So each comparison of a condition becomes a node that says, by value of one dimension,
which node is next, or that the rule holds, or does not; comparisons with what is unknown are decided once. There are as
many nodes as comparisons at most, whatever a condition names, and going through them takes an addition each. A law in
``tests/property`` holds this equal to `MarketTable.bits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from stream.scoring.abc import CLASSES
from stream.scoring.churn_policy import LEVELS
from stream.scoring.conduct import CONDUCT
from stream.scoring.lifecycle import STAGES
from stream.scoring.market_segments import Classes, MarketTable
from stream.scoring.matrix import Matrix
from stream.scoring.needs import NEEDS
from stream.scoring.rfm import CELLS
from stream.scoring.rule_words import FAILS, HOLDS, Comparison
from stream.scoring.segments import SegmentTable, compile_segments
from stream.scoring.tiers import TIERS

#: By value of the dimension, the classes that follow from it.
Dimension = tuple[Classes, ...]

#: What is true of everybody of whom only orders are known.
_UNKNOWN: Final[Classes] = {
    "need": NEEDS[0],
    "conduct": CONDUCT[0],
    "kind": None,
    "region": None,
    "registration_age": None,
}


class Node(NamedTuple):
    """A comparison: by value of a dimension, the number of the node that is next, `HOLDS` or `FAILS`."""

    dimension: int
    following: tuple[int, ...]


class PlainSegments(NamedTuple):
    """All rule segments, of customers of whom only their orders are known.

    Attributes
    ----------
    always
        Bits of the rules that hold for each of them.
    rules
        Bit, and number of the first node, of each rule that holds for some of them.
    nodes
        Of all these rules.
    """

    always: int
    rules: tuple[tuple[int, int], ...]
    nodes: tuple[Node, ...]

    def bits(self, values: Sequence[int]) -> int:
        """Rule segments, given the value of each dimension: as `MarketTable.bits`."""
        found = self.always
        for bit, first in self.rules:
            at = first
            while at >= 0:
                at = self.nodes[at].following[values[self.nodes[at].dimension]]
            found |= bit if at == HOLDS else 0
        return found


def dimensions(segments: SegmentTable, matrices: Iterable[Matrix]) -> tuple[Dimension, ...]:
    """What follows from orders alone: tier, R-F-M cell, class, stage, level, and number of each matrix's cell.

    The last is 0 for none, as records keep it.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> policy = default_policy()
    >>> found = dimensions(policy.segments, policy.matrices)
    >>> len(found), found[1][124]
    (9, {'segment': 'champions', 'r': 5, 'f': 5, 'm': 5})
    """
    cells = zip(CELLS, compile_segments(segments), strict=True)
    return (
        _of("tier", TIERS),
        tuple({"segment": segment, "r": r, "f": f, "m": m} for (r, f, m), segment in cells),
        _of("abc", CLASSES),
        _of("lifecycle", STAGES),
        _of("level", LEVELS),
        *(_of(matrix.name, (None, *(name for row in matrix.cells for name in row))) for matrix in matrices),
    )


def plain_segments(market: MarketTable, found: Sequence[Dimension]) -> PlainSegments:
    """Make diagrams of all rules.

    Parameters
    ----------
    market
        The rules.
    found
        Of the same policy, see `dimensions`.

    Examples
    --------
    >>> from stream.scoring.market_classes import compile_market_segments
    >>> from stream.scoring.policy import default_policy
    >>> policy = default_policy()
    >>> market = compile_market_segments(policy.market_segments, policy.segments, policy.matrices)
    >>> plain = plain_segments(market, dimensions(policy.segments, policy.matrices))
    >>> values = [TIERS.index("high"), 124, CLASSES.index("A"), 0, LEVELS.index("high"), 1, 1, 1, 1]
    >>> market.names(plain.bits(values)), len(plain.rules), len(plain.nodes)
    (('best_at_risk',), 1, 2)
    """
    always, rules, nodes = 0, list[tuple[int, int]](), list[Node]()
    of = {name: number for number, dimension in enumerate(found) for name in dimension[0]}
    for place, condition in enumerate(market.conditions):
        # By comparison: where it leads to, its own node or what is decided. Later ones lead to earlier ones.
        became: dict[int, int] = {HOLDS: HOLDS, FAILS: FAILS}
        kept = len(nodes)
        for number, comparison in enumerate(condition.comparisons):
            following = _following(comparison, found, of, became)
            if len(set(following)) == 1:
                became[number] = following[0]
            else:
                became[number] = len(nodes)
                nodes.append(Node(of[comparison.name], following))
        first = became[len(condition.comparisons) - 1]
        if first >= 0:
            rules.append((1 << place, first))
        else:
            del nodes[kept:]
            always |= (first == HOLDS) << place
    return PlainSegments(always, tuple(rules), tuple(nodes))


def _of(name: str, values: Iterable[str | None]) -> Dimension:
    return tuple({name: value} for value in values)


def _following(
    comparison: Comparison, found: Sequence[Dimension], of: dict[str, int], became: dict[int, int]
) -> tuple[int, ...]:
    """What follows by value of the comparison's dimension; once for what is unknown."""
    name = comparison.name
    values = [classes[name] for classes in found[of[name]]] if name in of else [_UNKNOWN[name]]
    held = {value: comparison.holds(value) for value in dict.fromkeys(values)}
    return tuple(became[comparison.then if held[value] else comparison.otherwise] for value in values)
