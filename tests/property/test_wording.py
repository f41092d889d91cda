"""What is written as text equals the plain form, for every customer that real purchases and odd histories make."""

from __future__ import annotations

import msgspec
import pytest

from stream.contracts.decisions import PAYLOADS
from stream.state import ledger
from stream.state.codec import decode
from stream.state.evaluation import next_due
from stream.state.phrases import Phrases
from stream.state.view import describe, rfm
from stream.state.wording import scores_text
from tests.datasets import cdnow
from tests.kit.memory import MemoryShard, sharded

AWKWARD = [
    {"type": "customer.registered", "event_id": "p1", "kind": "enterprise", "region": 'No"rth'},
    {"type": "order.completed", "event_id": "e1", "order_id": "o1", "amount": "10.00"},
    {"type": "order.completed", "event_id": "e2", "order_id": "o2", "amount": "0.05"},
    {"type": "complaint.opened", "event_id": 'e"3"', "ticket_id": "t1"},
    {"type": "feedback.nps", "event_id": "e4", "score": 3},
    {"type": "order.refunded", "event_id": "e5", "order_id": "o1", "amount": "10.00"},
    {"type": "order.cancelled", "event_id": "e6", "order_id": "o2"},
]
TOPIC = {"customer": "profiles", "order": "orders", "complaint": "interactions", "feedback": "interactions"}


def _awkward() -> dict[str, list[dict[str, object]]]:
    events: dict[str, list[dict[str, object]]] = {}
    for number, event in enumerate(AWKWARD):
        topic = TOPIC[str(event["type"]).split(".", maxsplit=1)[0]]
        row = {"customer_id": 'c-"\\1é', "occurred_at": 1_500_000_000 + 40 * 86_400 * number, "currency": "USD"} | event
        events.setdefault(topic, []).append(row)
    return events


@pytest.mark.parametrize("source", ["real", "awkward"])
def test_text_and_plain_form_say_the_same(source: str) -> None:
    events = cdnow.load("sample").events if source == "real" else _awkward()
    seen = 0
    for logs in sharded(events, 2).values():
        shard = MemoryShard(currency="USD")
        shard.run(logs, batch=50, sweep_every=3)
        for customer, blob in shard.memory.records.items():
            c = decode(customer, blob)
            ledger.rebuild(c, shard.model.window)
            c.due, c.due_is_exact = next_due(c, shard.model), True
            plain = msgspec.json.decode(msgspec.json.encode(describe(c, shard.model)))
            assert msgspec.json.decode(scores_text(c, shard.model, 2)) == plain
            assert msgspec.json.decode(Phrases(shard.model, 2).scores(c)) == plain
            if c.n:
                assert msgspec.json.decode(Phrases(shard.model, 2).rfm(c)) == rfm(c, shard.model, 2)
            seen += 1
        for message in shard.memory.messages:
            # Strictly: the JSON holds all fields of its struct, in its order, and no others.
            payload = msgspec.json.decode(message.value, type=PAYLOADS[message.type])
            again = msgspec.json.decode(msgspec.json.encode(payload))
            assert list(again) == list(msgspec.json.decode(message.value))
            assert again == msgspec.json.decode(message.value)
    assert seen > (2_000 if source == "real" else 0)
