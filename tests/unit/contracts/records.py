"""Records as a producer writes them, and the decoder that the tests hold them against."""

from __future__ import annotations

import json
from dataclasses import dataclass

from stream.contracts.decode import Decoder
from stream.contracts.times import parse_time
from stream.contracts.topics import Topics

NOW = parse_time("2017-06-01T00:00:00Z")
AT = "2017-01-01T11:53:26Z"
WRITTEN = parse_time(AT)

ORDER = {
    "event_id": "e-1",
    "type": "order.completed",
    "customer_id": "c-1",
    "order_id": "o-1",
    "occurred_at": AT,
    "amount": "12.34",
    "currency": "USD",
    "channel": "web",
}
REFUND = {**ORDER, "type": "order.refunded"}
CANCELLATION = {k: v for k, v in ORDER.items() if k not in {"amount", "currency"}} | {"type": "order.cancelled"}
COMPLAINT = {
    "event_id": "e-2",
    "type": "complaint.opened",
    "customer_id": "c-1",
    "occurred_at": AT,
    "ticket_id": "t-1",
}
NPS = {"event_id": "e-3", "type": "feedback.nps", "customer_id": "c-1", "occurred_at": AT, "score": 9}
PROFILE = {
    "event_id": "e-4",
    "type": "customer.registered",
    "customer_id": "c-1",
    "occurred_at": AT,
    "kind": "individual",
    "region": "north",
}
REQUEST = {"event_id": "e-5", "type": "customer.erase", "customer_id": "c-1", "occurred_at": AT}


@dataclass
class FakeRecord:
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int | None = WRITTEN


def record(value, offset=0, key=..., timestamp=WRITTEN):
    """A record of a dict (as JSON) or of bytes as they are; its key is the customer id unless one is given."""
    if key is ...:
        customer = value.get("customer_id") if isinstance(value, dict) else "c-1"
        key = customer.encode() if isinstance(customer, str) else b"c-1"
    data = json.dumps(value, ensure_ascii=False).encode() if isinstance(value, dict) else value
    return FakeRecord(offset, key, data, timestamp)


def decoder(**settings):
    return Decoder(Topics("shop."), "USD", **settings)


def decode(name, *records, now_ms=NOW, partition=3, **settings):
    return list(decoder(**settings).decode(name, partition, records, now_ms))


def decode_one(name, value, **settings):
    (outcome,) = decode(name, record(value), **settings)
    return outcome
