"""All plain customers of a shard: the face of this package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from stream.contracts.block import (
    CUSTOMER_FROM,
    CUSTOMER_HASH,
    CUSTOMER_SIZE,
    WIDTH,
    EventBlock,
)
from stream.contracts.bundle import (
    INDEX_SIZE,
    KINDS,
)
from stream.contracts.ids import ID_BYTES_MAX
from stream.native.reference import by_reference
from stream.state.advice import OTHER
from stream.state.codec import segment_in
from stream.state.customer import Customer
from stream.state.model import Model
from stream.state.packed import Records, Timers
from stream.state.plain import admit, cells, index, orders, settle
from stream.state.plain import layout as at
from stream.state.plain.batch import PlainBatch
from stream.state.plain.cells import Sums
from stream.state.plain.heap import make_room
from stream.state.plain.layout import Longs, Memory
from stream.state.plain.looks import MESSAGES_MAX, SUMS_MAX
from stream.state.plain.message import Said
from stream.state.plain.objects import fill, object_of
from stream.state.plain.rules import Rules, SegmentNames, compile_rules, joined
from stream.state.plain.settle import Written
from stream.state.plain.unusual import scratch_words
from stream.state.plain.work import CHANGED, CLOCK, COUNTS, LABELS, LATER, TOUCHED, Work
from stream.state.sections import has_no_sections
from stream.state.stored_names import name_of, stored_name

_Kind = TypeVar("_Kind", np.int64, np.uint8)

#: Room to begin with; all of it doubles when there is need.
_ROWS_MIN: Final = 1_024
_HEAP_WORDS_MIN: Final = 1 << 16
_ENTRIES_MIN: Final = 1 << 12
_BODY_BYTES_MIN: Final = 1 << 20
_BLOB_BYTES_MIN: Final = 1 << 20


class PlainCustomers:
    """Rows of customers, and what is done to them.

    Parameters
    ----------
    exponent
        Digits of the base currency's minor unit.
    orders_max
        Entries that a ledger may have.
    """

    def __init__(self, exponent: int, orders_max: int) -> None:
        self._exponent = exponent
        self._orders_max = orders_max
        self._names = SegmentNames()
        self._model: Model | None = None
        self._known = 0
        self._looks = 0
        self._rules: Rules | None = None
        self._scratch = np.empty(0)
        self._segments = joined([b""])
        self._entries = np.zeros(_ENTRIES_MIN * INDEX_SIZE, np.uint8)
        self._body = np.zeros(_BODY_BYTES_MIN, np.uint8)
        self._blob = np.zeros(_BLOB_BYTES_MIN, np.uint8)
        self.clear()

    def clear(self) -> None:
        """Forget everybody."""
        self._memory = by_reference(
            Memory(
                np.zeros((_ROWS_MIN, at.COLUMNS), np.int64),
                np.zeros(_HEAP_WORDS_MIN, np.int64),
                np.zeros(4 * _ROWS_MIN, np.int64),
                np.zeros(at.REGISTERS, np.int64),
            )
        )

    def __len__(self) -> int:
        return int(self._memory.registers[at.ROWS_USED])

    def adopt(self, model: Model) -> None:
        """Use this model from now on."""
        if model is not self._model or len(self._names) != self._known:
            self._rules = compile_rules(model, self._names, self._orders_max, self._exponent)
            self._model, self._known = model, len(self._names)
            self._scratch = np.empty(scratch_words(model.policy.anomaly.history_max))
            self._segments = joined(list(map(stored_name, self._names.names())))

    # -- who is there ---------------------------------------------------------------------------------------------

    def find(self, block: EventBlock) -> Longs:
        """Row of each event's customer, -1 where it has none; who is not there yet is awaited from now on."""
        n = len(block.rows)
        slots, made = np.empty(n, np.int64), np.empty(n, np.int64)
        done = count = 0
        self._looks += 1
        while True:
            done, count = index.find(self._memory, block.rows, block.text, slots, done, made, count, self._looks)
            if done == n:
                return slots
            self._grow_rows()
            self._grow_heap(index.words_of(ID_BYTES_MAX))

    def awaited(self, slots: Longs) -> Longs:
        """Rows among these that are to be loaded, each once, in order."""
        found = np.empty(len(slots), np.int64)
        found = found[: index.awaited(self._memory, slots, found)]
        return np.array(list(dict.fromkeys(found.tolist())), np.int64)

    def ids(self, slots: Longs) -> list[str]:
        """Customer ids of rows."""
        out, ends = np.empty(ID_BYTES_MAX * len(slots), np.uint8), np.empty(len(slots), np.int64)
        index.put_ids(self._memory, slots, out, ends)
        places = [0, *ends.tolist()]
        joined = out[: places[-1]].tobytes()
        return [joined[start:end].decode() for start, end in pairwise(places)]

    def form(self, slot: int) -> int:
        """Form of a row, see `layout`."""
        return int(self._memory.rows[slot, at.FORM])

    def admit(self, slots: Longs, blobs: Sequence[bytes | None]) -> list[int]:
        """Fill the rows of customers from their records (None: nothing is stored).

        Returns
        -------
        Places of those in the sequence who are not plain; their rows say that they are objects.
        """
        memory, names = self._memory, self._names
        blob = np.frombuffer(bytearray().join([*(one or b"" for one in blobs), b" "]), np.uint8)
        sizes = np.fromiter([admit.NOTHING if one is None else len(one) for one in blobs], np.int64, len(blobs))
        stored = sizes != admit.NOTHING
        lengths = sizes * stored
        starts = np.cumsum(lengths) - lengths
        entries_max = -1 if self._rules is None else self._rules.entries_max
        plain = np.zeros(len(slots), np.int64)
        admit.survey(memory, slots, blob, starts, sizes, entries_max, plain)
        segments = np.zeros(len(slots), np.int64)
        numbers: dict[bytes, int | None] = {}
        for place in np.flatnonzero(plain * stored).tolist():
            name = segment_in(blobs[place] or b"")
            if name not in numbers:
                numbers[name] = _number(names, name)
            number = numbers[name]
            plain[place], segments[place] = number is not None, number or 0
        if self._model is not None:
            self.adopt(self._model)
        starts[~stored] = admit.NOTHING
        objects = np.flatnonzero(plain == 0)
        memory.rows[slots[objects], at.FORM] = at.OBJECT
        kept = np.flatnonzero(plain)
        slots, starts, segments = slots[kept], starts[kept], segments[kept]
        window = 0 if self._rules is None else self._rules.window
        done = 0
        while (done := admit.admit_all(self._memory, slots, done, blob, starts, segments, window)) < len(slots):
            self._grow_heap(_ledger_words(self._orders_max))
        return objects.tolist()

    def evict(self, excess: int) -> tuple[int, list[str]]:
        """Take so many customers out, who were not looked at for longest; whoever was found last stays.

        Returns
        -------
        How many, and the ids of those among them who are objects.
        """
        objects = np.empty(excess, np.int64)
        gone, given = index.evict(self._memory, excess, self._looks, objects)
        ids = self.ids(objects[:given])
        for slot in objects[:given].tolist():
            index.forget(self._memory, slot)
        return gone + given, ids

    # -- a batch --------------------------------------------------------------------------------------------------

    def apply(
        self, block: EventBlock, slots: Longs, channels: Longs, number: int, clock: int, seed_before: int
    ) -> PlainBatch:
        """Apply what is plain of a block, and leave the rest.

        Parameters
        ----------
        slots
            What `find` gave.
        channels
            Number of each event's channel, see `channels`.
        number
            Of the batch.
        clock
            Greatest moment so far, ms.
        seed_before
            What is said of an earlier moment, ms, is old news.
        """
        batch = self._begin(block, slots, clock)
        done, n = 0, len(slots)
        while self._rules is not None:
            done = orders.apply(
                *(self._memory, self._rules, block.rows, block.text, slots, channels, done),
                *(number, seed_before, batch.work, batch.said),
            )
            if done == n:
                break
            self._grow(batch)
        return batch

    def sweep(self, block: EventBlock, slots: Longs, number: int, clock: int, seed_before: int) -> PlainBatch:
        """Apply what silence made true before `clock` for the customers of a block; otherwise as `apply`."""
        batch = self._begin(block, slots, clock)
        done, n = 0, len(slots)
        while self._rules is not None:
            done = orders.sweep(
                *(self._memory, self._rules, slots, done, clock),
                *(number, seed_before, block.text, batch.work, batch.said),
            )
            if done == n:
                break
            self._grow(batch)
        return batch

    def _begin(self, block: EventBlock, slots: Longs, clock: int) -> PlainBatch:
        n = len(slots)
        sums = Sums(
            np.empty((3 * n + 3, cells.WIDTH), np.int64), np.zeros(_power(6 * n + 6), np.int64), np.zeros(1, np.int64)
        )
        counts = np.zeros(COUNTS, np.int64)
        counts[CLOCK] = clock
        touched, later, clocks, changed = np.empty((4, n), np.int64)
        labels = np.empty(n + 1, np.int64)
        work = by_reference(Work(touched, later, clocks, changed, counts, sums, labels, self._scratch))
        said = by_reference(Said(self._entries, self._body, np.zeros(2, np.int64), np.zeros(len(KINDS), np.int64)))
        if self._rules is None:
            later[:] = np.arange(n)
            clocks[:] = clock
            counts[LATER] = n
        known = () if self._model is None else self._model.playbook.actions[1:]
        return PlainBatch(block, slots, said, work, self._names, (OTHER, *[one.action for one in known]))

    def tell_scores(self, batch: PlainBatch) -> None:
        """Say the scores of those whose classification changed and who are still plain."""
        if self._rules is None:
            return
        done, block = 0, batch.block
        changed = int(batch.work.counts[CHANGED])
        while (
            done := orders.tell_all(self._memory, self._rules, block.rows, block.text, done, batch.work, batch.said)
        ) < changed:
            self._grow_messages(batch)

    def settle(self, batch: PlainBatch) -> tuple[Records, Timers, dict[str, int]]:
        """Records, timers and changes of the histograms of those whom the batch came to and who are still plain."""
        touched, count = batch.work.touched, int(batch.work.counts[TOUCHED])
        moved = (np.empty((count, 3), np.int64), np.empty((count, 3), np.int64))
        names = np.empty(count * settle.NAME_BYTES_MAX, np.uint8)
        timers = np.empty(count * settle.TIMER_BYTES_MAX, np.uint8)
        ends = np.zeros(settle.ENDS, np.int64)
        done = 0
        while True:
            written = by_reference(Written(names, self._blob, timers, *moved, ends))
            done = settle.settle(self._memory, touched, done, count, *self._segments, written)
            if done == count:
                break
            self._blob = np.concatenate([self._blob, np.zeros_like(self._blob)])
        records = Records(
            int(ends[settle.RECORDS]),
            names[: ends[settle.NAMES_END]].tobytes(),
            self._blob[: ends[settle.BLOB_END]].tobytes(),
        )
        left, joined = (rows[: ends[settle.MOVED]] for rows in moved)
        return (
            records,
            Timers(int(ends[settle.TIMERS]), timers[: ends[settle.TIMERS_END]].tobytes()),
            settle.histograms(left, joined),
        )

    # -- rows and objects -------------------------------------------------------------------------------------------

    def take_out(self, slot: int, customer_id: str) -> tuple[Customer, tuple[int, int]]:
        """Make an object of a plain customer; the row keeps only the id.

        Returns
        -------
        The object, and what changed its classification last in this batch, see `PlainBatch.cause`.
        """
        memory = self._memory
        c = object_of(memory, slot, customer_id, self._names)
        cause = int(memory.rows[slot, at.CAUSE]), int(memory.rows[slot, at.CAUSE_AT])
        index.release_ledger(memory, slot)
        memory.rows[slot, at.FORM] = at.OBJECT
        memory.rows[slot, at.CAUSE], memory.rows[slot, at.CAUSE_AT] = at.NO_CAUSE, 0
        return c, cause

    def put_in(self, slot: int, c: Customer) -> bool:
        """Make a row of an object again, if it is plain; whether it was."""
        memory, n = self._memory, len(c.times)
        segment = self._names.number(c.segment)
        if (
            self._rules is None
            or segment is None
            or not memory.rows[slot, at.SAFE]
            or n > self._rules.entries_max
            or not has_no_sections(c)
        ):
            return False
        if self._model is not None:
            self.adopt(self._model)
        memory.rows[slot, at.N] = 0
        while n and not make_room(memory, slot, n):
            self._grow_heap(_ledger_words(self._orders_max))
            memory = self._memory
        fill(memory, slot, c, segment)
        return True

    # -- room -----------------------------------------------------------------------------------------------------

    def _grow_heap(self, words: int) -> None:
        """Let the heap have room for a piece of so many words."""
        memory = self._memory
        needed = int(memory.registers[at.HEAP_END]) + _power(words)
        if needed > len(memory.heap):
            self._memory = by_reference(memory._replace(heap=_doubled(memory.heap, needed)))

    def _grow_rows(self) -> None:
        """Let there be room for one row more."""
        memory = self._memory
        rows, places, used = memory.rows, memory.places, int(memory.registers[at.ROWS_USED])
        if used == len(rows):
            rows = _doubled(rows, used + 1)
        if 2 * used >= len(places):
            places = np.zeros(2 * len(places), np.int64)
        if rows is not memory.rows or places is not memory.places:
            self._memory = by_reference(memory._replace(rows=rows, places=places))
            if places is not memory.places:
                index.reindex(self._memory)

    def _grow(self, batch: PlainBatch) -> None:
        """Let there be more of whatever a batch has no room for."""
        self._grow_heap(_ledger_words(self._orders_max))
        self._grow_messages(batch)
        sums = batch.work.sums
        if not cells.has_room_for(sums, SUMS_MAX):
            grown = by_reference(Sums(_doubled(sums.rows, 0), np.zeros(2 * len(sums.places), np.int64), sums.used))
            cells.reindex(grown)
            batch.work = by_reference(batch.work._replace(sums=grown))
        if batch.work.counts[LABELS] == len(batch.work.labels):
            batch.work = by_reference(batch.work._replace(labels=_doubled(batch.work.labels, 0)))

    def _grow_messages(self, batch: PlainBatch) -> None:
        """Let there be room for more messages."""
        assert self._rules is not None
        count, end = batch.said.ends.tolist()
        needed = end + (MESSAGES_MAX + 1) * self._rules.message_bytes_max
        if needed > len(self._body):
            self._body = _doubled(self._body, needed)
        if (count + MESSAGES_MAX) * INDEX_SIZE > len(self._entries):
            self._entries = _doubled(self._entries, 0)
        batch.said = by_reference(batch.said._replace(entries=self._entries, body=self._body))


