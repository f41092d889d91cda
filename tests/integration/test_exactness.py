"""Real purchases through the real Kafka, worker and Redis end where the oracle ends, whatever the batches and workers.

Here is what a test run has time for; `python -m tests.exactness` runs every combination.
"""

from __future__ import annotations

import pytest

from tests.kit.datasets import cdnow_of, journey, records_in, retail
from tests.kit.everyday import everyday
from tests.kit.live import run_through
from tests.kit.memory import sharded
from tests.kit.place import PARTITIONS, Place, batches_of
from tests.kit.verdict import differences, expected_of

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
    run = place(kafka, redis_server, data.currency, **batches_of(5_000))
    kept, messages, _ = await run_through(run, data.logs, tmp_path, 2)
    assert differences(kept, messages, data.expected) == {}
    assert kept.counters["applied"] == 155_848 + 2_469 + 8_691


async def test_invoices_and_what_was_given_back(kafka, redis_server, tmp_path, shared_data):
    if not (shared_data / "online_retail.csv.xz").exists():
        pytest.skip(f"online_retail.csv.xz is not in {shared_data}")
    data = retail(shared_data)
    run = place(kafka, redis_server, data.currency, **batches_of(5_000))
    kept, messages, _ = await run_through(run, data.logs, tmp_path)
    assert differences(kept, messages, data.expected) == {}


async def test_the_facts_are_the_same_in_any_order_and_with_duplicates(kafka, redis_server, tmp_path):
    data = journey()
    logs = data.mixed(duplicates=0.05)
    duplicates = records_in(logs) - records_in(data.logs)
    assert duplicates > 8_000
    kept, messages, _ = await run_through(place(kafka, redis_server, data.currency), logs, tmp_path)
    assert differences(kept, messages, data.expected, said=False, duplicates=duplicates) == {}


async def test_complaints_refunds_answers_and_cancellations(kafka, redis_server, tmp_path):
    events = everyday(customers=150)
    logs = sharded(events, PARTITIONS)
    kept, messages, _ = await run_through(place(kafka, redis_server, "EUR", **batches_of(100)), logs, tmp_path, 2)
    assert differences(kept, messages, expected_of(events, "EUR")) == {}
    assert {message.type for message in messages} == {
        "customer.churn.warning",
        "customer.churn.recovered",
        "customer.tier.changed",
        "customer.changed",
        "customer.follow_up.due",
        "customer.anomaly",
        "customer.scores",
    }
