"""How few customers bring how much of the revenue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

POINTS: Final = 200
"""Points of the curve that is drawn."""


class Pareto(NamedTuple):
    """The curve, and the points on it that are named.

    Attributes
    ----------
    customers, revenue
        Shares of customers, those with most revenue first, and of the revenue that they bring.
    marks
        Share of revenue to the least share of customers who bring it.
    """

    customers: tuple[float, ...]
    revenue: tuple[float, ...]
    marks: tuple[tuple[float, float], ...]


def pareto(revenues: Iterable[int], marks: tuple[float, ...]) -> Pareto | None:
    """The curve of customers with revenue, in minor units; None where nobody has any.

    Examples
    --------
    >>> pareto([700, 100, 100, 100], (0.7,))
    Pareto(customers=(0.0, 0.25, 0.5, 0.75, 1.0), revenue=(0.0, 0.7, 0.8, 0.9, 1.0), marks=((0.7, 0.25),))
    """
    falling = np.sort(np.fromiter(revenues, np.int64))[::-1]
    count, total = len(falling), int(falling.sum())
    if not total:
        return None
    brought = np.concatenate(([0], np.cumsum(falling)))
    # Half a cent below, because a share of a whole number of cents need not be one.
    places = [int(np.searchsorted(brought, mark * total - 0.5)) for mark in marks]
    shown = np.unique(np.linspace(0, count, POINTS + 1).round().astype(int))
    return Pareto(
        tuple((shown / count).tolist()),
        tuple((brought[shown] / total).tolist()),
        tuple((mark, place / count) for mark, place in zip(marks, places, strict=True)),
    )
