"""Histories of few customers who say much: orders with items and discounts, refunds, visits, feedback; for laws."""

from __future__ import annotations

import random

from stream.scoring.units import DAY
from tests.kit.histories import BEGINNING, Event, History

STEPS = (0, 0, 1_000, DAY // 2, DAY, 3 * DAY, 3 * DAY, 3 * DAY, 4 * DAY, 7 * DAY, 25 * DAY)
AMOUNTS = (*("10.00", "11.00", "9.50", "10.40", "12.00") * 3, "0.00", "95.00", "700.00")
FEEDBACK = ("complaint.opened", "consultation.opened", "review.posted", "feedback.nps", "feedback.csat", "feedback.csi")


def talkative(rng: random.Random, size: int) -> History:
    """So many moments, in order of time; at some there are many visits."""
    at, orders, history = BEGINNING, ["o-0"], History()
    for number in range(size):
        at += rng.choice(STEPS)
        event: Event = {"event_id": f"e-{number}", "customer_id": rng.choice("aab"), "occurred_at": at / 1000}
        match rng.randrange(12):
            case 0 | 1 | 2 | 3 | 4 | 5:
                orders.append(f"o-{number}")
                event["order_id"] = orders[-1] if rng.random() < 0.9 else rng.choice(orders)
                history.append(("orders", event | _order(rng)))
            case 6 | 7:
                event |= {
                    "order_id": rng.choice(orders[-6:]),
                    "type": rng.choice(("order.refunded", "order.cancelled")),
                }
                history.append(("orders", event))
            case 8 | 9 | 10:
                history += [
                    (
                        "interactions",
                        event | {"event_id": f"e-{number}-{n}", "type": rng.choice(("page.viewed", "login"))},
                    )
                    for n in range(rng.choice((1, 1, 2, 3, 30)))
                ]
            case _:
                history.append(("interactions", event | _feedback(rng, f"t-{number}")))
    return history


def _order(rng: random.Random) -> Event:
    order: Event = {"type": "order.completed", "amount": rng.choice(AMOUNTS), "currency": "EUR"}
    if rng.random() < 0.8:
        order["discount"] = rng.choice(("0", "1.00"))
    if rng.random() < 0.5:
        order["items"] = [_item(rng) for _ in range(rng.randrange(4))]
    return order


def _item(rng: random.Random) -> Event:
    item = {
        "sku": "s",
        "category": rng.choice(("tea", "milk", "bread", None)),
        "price": rng.choice((None, "0.45", 2, "0.335")),
        "quantity": rng.choice((None, 1, 3, 0.7)),
    }
    return {name: value for name, value in item.items() if value is not None}


def _feedback(rng: random.Random, ticket: str) -> Event:
    said: Event = {
        "type": rng.choice(FEEDBACK),
        "ticket_id": ticket,
        "tags": rng.sample(("Late  Delivery", "late delivery", "price", "", "Quality "), rng.choice((0, 0, 1, 3))),
        "text": rng.choice(("The parcel came LATE and it was broken", "chocolate", "too expensive", "ok")),
    }
    match said["type"]:
        case "feedback.nps":
            said["score"] = rng.randrange(11)
        case "feedback.csat":
            said["score"] = rng.randrange(1, 6)
        case "feedback.csi" if rng.random() < 0.4:
            said["score"] = rng.randrange(101)
        case "feedback.csi":
            names = ("overall", "expectations", "ideal", "quality", "delivery")
            said["dimensions"] = {name: rng.randrange(1, 11) for name in rng.sample(names, rng.randrange(1, 6))}
    optional = {"category": rng.choice(("tea", "milk", "")), "channel": rng.choice(("web", "phone", ""))}
    return said | {name: value for name, value in optional.items() if value}
