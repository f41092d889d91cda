"""Small histories of few customers at awkward moments, for laws."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from stream.contracts.times import format_time, parse_time
from stream.scoring.units import DAY, SECOND

BEGINNING = parse_time("2023-01-01T00:00:00Z")
CUSTOMERS = ("a", "b", "c")

#: Steps in time that meet edges: none at all, around seconds, hours and days, the recency edges, the window.
STEPS = (
    *(0, 0, 0, 1, 999, SECOND, 1_001),
    *(
        3_600_000,
        DAY // 4 + 7,
        DAY - 1,
        DAY,
        DAY + 1,
        2 * DAY,
        3 * DAY + 500,
        7 * DAY,
        14 * DAY - 1,
        14 * DAY,
        30 * DAY,
    ),
    *(60 * DAY, 90 * DAY, 120 * DAY + 1, 365 * DAY - 1, 365 * DAY, 366 * DAY),
)
AMOUNTS = ("0.00", "0.01", "12.34", "49.99", "50.00", "150.00", "399.995", "1000.00")
CHANNELS = (None, "web", "store")

Event = dict[str, Any]
History = list[tuple[str, Event]]
"""(plain topic name, canonical event), in the order in which they are written."""


@st.composite
def events(draw: st.DrawFn, number: int, at: int) -> tuple[str, Event]:  # noqa: PLR0911 - one a kind of event
    """One event. Orders and tickets are few, so that events meet; ids of events are their numbers."""
    customer = draw(st.sampled_from(CUSTOMERS))
    event: Event = {
        "event_id": f"e-{number}",
        "customer_id": customer,
        "occurred_at": format_time(at) if draw(st.booleans()) else at / 1000,
    }
    # Refunds and cancellations are of orders 0 to 5; most orders are of one event only.
    order = draw(st.integers(0, 5))
    match draw(st.integers(0, 11)):
        case 0 | 1 | 2 | 3:
            order = number if draw(st.booleans()) else order
            return "orders", _order(draw, event, "order.completed", order, draw(st.sampled_from(AMOUNTS)))
        case 4 | 5:
            return "orders", _order(draw, event, "order.refunded", order, draw(st.sampled_from((None, *AMOUNTS))))
        case 6:
            return "orders", _order(draw, event, "order.cancelled", order, None)
        case 7:
            kind = draw(st.sampled_from(("complaint.opened", "complaint.opened", "complaint.resolved")))
            return "interactions", event | {"type": kind, "ticket_id": f"t-{draw(st.integers(0, 2))}"}
        case 8:
            channel = draw(st.sampled_from(({}, {"channel": "phone"})))
            return "interactions", event | {"type": "feedback.nps", "score": draw(st.integers(0, 10))} | channel
        case 9:
            kinds = ("product.viewed", "cart.updated", "login", "campaign.sent", "campaign.opened")
            return "interactions", event | {"type": draw(st.sampled_from(kinds))}
        case 10:
            kind = draw(st.sampled_from(("customer.registered", "customer.updated")))
            extra = {
                "kind": draw(st.sampled_from((None, "individual", "enterprise"))),
                "region": draw(st.sampled_from((None, "n", "s"))),
            }
            return "profiles", event | {"type": kind} | {name: value for name, value in extra.items() if value}
        case _:
            return "privacy", event | {"type": "customer.export"}


def _order(draw: st.DrawFn, event: Event, kind: str, order: int, amount: str | None) -> Event:
    channel = draw(st.sampled_from(CHANNELS))
    return (
        event
        | {"type": kind, "order_id": f"o-{event['customer_id']}-{order}"}
        | ({"amount": amount, "currency": "EUR"} if amount is not None else {})
        | ({"channel": channel} if channel else {})
    )


@st.composite
def histories(draw: st.DrawFn, size_max: int = 16) -> History:
    """Events in order of time; moments may be equal."""
    at = BEGINNING
    history: History = []
    for number in range(draw(st.integers(1, size_max))):
        at += draw(st.sampled_from(STEPS))
        history.append(draw(events(number, at)))
    return history


@st.composite
def disorderly(draw: st.DrawFn, size_max: int = 16) -> History:
    """Events in any order, some of them written again later."""
    history = draw(histories(size_max))
    again = draw(st.lists(st.sampled_from(history), max_size=4))
    return draw(st.permutations(history + again))


def by_topic(history: History) -> dict[str, list[Event]]:
    """As the oracle and `memory.sharded` want it."""
    topics: dict[str, list[Event]] = {}
    for topic, event in history:
        topics.setdefault(topic, []).append(event)
    return topics
