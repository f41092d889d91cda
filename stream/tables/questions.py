"""What may be asked of the tables, and which fields of the cells answer it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Final, Literal

from stream.scoring.lifecycle import STAGES
from stream.state.customer import TIER_NAMES
from stream.state.table_names import (
    BY_NAME,
    GROUPS,
    OTHER,
    PAIR,
    REASON_KINDS,
    TABLES,
    TOTAL,
    Table,
)
from stream.tables.windows import WINDOWS, Window

Names = Mapping[str, Collection[str]]
"""Names known by scope, of all shards together."""
Row = tuple[str, ...]
"""What a row stands for, one text for each of the columns that name it."""

_BY_TABLE: Final = {table.name: table for table in TABLES}


class NotAsked(ValueError):
    """The question cannot be answered; the message says what can be asked.

    Attributes
    ----------
    code
        ``unknown_table``, ``bad_window`` or ``bad_by``.
    """

    def __init__(self, code: Literal["unknown_table", "bad_window", "bad_by"], message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Question:
    """A table, for a window, split by something.

    Attributes
    ----------
    by
        A scope of the table, or for one with keys those of them that a row stands for.
    """

    table: Table
    window: Window
    by: tuple[str, ...]

    @property
    def measures(self) -> list[str]:
        """Those of the table's measures that are split so."""
        if self.table.keys:
            return list(self.table.measures)
        return [name for name in self.table.measures if self.by[0] in BY_NAME[name].scopes]

    def fields(self, names: Names) -> Iterator[tuple[str, Row, str]]:
        """Fields of a cell, each with the row and the measure that it counts for."""
        if self.table.keys:
            for measure in self.table.measures:
                for keys, field in _FIELDS_OF[measure](names):
                    found = dict(zip(self.table.keys, keys, strict=True))
                    yield field, tuple(found[key] for key in self.by), measure
            return
        (scope,) = self.by
        for name in _names(scope, names):
            for measure in self.measures:
                yield (measure if scope == TOTAL else f"{measure}|{scope}={name}"), (name,), measure


def ask(table: str, window: str, by: str | None = None) -> Question:
    """Understand a question.

    Parameters
    ----------
    by
        A scope, or keys with commas between them; the total, or all keys, when left out.

    Raises
    ------
    NotAsked
        There is no such table, window, or split.

    Examples
    --------
    >>> question = ask("sales", "24h", "tier")
    >>> question.window.count, question.by, question.measures
    (24, ('tier',), ['orders', 'revenue', 'refunds', 'refunded'])
    >>> ask("tiers", "2h")
    Traceback (most recent call last):
    stream.tables.questions.NotAsked: There is no window '2h'. There are: 1h, 24h, 7d, 30d, 365d.
    """
    found = _BY_TABLE.get(table)
    if found is None:
        raise NotAsked("unknown_table", f"There is no table {table!r}. There are: {', '.join(_BY_TABLE)}.")
    if window not in WINDOWS:
        raise NotAsked("bad_window", f"There is no window {window!r}. There are: {', '.join(WINDOWS)}.")
    if by is None:
        split = found.keys or (TOTAL,)
    else:
        split = tuple(by.split(","))
        allowed = set(permutations(found.keys, len(split))) if found.keys else {(scope,) for scope in found.by}
        if split not in allowed:
            some = " (one, or some with commas between them)" if found.keys else ""
            raise NotAsked("bad_by", f"{table} is not split by {by!r}. It is by: {', '.join(found.by)}{some}.")
    return Question(found, WINDOWS[window], split)


def _names(scope: str, names: Names) -> list[str]:
    if scope == TOTAL:
        return [TOTAL]
    if scope == "tier":
        return list(TIER_NAMES)
    return _with_other(names, scope)


def _with_other(names: Names, scope: str) -> list[str]:
    known = list(names.get(scope, ()))
    return known if OTHER in known else [*known, OTHER]


def _moves(measure: str, of: Collection[str]) -> Iterator[tuple[Row, str]]:
    return (((was, became), f"{measure}|{was}>{became}") for was, became in permutations(of, 2))


def _reasons(names: Names) -> Iterator[tuple[Row, str]]:
    for kind in REASON_KINDS:
        for code in _with_other(names, "reason"):
            yield (kind, code), f"reasons|{kind}|{code}"


def _outcomes(measure: str, names: Names) -> Iterator[tuple[Row, str]]:
    for group in GROUPS:
        for action in _with_other(names, "action"):
            yield (action, group), f"{measure}|{group}|{action}"


def _themes(names: Names) -> Iterator[tuple[Row, str]]:
    for tier in TIER_NAMES:
        for pair in _with_other(names, "theme"):
            theme, _, category = pair.partition(PAIR)
            yield (theme, category, tier), f"mentions|{tier}|{pair}"


_FIELDS_OF: Final = {
    "tier_moves": lambda _: _moves("tier_moves", TIER_NAMES),
    "lifecycle_moves": lambda _: _moves("lifecycle_moves", STAGES),
    "reasons": _reasons,
    "came_back": lambda names: _outcomes("came_back", names),
    "stayed_away": lambda names: _outcomes("stayed_away", names),
    "mentions": _themes,
}
