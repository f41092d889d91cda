"""Rolling tables: what happened by hour and by day."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from tests.oracle.customer import Customer
from tests.oracle.feedback import Feedback
from tests.oracle.reading import DAY, SECOND, Event
from tests.oracle.samples import Sample, outcome

HOUR = 3_600 * SECOND

Cell = tuple[str, str, str]
"""(measure, dimension, value), as in (orders, total, ""), (revenue, channel, web), (tier_moves, move, low>mid)."""

Period = tuple[str, int]
"""("hour" or "day", its start in ms)."""


STEPS = {"product.viewed": "viewed", "cart.updated": "carts", "checkout.started": "checkouts"}
"""Interactions that are steps of the funnel."""


LOST_AND_WON = {"churned": "customers_lost", "won_back": "customers_won_back"}


class Before(NamedTuple):
    """What is to be known of the customer before an event is taken in."""

    tier: str
    segment: str | None
    region: str | None
    orders: int
    knows_order: bool
    net: int
    is_open: bool
    opened_at: int


def before_event(customer: Customer, event: Event) -> Before:
    """The customer as it is, of the order and the ticket of this event."""
    return Before(
        customer.tier,
        customer.segment,
        customer.region[1] if customer.region else None,
        len(customer.orders),
        event.order in customer.orders,
        customer.net(event.order),
        customer.is_open(event.ticket),
        customer.opened.get(event.ticket, 0),
    )


class Tables:
    """The cells of one shard; `names_max`: names of a kind that it counts by."""

    def __init__(self, feedback: Feedback, names_max: int) -> None:
        self.feedback = feedback
        self.names_max = names_max
        self.samples: Counter[str] = Counter()
        self.names: dict[str, set[str]] = defaultdict(set)
        self.cells: dict[Period, dict[Cell, int]] = defaultdict(lambda: defaultdict(int))

    def hear(self, event: Event) -> None:
        """Get to know the names an event carries, whatever becomes of it."""
        if event.topic in {"orders", "interactions"} and event.channel:
            self._name("channel", event.channel)
        if event.topic == "profiles" and event.region:
            self._name("region", event.region)

    def count_event(self, event: Event, before: Before, customer: Customer) -> None:
        """Count an event that was applied: what was known before, silence included, and the customer with it."""
        split = [("total", ""), ("tier", before.tier)]
        if before.segment is not None:
            split.append(("segment", before.segment))
        named = (("channel", event.channel), ("region", before.region))
        split += [(kind, self._name(kind, name)) for kind, name in named if name]

        of_event = _of_order if event.topic == "orders" else _of_interaction
        amounts = of_event(event, before, customer)
        if event.type == "feedback.csi":
            for name, index in self.feedback.indices(event).items():
                amounts |= {f"{name}_answers": 1, f"{name}_sum": round(10 * index)}
        for measure, amount in amounts.items():
            for dimension, value in split:
                if measure != "customers_new" or dimension not in {"tier", "segment"}:
                    self._add(event.at, (measure, dimension, value), amount)

        if event.type == "order.completed" and not before.knows_order:
            self._count_categories(event)
        for theme in self.feedback.themes(event):
            pair = self._name("theme", f"{theme}\x1f{event.category}")
            self._add(event.at, ("mentions", "move", f"{before.tier}|{pair}"), 1)

    def _count_categories(self, event: Event) -> None:
        """Count an order in each category of its items, and what those cost."""
        spent: Counter[str] = Counter()
        for category, cost in event.spent.items():
            spent[self._name("category", category)] += cost
        for category, cost in spent.items():
            self._add(event.at, ("orders", "category", category), 1)
            self._add(event.at, ("revenue", "category", category), cost)

    def _name(self, kind: str, name: str) -> str:
        """What a name is counted as: the first so many are known, each later one is another."""
        known = self.names[kind]
        if len(known) < self.names_max:
            known.add(name)
        return name if name in known else "other"

    def count_move(self, at: int, old: str, new: str) -> None:
        """Count a change of the said tier."""
        self._add(at, ("tier_moves", "move", f"{old}>{new}"), 1)

    def count_cart(self, at: int, customer: Customer) -> None:
        """Count a cart left behind, by what is said of the customer."""
        for dimension, value in (("total", ""), ("tier", customer.tier), ("segment", customer.segment)):
            if value is not None:
                self._add(at, ("carts_abandoned", dimension, value), 1)

    def count_stage(self, at: int, old: str, new: str, tier: str, segment: str | None) -> None:
        """Count a change of the said stage; of who is lost or won back also by what was said before."""
        self._add(at, ("lifecycle_moves", "move", f"{old}>{new}"), 1)
        if new in LOST_AND_WON:
            split = [("total", ""), ("tier", tier)] + ([("segment", segment)] if segment is not None else [])
            for dimension, value in split:
                self._add(at, (LOST_AND_WON[new], dimension, value), 1)

    def count_reasons(self, at: int, kind: str, codes: list[str]) -> None:
        """Count why a customer was warned about, lost or won back."""
        for code in codes:
            self._add(at, ("reasons", "move", f"{kind}|{code}"), 1)

    def count_outcome(self, at: int, action: str, group: str, *, came_back: bool) -> None:
        """Count what came of an action."""
        self._add(at, ("came_back" if came_back else "stayed_away", "move", f"{group}|{action}"), 1)

    def count_sample(self, sample: Sample, last_at: int) -> None:
        """Count what came of a churn sample; of whom there is no order, the last is at 0."""
        self.samples.update(outcome(sample, last_at))

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


def _of_order(event: Event, before: Before, customer: Customer) -> dict[str, int]:
    if event.type != "order.completed":
        return {"refunds": 1, "refunded": before.net - customer.net(event.order)}
    if before.knows_order:
        return {}
    assert event.amount is not None
    new = {} if before.orders else {"customers_new": 1}
    return {"orders": 1, "revenue": event.amount, **new}


def _of_interaction(event: Event, before: Before, customer: Customer) -> dict[str, int]:
    match event.type:
        case "complaint.opened":
            return {"complaints": 1}
        case "complaint.resolved" if before.is_open and not customer.is_open(event.ticket):
            return {"resolved": 1, "resolve_seconds": (event.at - before.opened_at) // SECOND}
        case "feedback.nps":
            kind = "detractors" if event.score <= 6 else "passives" if event.score <= 8 else "promoters"
            return {f"nps_{kind}": 1}
        case "feedback.csat":
            return {"csat_answers": 1, "csat_satisfied": int(event.score >= 4), "csat_sum": event.score}
        case kind if kind in STEPS:
            return {STEPS[kind]: 1}
        case _:
            return {}
