"""How lately, how often, how much: the three scores from 1 to 5.

Over a rolling window, recency is the time since the last order that counts, frequency the number of such
orders, monetary their net revenue. Four edges cut each into five scores; recency is reversed, so that 5 is
good in all three. The convention is that of the R package `rfm` 0.3: edges are type-7 quantiles at 20, 40, 60
and 80 percent plus 1, and score i holds the values from edge i-1 up to, not including, edge i.

Edges in days are turned into whole milliseconds once. The score and the timer that waits for its fall then
compare the same integers: with days as floating-point numbers a timer could fire a rounding error too early,
find nothing changed, and never be set again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise, product
from math import ceil, isfinite
from typing import Final, NamedTuple

import msgspec

from stream.scoring.units import DAY, NEVER, ceil_to_second

SCORES: Final = (1, 2, 3, 4, 5)

CELLS: Final = tuple(product(SCORES, SCORES, SCORES))
"""Every (r, f, m), each at the place `cell` gives it."""

# An edge of 297.4 days means 25 695 360 000 ms; its double times 86 400 000 may be off by a fraction of this.
EDGE_NOISE_MS: Final = 1e-3

Four = tuple[float, float, float, float]
Five = tuple[float, float, float, float, float]


class Edges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Four cut-points for each of the three figures, never falling.

    Equal neighbours are allowed: where a fifth of all customers have the same figure, a score between them
    stays empty, and the bin shares of the calibration say so.
    """

    recency_days: Four
    frequency: Four
    """Orders."""
    monetary_minor: Four
    """Minor units of the base currency."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            edges: Four = getattr(self, name)
            if not all(low <= high for low, high in pairwise(edges)) or not all(map(isfinite, edges)):
                raise ValueError(f"{name} = {edges}: must be four numbers that never fall")


class EdgeTable(NamedTuple):
    """Edges as the hot path compares them: ages in whole milliseconds."""

    age_ms: tuple[int, ...]
    frequency: tuple[float, ...]
    monetary_minor: tuple[float, ...]


def compile_edges(edges: Edges) -> EdgeTable:
    """Turn edges in days into whole milliseconds: the first millisecond at which the edge is reached.

    Examples
    --------
    >>> compile_edges(Edges((14, 30, 297.4, 482), (2, 4, 8, 16), (1, 2, 3, 4))).age_ms
    (1209600000, 2592000000, 25695360000, 41644800000)
    """
    return EdgeTable(
        age_ms=tuple(ceil(edge * DAY - EDGE_NOISE_MS) for edge in edges.recency_days),
        frequency=edges.frequency,
        monetary_minor=edges.monetary_minor,
    )


def score(value: float, edges: Sequence[float]) -> int:
    """Place of a figure among its edges, 1 to 5: the number of edges it has reached, plus 1.

    Examples
    --------
    >>> [score(value, (2, 4, 8, 16)) for value in (0, 1, 2, 3, 4, 15, 16)]
    [1, 1, 2, 2, 3, 4, 5]
    """
    return bisect_right(edges, value) + 1


def scores(age_ms: int, frequency: int, monetary_minor: int, table: EdgeTable) -> tuple[int, int, int]:
    """Recency, frequency and monetary score of a customer with at least one order that counts.

    Parameters
    ----------
    age_ms
        Milliseconds since the last order that counts, however long ago.
    frequency
        Orders in the window; 0 gives the lowest scores throughout.
    monetary_minor
        Their net revenue in minor units.

    Examples
    --------
    >>> table = compile_edges(Edges((14, 30, 60, 120), (2, 4, 8, 16), (5_000, 15_000, 40_000, 100_000)))
    >>> scores(13 * DAY, 5, 4_999, table), scores(400 * DAY, 0, 0, table)
    ((5, 3, 1), (1, 1, 1))
    """
    if frequency == 0:
        return (1, 1, 1)
    return (
        5 - bisect_right(table.age_ms, age_ms),
        bisect_right(table.frequency, frequency) + 1,
        bisect_right(table.monetary_minor, monetary_minor) + 1,
    )


def next_recency_fall(last_at: int, as_of: int, table: EdgeTable) -> int:
    """First whole second after `as_of` at which the recency score falls if no order comes.

    Parameters
    ----------
    last_at, as_of
        Time of the last order and of the question, milliseconds.

    Returns
    -------
    Milliseconds, or `NEVER` once the score is 1.

    Examples
    --------
    >>> table = compile_edges(Edges((14, 30, 60, 120), (2, 4, 8, 16), (1, 2, 3, 4)))
    >>> next_recency_fall(10 * DAY, 30 * DAY, table) == (10 + 30) * DAY
    True
    """
    reached = bisect_right(table.age_ms, as_of - last_at)
    return ceil_to_second(last_at + table.age_ms[reached]) if reached < len(table.age_ms) else NEVER


def cell(r: int, f: int, m: int) -> int:
    """Place of three scores in a table of 125.

    Examples
    --------
    >>> cell(1, 1, 1), cell(1, 1, 2), cell(5, 5, 5)
    (0, 1, 124)
    """
    return r * 25 + f * 5 + m - 31


def edges_from_quantiles(quantiles: Sequence[float]) -> Four:
    """Edges from the quantiles at 20, 40, 60 and 80 percent: each plus 1, in the unit of the figure.

    The 1 puts a figure that equals the quantile into the lower score, as R's `rfm` does for whole numbers.

    Examples
    --------
    >>> edges_from_quantiles((114.0, 180.0, 296.4, 481.0))
    (115.0, 181.0, 297.4, 482.0)
    """
    q20, q40, q60, q80 = quantiles
    return (q20 + 1, q40 + 1, q60 + 1, q80 + 1)


def bin_shares(values: Iterable[int]) -> Five:
    """Share of each score 1..5 among scores; all 0 where there are none.

    Examples
    --------
    >>> bin_shares([1, 1, 5, 3])
    (0.5, 0.0, 0.25, 0.0, 0.25)
    """
    counts = [0, 0, 0, 0, 0]
    for value in values:
        counts[value - 1] += 1
    total = sum(counts) or 1
    one, two, three, four, five = counts
    return (one / total, two / total, three / total, four / total, five / total)
