"""Periods of 30 days: the grain in which what customers do is counted.

A count by period and kind of event is small, does not care in which order or how late events came, and still
says what is recent: whoever reads it weighs the periods. Periods are numbered from 1970 on, so that two
customers' periods are the same days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from stream.scoring.units import DAY

PERIOD_DAYS: Final = 30
PERIOD: Final = PERIOD_DAYS * DAY

CODE_BITS: Final = 8
"""Bits of a kind's number in a key of the counts."""


def period_of(at: int) -> int:
    """Number of the period that holds a moment in milliseconds.

    Examples
    --------
    >>> period_of(0), period_of(PERIOD - 1), period_of(PERIOD)
    (0, 0, 1)
    """
    return at // PERIOD


def key_of(period: int, code: int) -> int:
    """Key of the counts: the period, and the number of the kind of event below it.

    Examples
    --------
    >>> key_of(period_of(PERIOD), 3) == 1 << 8 | 3
    True
    """
    return period << CODE_BITS | code


def counts_of(periods: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """Period, number of the kind and count of each key.

    Examples
    --------
    >>> list(counts_of({key_of(7, 3): 5}))
    [(7, 3, 5)]
    """
    for key, count in periods.items():
        yield key >> CODE_BITS, key & (1 << CODE_BITS) - 1, count
