"""A life told as canonical events, in order of time.

A story goes from order to order. What belongs to one interval (visits, answers about the last order, complaints, the
visit that ends in the next order) is drawn and sorted at once, so no more than an interval of a customer is in memory.
Who has left does nothing any more; the platform, which cannot know, goes on sending campaigns and closing complaints.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from random import Random
from typing import Any, Final, NamedTuple

from stream.contracts.money import exponent_of, from_minor
from stream.contracts.times import DAY, time_text
from stream.contracts.topics import Input
from stream.simulate.habits import CATEGORIES, CHANNELS, HABITS, SKUS_OF_CATEGORY, THEMES
from stream.simulate.life import CONTENT_AFTER_COMPLAINT, LAST_WORD, Life
from stream.simulate.spec import Spec

MINUTE: Final = 60_000
VISIT: Final = 30 * MINUTE
"""A visit takes at most so long, ms; before an order less where the order before it is nearer."""
ASKED_SHARE: Final = 0.15
"""Orders after which a customer answers how content they are."""
ANSWER_DAYS_MAX: Final = 3
REFUND_SHARE: Final = 0.04
CANCEL_SHARE: Final = 0.01
WHOLE_SHARE: Final = 0.4
"""Of the refunds, those of a whole order."""
REFUND_DAYS_MAX: Final = 14
OPENED_HOURS_MAX: Final = 24
VIEWS_SEARCHED: Final = 0.4
LEAST_MINOR: Final = 1


class Told(NamedTuple):
    """One event of the story: when it happened (ms), the plain name of its topic, and its JSON."""

    at: int
    topic: Input
    event: dict[str, Any]


def story(life: Life, spec: Spec, rng: Random) -> Iterator[Told]:
    """Everything that happens to one customer, in order of time; nothing at or after the end of the spec."""
    return _Story(life, spec, rng).told()


class _Story:
    def __init__(self, life: Life, spec: Spec, rng: Random) -> None:
        self._life, self._truth, self._spec, self._rng = life, life.truth, spec, rng
        self._habits = HABITS[life.truth.need]
        self._categories = rng.sample(CATEGORIES, self._habits.categories)
        self._channel = rng.choice(CHANNELS)
        self._content = life.truth.content
        self._exponent = exponent_of(spec.currency)
        self._coupon: str | None = None
        self._serial = 0
        self._campaign = 0
        self._now: list[Told] = []
        #: Answers to complaints that come in a later interval.
        self._later: list[Told] = []

    def told(self) -> Iterator[Told]:
        truth, end = self._truth, self._spec.end
        before = truth.joined_at
        self._campaign = -(-(before - self._spec.start) // (self._spec.campaign_days * DAY))
        self._add(
            before,
            "profiles",
            "customer.registered",
            kind=truth.kind,
            region=truth.region,
            attributes={"channel": self._channel},
        )
        for number, at in enumerate(self._life.orders):
            self._interval(number - 1, before, at)
            yield from self._sorted(at)
            before = at
        # After a silent leaver's last order nothing comes but what the platform does.
        gone_at = end if truth.dropout_at is None else truth.dropout_at
        if gone_at > before:
            self._interval(len(self._life.orders) - 1, before, gone_at, ordered=False)
        self._campaigns(max(before, gone_at), end, gone=True)
        yield from self._sorted(end)

    def _sorted(self, until: int) -> list[Told]:
        """What happened by `until`, in order of time; complaints that are open stay for later."""
        now = sorted(self._now + [told for told in self._later if told.at <= until], key=attrgetter("at"))
        self._later = [told for told in self._later if told.at > until]
        self._now = []
        return [told for told in now if told.at < self._spec.end]

    def _interval(self, number: int, before: int, until: int, *, ordered: bool = True) -> None:
        """What lies after order `number` (-1: none), at `before`, and not after `until`, when the next one comes."""
        self._campaigns(before, until, gone=False)
        if number >= 0:
            self._aftermath(number, before, until)
            self._browsing(before, until, ordered=ordered)
        if ordered:
            self._order(number + 1, before, until)

    def _campaigns(self, before: int, until: int, *, gone: bool) -> None:
        every = self._spec.campaign_days * DAY
        while (at := self._spec.start + self._campaign * every) <= until:
            campaign = f"campaign-{self._campaign}"
            self._campaign += 1
            if at <= before:
                continue
            self._interact(at, "campaign.sent", channel="mail", campaign_id=campaign)
            opened_at = at + MINUTE + int(self._rng.random() * OPENED_HOURS_MAX * 60 * MINUTE)
            if not gone and self._rng.random() < self._habits.opens and opened_at < until:
                self._interact(opened_at, "campaign.opened", channel="mail", campaign_id=campaign)
                if self._rng.random() < self._habits.redeems:
                    self._coupon = campaign

    def _browsing(self, before: int, until: int, *, ordered: bool) -> None:
        """Visits that end in no order."""
        rate, length = self._habits.browses, until - before
        if not ordered:
            # The interval was cut off: as many visits as in a whole one of the customer's own pace.
            rate = min(rate, rate * self._truth.rate_per_week * length / (7 * DAY))
        if length <= 2 * VISIT:
            return
        moment = self._rng.expovariate(rate) if rate else 1.0
        while moment < 1:
            at = before + int(moment * (length - 2 * VISIT))
            self._visit(at, VISIT, fills=self._rng.random() < self._habits.fills)
            moment += self._rng.expovariate(rate)

    def _visit(self, at: int, length: int, *, fills: bool, buys: bool = False) -> None:
        """Steps of a visit, from view to cart to checkout, within `length` ms."""
        rng, channel = self._rng, self._channel
        views = rng.randint(1, self._habits.views)
        steps = ["product.viewed"] * views
        if rng.random() < VIEWS_SEARCHED:
            steps.insert(0, "search.performed")
        if fills or buys:
            steps.append("cart.updated")
        if buys:
            steps.append("checkout.started")
        category = rng.choice(self._categories)
        for number, step in enumerate(steps):
            moment = at + length * number // len(steps)
            if step == "product.viewed":
                self._interact(moment, step, channel=channel, category=category, sku=self._sku(category))
            else:
                self._interact(moment, step, channel=channel)

    def _order(self, number: int, before: int, at: int) -> None:
        rng, habits, spec = self._rng, self._habits, self._spec
        length = min(VISIT, (at - before) // 2)
        self._visit(at - length, length, fills=True, buys=True)
        minor = max(LEAST_MINOR, round(rng.gammavariate(spec.spend.p, 1 / self._life.nu)))
        more: dict[str, Any] = {"channel": self._channel}
        if rng.random() < habits.discount:
            more["discount"] = self._money(round(minor * rng.uniform(0.05, 0.3)))
        if self._coupon is not None:
            more["coupon"] = self._coupon
            self._interact(at, "coupon.redeemed", channel=self._channel, campaign_id=self._coupon, coupon=self._coupon)
            self._coupon = None
        more["items"] = self._items(minor)
        self._add(
            at,
            "orders",
            "order.completed",
            order_id=self._order_id(number),
            amount=self._money(minor),
            currency=spec.currency,
            **more,
        )
        if rng.random() < REFUND_SHARE:
            self._refund(number, at, minor)

    def _refund(self, number: int, at: int, minor: int) -> None:
        """What goes back of an order, if the customer is still there and has not ordered again."""
        orders, gone_at = self._life.orders, self._truth.dropout_at or self._spec.end
        until = orders[number + 1] if number + 1 < len(orders) else gone_at
        refunded_at = at + 1 + int(self._rng.random() * REFUND_DAYS_MAX * DAY)
        if refunded_at >= until:
            return
        order, kind = self._order_id(number), self._rng.random()
        if kind < CANCEL_SHARE / REFUND_SHARE:
            self._later.append(self._told(refunded_at, "orders", "order.cancelled", order_id=order))
        elif kind < WHOLE_SHARE:
            self._later.append(self._told(refunded_at, "orders", "order.refunded", order_id=order))
        else:
            part = self._money(max(LEAST_MINOR, round(minor * self._rng.uniform(0.1, 0.6))))
            more = {"amount": part, "currency": self._spec.currency}
            self._later.append(self._told(refunded_at, "orders", "order.refunded", order_id=order, **more))

    def _items(self, minor: int) -> list[dict[str, Any]]:
        """Lines that come to the amount of the order."""
        count = self._rng.randint(1, self._habits.items)
        each, rest = divmod(minor, count)
        return [
            {
                "sku": self._sku(category),
                "category": category,
                "price": self._money(each + (number < rest)),
                "quantity": 1,
            }
            for number, category in enumerate(self._rng.choices(self._categories, k=count))
        ]

    def _aftermath(self, number: int, at: int, until: int) -> None:
        """Answers, reviews, consultations and the complaint about the last order."""
        rng, habits, order = self._rng, self._habits, self._order_id(number)
        room = min(until - at, ANSWER_DAYS_MAX * DAY)
        complaint = self._life.complaints.get(number)
        if complaint is not None:
            ticket, theme = f"t-{order}", rng.choice(THEMES)
            self._interact(
                complaint.opened_at, "complaint.opened", channel=self._channel, ticket_id=ticket, tags=[theme]
            )
            if complaint.resolved_at is not None:
                told = self._told(complaint.resolved_at, "interactions", "complaint.resolved", ticket_id=ticket)
                self._later.append(told)
            self._content *= CONTENT_AFTER_COMPLAINT
            asked_at = complaint.opened_at + 1 + int(rng.random() * (LAST_WORD - 1))
            if asked_at < until and rng.random() < 2 * ASKED_SHARE:
                self._answer(asked_at)
        elif rng.random() < ASKED_SHARE:
            self._answer(at + 1 + int(rng.random() * room))
        if rng.random() < habits.consults:
            moment = at + 1 + int(rng.random() * room)
            self._interact(moment, "consultation.opened", channel=self._channel, tags=[rng.choice(THEMES)])
        if rng.random() < habits.reviews:
            category = rng.choice(self._categories)
            moment = at + 1 + int(rng.random() * room)
            score = self._degree(1, 5)
            self._interact(moment, "review.posted", category=category, sku=self._sku(category), score=score)

    def _answer(self, at: int) -> None:
        """One of the three questions about how content a customer is."""
        question = self._rng.choice(("feedback.nps", "feedback.csat", "feedback.csi"))
        if question == "feedback.csi":
            items = {name: self._degree(1, 10) for name in ("overall", "expectations", "ideal")}
            self._interact(at, question, dimensions=items)
        else:
            self._interact(
                at, question, score=self._degree(0, 10) if question == "feedback.nps" else self._degree(1, 5)
            )

    def _degree(self, low: int, high: int) -> int:
        """How content the customer is now, on a scale, with what a day adds to it."""
        felt = min(1.0, max(0.0, self._content + self._rng.gauss(0, 0.1)))
        return low + round(felt * (high - low))

    def _money(self, minor: int) -> str:
        return from_minor(minor, self._exponent)

    def _sku(self, category: str) -> str:
        return f"{category}-{self._rng.randrange(SKUS_OF_CATEGORY)}"

    def _order_id(self, number: int) -> str:
        return f"{self._truth.customer_id}-o{number}"

    def _interact(self, at: int, kind: str, /, **more: Any) -> None:  # noqa: ANN401 - fields of JSON
        self._add(at, "interactions", kind, **more)

    def _add(self, at: int, topic: Input, kind: str, /, **more: Any) -> None:  # noqa: ANN401 - fields of JSON
        self._now.append(self._told(at, topic, kind, **more))

    def _told(self, at: int, topic: Input, kind: str, /, **more: Any) -> Told:  # noqa: ANN401 - fields of JSON
        self._serial += 1
        customer = self._truth.customer_id
        head = {
            "event_id": f"{customer}-{self._serial}",
            "type": kind,
            "customer_id": customer,
            "occurred_at": time_text(at),
        }
        return Told(at, topic, head | more)
