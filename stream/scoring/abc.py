"""A, B, C: the few customers who bring most of the revenue, the next ones, and all others.

Sorted by what they brought in the window, the customers who together bring the first 70 percent are A, those who bring
the next 20 are B, the rest C (the shares are the policy's). Sorting everybody at each order is out of the question, and
is not needed: the classes are the two revenues at which they begin. `fit_edges` takes these from the histogram of
revenue, weighing each bucket by the money in it; in between, a customer's class is two comparisons.

Customers who brought equally much are in one class: an edge is a revenue, and equals do not stand on two sides of it.

Who was said to be in a class stays in it until the revenue is a margin below its edge; higher is said at once. Classes
are handled by rank, their place in `CLASSES`.

References
----------
Juran (1951), "Quality Control Handbook": the vital few and the useful many, after Pareto. Dickie (1951), "ABC
inventory analysis shoots for dollars, not pennies", Factory Management and Maintenance 109(7).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Final, NamedTuple

import msgspec

from stream.scoring.quantiles import lowest, representative
from stream.scoring.table_reader import PolicyError, TableReader

CLASSES: Final = ("none", "C", "B", "A")
"""Classes from the lowest on. `none` is who has no order in the window."""

NONE, C, B, A = range(4)


@dataclass(frozen=True, slots=True)
class AbcPolicy:
    """Shares of the revenue that make the classes, and how long a class is kept."""

    a: float
    """Share of all revenue that the customers of class A bring."""
    b: float
    """Share that those of class B bring."""
    margin: float
    """How far below its edge, as a share of it, a class is kept."""

    def __post_init__(self) -> None:
        if not (self.a > 0 and self.b > 0 and exact(self.a) + exact(self.b) <= 1):
            raise PolicyError(f"policy: abc.a = {self.a:g}, abc.b = {self.b:g}: both above 0, together at most 1")
        if not 0 <= self.margin < 1:
            raise PolicyError(f"policy: abc.margin = {self.margin:g}: must be at least 0 and below 1")


class AbcEdges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Revenues in minor units from which a customer is in class A and in class B."""

    a_minor: int
    b_minor: int

    def __post_init__(self) -> None:
        if not self.a_minor >= self.b_minor > 0:
            raise ValueError(f"a_minor = {self.a_minor}, b_minor = {self.b_minor}: must be a >= b > 0")


class AbcCuts(NamedTuple):
    """Edges as the hot path compares them, minor units: where a class begins, and down to where it is kept."""

    b: int
    a: int
    b_kept: int
    a_kept: int


def compile_abc(edges: AbcEdges, margin: float) -> AbcCuts:
    """Join the learned edges with the decided margin, in whole minor units.

    Examples
    --------
    >>> compile_abc(AbcEdges(a_minor=1_000, b_minor=105), 0.1)
    AbcCuts(b=105, a=1000, b_kept=95, a_kept=900)
    """
    kept = 1 - exact(margin)
    return AbcCuts(edges.b_minor, edges.a_minor, ceil(edges.b_minor * kept), ceil(edges.a_minor * kept))


def rank(monetary_minor: int, said: int, cuts: AbcCuts) -> int:
    """Class of a customer with an order in the window; who has none is `NONE`.

    Parameters
    ----------
    monetary_minor
        Net revenue in the window, minor units.
    said
        Rank of the class said so far; only the margin depends on it.

    Examples
    --------
    With edges 1 000 and 105 and a margin of a tenth, 950 keeps a class A and does not give one:

    >>> cuts = compile_abc(AbcEdges(a_minor=1_000, b_minor=105), 0.1)
    >>> [CLASSES[rank(950, said, cuts)] for said in (NONE, C, B, A)]
    ['B', 'B', 'B', 'A']
    """
    if monetary_minor >= cuts.a or (said == A and monetary_minor >= cuts.a_kept):
        return A
    if monetary_minor >= cuts.b or (said >= B and monetary_minor >= cuts.b_kept):
        return B
    return C


def fit_edges(revenue: Mapping[int, int], policy: AbcPolicy) -> AbcEdges:
    """Edges of a population that is known by bucket of revenue.

    An edge is the lower end of a bucket, so those of a bucket are on one side of it. Where it is not the edge that all
    revenues one by one would give, it is off by a bucket, or by a few where hardly anybody is in them.

    Parameters
    ----------
    revenue
        Customers with an order in the window by `quantiles.bucket` of their revenue.

    Examples
    --------
    Ten customers with 100, ten with 20, ten with 10: the first bring 77 percent, the second 15:

    >>> fit_edges({100: 10, 20: 10, 10: 10}, AbcPolicy(0.7, 0.2, 0.1))
    AbcEdges(a_minor=100, b_minor=20)
    """
    # Twice the middle of a bucket is a whole number: the sums are exact, and the same in any order.
    weights = ((bucket, count * round(2 * representative(bucket))) for bucket, count in revenue.items())
    a, b = _edges(((lowest(bucket), weight) for bucket, weight in weights), policy)
    return AbcEdges(a_minor=a, b_minor=b)


def classes(revenues: Iterable[int], policy: AbcPolicy) -> list[int]:
    """Class of each of all customers with an order in the window, by sorting and adding up; without memory.

    What `rank` and `fit_edges` do for customers who come and go one by one, for those of a list.

    Parameters
    ----------
    revenues
        Minor units, one for each customer.

    Examples
    --------
    >>> [CLASSES[one] for one in classes([10, 200, 30, 700, 60], AbcPolicy(0.7, 0.2, 0.1))]
    ['C', 'B', 'C', 'A', 'C']
    """
    known = list(revenues)
    a, b = _edges(((one, one) for one in known), policy)
    return [A if one >= a else B if one >= b else C for one in known]


def read(reader: TableReader) -> AbcPolicy:
    """Read the section ``[abc]``."""
    policy = AbcPolicy(reader.number("a", above=0), reader.number("b", above=0), reader.number("margin", minimum=0))
    reader.done()
    return policy


def exact(number: float) -> Fraction:
    """The decimal that was written: 0.7 + 0.2 is 0.9 for whoever wrote the policy.

    Examples
    --------
    >>> exact(0.7) + exact(0.2) == exact(0.9)
    True
    """
    return Fraction(repr(number))


def _edges(weighted: Iterable[tuple[int, int]], policy: AbcPolicy) -> tuple[int, int]:
    """Largest revenues from which the customers bring at least the first share, and the first two."""
    falling = sorted(weighted, reverse=True)
    total = sum(weight for _, weight in falling)
    found: list[int] = []
    for share in (exact(policy.a), exact(policy.a) + exact(policy.b)):
        brought, edge = 0, 1
        for revenue, weight in falling:
            if brought >= share * total:
                break
            brought, edge = brought + weight, revenue
        # Where nobody brought anything, the class begins with the first cent.
        found.append(max(edge, 1))
    return found[0], found[1]
