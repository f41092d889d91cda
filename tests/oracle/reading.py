"""Canonical events as the oracle understands them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from typing import Any

SECOND = 1_000
DAY = 86_400 * SECOND
WEEK = 7 * DAY

RANK = {"profiles": 0, "orders": 1, "interactions": 2, "privacy": 3}
"""Topics, in the order in which they go at the same moment."""

TYPES = {
    "orders": {"order.completed", "order.refunded", "order.cancelled"},
    "profiles": {"customer.registered", "customer.updated"},
    "privacy": {"customer.erase", "customer.export", "customer.restrict", "customer.unrestrict"},
    "interactions": {
        "page.viewed", "product.viewed", "cart.updated", "checkout.started", "search.performed",
        "consultation.opened", "complaint.opened", "complaint.resolved", "feedback.nps", "feedback.csat",
        "feedback.csi", "review.posted", "campaign.sent", "campaign.opened", "coupon.redeemed", "login",
    },
}  # fmt: skip


class Unreadable(ValueError):
    """The record is no canonical event: a dead letter."""


Details = tuple[int, bool, tuple[str, ...]]
"""What an order says beyond its amount: discount in minor units, whether there was a coupon, categories."""


@dataclass(slots=True)
class Event:
    """One event, times in milliseconds and amounts in minor units."""

    topic: str
    type: str
    at: int
    customer: str
    id: str
    order: str = ""
    amount: int | None = None
    channel: str = ""
    ticket: str = ""
    score: int = -1
    kind: str = ""
    region: str = ""
    details: Details | None = None
    # What the items of an order cost by category, in their order.
    spent: dict[str, int] = field(default_factory=dict)
    category: str = ""
    tags: tuple[str, ...] = ()
    text: str = ""
    dimensions: dict[str, float] = field(default_factory=dict)


def read(topic: str, raw: dict[str, Any], currency: str | None = None) -> Event:
    """Read one canonical event of that topic; `currency`: the only one accepted, any when None."""
    if raw.get("type") not in TYPES[topic]:
        raise Unreadable("type")
    event = Event(
        topic=topic,
        type=raw["type"],
        at=_time(raw.get("occurred_at")),
        customer=_text(raw, "customer_id"),
        id=_text(raw, "event_id"),
        channel=raw.get("channel") or "",
        kind=raw.get("kind") or "",
        region=raw.get("region") or "",
    )
    if topic == "orders":
        event.order = _text(raw, "order_id")
        if raw["type"] == "order.completed" or (raw["type"] == "order.refunded" and raw.get("amount") is not None):
            event.amount = _minor(raw.get("amount"))
            if currency is not None and raw.get("currency") != currency:
                raise Unreadable("currency")
            if raw["type"] == "order.completed":
                event.details = _details(raw)
                event.spent = _spent(raw.get("items") or ())
    elif topic == "interactions":
        _read_interaction(event, raw)
    return event


def _read_interaction(event: Event, raw: dict[str, Any]) -> None:
    if event.type.startswith("complaint."):
        event.ticket = _text(raw, "ticket_id")
    elif event.type == "feedback.nps":
        event.score = _score(raw, 0, 10)
    elif event.type == "feedback.csat":
        event.score = _score(raw, 1, 5)
    elif event.type == "feedback.csi":
        event.dimensions = {name: float(score) for name, score in (raw.get("dimensions") or {}).items()}
        if not event.dimensions:
            event.score = round(raw["score"])
    event.category = raw.get("category") or ""
    event.tags = tuple(dict.fromkeys(tag for tag in raw.get("tags") or () if tag))[:16]
    event.text = (raw.get("text") or "")[:2_000]


def _score(raw: dict[str, Any], least: int, most: int) -> int:
    score = raw.get("score")
    if type(score) is not int or not least <= score <= most:
        raise Unreadable("score")
    return score


def _details(raw: dict[str, Any]) -> Details | None:
    discount, coupon, items = raw.get("discount"), raw.get("coupon"), raw.get("items")
    if discount is None and not coupon and not items:
        return None
    categories = {item["category"]: None for item in items or () if item.get("category")}
    return 0 if discount is None else _minor(discount), bool(coupon), tuple(sorted(list(categories)[:16]))


def _spent(items: Iterable[dict[str, Any]]) -> dict[str, int]:
    spent: dict[str, int] = {}
    for item in items:
        name = item.get("category")
        if name and (name in spent or len(spent) < 16):
            spent[name] = spent.get(name, 0) + _cost(item.get("price"), item.get("quantity"))
    return spent


@lru_cache(maxsize=None, typed=True)
def _cost(price: Any, quantity: Any) -> int:
    pieces = Fraction(1 if quantity is None else str(quantity))
    return 0 if price is None else round(_minor(price) * pieces)


def rfc3339(at: int) -> str:
    """A moment of a whole second as text."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(raw: dict[str, Any], field: str) -> str:
    value = raw.get(field)
    if not isinstance(value, str) or not value:
        raise Unreadable(field)
    return value


def _time(value: Any) -> int:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise Unreadable("occurred_at") from error
        if moment.tzinfo is None:
            raise Unreadable("occurred_at")
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds // 1_000
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return round(Decimal(str(value)) * SECOND)
    raise Unreadable("occurred_at")


def _minor(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Unreadable("amount")
    try:
        amount = Decimal(str(value))
        minor = int((amount * 100).quantize(Decimal(1), ROUND_HALF_EVEN))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise Unreadable("amount") from error
    if minor < 0 or amount < 0:
        raise Unreadable("amount")
    return minor
