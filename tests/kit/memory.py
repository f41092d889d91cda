"""The state run in memory: decoded, merged, applied and swept like in a worker, with a dictionary for Redis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import orjson

from stream.contracts.block import EventBlock
from stream.contracts.bundle import BUNDLE_MESSAGES_MAX
from stream.contracts.decisions import Message
from stream.contracts.decode import Decoder
from stream.contracts.events import DeadLetter, Event
from stream.contracts.money import exponent_of
from stream.contracts.topics import INPUT_RANK, Topics
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.state.announcements import Announcer
from stream.state.customer import UNSET
from stream.state.model import Model, compile_model
from stream.state.outcome import Limits, Outcome
from stream.state.packed import unpack_records, unpack_timers
from stream.state.plain.customers import block_of
from stream.state.shard import ShardState
from stream.transport.merge import TopicMerge
from tests.oracle import shard_of

LIMITS = Limits(
    cached_customers_max=400_000,
    ledger_orders_max=1_000,
    interaction_dedupe_max=128,
    table_hours_max=31 * 24,
    table_days_max=400,
    table_names_max=100,
    seed_after_ms=2 * 86_400_000,
    bundle_messages_max=BUNDLE_MESSAGES_MAX,
)
#: With clock=event nothing is old news.
NOW_EVENT = UNSET


class Record(NamedTuple):
    """As much of a Kafka record as decoding looks at."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes


@dataclass
class Memory:
    """What Redis would hold of one shard, and what would have been sent."""

    records: dict[str, bytes] = field(default_factory=dict)
    timers: dict[str, float] = field(default_factory=dict)
    histograms: dict[str, int] = field(default_factory=dict)
    cells: dict[str, dict[str, int]] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)

    def commit(self, outcome: Outcome) -> None:
        """Write an outcome."""
        self.records.update(unpack_records(outcome.records))
        self.timers.update(unpack_timers(outcome.timers))
        _add(self.histograms, outcome.histograms)
        for key, fields in outcome.cells.items():
            _add(self.cells.setdefault(key, {}), fields)
        for key in outcome.drop_cells:
            self.cells.pop(key, None)
        self.cells = {key: fields for key, fields in self.cells.items() if fields}
        _add(self.counters, outcome.counters)
        self._drop_samples(outcome.drop_samples)
        self.meta |= outcome.names
        self.messages += outcome.messages

    def _drop_samples(self, newest: int) -> None:
        outdated = [name for name in self.histograms if name[0] in "yv" and int(name.split(":")[1]) <= newest]
        lost = {name: self.histograms.pop(name) for name in outdated}
        _add(self.counters, {"samples_outdated": sum(count for name, count in lost.items() if name[0] == "y")})


def _add(sums: dict[str, int], deltas: Mapping[str, int]) -> None:
    for name, delta in deltas.items():
        total = sums.get(name, 0) + delta
        if total:
            sums[name] = total
        else:
            sums.pop(name, None)


@cache  # what is made of a model is kept by the model
def _shipped() -> Model:
    return compile_model(default_policy(), DEFAULT_CALIBRATION)


class MemoryShard:
    """One shard without Kafka and Redis.

    Parameters
    ----------
    model, limits, currency
        What it works with.
    in_flight
        Whether the commit of a batch lands when the next batch has been applied, as late as a worker's may.

    Attributes
    ----------
    cached_most
        Customers in memory, at most so far.
    """

    def __init__(
        self, model: Model | None = None, limits: Limits = LIMITS, currency: str = "EUR", *, in_flight: bool = False
    ) -> None:
        self.model = model or _shipped()
        self.limits = limits
        self.topics = Topics()
        self.decoder = Decoder(self.topics, currency)
        self.exponent = exponent_of(currency)
        self.memory = Memory()
        self.state = self._fresh(UNSET)
        self.cached_most = 0
        self._in_flight = in_flight
        self._flight: Outcome | None = None

    def _fresh(self, clock: int) -> ShardState:
        announcer = Announcer(self.topics, self.exponent)
        return ShardState(self.model, announcer, self.limits, clock, stored=self.memory.meta)

    def forget(self) -> None:
        """What a restart does: nothing is in memory any more."""
        self._land()
        self.state = self._fresh(self.state.clock)

    def apply(self, events: EventBlock | Sequence[Event | DeadLetter], now: int = NOW_EVENT) -> Outcome:
        """Apply decoded events as one batch, and commit."""
        block = events if isinstance(events, EventBlock) else EventBlock.of(events)
        self._admit(block)
        outcome = self.state.apply(block, now)
        self._land()
        self._flight = outcome
        if not self._in_flight:
            self._land()
        return outcome

    def sweep(self, clock: int, now: int = NOW_EVENT) -> Outcome:
        """Fire what is due before `clock`, and commit."""
        self._land()
        due = [customer for customer, moment in self.memory.timers.items() if moment < clock]
        self._admit(block_of(due))
        outcome = self.state.sweep(due, clock, now)
        self.memory.commit(outcome)
        return outcome

    def _admit(self, block: EventBlock) -> None:
        missing = self.state.missing(block)
        self.cached_most = max(self.cached_most, len(self.state))
        self.state.admit(missing, [self.memory.records.get(customer) for customer in missing])

    def _land(self) -> None:
        flight, self._flight = self._flight, None
        if flight is not None:
            self.memory.commit(flight)

    def run(
        self, records: Mapping[str, list[Record]], batch: int, sweep_every: int = 0, restart_every: int = 0
    ) -> None:
        """Read all records, at most `batch` a time; sweep and restart after every so many batches."""
        merge = TopicMerge(INPUT_RANK)
        for name, rows in records.items():
            merge.offer(name, self.decoder.decode(name, 0, rows, 2**53), len(rows))  # type: ignore[arg-type]
        number = 0
        while (taken := merge.take(batch, lambda _: False)) is not None:
            self.apply(taken.events)
            number += 1
            if sweep_every and number % sweep_every == 0:
                self.sweep(self.state.clock)
            if restart_every and number % restart_every == 0:
                self.forget()
        self.sweep(self.state.clock)


def sharded(events: Mapping[str, Iterable[dict[str, Any]]], partitions: int) -> dict[int, dict[str, list[Record]]]:
    """Canonical events as the records of each shard's topics."""
    shards: dict[int, dict[str, list[Record]]] = {}
    for topic, rows in events.items():
        for row in rows:
            customer = row["customer_id"]
            log = shards.setdefault(shard_of(customer, partitions), {}).setdefault(topic, [])
            log.append(Record(len(log), 2**52, customer.encode(), orjson.dumps(row)))
    return shards
