"""Milliseconds, and the whole seconds at which timers fire.

All times in the scorer are integer milliseconds since 1970-01-01 UTC. Timers fire at whole seconds, so every
moment that a timer waits for is rounded up: a timer may look a little late, never too early.
"""

from __future__ import annotations

from math import ceil
from typing import Final

SECOND: Final = 1_000
DAY: Final = 86_400_000
WEEK: Final = 7 * DAY

NEVER: Final = 253_402_300_800_000
"""The moment of what does not come: the year 10000, which RFC 3339 cannot write. Later than every other
moment, so that the earliest of several is their minimum."""


def ceil_to_second(moment: float) -> int:
    """First whole second at or after `moment`, both in milliseconds.

    Examples
    --------
    >>> ceil_to_second(1_000), ceil_to_second(1_001), ceil_to_second(1_000.25)
    (1000, 2000, 2000)
    """
    return ceil(moment / SECOND) * SECOND


def second_after(moment: int) -> int:
    """First whole second later than `moment`, both in milliseconds.

    Examples
    --------
    >>> second_after(999), second_after(1_000)
    (1000, 2000)
    """
    return (moment // SECOND + 1) * SECOND