def block_of(customers: Iterable[str]) -> EventBlock:
    """A block whose rows know nothing but customers; to look them up."""
    ids = [customer.encode() for customer in customers]
    rows = np.zeros((len(ids), WIDTH), np.int64)
    sizes = np.fromiter(map(len, ids), np.int64, len(ids))
    rows[:, CUSTOMER_FROM], rows[:, CUSTOMER_SIZE] = np.cumsum(sizes) - sizes, sizes
    rows[:, CUSTOMER_HASH] = np.fromiter(map(xxh3_64_intdigest, ids), np.uint64, len(ids)).view(np.int64)
    return EventBlock(rows, np.frombuffer(bytearray().join([*ids, b" "]), np.uint8), {})


def _number(names: SegmentNames, stored: bytes) -> int | None:
    """Number of the segment whose stored name this is; None where it has none, or the name is no text."""
    try:
        return names.number(name_of(stored))
    except UnicodeDecodeError:
        return None


def _ledger_words(entries: int) -> int:
    return 4 * (entries + 1)


def _power(n: int) -> int:
    """Smallest power of two that is at least `n`, and 8."""
    return 1 << max(3, (n - 1).bit_length())


def _doubled(column: NDArray[_Kind], needed: int) -> NDArray[_Kind]:
    longer = np.zeros((max(2 * len(column), needed), *column.shape[1:]), column.dtype)
    longer[: len(column)] = column
    return longer
