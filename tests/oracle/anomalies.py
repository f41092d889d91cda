"""Figures that are unlike the customer, once more: a new order, a refund, the first visit of a period."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import exp, inf, log, sqrt
from typing import TYPE_CHECKING, NamedTuple

from tests.oracle.customer import PERIOD, PERIODS_KEPT, Customer
from tests.oracle.reading import DAY, Event

if TYPE_CHECKING:
    from stream.scoring.policy import Policy

DEVIATION = 1.4826
"""Standard deviations in one median absolute deviation."""
VISITS = {"page.viewed", "product.viewed", "search.performed", "login"}


class Figure(NamedTuple):
    """What is watched: the scale on which twice and half are as far, and the way back."""

    name: str
    least: float
    most: float
    scale: Callable[[float], float]
    back: Callable[[float], float]
    told_when_low: bool
    of_periods: bool
    unit: int


ORDER_VALUE = Figure("order_value", 1, inf, log, exp, told_when_low=False, of_periods=False, unit=100)
GAP = Figure("gap", DAY, inf, log, exp, told_when_low=False, of_periods=False, unit=DAY)
REFUND_SHARE = Figure("refund_share", 0, 1, float, float, told_when_low=True, of_periods=True, unit=1)
VISIT_RATE = Figure(
    "visit_rate", 0, inf, sqrt, lambda root: max(root, 0) ** 2, told_when_low=True, of_periods=True, unit=1
)


class Found(NamedTuple):
    """A figure that is unusual, as the decision tells it; `distance` in spreads from the usual."""

    distance: float
    told: dict[str, str | float]


class Anomalies:
    """The rows of the policy on what is unusual."""

    def __init__(self, policy: Policy) -> None:
        self.rows = policy.anomaly
        self.spread_min = dict(policy.anomaly.spread_min)

    def of(self, customer: Customer, event: Event) -> Found | None:
        """The most unusual of what an event that was new has brought."""
        match event.topic, event.type:
            case "orders", "order.completed":
                found = self._of_order(customer, event)
            case "orders", _:
                found = [self._of_refund(customer, event)]
            case "interactions", kind if kind in VISITS:
                found = [self._of_visit(customer, event)]
            case _:
                found = []
        # Of equals, max takes the first.
        return max(filter(None, found), key=lambda one: one.distance, default=None)

    def _of_order(self, customer: Customer, event: Event) -> list[Found | None]:
        if event.order not in customer.net_by_order:
            return []
        at, key, net = customer.entry(event.order)
        place = bisect_left(customer.in_order, (at, key, net))
        # Enough for all that is looked back at, and for as much of the one before.
        before = customer.in_order[max(0, place - self.rows.history_max - 2) : place]
        if not before:
            return []
        times = [time for time, _, _ in before]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        return [
            self._judge(ORDER_VALUE, [amount for _, _, amount in before], net),
            self._judge(GAP, gaps, at - times[-1]),
        ]

    def _of_refund(self, customer: Customer, event: Event) -> Found | None:
        """Of the period of the order that was returned, unless it was as unusual without this one."""
        if event.order not in customer.orders or customer.times_returned(event.order) > 1:
            return None
        this = customer.orders[event.order][0] // PERIOD
        placed: Counter[int] = Counter()
        returned: Counter[int] = Counter()
        for order, (at, _) in customer.orders.items():
            placed[at // PERIOD] += 1
            returned[at // PERIOD] += customer.times_returned(order) > 0
        if placed[this] < self.rows.refund_orders_min:
            return None
        earlier = [
            returned[period] / count
            for period, count in sorted(placed.items())
            if period < this and count >= self.rows.refund_orders_min
        ]
        if self._judge(REFUND_SHARE, earlier, (returned[this] - 1) / placed[this]) is not None:
            return None
        return self._judge(REFUND_SHARE, earlier, returned[this] / placed[this])

    def _of_visit(self, customer: Customer, event: Event) -> Found | None:
        """Of the period before that of the event, if this is the first visit of its period."""
        this = event.at // PERIOD
        newest = max(period for _, period in customer.by_period)
        visits: Counter[int] = Counter()
        for (kind, period), count in customer.by_period.items():
            if kind in VISITS and period > newest - PERIODS_KEPT:
                visits[period] += count
        if visits[this] != 1:
            return None
        *earlier, last = [visits[period] for period in range(min(visits), this)] or [None]
        return None if last is None else self._judge(VISIT_RATE, earlier, last)

    def _judge(self, figure: Figure, history: Sequence[float], value: float) -> Found | None:
        """Hold a value against those before it, the oldest first."""
        rows = self.rows
        latest = history[-rows.history_max :]
        if len(latest) < (rows.periods_min if figure.of_periods else rows.orders_min):
            return None
        is_high = value > max(latest)
        if not is_high and (not figure.told_when_low or value >= min(latest)):
            return None
        middle, spread = self._usual(figure, latest)
        distance = (_scaled(figure, value) - middle) / spread
        if abs(distance) <= rows.z:
            return None
        previous = history[-rows.history_max - 1 : -1]
        if len(previous) >= (rows.periods_min if figure.of_periods else rows.orders_min):
            usual, width = self._usual(figure, previous)
            before = (_scaled(figure, history[-1]) - usual) / width
            if abs(before) > rows.z and (before > 0) == (distance > 0):
                return None
        low = max(figure.back(middle - rows.z * spread), figure.least)
        high = min(figure.back(middle + rows.z * spread), figure.most)
        amounts = {"value": value, "usual_from": low, "usual_to": high}
        told = {name: round(amount / figure.unit, 6) for name, amount in amounts.items()}
        return Found(abs(distance), {"figure": figure.name, **told})

    def _usual(self, figure: Figure, history: Sequence[float]) -> tuple[float, float]:
        """Median and spread, on the figure's scale."""
        scaled = [_scaled(figure, value) for value in history]
        middle = _median(scaled)
        spread = DEVIATION * _median([abs(value - middle) for value in scaled])
        return middle, max(spread, self.spread_min[figure.name])


def _scaled(figure: Figure, value: float) -> float:
    return figure.scale(max(value, figure.least))


def _median(values: list[float]) -> float:
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2
