"""One shard: events in, what must be written and said out.

`ShardState` holds the customers of one partition that are in memory and applies events to them, one by one and in
order, however they are batched: before an event at *t*, everything that silence made true before *t* is applied;
after it, the customer is looked at again. What comes out is an `Outcome`, which the store writes in one commit.

The state runs ahead of Redis by at most the commits in flight. If one is refused, the whole object is thrown away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from stream.contracts.block import EventBlock
from stream.contracts.bundle import encode_bundles
from stream.scoring import churn_samples
from stream.scoring.churn_samples import NO_QUARTER, without_outdated
from stream.state import ledger
from stream.state.announcements import Announcer
from stream.state.careful_path import CarefulPath
from stream.state.codec import decode
from stream.state.customer import UNSET, Customer
from stream.state.evaluation import next_due
from stream.state.histograms import stage_fields
from stream.state.known_names import KnownNames
from stream.state.looks import Looks
from stream.state.model import Model
from stream.state.order_path import Rest, apply_in_order
from stream.state.outcome import Batch, Limits, Outcome
from stream.state.plain.customers import PlainCustomers, block_of
from stream.state.plain.layout import PLAIN, Longs
from stream.state.rule_names import RuleNames
from stream.state.settling import settle
from stream.state.tables import TableDeltas, outdated


class ShardState:
    """The customers of one shard, and the rules they are kept by.

    Plain customers are rows, see `stream.state.plain`; the others are objects.

    Parameters
    ----------
    model
        Compiled policy and calibration; see `adopt` for changing it.
    announcer
        Builds outgoing messages.
    limits
        Bounds.
    clock
        Greatest `occurred_at` so far of events applied or known, ms; `UNSET` for a new shard.
    shard
        Partition number, for dead letters.
    stored
        Meta hash of the shard, which holds the names that its tables know, and those of rule segments.
    """

    def __init__(
        self,
        model: Model,
        announcer: Announcer,
        limits: Limits,
        clock: int = UNSET,
        *,
        shard: int = 0,
        stored: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model
        self.announcer = announcer
        self.limits = limits
        self.clock = clock
        self.shard = shard
        self._names = KnownNames(limits.table_names_max, stored)
        self._rule_names = RuleNames(stored or {}, model.market)
        self._objects: dict[str, Customer] = {}
        self._plain = PlainCustomers(announcer.exponent, limits.ledger_orders_max)
        self._plain.adopt(model)
        #: Whom `missing` looked up last.
        self._found: tuple[EventBlock, Longs] | None = None
        #: Customers who went out of memory and were not counted yet.
        self._evictions = 0
        self._batches = 0

    def __len__(self) -> int:
        return len(self._plain)

    def missing(self, block: EventBlock) -> list[str]:
        """Which customers of these events must be loaded, see `admit`, before they can be touched; each once.

        Where there is no room for these, others go out of memory. So whoever is missing went at an earlier look, and
        the batch before did not touch them: they can be loaded while the commit of that one is on its way.
        """
        slots = self._slots(block)
        self._make_room()
        return self._plain.ids(self._plain.awaited(slots))

    def admit(self, customers: Sequence[str], blobs: Sequence[bytes | None]) -> None:
        """Take loaded records (None: not known yet) into memory.

        Raises
        ------
        RecordError
            A stored record cannot be read.
        """
        window = self.model.window
        slots = self._plain.find(block_of(customers))
        for place in self._plain.admit(slots, blobs):
            customer, blob = customers[place], blobs[place]
            if blob is None:
                self._objects[customer] = Customer(customer)
                continue
            c = decode(customer, blob)
            ledger.rebuild(c, window)
            self._objects[customer] = c

    def adopt(self, model: Model) -> None:
        """Use another model from the next event on; records follow when they are touched, or by `rescore`."""
        if model.window != self.model.window:
            self._objects.clear()
            self._plain.clear()
            self._found = None
        self.model = model
        self._rule_names.adopt(model.market)
        self._plain.adopt(model)

    def apply(self, block: EventBlock, now: int) -> Outcome:
        """Apply events in the order given; their customers must be in memory.

        Parameters
        ----------
        block
            Decoded events and dead letters.
        now
            Moment that "old news" is measured from, ms (the wall clock; with a replay, the beginning of time);
            decisions far before it have origin ``seed``.
        """
        batch = self._begin()
        clock_before = self.clock
        limits = self.limits
        slots = self._slots(block)
        seed_before = self._seed_before(now)
        looks = self._looks(batch, seed_before)
        careful = CarefulPath(batch, looks, self._objects, self.model, limits, self.announcer, self.shard)
        channels = self._names.read(block)
        plain = batch.plain = self._plain.apply(block, slots, channels, batch.number, clock_before, seed_before)
        batch.count("applied", plain.applied)
        batch.count("duplicates", plain.duplicates)
        rest = Rest(
            take_up=batch.touched.append,
            before=looks.before,
            changed=looks.changed,
            compare=looks.compare,
            careful=careful.apply,
        )
        later = plain.later()
        self._take_out(batch, [slots[number] for number, _ in later])
        applied, clock = apply_in_order(
            [(block.event(number), clock) for number, clock in later],
            clock_before,
            self.model,
            limits.ledger_orders_max,
            self._objects,
            batch.number,
            batch.tables.orders,
            rest,
        )
        batch.count("applied", applied)
        self.clock = max(clock, plain.clock)
        return self._outcome(batch, clock_before)

    def sweep(self, customers: Iterable[str], clock: int, now: int) -> Outcome:
        """Apply what silence made true before `clock` for these customers, which must be in memory."""
        batch = self._begin()
        block = block_of(customers)
        slots = self._slots(block)
        seed_before = self._seed_before(now)
        looks = self._looks(batch, seed_before)
        plain = batch.plain = self._plain.sweep(block, slots, batch.number, clock, seed_before)
        later = [number for number, _ in plain.later()]
        for c in self._objects_of(batch, map(block.customer, later), slots[later]):
            if c.due < clock:
                looks.before(c, clock)
            # The armed moment was early; the outcome arms the true one.
            if not c.due_is_exact:
                c.due, c.due_is_exact = next_due(c, self.model), True
            c.armed = -1
        return self._outcome(batch, self.clock)

    def rescore(self, customers: Iterable[str], now: int) -> Outcome:
        """Look again, under the present model, at customers last looked at under another."""
        batch = self._begin()
        block = block_of(customers)
        looks = self._looks(batch, self._seed_before(now))
        for c in self._objects_of(batch, map(block.customer, range(len(block))), self._slots(block)):
            looks.recalibrate(c)
        return self._outcome(batch, self.clock)

    def _begin(self) -> Batch:
        self._batches += 1
        return Batch(self._batches, TableDeltas(self._names))

    def _seed_before(self, now: int) -> int:
        """What is said of an earlier moment, ms, is old news."""
        return now - self.limits.seed_after_ms

    def _looks(self, batch: Batch, seed_before: int) -> Looks:
        return Looks(batch, self.model, self._rule_names, self.announcer, seed_before)

    def _slots(self, block: EventBlock) -> Longs:
        """Row of each event's customer."""
        if self._found is None or self._found[0] is not block:
            self._found = block, self._plain.find(block)
        return self._found[1]

    def _objects_of(self, batch: Batch, customers: Iterable[str], slots: Longs) -> Iterator[Customer]:
        """These customers, who are in memory, as objects that the batch came to."""
        self._take_out(batch, slots.tolist())
        for customer in customers:
            yield batch.touch(self._objects[customer])

    def _take_out(self, batch: Batch, slots: Iterable[int]) -> None:
        """Make objects of these customers until the end of the batch."""
        for slot in slots:
            if slot >= 0 and self._plain.form(slot) == PLAIN:
                (customer,) = self._plain.ids(np.array([slot]))
                c, columns = self._plain.take_out(slot, customer)
                self._objects[customer] = c
                batch.taken_out[customer] = slot
                cause = None if batch.plain is None else batch.plain.cause(*columns)
                if cause is not None:
                    batch.reclassified[customer] = cause

    def _outcome(self, batch: Batch, clock_before: int) -> Outcome:
        model, announcer, limits, plain = self.model, self.announcer, self.limits, batch.plain
        objects, messages = self._objects, batch.messages
        for customer, why in batch.reclassified.items():
            c = objects[customer]
            if not c.due_is_exact:
                c.due, c.due_is_exact = next_due(c, model), True
            messages.append(announcer.scores(c, why, model))
        records, timers, histograms = settle(batch.touched)
        decisions = Counter([message.type for message in messages])
        outbox = encode_bundles(messages, announcer.topics, limits.bundle_messages_max)
        if plain is not None:
            self._plain.tell_scores(plain)
            plain_records, plain_timers, plain_histograms = self._plain.settle(plain)
            records, timers = plain_records + records, plain_timers + timers
            histograms = _added(plain_histograms, histograms)
            batch.samples.update(plain.samples())
            decisions += plain.decisions()
            outbox = plain.bundles(limits.bundle_messages_max) + outbox
            plain.add_to(batch.tables)
        samples, late = without_outdated(batch.samples, self.clock)
        batch.count("samples_outdated", late)
        histograms |= samples | stage_fields(batch.tables.stages)
        for customer, slot in batch.taken_out.items():
            if self._plain.put_in(slot, objects[customer]):
                del objects[customer]
        drop: list[str] = []
        drop_samples = NO_QUARTER
        if clock_before != UNSET:
            drop = outdated(clock_before, self.clock, limits.table_hours_max, limits.table_days_max)
            drop_samples = churn_samples.outdated(clock_before, self.clock)
        self._found = None
        batch.count("cache_evictions", self._evictions)
        self._evictions = 0
        batch.count("table_names_max", self._names.over)
        self._names.over = 0
        return Outcome(
            records,
            timers,
            histograms,
            batch.tables.cells(self.clock, limits.table_hours_max, limits.table_days_max),
            drop,
            drop_samples,
            batch.counters,
            outbox,
            dict(decisions),
            self.clock,
            announcer.topics,
            self._names.changes() | self._rule_names.changes(),
        )

    def _make_room(self) -> None:
        excess = len(self._plain) - self.limits.cached_customers_max
        if excess > 0:
            evicted, objects = self._plain.evict(excess)
            for customer in objects:
                del self._objects[customer]
            self._evictions += evicted


def _added(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """Sums by field; what comes to nothing is left out."""
    sums = Counter(one)
    sums.update(other)
    return {field: by for field, by in sums.items() if by}
