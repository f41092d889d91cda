"""The report of customers as they stand in Redis."""

import re
from collections import defaultdict
from uuid import uuid4

from stream.commands import report as reporting
from stream.contracts.money import to_minor
from stream.scoring.churn_samples import Evidence, outcome_fields, take
from stream.settings import Settings
from stream.simulate import Spec, simulate
from stream.state.packed import pack_records, pack_timers
from stream.store.commit import Commit
from stream.store.keys import Keys
from stream.store.shard_store import ShardStore, new_owner
from tests.kit.memory import MemoryShard, sharded
from tests.unit.report.test_page import PICTURES, drawings

PARTITIONS = 2
SPEC = Spec(customers=80, days=250)


async def stored(redis, prefix, simulation):
    """Write what workers would have written of these customers."""
    topics = defaultdict(list)
    for told in simulation.events():
        topics[told.topic].append(told.event)
    sample = take(Evidence(repeats=2, last=9.0, age=12.0), 0.6, SPEC.start, warned=True)
    for number, logs in sharded(topics, PARTITIONS).items():
        shard = MemoryShard()
        shard.run(logs, 2_000)
        memory = shard.memory
        store = ShardStore(redis, Keys(prefix, number), new_owner())
        await store.claim(1)
        labelled = dict.fromkeys(outcome_fields(sample, 0), 3)
        commit = Commit(
            records=pack_records(list(memory.records.items())),
            timers=pack_timers(list(memory.timers.items())),
            histograms=memory.histograms | labelled,
            cells=memory.cells,
            meta={"clock": str(shard.state.clock)},
        )
        await store.commit(commit)
    return topics


async def test_the_page_shows_every_customer(redis_server, redis, tmp_path):
    prefix = f"r{uuid4().hex[:8]}"
    simulation = simulate(SPEC, 4)
    topics = await stored(redis, prefix, simulation)
    settings = Settings(redis_url=redis_server.url, key_prefix=prefix, partitions=PARTITIONS, clock="event")
    document, customers = await reporting.report(settings)
    assert customers == SPEC.customers
    assert list(drawings(document)) == PICTURES
    reporting.write(document, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == document

    # All orders are within a year, so revenue is what was bought less what went back.
    amounts = {event["order_id"]: to_minor(event["amount"]) for event in topics["orders"] if "items" in event}
    for event in topics["orders"]:
        if event["type"] != "order.completed":
            part = to_minor(event["amount"]) if "amount" in event else amounts[event["order_id"]]
            amounts[event["order_id"]] -= min(part, amounts[event["order_id"]])
    assert f"<b>{sum(amounts.values()) / 100:,.2f}</b>" in document
    assert re.search(r"Of \d+ samples: precision [01]\.\d\d, recall [01]\.\d\d", document)


async def test_before_the_first_event_the_page_says_so(redis_server):
    settings = Settings(redis_url=redis_server.url, key_prefix=f"r{uuid4().hex[:8]}", partitions=PARTITIONS)
    document, customers = await reporting.report(settings)
    assert customers == 0
    assert "Nobody has ordered yet." in document
