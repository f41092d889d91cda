"""Who would move if this calibration were in force: every record looked at, none written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stream.calibration.population import everybody, reading, shard_clock
from stream.scoring.abc import CLASSES
from stream.scoring.lifecycle import STAGES
from stream.scoring.policy import LEVELS
from stream.scoring.rfm import EdgeTable, cell, scores
from stream.scoring.tiers import TIERS
from stream.state import ledger
from stream.state.codec import decode
from stream.state.customer import NEVER, UNSET, Customer
from stream.state.evaluation import Assessment, assess
from stream.state.model import Model
from stream.store.calls import Client

Matrix = dict[str, dict[str, int]]
"""Class said now to class said then to number of customers; the diagonal holds those who stay."""


def _matrix(classes: Sequence[str]) -> Matrix:
    return {was: dict.fromkeys(classes, 0) for was in classes}


@dataclass(slots=True)
class Moves:
    """What a calibration would change.

    Attributes
    ----------
    customers
        Customers looked at.
    tiers, levels, abc, lifecycle
        Who goes from which tier, churn level, class by revenue, or stage of life, to which.
    held_back
        Of those who stay in their tier, how many would move down once their minimum stay is over.
    segments
        Customers whose segment would change.
    """

    customers: int = 0
    tiers: Matrix = field(default_factory=lambda: _matrix(TIERS))
    levels: Matrix = field(default_factory=lambda: _matrix(LEVELS))
    abc: Matrix = field(default_factory=lambda: _matrix(CLASSES))
    lifecycle: Matrix = field(default_factory=lambda: _matrix(STAGES))
    held_back: int = 0
    segments: int = 0

    @property
    def moved(self) -> int:
        """Customers whose tier would change."""
        return leaving(self.tiers)

    def add(self, c: Customer, found: Assessment) -> None:
        """Count a customer, of whom this would be said."""
        self.customers += 1
        self.tiers[TIERS[c.tier]][TIERS[found.tier]] += 1
        self.levels[LEVELS[c.level]][LEVELS[found.level]] += 1
        self.abc[CLASSES[c.abc]][CLASSES[found.abc]] += 1
        self.lifecycle[STAGES[c.lifecycle]][STAGES[found.lifecycle]] += 1
        self.segments += found.segment != c.segment


def leaving(matrix: Matrix) -> int:
    """Customers who are not on the diagonal.

    Examples
    --------
    >>> leaving({"low": {"low": 5, "mid": 2}, "mid": {"low": 1, "mid": 7}})
    3
    """
    return sum(count for was, row in matrix.items() for became, count in row.items() if was != became)


def look(moves: Moves, records: Iterable[tuple[str, bytes]], model: Model, as_of: int) -> None:
    """Count what `model` would say of these customers at `as_of` (ms; never before the record's own).

    Raises
    ------
    RecordError
        A record that this version cannot read.
    """
    edges = EdgeTable(model.recency_edges, model.frequency_edges, model.monetary_edges)
    for customer, blob in records:
        c = decode(customer, blob)
        if c.as_of == UNSET:
            moves.add(c, Assessment(c.tier, c.segment, c.level, c.abc, c.lifecycle, NEVER))
            continue
        ledger.rebuild(c, model.window)
        found = assess(c, max(c.as_of, as_of), model)
        moves.add(c, found)
        if c.n and found.tier == c.tier:
            at = cell(*scores(c.as_of - c.last_at, c.frequency, c.monetary, edges))
            moves.held_back += model.raw_tiers[c.tier][at] < c.tier


async def dry_run(redis: Client, prefix: str, partitions: int, model: Model, now: int | None = None) -> Moves:
    """Look at every customer of every shard under `model`.

    Records change while they are read, where a worker runs; the sums are then those of no single moment.

    Parameters
    ----------
    now
        Moment to look at, ms; None takes each shard's own clock.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    moves = Moves()
    for shard in range(partitions):
        as_of = await shard_clock(redis, prefix, shard) if now is None else now
        if as_of is None:
            continue
        async for records in everybody(reading(redis, prefix, shard)):
            look(moves, records, model, as_of)
    return moves
