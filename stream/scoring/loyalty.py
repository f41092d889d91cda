"""How loyal: comes again, for long, at regular times, and in most months.

Four shares of one, each from the times of the orders alone:

* *repeat*: repeat orders among all, ``x / (x + 1)``: 0 of one order, a half of two, nearly 1 of many;
* *tenure*: the time from the first order to the last as a share of a year, at most 1;
* *regularity*: ``1 / (1 + cv)``, where cv is the standard deviation of the gaps between orders against their mean (the
  clumpiness that Zhang, Bradlow and Small found to matter beside recency and frequency); 0 with fewer than two gaps;
* *periods*: the share of the periods of 30 days since the first order in which there was one.

Loyalty is their weighted mean, from 0 to 100. Only sums, quotients and a square root, in a fixed order: native code
that does the same has the same bits.

Where the oldest orders are folded into sums, their times are no longer known one by one; regularity and periods then
speak of the time since the oldest order that is kept.

References
----------
Zhang, Bradlow, Small (2015), "Predicting customer value using clumpiness: from RFM to RFMC", Marketing Science 34(2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from operator import sub
from typing import Final, NamedTuple

from stream.scoring.table_reader import PolicyError, TableReader
from stream.scoring.units import DAY

YEAR_DAYS: Final = 365.0
PERIOD: Final = 30 * DAY

PARTS: Final = ("repeat", "tenure", "regularity", "periods")

# One gap has nothing to differ from.
GAPS_MIN: Final = 2


@dataclass(frozen=True, slots=True)
class LoyaltyPolicy:
    """Weights of `PARTS`; only their proportions matter."""

    weights: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        if not all(weight >= 0 for weight in self.weights) or not sum(self.weights) > 0:
            raise PolicyError(f"policy: loyalty.weights = {self.weights}: none below 0, and not all 0")


class LoyaltyParts(NamedTuple):
    """The four shares, each from 0 to 1."""

    repeat: float
    tenure: float
    regularity: float
    periods: float


def parts(times: Sequence[int], n: int, first_at: int, last_at: int, as_of: int) -> LoyaltyParts:
    """The four shares of a customer with at least one order that counts.

    Parameters
    ----------
    times
        Times of the orders that count and are kept one by one, rising; milliseconds.
    n
        Orders that count, all time; at least 1.
    first_at, last_at
        Times of the first and the last of them.
    as_of
        Now; not before `last_at`.

    Examples
    --------
    Four orders, every ten days; seen on day 60, in the third period:

    >>> times = [0, 10 * DAY, 20 * DAY, 30 * DAY]
    >>> parts(times, 4, 0, 30 * DAY, 60 * DAY)
    LoyaltyParts(repeat=0.75, tenure=0.0821917808219178, regularity=1.0, periods=0.6666666666666666)
    """
    start = times[0] if times else as_of
    with_order = len({(at - start) // PERIOD for at in times})
    tenure = (last_at - first_at) / DAY / YEAR_DAYS
    periods = with_order / ((as_of - start) // PERIOD + 1)
    return LoyaltyParts((n - 1) / n, min(1.0, tenure), regularity(times), periods)


def loyalty(found: LoyaltyParts, policy: LoyaltyPolicy) -> float:
    """Weighted mean of the four shares, 0 to 100.

    Examples
    --------
    >>> loyalty(LoyaltyParts(0.75, 0.25, 1.0, 0.5), LoyaltyPolicy((1, 1, 1, 1)))
    62.5
    """
    weighed = total = 0.0
    for part, weight in zip(found, policy.weights, strict=True):
        weighed += weight * part
        total += weight
    return 100 * weighed / total


def read(reader: TableReader) -> LoyaltyPolicy:
    """Read the section ``[loyalty]``."""
    weights = reader.table("weights")
    repeat, tenure, regularity, periods = (weights.number(name, minimum=0) for name in PARTS)
    weights.done()
    reader.done()
    return LoyaltyPolicy((repeat, tenure, regularity, periods))


def regularity(times: Sequence[int]) -> float:
    """How alike the gaps between orders are, from 0 to 1; 0 with fewer than two gaps.

    Examples
    --------
    >>> regularity([0, 10, 20]), regularity([0, 20])
    (1.0, 0.0)
    """
    gaps = len(times) - 1
    if gaps < GAPS_MIN or times[-1] == times[0]:
        return 0.0
    mean = (times[-1] - times[0]) / gaps
    squares = 0.0
    for gap in map(sub, times[1:], times):
        # In gaps of the usual length, so that the squares are small numbers.
        off = gap / mean - 1
        squares += off * off
    return 1 / (1 + sqrt(squares / gaps))
