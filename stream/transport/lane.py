"""Where reading of one topic-partition stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Lane:
    """Reading of one topic-partition.

    Attributes
    ----------
    epoch
        Current run of reading.
    handed
        Next offset after the last batch that was handed to the host.
    made
        Next offset after the last batch that was made.
    taken
        Next offset the Kafka client will give.
    end
        Last stable offset known.
    seen_ms
        When the broker last said where the log ends; 0 before the first time.
    offered
        Next offset after the last record that was handed to the host; -1 before the first.
    waiting
        Batches made and not handed over.
    paused
        The engine wants nothing more for now.
    trouble
        It is paused because something outside is broken (Redis); standing still is then no fault of reading.
    """

    epoch: int
    handed: int
    made: int
    taken: int
    end: int
    seen_ms: int = 0
    offered: int = -1
    waiting: int = 0
    paused: bool = False
    trouble: bool = False

    @property
    def position(self) -> int:
        """Next offset that the host has not been given."""
        return self.handed if self.waiting else self.taken
