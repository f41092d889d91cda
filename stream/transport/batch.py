"""One poll of one topic-partition, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from faust.types import TP


@dataclass(slots=True, frozen=True)
class Batch:
    """The records that one poll brought for one topic-partition.

    Attributes
    ----------
    topic, partition
        Where they are from.
    records
        Records as aiokafka's parser makes them (``offset``, ``timestamp`` in ms, ``key``, ``value``, ``headers``) in
        the order of the log; never empty. Offsets may have gaps: compaction, control records, aborted
        transactions.
    generation
        Generation of the consumer group under which they were read.
    epoch
        Which run of reading they belong to: every claim and every seek begins a new one. A batch of an older epoch
        must not be processed.
    start
        Everything below this offset was in earlier batches (or below the position that was claimed).
    next_offset
        Position to store once this batch is processed; past control records that were seen behind it.

    Examples
    --------
    >>> batch = Batch("orders", 1, ["r7", "r8"], generation=3, epoch=1, start=7, next_offset=9)
    >>> batch.tp, len(batch)
    (TP(topic='orders', partition=1), 2)
    """

    topic: str
    partition: int
    records: list[Any]
    generation: int
    epoch: int
    start: int
    next_offset: int

    @property
    def tp(self) -> TP:
        """The topic-partition."""
        return TP(self.topic, self.partition)

    def __len__(self) -> int:
        return len(self.records)


@dataclass(slots=True, frozen=True)
class Taken:
    """What the thread of the Kafka client saw of one topic-partition at one moment.

    Attributes
    ----------
    tp
        The topic-partition.
    epoch
        Epoch under which it was seen, set by the last seek that was carried out.
    start
        Position at the report before.
    records
        Records taken; may be empty when only the position or the end moved.
    position
        Next offset the client will give.
    end
        Last stable offset the client knows; -1 while it knows none.
    seen_ms
        When the broker last said where the log ends, by the clock of this machine; 0 while it has not, and while a
        transaction is open there.
    """

    tp: TP
    epoch: int
    start: int
    records: list[Any]
    position: int
    end: int
    seen_ms: int = 0
