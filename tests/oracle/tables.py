"""Rolling tables: what happened by hour and by day."""

from __future__ import annotations

from collections import defaultdict

from tests.oracle.reading import DAY, SECOND, Event

HOUR = 3_600 * SECOND

Cell = tuple[str, str, str]
"""(measure, dimension, value), as in (orders, total, ""), (revenue, channel, web), (tier_moves, move, low>mid)."""

Period = tuple[str, int]
"""("hour" or "day", its start in ms)."""


class Tables:
    """The cells of one shard."""

    def __init__(self) -> None:
        self.cells: dict[Period, dict[Cell, int]] = defaultdict(lambda: defaultdict(int))

    def count_event(self, event: Event, tier: str, *, was_new: bool, fall: int) -> None:
        """Count an event that was applied, under the tier said before it."""
        split = [("total", ""), ("tier", tier)]
        if event.topic == "orders" and event.channel:
            split.append(("channel", event.channel))

        def add(measure: str, amount: int) -> None:
            for dimension, value in split:
                self._add(event.at, (measure, dimension, value), amount)

        if event.type == "order.completed":
            if was_new:
                assert event.amount is not None
                add("orders", 1)
                add("revenue", event.amount)
        elif event.topic == "orders":
            add("refunds", 1)
            add("refunded", fall)
        elif event.type == "complaint.opened":
            add("complaints", 1)

    def count_move(self, at: int, old: str, new: str) -> None:
        """Count a change of the said tier."""
        self._add(at, ("tier_moves", "move", f"{old}>{new}"), 1)

    def kept(self, clock: int, hours_max: int, days_max: int) -> dict[Period, dict[Cell, int]]:
        """Cells of the last hours and days, the one of the clock included."""
        oldest = {
            "hour": clock // HOUR * HOUR - (hours_max - 1) * HOUR,
            "day": clock // DAY * DAY - (days_max - 1) * DAY,
        }
        return {period: dict(cells) for period, cells in self.cells.items() if period[1] >= oldest[period[0]]}

    def _add(self, at: int, cell: Cell, amount: int) -> None:
        self.cells["hour", at // HOUR * HOUR][cell] += amount
        self.cells["day", at // DAY * DAY][cell] += amount
