"""What a batch leads to among plain customers, but for its messages."""

from __future__ import annotations

from typing import Final, NamedTuple

from stream.native.jit import native
from stream.state.plain.cells import Sums
from stream.state.plain.layout import BATCH, Doubles, Longs

# Registers of `Work.counts`.
#: Events applied, and those heard before.
APPLIED: Final = 0
DUPLICATES: Final = 1
#: Entries of the lists of the same names.
TOUCHED: Final = 2
LATER: Final = 3
CHANGED: Final = 4
#: Greatest moment so far, ms.
CLOCK: Final = 5
LABELS: Final = 6
COUNTS: Final = 7


class Work(NamedTuple):
    """What a batch leads to, but for its messages; each list has room for all events.

    Attributes
    ----------
    touched
        Rows that an event came to.
    later, clocks
        Events left to the plain form, and the clock before each.
    changed
        Rows whose classification changed; their `CAUSE` is the event.
    counts
        See the registers above.
    labels
        Churn samples and their labels, see `appointments.label_and_sample`.
    scratch
        Room to work in, see `unusual.compare`.
    """

    touched: Longs
    later: Longs
    clocks: Longs
    changed: Longs
    counts: Longs
    sums: Sums
    labels: Longs
    scratch: Doubles


@native
def touch(row: Longs, slot: int, batch: int, work: Work) -> None:
    """Note that the batch came to a row."""
    if row[BATCH] != batch:
        row[BATCH] = batch
        work.touched[work.counts[TOUCHED]] = slot
        work.counts[TOUCHED] += 1
