"""A backlog that ends now, read by the wall clock: is anybody warned whom an order further on would have cleared?"""

from __future__ import annotations

import random
import time
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from stream.contracts.decisions import CHURN_WARNING, Message
from stream.scoring.units import DAY
from tests.kit.live import Look, sent
from tests.kit.memory import sharded
from tests.kit.place import PARTITIONS, Place, batches_of, fill, topics_of
from tests.kit.workers import workers

#: Of a customer's time between two orders.
PACES = (2, 9, 30)
#: Now and then a customer pauses for so many times as long, is warned, and comes back.
PAUSES = (1, 1, 1, 1, 1, 8)
DAYS = 200
#: What a worker has read when it breaks down, as a share of the log.
BREAK = 0.4
#: Days in a warning are rounded; an order this much later than the one it speaks of is another.
ROUNDING_MS = 60_000

Event = dict[str, Any]


def orders_until(now: int, customers: int, seed: int = 1) -> list[Event]:
    """Orders of half a year in order of time, the last of them just now. Times in ms."""
    rng = random.Random(f"backlog {seed}")
    timed = []
    for k in range(customers):
        pace = rng.choice(PACES) * DAY
        at = now - DAYS * DAY + rng.randrange(pace)
        while at < now:
            timed.append((at, f"c-{k}"))
            at += rng.randrange(1, 2 * pace) * rng.choice(PAUSES)
    return [
        {
            "event_id": f"e-{number}",
            "type": "order.completed",
            "customer_id": customer,
            "order_id": f"o-{number}",
            "occurred_at": at / 1000,
            "amount": "20.00",
            "currency": "EUR",
        }
        for number, (at, customer) in enumerate(sorted(timed))
    ]


def refuted(messages: Iterable[Message], orders: Iterable[Event]) -> tuple[int, list[str]]:
    """How many warnings there are, and those that the log speaks against.

    A warning says when it became true and how long the last order was ago then. The log speaks against it if it
    holds an order of that customer between the two.
    """
    times: dict[str, list[float]] = {}
    for order in orders:
        times.setdefault(order["customer_id"], []).append(order["occurred_at"] * 1000)
    for of_customer in times.values():
        of_customer.sort()
    warnings, wrong = 0, []
    for message in messages:
        if message.type != CHURN_WARNING:
            continue
        warnings += 1
        of_customer = times[message.key]
        last = of_customer[bisect_right(of_customer, message.time) - 1]
        said = message.time - msgspec.json.decode(message.value)["days_since_last_order"] * DAY
        if last > said + ROUNDING_MS:
            wrong.append(f"{message.key} at {message.time}: said to have ordered last at {said:.0f}, did at {last:.0f}")
    return warnings, wrong


async def backlog(kafka: str, redis: str, directory: Path, customers: int) -> dict[str, Any]:
    """Read half a year that ends now in small batches, with a break-down on the way, by the wall clock.

    Returns
    -------
    How many warnings were said, how many of them an order that was read later speaks against, and which.
    """
    orders = orders_until(int(time.time() * 1000), customers)
    logs = sharded({"orders": orders}, PARTITIONS)
    # Timers are looked at all the time, and between small batches.
    settings = {"clock": "wall", "sweep_seconds": 0.02, **batches_of(50)}
    place = Place(kafka, redis, settings=settings)
    look = Look(place, logs)
    try:
        async with topics_of(place):
            await fill(place, logs)
            with workers(place, directory) as crew:
                await look.progress(BREAK, crew)
                crew[0].kill()
            with workers(place, directory) as crew:
                await look.settle(crew)
                assert crew[0].stop() == 0
            warnings, wrong = refuted(await sent(place, "churn-warnings"), orders)
    finally:
        await look.close()
    return {
        "customers": customers,
        "events": len(orders),
        "warnings": warnings,
        "refuted_by_a_later_order": len(wrong),
        "wrong": {"refuted": wrong[:5]} if wrong else {},
    }
