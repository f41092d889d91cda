"""What one batch changed, and how it is packed for the commit script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Self

import msgspec

from stream.scoring.churn_samples import NO_QUARTER
from stream.state.outcome import Outcome
from stream.state.packed import Records, Timers, array_header
from stream.store.keys import Keys
from stream.store.meta import is_own

_INT64 = 2**63

_encode = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Commit:
    """Everything one batch changed. It lands whole or not at all.

    Attributes
    ----------
    positions
        ``(topic, expected, new)``: next offset to process, before and after; -1 before the first. A sweep, which
        reads nothing, gives none.
    records
        Records of the customers that changed.
    timers
        Timers of those whose timer changed.
    histograms, counters
        Field to delta. A field whose sum comes to 0 is taken away.
    cells
        Rolling tables: key suffix (``r:h:…``) to field to delta.
    drop_cells
        Suffixes of cells that have passed out of the tables; dropped after the deltas.
    drop_samples
        Quarter up to which the counts of churn samples are taken out of the histograms, after the deltas, and how many
        samples they were is counted (``samples_outdated``); `NO_QUARTER` for nothing.
    forget
        Customers whose record and timer are deleted, before ``records`` and ``timers`` are written.
    outbox
        Bundles of messages to deliver, in order; see `stream.contracts.bundle`.
    meta
        Fields of the shard's meta hash to set: clock, calibration, cursor and the like.
    """

    positions: Sequence[tuple[str, int, int]] = ()
    records: Records = field(default_factory=Records)
    timers: Timers = field(default_factory=Timers)
    histograms: Mapping[str, int] = field(default_factory=dict)
    cells: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    drop_cells: Sequence[str] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    outbox: Sequence[bytes] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    forget: Sequence[str] = ()
    drop_samples: int = NO_QUARTER

    @classmethod
    def of(
        cls, outcome: Outcome, positions: Sequence[tuple[str, int, int]] = (), meta: Mapping[str, str] | None = None
    ) -> Self:
        """All of an outcome with its clock and names, the positions that it moved, and further fields of meta."""
        return cls(
            positions=positions,
            records=outcome.records,
            timers=outcome.timers,
            histograms=outcome.histograms,
            cells=outcome.cells,
            drop_cells=outcome.drop_cells,
            drop_samples=outcome.drop_samples,
            counters=outcome.counters,
            outbox=outcome.outbox,
            meta={"clock": str(outcome.clock), **outcome.names, **(meta or {})},
        )


def pack(commit: Commit, keys: Keys, owner: str, name: str, expected: str) -> tuple[list[str], list[bytes | str]]:
    """Keys and arguments of the commit script.

    A few large arguments in place of thousands of small ones: the client spends 0.2 µs a record in place of 1.0,
    and Redis is a third faster too. Records go beside the plan, because the msgpack of Redis 6
    knows no binary type. Whole numbers that must stay exact go as text: Lua's are doubles.

    Parameters
    ----------
    name, expected
        Name of this commit, and of the one that landed before it.

    Raises
    ------
    ValueError
        A reserved meta field, or a delta that does not fit 64 bits.
    """
    if any(map(is_own, commit.meta)):
        raise ValueError(f"a commit may not set the store's own fields of meta: {sorted(commit.meta)}")
    before = (
        name,
        expected,
        [text for topic, old, new in commit.positions for text in (topic, str(old), str(new))],
    )
    behind = (
        list(commit.forget),
        _deltas(commit.histograms),
        _deltas(commit.counters),
        [_deltas(deltas) for deltas in commit.cells.values()],
        len(commit.drop_cells),
        list(chain.from_iterable(commit.meta.items())),
        commit.drop_samples,
    )
    records, timers = commit.records, commit.timers
    plan = (
        array_header(len(before) + 2 + len(behind)),
        *map(_encode, before),
        array_header(2 * records.count),
        records.names,
        array_header(2 * timers.count),
        timers.body,
        *map(_encode, behind),
    )
    declared = [keys.meta, keys.timers, keys.outbox, keys.heads, keys.histograms, keys.counters, keys.records]
    declared += [keys.cell(suffix) for suffix in commit.cells]
    declared += [keys.cell(suffix) for suffix in commit.drop_cells]
    return declared, [owner, b"".join(plan), records.blob, *commit.outbox]


def _deltas(deltas: Mapping[str, int]) -> list[str]:
    flat: list[str] = []
    for name, delta in deltas.items():
        if not -_INT64 <= delta < _INT64:
            raise ValueError(f"the change of {name!r} does not fit 64 bits: {delta}")
        if delta:
            flat += (name, str(delta))
    return flat
