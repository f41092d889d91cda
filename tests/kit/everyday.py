"""A year of everything that can happen to the customers of a shop, in order of time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from stream.scoring.units import DAY
from tests.kit.histories import BEGINNING

Event = dict[str, Any]
Timed = tuple[int, str, Event]
"""Moment in ms, plain topic name, event without its id and moment."""


def everyday(customers: int, seed: int = 3) -> dict[str, list[Event]]:
    """Canonical events by plain topic name: orders, all that takes them back, complaints, answers, views."""
    rng = random.Random(seed)
    timed: list[Timed] = []
    for k in range(customers):
        timed += _life(rng, f"c-{k}")
    timed.sort(key=lambda one: one[0])
    events: dict[str, list[Event]] = {}
    for number, (at, topic, event) in enumerate(timed):
        events.setdefault(topic, []).append({"event_id": f"e-{number}", "occurred_at": at / 1000, **event})
    return events


def _life(rng: random.Random, customer: str) -> Iterator[Timed]:
    who = {"customer_id": customer}
    at = BEGINNING + rng.randrange(60 * DAY)
    yield at, "profiles", {"type": "customer.registered", **who, "region": rng.choice("nesw")}
    pace = rng.choice((2, 9, 30, 80)) * DAY
    while (at := at + rng.randrange(2 * pace)) < BEGINNING + 400 * DAY:
        order = {**who, "order_id": f"o-{customer}-{at}"}
        amount = f"{rng.randrange(20_000) / 100:.2f}"
        channel = rng.choice(("web", "store", "app"))
        yield (
            at,
            "orders",
            {"type": "order.completed", **order, "amount": amount, "currency": "EUR", "channel": channel},
        )
        later = at + rng.choice((-DAY, 0, 3 * DAY, 20 * DAY))
        match rng.randrange(12):
            case 0:
                yield later, "orders", {"type": "order.refunded", **order}
            case 1:
                yield later, "orders", {"type": "order.refunded", **order, "amount": 1, "currency": "EUR"}
            case 2:
                yield later, "orders", {"type": "order.cancelled", **order}
            case 3 | 4:
                ticket = {**who, "ticket_id": f"t-{at}"}
                yield at, "interactions", {"type": "complaint.opened", **ticket}
                yield at + rng.randrange(40 * DAY), "interactions", {"type": "complaint.resolved", **ticket}
            case 5:
                yield later, "interactions", {"type": "feedback.nps", **who, "score": rng.randrange(11)}
            case 6:
                yield later, "interactions", {"type": "product.viewed", **who, "channel": "web"}
