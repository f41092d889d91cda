"""A name for each corner of the recency, frequency, monetary cube.

A segment table is a list of boxes in the cube of the three scores, first match wins. Tables written by hand
tend to overlap and to leave gaps, and then a customer's name depends on things nobody meant. So a table may
promise to be `complete` and `exclusive`, and the promise is checked over all 125 cells; one that promises
neither says in `rest` what the others are called. Compiled, a table is a tuple of 125 names and saying a
segment is one look-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from stream.scoring.rfm import CELLS, cell
from stream.scoring.table_reader import NAME_BYTES_MAX, PolicyError, TableReader


class SegmentRule(NamedTuple):
    """One box of the cube: lowest and highest score on each axis, both included."""

    name: str
    r: tuple[int, int]
    f: tuple[int, int]
    m: tuple[int, int]

    def matches(self, r: int, f: int, m: int) -> bool:
        """Whether the cell is in the box."""
        return self.r[0] <= r <= self.r[1] and self.f[0] <= f <= self.f[1] and self.m[0] <= m <= self.m[1]


@dataclass(frozen=True, slots=True)
class SegmentTable:
    """Rules in the order they are tried, and what the table promises.

    Raises
    ------
    PolicyError
        When a promise does not hold; the message gives the first cell and, for an overlap, both rules.
    """

    name: str
    rules: tuple[SegmentRule, ...]
    complete: bool = False
    """Every cell has a rule."""
    exclusive: bool = False
    """No cell has two."""
    rest: str = "other"
    """Segment of a cell without a rule."""

    def __post_init__(self) -> None:
        for name in (self.rest, *(rule.name for rule in self.rules)):
            if len(name.encode()) > NAME_BYTES_MAX:
                raise PolicyError(
                    f"policy: segments.tables.{self.name}: the name {name[:20]!r}… has {len(name.encode())} bytes, "
                    f"at most {NAME_BYTES_MAX} are kept"
                )
        for r, f, m in CELLS:
            names = [rule.name for rule in self.rules if rule.matches(r, f, m)]
            if self.complete and not names:
                raise PolicyError(
                    f"policy: segments.tables.{self.name}: complete = true, but no rule is for r={r} f={f} m={m}"
                )
            if self.exclusive and len(names) > 1:
                raise PolicyError(
                    f"policy: segments.tables.{self.name}: exclusive = true, but r={r} f={f} m={m} is in "
                    f"both {names[0]!r} and {names[1]!r}"
                )


def compile_segments(table: SegmentTable) -> tuple[str, ...]:
    """Name of each cell, to be looked up by `rfm.cell`.

    Examples
    --------
    >>> table = SegmentTable("two", (SegmentRule("recent", (4, 5), (1, 5), (1, 5)),), rest="past")
    >>> names = compile_segments(table)
    >>> names[cell(5, 1, 1)], names[cell(3, 5, 5)]
    ('recent', 'past')
    """
    names = [table.rest] * len(CELLS)
    for r, f, m in CELLS:
        for rule in table.rules:
            if rule.matches(r, f, m):
                names[cell(r, f, m)] = rule.name
                break
    return tuple(names)


def read(reader: TableReader) -> tuple[SegmentTable, tuple[SegmentTable, ...]]:
    """Read the section ``[segments]``: the active table, and all of them."""
    named = reader.table("tables")
    tables = tuple(_read_table(name, named.table(name)) for name in named.names())
    active = reader.text("active")
    reader.done()
    for table in tables:
        if table.name == active:
            return table, tables
    allowed = ", ".join(table.name for table in tables)
    raise reader.wrong("active", active, f"must be one of the tables: {allowed}")


def _read_table(name: str, reader: TableReader) -> SegmentTable:
    rules: list[SegmentRule] = []
    for one in reader.tables("rules"):
        rules.append(SegmentRule(one.text("name"), one.scores("r"), one.scores("f"), one.scores("m")))
        one.done()
    table = SegmentTable(
        name=name,
        rules=tuple(rules),
        complete=reader.flag("complete"),
        exclusive=reader.flag("exclusive"),
        rest=reader.text("rest", default="other"),
    )
    reader.done()
    return table
