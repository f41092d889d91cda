"""What the consumer counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """What happened since the start, for metrics."""

    batches: int = 0
    records: int = 0
    claims: int = 0
    revocations: int = 0
