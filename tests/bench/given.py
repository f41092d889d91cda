"""What the arithmetic of scale starts from: what was measured, what is assumed, what is paid, what is asked for."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from stream.settings import Settings
from tests.bench.terms import Term, term

CACHED_MAX: Final[int] = Settings.model_fields["cached_customers_max"].default
NOTHING: Final = term(0)
MANY, FEW = 1_000_000, 50_000
"""Customers of the growth bench: with a million and the limit as it is set each event loads one; of the few none."""
CEILING = "ours / raw aiokafka"
LIVE: Final = "measured by hand: one worker, 10,000 orders/s over 10 shards, a thousand each"


class Prices(NamedTuple):
    """What machines cost: typical list prices on demand of the large clouds, US regions, November 2026.

    To the order of magnitude. Cores, memory and disks are priced one by one, as Google's list does; between zones it is
    what AWS takes.
    """

    core_hour: Term = term(0.035, "$", "a virtual core for an hour, general purpose")
    memory_hour: Term = term(0.004, "$", "a GB of memory for an hour")
    disk_month: Term = term(0.08, "$", "a GB of network SSD for a month")
    zone_gigabyte: Term = term(0.02, "$", "a GB from one zone to another: 0.01 out and 0.01 in")
    hours: Term = term(730, "hours", "of a month")


class Assumed(NamedTuple):
    """What is not measured here, or was measured by hand."""

    busy: Term = term(0.6, "", "share of a core that is planned for; the rest is for peaks and for catching up")
    shard_customers: Term = term(1e6, "customers", "a shard; the hash of more takes seconds to move (decision 12)")
    redis_bytes: Term = term(8, "GB", "of data a process of Redis: what is forked, rewritten and loaded at a time")
    redis_reserve: Term = term(2, "", "memory for a byte of data: pages copied during a rewrite, tables that double")
    redis_load: Term = term(2.6, "µs", "a customer, when Redis starts (decision 12: half of DEBUG RELOAD)")
    redis_rewrite: Term = term(2.1, "µs", "a customer, to rewrite the append-only file (decision 12)")
    redis_copies: Term = term(2, "", "a master and a replica")
    live_worker: Term = term(54.7, "µs", f"of a worker for an event of live traffic; {LIVE}")
    live_redis: Term = term(14.1, "µs", "of Redis for it; the same")
    live_kafka: Term = term(14.9, "µs", "of a broker that keeps one copy for it; the same")
    live_transactions: Term = term(30, "", "transactions a second of a shard; the same")
    active: Term = term(0.1, "", "share of the customers that the events of a day are of")
    outage: Term = term(10, "min", "without a worker, to be caught up with")
    record_extra: Term = term(30, "B", "of a record in Kafka, key and frame, beside the value")
    message: Term = term(606, "B", "of a decision in Kafka, headers included (decision 8)")
    bundled: Term = term(432, "B", "of a decision in the outbox (decision 8)")
    written: Term = term(250, "B", "of an event's record and timer, as commands of Redis")
    copies: Term = term(3, "", "of each partition")
    broker_bytes: Term = term(100, "MB/s", "written by a broker of 4 cores and 16 GB, copies included")
    broker_partitions: Term = term(4_000, "", "copies of partitions a broker; the recommendation, as KIP-578 quotes it")
    broker_cores: Term = term(4, "cores", "of a broker")
    broker_memory: Term = term(16, "GB", "of a broker")
    mean: Term = term(0.5, "", "mean rate of a day beside the rate planned for: disks and networks see the mean")
    kept: Term = term(3, "days", "that the logs are kept; no less than the age of the oldest copy of Redis")
    crossing: Term = term(0.67, "", "share of what clients send and read that crosses zones, of three")
    silence: Term = term(30, "days", "between two timers of a customer")


PRICES: Final = Prices()
ASSUMED: Final = Assumed()


class Shop(NamedTuple):
    """What is asked for."""

    name: str
    customers: Term
    events: Term


SHOPS: Final = (
    Shop("a shop", term(1e6, "customers"), term(1_000, "events/s")),
    Shop("a chain", term(10e6, "customers"), term(10_000, "events/s")),
    Shop("a large platform", term(50e6, "customers"), term(50_000, "events/s")),
    Shop("the whole world", term(1e9, "customers"), term(1e6, "events/s")),
)


class End(NamedTuple):
    """One end of what there may be to say: its name, messages an event, and by how much of it an event costs more."""

    name: str
    messages: Term
    more: Term


ENDS: Final = {"evenly": "little to say", "year": "a year's history"}
NEEDED: Final = {
    "loads": "peers",
    "sizes": "growth",
    "redis_bytes": "growth",
    "cpu_by_shards": "cpu",
    "sweep_ms": "sweep",
}
"""Keys of a report, and the section that writes each."""


def lacking(report: dict[str, Any]) -> list[str]:
    """Sections that were not run and are needed."""
    return sorted({section for key, section in NEEDED.items() if key not in report})


class Start(NamedTuple):
    """Seconds from the start of a worker with so many shards to its first commit; and from a claim, of a million."""

    shards: int
    seconds: float
    claim_seconds: float


class Costs(NamedTuple):
    """What a run of the bench says, as far as it is needed."""

    event: Term
    customer: Term
    worker: Term
    kafka: Term
    redis: Term
    worker_memory: Term
    cached: Term
    rate: Term
    loading_rate: Term
    memory_rate: Term
    timer: Term
    start: Start
    ends: tuple[End, ...]

    @classmethod
    def of(cls, report: dict[str, Any]) -> Costs:
        """Read a report in which nothing is `lacking`."""
        loads = report["loads"]
        sizes = {(one["customers"], one["cached_max"]): one for one in report["sizes"]}
        few, many = sizes[FEW, CACHED_MAX], sizes[MANY, CACHED_MAX]
        # Of the numbers of shards that were tried the dearest: no curve is drawn through them.
        worker, kafka, redis = (
            max(one[name] for one in report["cpu_by_shards"]) for name in ("worker", "kafka", "redis")
        )
        spread = max(report["cpu_by_shards"], key=lambda one: one["shards"])
        swept = max(report["sweep_ms"], key=lambda one: one["armed"])
        evenly = loads["evenly"]["ratios"][CEILING]
        return cls(
            event=term(loads["evenly"]["bytes"], "B"),
            customer=term(report["redis_bytes"]["8"], "B"),
            worker=term(worker, "µs"),
            kafka=term(kafka, "µs"),
            redis=term(redis, "µs"),
            worker_memory=term(few["resident_mb"], "MB"),
            cached=term(report["cached_bytes"], "B"),
            rate=term(loads["evenly"]["rates"]["ours"], "events/s"),
            loading_rate=term(many["warm"], "events/s"),
            memory_rate=term(few["warm"], "events/s"),
            # For a second in which a thousand are due.
            timer=term(swept["worker"] + swept["redis"], "µs"),
            start=Start(spread["shards"], spread["start"], many["claim_seconds"]),
            ends=tuple(
                End(
                    ENDS[name],
                    term(load["parts_microseconds"]["messages an event"], "decisions an event"),
                    term(evenly) / term(load["ratios"][CEILING]) - term(1) if name != "evenly" else NOTHING,
                )
                for name, load in loads.items()
                if name in ENDS
            ),
        )
