"""What a customer did besides ordering: counts by period and kind, the last steps, the channels used.

Each is a pure function of the set of the customer's interactions, whatever their order: of periods the newest are
kept, of steps the latest, of channels those whose names are first by the alphabet. What was dropped could never have
come back, so it does not matter when it was.
"""

from __future__ import annotations

from bisect import insort
from typing import Final

from msgspec import Struct

from stream.scoring.behaviour import PATH_MAX
from stream.scoring.periods import CODE_BITS, key_of, period_of

#: Periods that are kept, the newest; a year and the running one.
PERIODS_MAX: Final = 13

#: Channels that are counted by name. Those beyond are counted in total only, see `Activity.others`.
CHANNELS_MAX: Final = 8


class Activity(Struct, array_like=True):
    """What is kept of interactions.

    Attributes
    ----------
    periods
        Counts by 30-day period and number of the type, see `stream.scoring.periods`.
    path
        The latest steps, sorted: when (ms), hash of the event, number of the type.
    channels
        Counts by channel.
    others
        Count of the channels left out.
    """

    periods: dict[int, int]
    path: list[tuple[int, int, int]]
    channels: dict[str, int]
    others: int = 0

    def note(self, code: int, at: int, event: int, channel: str) -> bool:
        """Count one interaction that was not seen before.

        Parameters
        ----------
        code
            Number of its type.
        at
            When it was, ms.
        event
            Hash of its id.

        Returns
        -------
        Whether all of it was taken in: it is not older than the periods kept, and its channel is counted by name.

        Examples
        --------
        >>> activity = Activity({}, [], {})
        >>> activity.note(3, 0, 7, "web"), activity.note(3, 0, 8, "")
        (True, True)
        >>> activity
        Activity(periods={3: 2}, path=[(0, 7, 3), (0, 8, 3)], channels={'web': 1}, others=0)
        """
        insort(self.path, (at, event, code))
        del self.path[:-PATH_MAX]
        counted = self._count_channel(channel) if channel else True
        return self._count_period(period_of(at), code) and counted

    def _count_period(self, period: int, code: int) -> bool:
        periods, key = self.periods, key_of(period, code)
        known = periods.get(key)
        if known is not None:
            periods[key] = known + 1
            return True
        oldest = (max(periods, default=key) >> CODE_BITS) - PERIODS_MAX + 1
        if period < oldest:
            return False
        periods[key] = 1
        first = key_of(max(oldest, period - PERIODS_MAX + 1), 0)
        for old in [old for old in periods if old < first]:
            del periods[old]
        return True

    def _count_channel(self, channel: str) -> bool:
        channels = self.channels
        channels[channel] = channels.get(channel, 0) + 1
        if len(channels) <= CHANNELS_MAX:
            return True
        last = max(channels)
        self.others += channels.pop(last)
        return last != channel
