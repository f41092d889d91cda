"""Retention: of those whose first order was in a month, how many ordered again one, two, three months later."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from stream.report.seen import Bought
from stream.scoring.units import DAY

COHORTS_MAX = 18
"""Months that are shown, the newest."""


class Cohort(NamedTuple):
    """Customers whose first order was in one calendar month (UTC).

    Attributes
    ----------
    month
        Such as ``2025-03``.
    customers
        How many.
    kept
        Share of them who ordered in the following month, the one after, … as far as months are over.
    """

    month: str
    customers: int
    kept: tuple[float, ...]


class Retention:
    """Adds customers up by month of their first order, and months in which they ordered."""

    def __init__(self) -> None:
        self._sizes: defaultdict[int, int] = defaultdict(int)
        self._active: defaultdict[tuple[int, int], int] = defaultdict(int)

    def add(self, bought: Bought) -> None:
        """Count one customer. Of orders that are folded only the first and the last are known."""
        first = month_of(bought.first_at)
        self._sizes[first] += 1
        months = {month_of(at) for at in bought.times}
        if bought.folded:
            months.add(month_of(bought.folded_until))
        for month in months:
            self._active[first, month] += 1

    def cohorts(self, as_of: int) -> list[Cohort]:
        """Cohorts, the oldest first; months that are not over at `as_of` (ms) are left out."""
        over = month_of(as_of)
        firsts = [month for month in sorted(self._sizes) if month < over - 1][-COHORTS_MAX:]
        return [
            Cohort(
                f"{first // 12}-{first % 12 + 1:02d}",
                self._sizes[first],
                tuple(self._active[first, month] / self._sizes[first] for month in range(first + 1, over))[
                    :COHORTS_MAX
                ],
            )
            for first in firsts
        ]


def month_of(at: int) -> int:
    """Number of the calendar month of a moment in ms, UTC.

    >>> month_of(0) == 1970 * 12
    True
    """
    return _month_of_day(at // DAY)


@lru_cache(maxsize=8_192)
def _month_of_day(day: int) -> int:
    date = datetime.fromtimestamp(day * DAY / 1000, UTC)
    return date.year * 12 + date.month - 1
