"""What one batch led to among plain customers, as the rest of the state wants it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from struct import pack

import numpy as np

from stream.contracts.block import EVENT_FROM, EVENT_SIZE, EventBlock
from stream.contracts.bundle import (
    BUNDLE_BYTES_MAX,
    HEADER_SIZE,
    INDEX_SIZE,
    KEY_SIZE_AT,
    KINDS,
    MAGIC,
    VALUE_SIZE_AT,
)
from stream.contracts.times import format_time
from stream.scoring.churn_samples import outcome_fields, taken_at
from stream.scoring.lifecycle import STAGES
from stream.state.announcements import Cause
from stream.state.customer import TIER_NAMES
from stream.state.plain import cells
from stream.state.plain import layout as at
from stream.state.plain.layout import Longs
from stream.state.plain.message import MESSAGES, Said
from stream.state.plain.rules import SegmentNames
from stream.state.plain.work import APPLIED, CLOCK, DUPLICATES, LABELS, LATER, Work
from stream.state.table_names import GROUPS, REASON_KINDS
from stream.state.tables import Fields, TableDeltas


class PlainBatch:
    """What one batch led to among plain customers."""

    __slots__ = ("actions", "block", "names", "said", "slots", "work")

    def __init__(
        self, block: EventBlock, slots: Longs, said: Said, work: Work, names: SegmentNames, actions: Sequence[str] = ()
    ) -> None:
        self.block = block
        self.slots = slots
        self.said = said
        self.work = work
        self.names = names
        self.actions = actions

    @property
    def applied(self) -> int:
        """Events applied."""
        return int(self.work.counts[APPLIED])

    @property
    def duplicates(self) -> int:
        """Events heard before."""
        return int(self.work.counts[DUPLICATES])

    @property
    def clock(self) -> int:
        """Greatest moment so far, ms."""
        return int(self.work.counts[CLOCK])

    def later(self) -> list[tuple[int, int]]:
        """Numbers of the events left to the plain form, and the clock before each."""
        count = self.work.counts[LATER]
        return list(zip(self.work.later[:count].tolist(), self.work.clocks[:count].tolist(), strict=True))

    def cause(self, number: int, moment: int) -> Cause | None:
        """What changed a classification, from the two columns of a row that say so."""
        if number == at.NO_CAUSE:
            return None
        if number == at.A_TIMER:
            return Cause("timer", format_time(moment))
        row = self.block.rows[number]
        start = int(row[EVENT_FROM])
        return Cause("event", self.block.text[start : start + int(row[EVENT_SIZE])].tobytes().decode())

    def decisions(self) -> Counter[str]:
        """Number of messages by kind."""
        return Counter({KINDS[code]: int(count) for code, count in enumerate(self.said.kinds) if count})

    def add_to(self, tables: TableDeltas) -> None:
        """Add what orders and moves sum up to."""
        sums, rows = self.work.sums, tables.rows
        # A year's history has some two sums an event, of many hours and few kinds. By columns: a list for each sum is
        # one more for the collector to look through.
        known: dict[tuple[int, int], Fields] = {}
        stages: dict[int, int] = {}
        for hour, what, kind, count, revenue in zip(*sums.rows[: sums.used[0]].T.tolist(), strict=True):
            fields = known.get((what, kind))
            if fields is None:
                fields = known[what, kind] = self._fields(tables, what, kind)
            rows.append((hour, fields, count, revenue))
            if what == cells.A_STAGE:
                stages[kind] = stages.get(kind, 0) + count
        for kind, count in stages.items():
            was, became, _, _ = self._stage_move(kind)
            tables.move_stages(was, became, count)

    def _fields(self, tables: TableDeltas, what: int, kind: int) -> Fields:
        """What a sum grows; both numbers as in `cells`."""
        if what >= 0:
            return tables.order_fields(tables.names.channels()[what], TIER_NAMES[kind])
        if what == cells.A_MOVE:
            was, became = divmod(kind, len(TIER_NAMES))
            return tables.move_fields(TIER_NAMES[was], TIER_NAMES[became])
        if what == cells.A_SEGMENT:
            return tables.segment_fields(self.names.names()[kind])
        if what == cells.A_STAGE:
            return tables.lifecycle_fields(*self._stage_move(kind))
        if what == cells.A_REASON:
            number, bits = divmod(kind, 1 << cells.REASON_BITS)
            codes = [code for bit, code in enumerate(cells.REASONS) if bits >> bit & 1]
            return tables.reason_fields(REASON_KINDS[number], codes)
        number, came_back = divmod(kind, 2)
        number, held_out = divmod(number, 2)
        return tables.outcome_fields(self.actions[number], GROUPS[held_out], came_back=bool(came_back))

    def _stage_move(self, kind: int) -> tuple[str, str, str, str]:
        """Stage before and after, and what was said before: tier and segment."""
        kind, segment = divmod(kind, 1 << cells.SEGMENT_BITS)
        kind, tier = divmod(kind, 1 << cells.TIER_BITS)
        was, became = divmod(kind, 1 << cells.STAGE_BITS)
        return STAGES[was], STAGES[became], TIER_NAMES[tier], self.names.names()[segment]

    def samples(self) -> Counter[str]:
        """Churn samples whose label is known, by field of the histogram."""
        fields: Counter[str] = Counter()
        for word, count in Counter(self.work.labels[: self.work.counts[LABELS]].tolist()).items():
            sample, gone = word >> 1, word & 1
            for name in outcome_fields(sample, taken_at(sample) + (not gone)):
                fields[name] += count
        return fields

    def bundles(self, messages_max: int) -> list[bytes]:
        """The messages as entries of the outbox, of at most so many each; see `stream.contracts.bundle`."""
        count = int(self.said.ends[MESSAGES])
        if not count:
            return []
        entries = self.said.entries[: count * INDEX_SIZE].reshape(count, INDEX_SIZE)
        keys = entries[:, KEY_SIZE_AT : KEY_SIZE_AT + 2].copy().view("<u2").ravel()
        values = entries[:, VALUE_SIZE_AT : VALUE_SIZE_AT + 4].copy().view("<u4").ravel()
        ends = np.cumsum(keys.astype(np.int64) + values)
        bundles = []
        first, start = 0, 0
        while first < count:
            room = start + BUNDLE_BYTES_MAX - HEADER_SIZE - messages_max * INDEX_SIZE
            last = min(first + messages_max, max(first + 1, int(np.searchsorted(ends, room, "right"))))
            end = int(ends[last - 1])
            head = pack("<4sI", MAGIC, last - first)
            bundles.append(b"".join([head, entries[first:last].data, self.said.body[start:end].data]))
            first, start = last, end
        return bundles
