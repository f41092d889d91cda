"""What is known of one customer: a plain store of events, and the questions that can be put to it."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter

import xxhash

from tests.oracle.reading import DAY, Details, Event
from tests.oracle.samples import Sample

Stamp = tuple[int, int]

PERIOD = 30 * DAY
PERIODS_KEPT = 13


@dataclass
class Customer:
    """All events of a customer, and what was said of it."""

    id: str
    dedupe_max: int

    # Orders: id -> (at, gross); id -> {event id: amount, None for all of it}; ids.
    orders: dict[str, tuple[int, int]] = field(default_factory=dict)
    refunds: dict[str, dict[str, int | None]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    # Of every version of an order that said more than its amount: (id, at, gross) -> the greatest details.
    details: dict[tuple[str, int, int], Details] = field(default_factory=dict)
    # Of every order that counts and was bought with a discount: id -> (at, discount).
    discounted: dict[str, tuple[int, int]] = field(default_factory=dict)
    # Of every order that counts: id -> (at, net), and the same in order of time.
    net_by_order: dict[str, tuple[int, int]] = field(default_factory=dict)
    counted: list[tuple[int, int]] = field(default_factory=list)
    # The same, of one moment by the id's hash: (at, hash, net).
    in_order: list[tuple[int, bytes, int]] = field(default_factory=list)
    # What the first so many of these sum up to.
    sums: list[int] = field(default_factory=lambda: [0])
    # Orders that said more than their amount; and of those that count, by id and in order of time, when and what.
    detailed: set[str] = field(default_factory=set)
    said_by_order: dict[str, tuple[int, Details]] = field(default_factory=dict)
    said_in_order: list[tuple[int, Details]] = field(default_factory=list)

    # Interactions.
    recent_ids: deque[str] = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    by_period: Counter[tuple[str, int]] = field(default_factory=Counter)
    last_of_type: dict[str, int] = field(default_factory=dict)
    opened: dict[str, int] = field(default_factory=dict)
    resolved: dict[str, int] = field(default_factory=dict)
    nps: tuple[int, int] | None = None

    # Profile.
    registered_at: int | None = None
    kind: tuple[Stamp, str] | None = None
    region: tuple[Stamp, str] | None = None

    # Said.
    as_of: int = 0
    tier: str = "none"
    tier_since: int = 0
    level: str = "none"
    segment: str | None = None
    abc: str = "none"
    lifecycle: str = "prospect"
    lifecycle_since: int = 0
    cells: dict[str, str | None] = field(default_factory=dict)
    need: str = "none"
    conduct: str = "none"
    market_segments: list[str] = field(default_factory=list)
    cart_said: int | None = None
    contacted_at: int = 0
    # The action whose outcome is waited for, and since when; the churn sample that is open.
    action: str | None = None
    action_at: int = 0
    sample: Sample | None = None
    versions: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.recent_ids = deque(maxlen=self.dedupe_max)

    # -- taking events in; False for a duplicate ---------------------------------------------------------------

    def take(self, event: Event) -> bool:
        """Remember the event; False if it was known."""
        match event.topic, event.type:
            case "orders", "order.completed":
                return self._take_order(event)
            case "orders", "order.refunded":
                return self._take_refund(event)
            case "orders", _:
                return self._take_cancellation(event)
            case "interactions", _:
                return self._take_interaction(event)
            case "profiles", _:
                return self._take_profile(event)
            case _:
                return self._first_time(event)  # privacy has no effect yet

    def _take_order(self, event: Event) -> bool:
        assert event.amount is not None
        entry = (event.at, event.amount)
        if event.details is not None:
            key = (event.order, *entry)
            self.details[key] = max(event.details, self.details.get(key, event.details))
        known = self.orders.get(event.order)
        is_news = known is None or entry < known
        if is_news:
            self.orders[event.order] = entry
        if is_news or event.details is not None:
            self._settle(event.order)
        return is_news

    def _take_refund(self, event: Event) -> bool:
        refunds = self.refunds.setdefault(event.order, {})
        if event.id in refunds:
            return False
        refunds[event.id] = event.amount
        self._settle(event.order)
        return True

    def _take_cancellation(self, event: Event) -> bool:
        if event.order in self.cancelled:
            return False
        self.cancelled.add(event.order)
        self._settle(event.order)
        return True

    def _take_interaction(self, event: Event) -> bool:
        if not self._first_time(event):
            return False
        self.counts[event.type] += 1
        self.by_period[event.type, event.at // PERIOD] += 1
        self.last_of_type[event.type] = max(event.at, self.last_of_type.get(event.type, event.at))
        if event.type == "complaint.opened":
            self.opened[event.ticket] = max(event.at, self.opened.get(event.ticket, event.at))
        elif event.type == "complaint.resolved":
            self.resolved[event.ticket] = max(event.at, self.resolved.get(event.ticket, event.at))
        elif event.type == "feedback.nps":
            self.nps = max(self.nps or (event.at, event.score), (event.at, event.score))
        return True

    def _first_time(self, event: Event) -> bool:
        if event.id in self.recent_ids:
            return False
        self.recent_ids.append(event.id)
        return True

    def _take_profile(self, event: Event) -> bool:
        if not self._first_time(event):
            return False
        if event.type == "customer.registered":
            self.registered_at = min(event.at, self.registered_at if self.registered_at is not None else event.at)
        stamp = (event.at, xxhash.xxh3_64_intdigest(event.id.encode()))
        if event.kind and (self.kind is None or stamp > self.kind[0]):
            self.kind = (stamp, event.kind)
        if event.region and (self.region is None or stamp > self.region[0]):
            self.region = (stamp, event.region)
        return True

    # -- orders -------------------------------------------------------------------------------------------------

    def net(self, order: str) -> int:
        """Net of an order that came; 0 for one that did not."""
        return self._net_and_counts(order)[0]

    def _net_and_counts(self, order: str) -> tuple[int, bool]:
        if order not in self.orders:
            return 0, False
        _, gross = self.orders[order]
        refunds = list(self.refunds.get(order, {}).values())
        whole = order in self.cancelled or None in refunds
        refunded = gross if whole else min(gross, sum(amount for amount in refunds if amount is not None))
        return gross - refunded, not (whole or (gross > 0 and refunded == gross))

    def _settle(self, order: str) -> None:
        """Work out anew what one order is worth, and list those that count in order of time."""
        if order in self.net_by_order:
            self.in_order.remove(self.entry(order))
        net, counts = self._net_and_counts(order)
        self.net_by_order.pop(order, None)
        self.discounted.pop(order, None)
        self.detailed.discard(order)
        if order in self.said_by_order:
            self.said_in_order.remove(self.said_by_order.pop(order))
        details = self.details.get((order, *self.orders[order])) if order in self.orders else None
        if details is not None:
            self.detailed.add(order)
        if counts:
            at = self.orders[order][0]
            self.net_by_order[order] = (at, net)
            insort(self.in_order, self.entry(order))
            if details is not None:
                self.said_by_order[order] = (at, details)
                insort(self.said_in_order, self.said_by_order[order])
                if details[0]:
                    self.discounted[order] = (at, details[0])
        self.counted = sorted(self.net_by_order.values())
        self.sums = [0, *accumulate(map(itemgetter(1), self.counted))]

    def entry(self, order: str) -> tuple[int, bytes, int]:
        """Moment, hash and net of an order that counts."""
        at, net = self.net_by_order[order]
        return at, xxhash.xxh3_64_intdigest(order.encode()).to_bytes(8, "little"), net

    def times_returned(self, order: str) -> int:
        """How many refunds and cancellations there were of it."""
        return len(self.refunds.get(order, ())) + (order in self.cancelled)

    @property
    def n(self) -> int:
        return len(self.counted)

    @property
    def first_at(self) -> int:
        return self.counted[0][0]

    @property
    def last_at(self) -> int:
        return self.counted[-1][0]

    def window(self, as_of: int, window_ms: int) -> list[tuple[int, int]]:
        """(at, net) of the orders that count at `as_of` and are younger than the window."""
        return self.counted[self._older(as_of - window_ms) :]

    def bought(self, as_of: int, window_ms: int) -> tuple[int, int]:
        """How many these are, and what they sum up to."""
        older = self._older(as_of - window_ms)
        return self.n - older, self.sums[-1] - self.sums[older]

    def _older(self, moment: int) -> int:
        return bisect_right(self.counted, moment, key=lambda order: order[0])

    # -- costs --------------------------------------------------------------------------------------------------

    def discounts(self, after: int) -> int:
        """What was taken off the orders that count and are later than a moment."""
        return sum(discount for at, discount in self.discounted.values() if at > after)

    def returns(self, after: int) -> int:
        """Orders later than a moment of which something was given back, or which were cancelled."""
        touched = self.cancelled | self.refunds.keys()
        return sum(order in self.orders and self.orders[order][0] > after for order in touched)

    def contacts(self, after: int) -> int:
        """Complaints and consultations opened in the periods that end after a moment, of the newest that are kept."""
        newest = max((period for _, period in self.by_period), default=0)
        return sum(
            count
            for (kind, period), count in self.by_period.items()
            if kind in ("complaint.opened", "consultation.opened")
            and period > newest - PERIODS_KEPT
            and (period + 1) * PERIOD > after
        )

    # -- evidence -----------------------------------------------------------------------------------------------

    @property
    def open_tickets(self) -> int:
        return sum(map(self.is_open, self.opened))

    def is_open(self, ticket: str) -> bool:
        """Whether a complaint was opened and not resolved since."""
        return ticket in self.opened and self.opened[ticket] > self.resolved.get(ticket, -1)
