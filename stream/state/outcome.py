"""What an application of events works with, and what it leads to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from stream.contracts.bundle import decode_bundle
from stream.contracts.decisions import Message
from stream.contracts.topics import Topics
from stream.state.announcements import Cause
from stream.state.customer import Customer
from stream.state.packed import Records, Timers
from stream.state.plain.batch import PlainBatch
from stream.state.tables import TableDeltas


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a shard's memory and of a record. Reaching one is counted, see `Outcome.counters`."""

    cached_customers_max: int
    ledger_orders_max: int
    interaction_dedupe_max: int
    table_hours_max: int
    table_days_max: int
    table_names_max: int
    seed_after_ms: int
    bundle_messages_max: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one application of events (or of due timers) leads to; everything in it is committed together.

    Attributes
    ----------
    outbox
        Messages, as bundles.
    decisions
        Number of messages by kind.
    drop_samples
        Newest quarter whose churn samples have passed out of what is learned from, see `churn_samples.outdated`.
    clock
        Greatest `occurred_at` so far, ms.
    names
        Fields of the meta hash for names that became known, see `known_names` and `rule_names`.
    """

    records: Records
    timers: Timers
    histograms: dict[str, int]
    cells: dict[str, dict[str, int]]
    drop_cells: list[str]
    drop_samples: int
    counters: dict[str, int]
    outbox: list[bytes]
    decisions: dict[str, int]
    clock: int
    topics: Topics
    names: dict[str, str]

    @property
    def messages(self) -> list[Message]:
        """The messages of the outbox, one by one; for those who look at them, which delivery does not."""
        return [message for bundle in self.outbox for message in decode_bundle(bundle, self.topics)]


@dataclass(slots=True)
class Batch:
    """Working memory of one application of events.

    Attributes
    ----------
    number
        Of the batch.
    tables
        What it adds to rolling tables.
    touched
        Objects that it came to.
    taken_out
        Row of each plain customer that was made an object.
    reclassified
        Why the classification changed, of each customer whose did.
    messages
        What objects, and dead letters, led to.
    counters
        As in `Outcome`.
    plain
        What plain customers led to.
    samples
        Churn samples whose label is known, by field of the histogram.
    """

    number: int
    tables: TableDeltas
    touched: list[Customer] = field(default_factory=list)
    taken_out: dict[str, int] = field(default_factory=dict)
    reclassified: dict[str, Cause] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    plain: PlainBatch | None = None
    samples: Counter[str] = field(default_factory=Counter)

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter."""
        if by:
            self.counters[name] = self.counters.get(name, 0) + by

    def touch(self, c: Customer) -> Customer:
        """Note that the batch came to an object, which is given back."""
        if c.batch != self.number:
            c.batch = self.number
            self.touched.append(c)
        return c
