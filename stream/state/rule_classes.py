"""What the rule segments look at of a customer, and which segments followed from it so far.

Conditions name few of the classes, so most customers are alike to them. They are looked up by what is on the record;
only where that was not seen before are the classes put into words and the conditions asked.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Final

from stream.scoring.market_segments import MarketTable
from stream.state.customer import CELL_MASK, MATRIX_BITS, Customer

#: Classes that are fields of a record.
_FIELDS: Final = ("tier", "segment", "abc", "lifecycle", "level", "need", "conduct")
_RULES_KEPT: Final = 8

#: Values of the fields looked at; cells; kind, region, class of the registration's age; place in the R-F-M cube.
Looked = tuple[object, int, str, str, str | None, int]


class RuleClasses:
    """Of one table of rules, over the matrices of these names."""

    def __init__(self, market: MarketTable, matrices: tuple[str, ...]) -> None:
        uses = market.uses
        self._fields = attrgetter(*(name for name in _FIELDS if name in uses)) if set(_FIELDS) & set(uses) else None
        self._cells = sum(CELL_MASK << number * MATRIX_BITS for number, name in enumerate(matrices) if name in uses)
        self._region = "region" in uses
        self._scores = bool({"r", "f", "m"} & set(uses))
        #: Rule segments by what is looked at.
        self.known: dict[Looked, int] = {}

    def looked(self, c: Customer, age: str | None, cell: int) -> Looked:
        """What the rules look at; `age`, `cell`: class of the registration's age, place in the R-F-M cube."""
        kind, region = c.kind, c.region
        return (
            None if self._fields is None else self._fields(c),
            c.matrix & self._cells,
            "" if kind is None else kind[2],
            "" if region is None or not self._region else region[2],
            age,
            # Who has no order has no scores.
            cell + 1 if self._scores and c.n else 0,
        )


@lru_cache(_RULES_KEPT)
def rule_classes(market: MarketTable, matrices: tuple[str, ...]) -> RuleClasses:
    """The same object for the same rules."""
    return RuleClasses(market, matrices)
