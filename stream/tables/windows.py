"""Windows: which hours or days a stretch of time is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stream.state.tables import DAY, HOUR, day_key, hour_key


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time up to a moment.

    It is made of the bucket that the moment is in, which is filled as far as the moment, and `count` whole ones before
    it. So it covers what its name says, and up to one bucket more; `start` says where it begins.

    Attributes
    ----------
    name
        What it is asked by.
    width
        Of a bucket, ms: an hour or a day (UTC).
    count
        Whole buckets.
    past
        Stretches of as many whole buckets before it that it is compared with, where something is asked to rise.
    """

    name: str
    width: int
    count: int
    past: int = 4

    def start(self, moment: int) -> int:
        """First moment it covers, ms.

        Examples
        --------
        >>> WINDOWS["24h"].start(30 * HOUR + 5) == 6 * HOUR
        True
        """
        return (moment // self.width - self.count) * self.width

    def keys(self, moment: int) -> list[str]:
        """Key suffixes of its buckets, the newest first."""
        newest = moment // self.width
        return self._keys(newest, newest - self.count)

    def stretches(self, moment: int) -> list[list[str]]:
        """The same of its whole buckets alone, and of each of the `past` stretches of as many before them."""
        newest = moment // self.width
        firsts = [newest - 1 - place * self.count for place in range(self.past + 1)]
        return [self._keys(first, first - self.count + 1) for first in firsts]

    def _keys(self, newest: int, oldest: int) -> list[str]:
        key = hour_key if self.width == HOUR else day_key
        return [key(number) for number in range(newest, oldest - 1, -1)]


WINDOWS: Final = {
    window.name: window
    for window in (
        Window("1h", HOUR, 1),
        Window("24h", HOUR, 24),
        Window("7d", DAY, 7),
        Window("30d", DAY, 30),
        # Tables are not kept for five years.
        Window("365d", DAY, 365, past=0),
    )
}
DEFAULT_WINDOW: Final = "24h"
