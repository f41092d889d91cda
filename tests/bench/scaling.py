"""What so many customers and events take, worked out from the figures of a run of the bench.

Pure arithmetic: what was measured, what is assumed and what is paid are arguments (`given`), each line says how it was
come by (`terms.Sheet`). To see it with other assumptions or prices, change `ASSUMED` or `PRICES` and run
``python -m tests.bench.scaling_page``, which takes ``build/bench.json`` as it is.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from stream.contracts.topics import Topics
from stream.settings import Settings
from tests.bench.given import ASSUMED, CACHED_MAX, NOTHING, PRICES, Assumed, Costs, End, Prices, Shop
from tests.bench.terms import Line, Sheet, Term, term

TOPICS: Final = sum(spec.partitions > 1 for spec in Topics().specs(2))
"""Topics that have a partition for each shard."""
SHARDS_MIN: Final[int] = Settings.model_fields["partitions"].default
WORKERS_MIN: Final = 2
"""So that one is left."""
GIGABYTE: Final = term(1, "GB")
ORDERS: Final = term(8, "orders")
YEAR: Final = term(365, "days")
EULER: Final = 0.577


class Part(NamedTuple):
    """Of one kind of machine: how many, cores, memory, disk, and bytes a second from one zone to another."""

    number: Term
    cores: Term
    memory: Term
    disk: Term
    between: Term


class Plan(NamedTuple):
    """What a shop takes, what that costs a month by what is paid for, and the arithmetic."""

    shop: Shop
    end: End
    shards: Term
    workers: Part
    redis: Part
    kafka: Part
    money: dict[str, Term]
    lines: list[Line]

    @property
    def total(self) -> float:
        """Dollars a month."""
        return sum(each.value for each in self.money.values())


class _Work(NamedTuple):
    """A plan in the making."""

    sheet: Sheet
    shop: Shop
    end: End
    costs: Costs
    assumed: Assumed
    shards: Term
    #: By how much of what an event of the backlog costs.
    dearer: Term


def plan(shop: Shop, end: End, costs: Costs, assumed: Assumed = ASSUMED, prices: Prices = PRICES) -> Plan:
    """Work out what a shop takes at one end of what there may be to say."""
    sheet = Sheet()
    sheet.line("events, if that were 8 orders a year each", shop.customers * ORDERS / YEAR, "a second")
    needed = sheet.whole("shards for the customers", shop.customers / assumed.shard_customers)
    shards = sheet.most("shards, which are partitions of a topic", needed, term(SHARDS_MIN))
    loading = sheet.line(
        "dearer by, if a customer has to be loaded",
        costs.rate * (term(1) / costs.loading_rate - term(1) / costs.memory_rate),
    )
    dearer = sheet.line("dearer by, with what there is to say", end.more + loading)
    work = _Work(sheet, shop, end, costs, assumed, shards, dearer)
    redis, bound = _redis(work)
    workers = _workers(work, bound)
    due = sheet.line("timers due", shop.customers / assumed.silence, "a second")
    sheet.line("cores for silence, of workers and Redis", due * costs.timer)
    kafka = _kafka(work)
    core = sheet.line("a core for a month", prices.core_hour * prices.hours, "$")
    gigabyte = sheet.line("a GB of memory for a month", prices.memory_hour * prices.hours, "$")
    bills = {
        name: part.cores * core + part.memory / GIGABYTE * gigabyte
        for name, part in {"workers": workers, "Redis": redis, "brokers": kafka}.items()
    }
    seconds = sheet.line("seconds of a month", prices.hours * term(1, "h"))
    bills |= {
        "disks": (redis.disk + kafka.disk) / GIGABYTE * prices.disk_month,
        "between zones": (redis.between + kafka.between) * assumed.mean * seconds / GIGABYTE * prices.zone_gigabyte,
    }
    money = {name: sheet.line(f"{name}, a month", bill, "$") for name, bill in bills.items()}
    return Plan(shop, end, shards, workers, redis, kafka, money, sheet.lines)


def _redis(work: _Work) -> tuple[Part, Term]:
    """What Redis takes, and how many events a second it can land when workers are behind."""
    sheet, shop, end, costs, assumed, shards, dearer = work
    data = sheet.line("data in Redis", shop.customers * costs.customer, "GB")
    event = sheet.line("Redis, an event", assumed.live_redis + costs.redis * dearer, "µs")
    masters = sheet.least(
        "masters, not more than shards",
        shards,
        sheet.most(
            "masters needed",
            sheet.whole("masters by memory", data / assumed.redis_bytes),
            sheet.whole("masters by processor", shop.events * event / assumed.busy),
        ),
    )
    sheet.line("events that one master carries", assumed.busy / event, "a second")
    held = sheet.line("customers of a master", shop.customers / masters)
    sheet.line("a master that was restarted is back after", held * (assumed.redis_load + assumed.redis_rewrite), "s")
    behind = sheet.line("Redis, an event when workers are behind", costs.redis * (term(1) + dearer), "µs")
    bound = sheet.line("events that masters land then", masters / behind, "a second")
    written = sheet.line("written to Redis", shop.events * (assumed.written + end.messages * assumed.bundled), "MB/s")
    sheet.line("append-only file of one master", written / masters, "MB/s")
    read = sheet.line("read from Redis for the relays", shop.events * end.messages * assumed.bundled, "MB/s")
    # A replica is in another zone than its master.
    between = (written + read) * assumed.crossing + written * (assumed.redis_copies - term(1))
    processes = sheet.line("processes of Redis", masters * assumed.redis_copies)
    part = Part(
        processes,
        processes,
        sheet.line("memory for Redis", data * assumed.redis_reserve * assumed.redis_copies, "GB"),
        # While it is rewritten the old file is there beside the new one.
        sheet.line("disk for append-only files", data * assumed.redis_reserve * assumed.redis_copies, "TB"),
        sheet.line("Redis between zones", between, "MB/s"),
    )
    return part, bound


def _workers(work: _Work, bound: Term) -> Part:
    sheet, shop, _, costs, assumed, shards, dearer = work
    event = sheet.line("a worker, an event", assumed.live_worker + costs.worker * dearer, "µs")
    needed = sheet.whole("workers needed", shop.events * event / assumed.busy)
    workers = sheet.most("workers", needed, term(WORKERS_MIN))
    sheet.line("events that one worker carries", assumed.busy / event, "a second")
    sheet.line("shards of a worker", shards / workers)
    memory = sheet.line("memory of a worker", costs.worker_memory + term(CACHED_MAX) * costs.cached, "GB")
    _cache(work, workers)
    waiting = sheet.line("events that wait after an outage", shop.events * assumed.outage)
    behind = sheet.line("a worker that is behind, an event", costs.worker * (term(1) + dearer), "µs")
    read = sheet.line("events that workers read then", workers / behind, "a second")
    fastest = sheet.least("events of a backlog", read, bound)
    sheet.line("time to catch up", waiting / (fastest - shop.events), "min")
    return Part(workers, workers, sheet.line("memory of all workers", workers * memory, "GB"), NOTHING, NOTHING)


def _cache(work: _Work, workers: Term) -> None:
    """How many customers are found in memory. Nothing of it is counted on."""
    sheet, shop, _, costs, assumed, _, _ = work
    active = sheet.line("customers active in a day", shop.customers * assumed.active)
    cached = sheet.least("of them in memory", active, sheet.line("room in memory", workers * term(CACHED_MAX)))
    sheet.line("events of those, if all are as active", cached / active, "%")
    sheet.line("the same by Zipf's law with 1", _ranks(cached) / _ranks(active), "%")
    sheet.line("a worker's memory is full again after", cached / shop.events, "s")
    sheet.line("memory to hold all who are active", active * costs.cached, "GB")


def _ranks(customers: Term) -> Term:
    """Sum of 1 / rank over so many ranks."""
    return Term(math.log(customers.value) + EULER, f"(ln {customers.text} + {EULER})")


def _kafka(work: _Work) -> Part:
    sheet, shop, end, costs, assumed, shards, _ = work
    events = sheet.line("events into Kafka", shop.events * (costs.event + assumed.record_extra), "MB/s")
    decisions = sheet.line("decisions into Kafka", shop.events * end.messages * assumed.message, "MB/s")
    written = sheet.line("written to Kafka", (events + decisions) * assumed.copies, "MB/s")
    replicas = sheet.line("copies of partitions", shards * term(TOPICS, "topics") * assumed.copies)
    sheet.line("transactions", shards * assumed.live_transactions, "a second")
    event = sheet.line("a broker, an event", assumed.live_kafka + costs.kafka * end.more, "µs")
    cores = shop.events * event * assumed.copies / assumed.busy
    brokers = sheet.most(
        "brokers",
        assumed.copies,
        sheet.whole("brokers by processor", cores / assumed.broker_cores),
        sheet.whole("brokers by bytes", written / assumed.broker_bytes),
        sheet.whole("brokers by partitions", replicas / assumed.broker_partitions),
    )
    logs = sheet.line("disk for the logs", written * assumed.mean * assumed.kept, "TB")
    scores = sheet.line("disk for the compacted scores", shop.customers * assumed.message * assumed.copies, "TB")
    # Written and read by clients, and each copy but the first is in another zone.
    between = (events + decisions) * (assumed.crossing + assumed.crossing + assumed.copies - term(1))
    return Part(
        brokers,
        sheet.line("cores of the brokers", brokers * assumed.broker_cores),
        sheet.line("memory of the brokers", brokers * assumed.broker_memory, "GB"),
        sheet.line("disk for Kafka", logs + scores, "TB"),
        sheet.line("Kafka between zones", between, "MB/s"),
    )
