"""Real purchases through the real Kafka, worker and Redis end where the oracle ends, whatever the batches and workers.

Here is what a test run has time for; `python -m tests.exactness` runs every combination.
"""

from __future__ import annotations

import pytest

from tests.kit.datasets import cdnow_of, journey, retail
from tests.kit.live import ACCOUNTED, PARTITIONS, Place, batches_of, differences, expected_of, run_through
from tests.kit.memory import sharded

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]


def place(kafka, redis_server, currency, **settings):
    return Place(kafka.bootstrap, redis_server.url, currency, settings=settings)


@pytest.mark.parametrize(("batch", "count"), [(1, 1), (7, 1), (5_000, 1), (5_000, 2)])
async def test_cdnow_whatever_the_batches_and_the_workers(kafka, redis_server, tmp_path, batch, count):
    data = cdnow_of("sample")
    run = place(kafka, redis_server, data.currency, **batches_of(batch))
    kept, messages, _ = await run_through(run, data.logs, tmp_path, count)
    assert differences(kept, messages, data.expected) == {}
    assert len(kept.records) == 2_357


async def test_a_year_of_baskets_campaigns_and_registrations(kafka, redis_server, tmp_path):
    data = journey()
    kept, messages, _ = await run_through(place(kafka, redis_server, data.currency), data.logs, tmp_path, 2)
    assert differences(kept, messages, data.expected) == {}
    assert kept.counters["applied"] == 155_848 + 2_469 + 8_691


async def test_invoices_and_what_was_given_back(kafka, redis_server, tmp_path, shared_data):
    if not (shared_data / "online_retail.csv.xz").exists():
        pytest.skip(f"online_retail.csv.xz is not in {shared_data}")
    data = retail(shared_data)
    kept, messages, _ = await run_through(place(kafka, redis_server, data.currency), data.logs, tmp_path)
    assert differences(kept, messages, data.expected) == {}


async def test_the_facts_are_the_same_in_any_order_and_with_duplicates(kafka, redis_server, tmp_path):
    data = journey()
    logs = data.mixed(duplicates=0.05)
    kept, messages, _ = await run_through(place(kafka, redis_server, data.currency), logs, tmp_path)
    read = sum(len(records) for topics in logs.values() for records in topics.values())
    assert read > 1.049 * data.expected.accounting["read"]
    wrong = differences(kept, messages, data.expected, said=False)
    assert wrong.pop("accounting") == ({name: kept.counters[name] for name in ACCOUNTED}, data.expected.accounting["read"])
    assert wrong == {}
    assert sum(kept.counters[name] for name in ACCOUNTED) == read
    assert kept.counters["applied"] == data.expected.accounting["applied"]
    assert kept.counters["dead_letters"] == 0


async def test_complaints_refunds_answers_and_cancellations_in_order_of_time(kafka, redis_server, tmp_path):
    events = everyday(customers=150)
    logs = sharded(events, PARTITIONS)
    kept, messages, _ = await run_through(place(kafka, redis_server, "EUR", **batches_of(100)), logs, tmp_path, 2)
    expected = expected_of(events, "EUR")
    assert differences(kept, messages, expected) == {}
    kinds = {message.type for message in messages}
    assert kinds >= {"customer.churn.warning", "customer.churn.recovered", "customer.tier.changed", "customer.segment.changed"}


def everyday(customers, seed=3):
    """A year of everything that can happen, in order of time."""
    import random

    from stream.scoring.units import DAY
    from tests.kit.histories import BEGINNING

    rng = random.Random(seed)
    timed = []
    for k in range(customers):
        customer, at = f"c-{k}", BEGINNING + rng.randrange(60 * DAY)
        timed.append((at, "profiles", {"type": "customer.registered", "customer_id": customer, "region": rng.choice("nesw")}))
        pace = rng.choice((2, 9, 30, 80)) * DAY
        while (at := at + rng.randrange(2 * pace)) < BEGINNING + 400 * DAY:
            order = f"o-{customer}-{at}"
            money = {"amount": f"{rng.randrange(20_000) / 100:.2f}", "currency": "EUR"}
            channel = {"channel": rng.choice(("web", "store", "app"))}
            timed.append((at, "orders", {"type": "order.completed", "customer_id": customer, "order_id": order, **money, **channel}))
            later = at + rng.choice((-DAY, 0, 3 * DAY, 20 * DAY))
            match rng.randrange(12):
                case 0:
                    timed.append((later, "orders", {"type": "order.refunded", "customer_id": customer, "order_id": order}))
                case 1:
                    timed.append((later, "orders", {"type": "order.refunded", "customer_id": customer, "order_id": order, "amount": 1, "currency": "EUR"}))
                case 2:
                    timed.append((later, "orders", {"type": "order.cancelled", "customer_id": customer, "order_id": order}))
                case 3 | 4:
                    ticket = {"customer_id": customer, "ticket_id": f"t-{at}"}
                    timed.append((at, "interactions", {"type": "complaint.opened", **ticket}))
                    timed.append((at + rng.randrange(40 * DAY), "interactions", {"type": "complaint.resolved", **ticket}))
                case 5:
                    timed.append((later, "interactions", {"type": "feedback.nps", "customer_id": customer, "score": rng.randrange(11)}))
                case 6:
                    timed.append((later, "interactions", {"type": "product.viewed", "customer_id": customer, "channel": "web"}))
    timed.sort(key=lambda one: one[0])
    events = {}
    for number, (at, topic, event) in enumerate(timed):
        events.setdefault(topic, []).append(event | {"event_id": f"e-{number}", "occurred_at": at / 1000})
    return events
