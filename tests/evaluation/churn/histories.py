"""What was known of each customer, and when: the facts at the moments of the grid and after each order."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from xxhash import xxh3_64_intdigest

from stream.contracts.times import parse_time
from stream.scoring.churn import NO_ANSWER
from stream.scoring.churn_samples import grid_offset, next_moment
from stream.scoring.churn_signs import CAMPAIGN_ANSWERS, CAMPAIGNS, COMPLAINTS, NO_ACTIVITY, Activity
from stream.scoring.periods import period_of
from stream.scoring.visits import VISITS
from stream.state import ledger
from stream.state.customer import Customer
from stream.state.interactions import note_answer, note_ticket, open_tickets

Event = Mapping[str, Any]

_NO_LIMIT = 2**31
_COUNTED = {
    **dict.fromkeys(VISITS, "visits"),
    **dict.fromkeys(CAMPAIGNS, "campaigns"),
    **dict.fromkeys(CAMPAIGN_ANSWERS, "answers"),
    **dict.fromkeys(COMPLAINTS, "complaints"),
}


class Facts(NamedTuple):
    """The arguments of the functions of `stream.scoring.churn`, at a moment."""

    at: int
    n: int
    first_at: int
    last_at: int
    tickets: int = 0
    nps_score: int = NO_ANSWER
    nps_at: int = 0
    activity: Activity = NO_ACTIVITY


class Moment(NamedTuple):
    """A customer at a moment of the grid, and whether they were gone at the next."""

    customer: int
    facts: Facts
    gone: bool


@dataclass
class Histories:
    """A data set. Times in ms.

    Attributes
    ----------
    moments
        By time.
    orders
        By customer, the facts after each order, by time.
    """

    name: str
    horizon: int
    start: int
    end: int
    moments: list[Moment]
    orders: list[list[Facts]]

    def known(self, at: int) -> list[Facts]:
        """The facts of each customer with an order by then."""
        found = []
        for facts in self.orders:
            count = bisect_right(facts, at, key=lambda one: one.at)
            if count:
                found.append(facts[count - 1])
        return found


def read(name: str, events: Mapping[str, Iterable[Event]], horizon: int, window: int) -> Histories:
    """Read a data set: orders and interactions, each in order of time."""
    of: dict[str, list[tuple[int, Event]]] = {}
    for topic in ("orders", "interactions"):
        for event in events.get(topic, ()):
            of.setdefault(event["customer_id"], []).append((parse_time(event["occurred_at"]), event))
    times = [at for happened in of.values() for at, event in happened if event["type"] == "order.completed"]
    start, end = min(times), max(at for happened in of.values() for at, _ in happened)
    moments: list[Moment] = []
    orders: list[list[Facts]] = []
    for number, (customer, happened) in enumerate(sorted(of.items())):
        happened.sort(key=lambda pair: pair[0])
        found = _Reader(customer, horizon, window, end).read(happened)
        orders.append(found.orders)
        moments += [Moment(number, facts, gone) for facts, gone in found.moments]
    moments.sort(key=lambda moment: (moment.facts.at, moment.customer))
    return Histories(name, horizon, start, end, moments, orders)


@dataclass
class _Reader:
    """Reads one customer, with the ledger and the rules of the product."""

    customer: str
    horizon: int
    window: int
    end: int
    orders: list[Facts] = field(default_factory=list)
    moments: list[tuple[Facts, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.record = Customer(self.customer)
        self.record.as_of = 0
        self.offset = grid_offset(xxh3_64_intdigest(self.customer.encode()), self.horizon)
        self.counts: dict[str, Counter[int]] = {}
        self.cart_at = -1
        self.open: Facts | None = None

    def read(self, happened: list[tuple[int, Event]]) -> _Reader:
        following = next_moment(self.offset, self.horizon, happened[0][0] - 1)
        for at, event in happened:
            while following < at:
                self._look(following)
                following += self.horizon
            self._apply(at, event)
        while following <= self.end:
            self._look(following)
            following += self.horizon
        return self

    def _apply(self, at: int, event: Event) -> None:
        record, kind = self.record, event["type"]
        record.as_of = max(record.as_of, at)
        if kind == "order.completed":
            order, amount = _hash(event["order_id"]), _minor(event["amount"])
            ledger.add_order(record, at, order, amount, self.window, _NO_LIMIT)
            self.orders.append(self._facts(at))
        elif kind in ("order.refunded", "order.cancelled"):
            order = _hash(event["order_id"])
            whole = ledger.CANCELLED if kind == "order.cancelled" else ledger.WHOLE
            amount = _minor(event["amount"]) if "amount" in event else whole
            ledger.add_refund(record, order, _hash(event["event_id"]), amount, self.window, _NO_LIMIT)
        else:
            self._note(at, kind, event)

    def _note(self, at: int, kind: str, event: Event) -> None:
        if kind in _COUNTED:
            self.counts.setdefault(_COUNTED[kind], Counter())[period_of(at)] += 1
        if kind in ("complaint.opened", "complaint.resolved"):
            note_ticket(self.record, _hash(event["ticket_id"]), kind, at)
        elif kind == "feedback.nps":
            note_answer(self.record, event["score"], at)
        elif kind in ("cart.updated", "checkout.started"):
            self.cart_at = at

    def _look(self, at: int) -> None:
        record = self.record
        if self.open is not None:
            self.moments.append((self.open, record.last_at <= self.open.at))
            self.open = None
        if record.n and record.last_at > at - self.window:
            self.open = self._facts(at)

    def _facts(self, at: int) -> Facts:
        record = self.record
        activity = NO_ACTIVITY
        if self.counts or self.cart_at >= 0:
            counts = {name: dict(of_kind) for name, of_kind in self.counts.items()}
            activity = Activity(**counts, cart_at=self.cart_at)
        nps_at = record.nps_at if record.nps_score >= 0 else 0
        tickets = open_tickets(record)
        return Facts(at, record.n, record.first_at, record.last_at, tickets, record.nps_score, nps_at, activity)


def _hash(text: str) -> int:
    return xxh3_64_intdigest(text.encode())


def _minor(amount: str) -> int:
    return round(float(amount) * 100)
