"""Who would move if this calibration were in force: every record looked at, none written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stream.calibration.population import everybody, reading, shard_clock
from stream.scoring.policy import LEVELS
from stream.scoring.rfm import EdgeTable, cell, scores
from stream.scoring.tiers import TIERS
from stream.state import ledger
from stream.state.codec import decode
from stream.state.customer import UNSET
from stream.state.evaluation import assess
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
    tiers, levels
        Who goes from which tier, or churn level, to which.
    held_back
        Of those who stay in their tier, how many would move down once their minimum stay is over.
    segments
        Customers whose segment would change.
    """

    customers: int = 0
    tiers: Matrix = field(default_factory=lambda: _matrix(TIERS))
    levels: Matrix = field(default_factory=lambda: _matrix(LEVELS))
    held_back: int = 0
    segments: int = 0

    @property
    def moved(self) -> int:
        """Customers whose tier would change."""
        return leaving(self.tiers)


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
        moves.customers += 1
        if c.as_of == UNSET:
            moves.tiers[TIERS[c.tier]][TIERS[c.tier]] += 1
            moves.levels[LEVELS[c.level]][LEVELS[c.level]] += 1
            continue
        ledger.rebuild(c, model.window)
        found = assess(c, max(c.as_of, as_of), model)
        moves.tiers[TIERS[c.tier]][TIERS[found.tier]] += 1
        moves.segments += found.segment != c.segment
        moves.levels[LEVELS[c.level]][LEVELS[found.level]] += 1
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
