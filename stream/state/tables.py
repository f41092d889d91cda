"""Rolling tables: counts and sums by hour and by day, in total, by channel and by tier.

A batch first sums up in memory and is then spelled out as cells: key suffix (the bucket) and field (the measure and
what it is counted by). Buckets older than what is kept are neither written nor left behind, so the tables too are a
function of the events alone.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from functools import lru_cache

from stream.state.customer import TIER_NAMES

#: (hour, channel, tier) -> [orders, revenue].
OrderCells = dict[tuple[int, str, str], list[int]]

HOUR = 3_600_000
DAY = 86_400_000

#: Field of each move between tiers.
_MOVES = {(was, became): f"tier_moves|{was}>{became}" for was in TIER_NAMES for became in TIER_NAMES}


def hour_key(hour: int) -> str:
    """Key suffix of an hour since the epoch.

    Examples
    --------
    >>> hour_key(412_020)
    'r:h:2017010112'
    """
    return f"r:h:{datetime.fromtimestamp(hour * 3600, UTC):%Y%m%d%H}"


def day_key(day: int) -> str:
    """Key suffix of a day since the epoch.

    Examples
    --------
    >>> day_key(17_167)
    'r:d:20170101'
    """
    return f"r:d:{datetime.fromtimestamp(day * 86_400, UTC):%Y%m%d}"


class TableDeltas:
    """What one batch adds to the rolling tables of a shard."""

    def __init__(self) -> None:
        #: One dictionary step an order.
        self.orders: OrderCells = {}
        #: (hour, field) -> count, for everything rarer.
        self.others: dict[tuple[int, str], int] = {}

    def add_order(self, at: int, amount: int, channel: str, tier: str) -> None:
        """A new order of `amount` minor units."""
        self.add_orders(at // HOUR, channel, tier, 1, amount)

    def add_orders(self, hour: int, channel: str, tier: str, count: int, revenue: int) -> None:
        """New orders of an hour since the epoch, that come to `revenue` minor units."""
        cell = self.orders.setdefault((hour, channel, tier), [0, 0])
        cell[0] += count
        cell[1] += revenue

    def add_refund(self, at: int, amount: int, channel: str, tier: str) -> None:
        """A refund or cancellation that took `amount` minor units off."""
        hour = at // HOUR
        for scope in _scopes(channel, tier):
            self._add(hour, f"refunds{scope}", 1)
            self._add(hour, f"refunded{scope}", amount)

    def add_complaint(self, at: int, tier: str) -> None:
        """A complaint opened."""
        hour = at // HOUR
        self._add(hour, "complaints", 1)
        self._add(hour, f"complaints|tier={tier}", 1)

    def add_move(self, at: int, was: str, became: str) -> None:
        """A customer moved from one tier to another."""
        self.add_moves(at // HOUR, was, became, 1)

    def add_moves(self, hour: int, was: str, became: str, count: int) -> None:
        """So many moves between two tiers in an hour since the epoch."""
        self._add(hour, _MOVES[was, became], count)

    def _add(self, hour: int, field: str, amount: int) -> None:
        key = (hour, field)
        self.others[key] = self.others.get(key, 0) + amount

    def cells(self, clock: int, hours_max: int, days_max: int) -> dict[str, dict[str, int]]:
        """Spell the sums out as increments, by key suffix and field, leaving out buckets no longer kept.

        Parameters
        ----------
        clock
            The shard's clock, ms; buckets are kept back from it.
        hours_max, days_max
            How many of each are kept.
        """
        hour_from, day_from = clock // HOUR - hours_max, clock // DAY - days_max
        hours: defaultdict[int, dict[str, int]] = defaultdict(dict)
        days: defaultdict[int, dict[str, int]] = defaultdict(dict)
        # A day's orders are added up before they are spelled out: a batch has many hours and few days.
        by_day: OrderCells = {}
        for (hour, channel, tier), (orders, revenue) in self.orders.items():
            if hour > hour_from:
                _spell(hours[hour], channel, tier, orders, revenue)
            if hour // 24 > day_from:
                sums = by_day.setdefault((hour // 24, channel, tier), [0, 0])
                sums[0] += orders
                sums[1] += revenue
        for (day, channel, tier), (orders, revenue) in by_day.items():
            _spell(days[day], channel, tier, orders, revenue)
        for (hour, field), amount in self.others.items():
            if amount and hour > hour_from:
                hours[hour][field] = hours[hour].get(field, 0) + amount
            if amount and hour // 24 > day_from:
                days[hour // 24][field] = days[hour // 24].get(field, 0) + amount
        cells = {hour_key(hour): fields for hour, fields in hours.items()}
        cells.update((day_key(day), fields) for day, fields in days.items())
        return cells


def _spell(fields: dict[str, int], channel: str, tier: str, orders: int, revenue: int) -> None:
    for orders_field, revenue_field in _order_fields(channel, tier):
        fields[orders_field] = fields.get(orders_field, 0) + orders
        fields[revenue_field] = fields.get(revenue_field, 0) + revenue


def _scopes(channel: str, tier: str) -> tuple[str, ...]:
    """What an order event is counted by: in total, by tier, and by channel if it names one."""
    return ("", f"|tier={tier}", f"|channel={channel}") if channel else ("", f"|tier={tier}")


@lru_cache(maxsize=1_024)
def _order_fields(channel: str, tier: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"orders{scope}", f"revenue{scope}") for scope in _scopes(channel, tier))


def outdated(before: int, now: int, hours_max: int, days_max: int) -> list[str]:
    """Key suffixes of the buckets that fell out while the clock went from `before` to `now` (ms).

    No bucket is newer than the clock was, so a leap of years lists no more than what was kept.

    Examples
    --------
    >>> outdated(0, 2 * HOUR, hours_max=24, days_max=30)
    ['r:h:1969123101', 'r:h:1969123102']
    """
    return [
        key(number)
        for key, width, kept in ((hour_key, HOUR, hours_max), (day_key, DAY, days_max))
        for number in range(before // width - kept + 1, min(before // width, now // width - kept) + 1)
    ]
