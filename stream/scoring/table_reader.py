"""Reads a table of a TOML file key by key, and complains about the key by its full name.

A policy is written by people, so each complaint says where, what was found and what is allowed. A key that
nobody asked for is a complaint too: a misspelt key that is passed over is a rule that silently does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any, Final

DAYS_MAX: Final = 36_600
"""No time that a policy gives in days is longer."""

NAME_BYTES_MAX: Final = 255
"""What a customer's record has room for."""


class PolicyError(ValueError):
    """The policy cannot be used; the message names the key, what is wrong and what is allowed."""


class TableReader:
    """One table of the file, with its path.

    Parameters
    ----------
    table
        What the TOML parser gave.
    path
        Name of the table from the root, dotted; empty for the root.

    Examples
    --------
    >>> TableReader({"mid": 140}, "tier").number("mid", maximum=100)
    Traceback (most recent call last):
    ...
    stream.scoring.table_reader.PolicyError: policy: tier.mid = 140: must be at most 100
    """

    def __init__(self, table: Mapping[str, Any], path: str = "") -> None:
        self._table = table
        self._path = path
        self._asked: list[str] = []

    def name(self, key: str) -> str:
        """Full name of a key, as it stands in a complaint."""
        return f"{self._path}.{key}" if self._path else key

    def names(self) -> tuple[str, ...]:
        """Every key of the table, in the order of the file."""
        return tuple(self._table)

    def table(self, key: str) -> TableReader:
        """Give the table under `key`."""
        value = self._take(key, "a table")
        if not isinstance(value, dict):
            raise self.wrong(key, value, "must be a table")
        return TableReader(value, self.name(key))

    def tables(self, key: str) -> tuple[TableReader, ...]:
        """Give the tables of the list under `key`; at least one."""
        value = self._take(key, "a list of tables")
        if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
            raise self.wrong(key, value, "must be a list of at least one table")
        return tuple(TableReader(one, f"{self.name(key)}[{at}]") for at, one in enumerate(value))

    def number(
        self,
        key: str,
        *,
        minimum: float = -inf,
        above: float = -inf,
        maximum: float = inf,
        below: float = inf,
    ) -> float:
        """Give the number under `key`; `above` and `below` are bounds that it may not touch."""
        value = self._take(key, "a number")
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise self.wrong(key, value, "must be a number")
        if value < minimum:
            raise self.wrong(key, value, f"must be at least {minimum:g}")
        if value <= above:
            raise self.wrong(key, value, f"must be above {above:g}")
        if value > maximum:
            raise self.wrong(key, value, f"must be at most {maximum:g}")
        if value >= below:
            raise self.wrong(key, value, f"must be below {below:g}")
        return float(value)

    def integer(self, key: str, *, minimum: int, maximum: int) -> int:
        """Give the whole number under `key`."""
        value = self._take(key, "a whole number")
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            raise self.wrong(key, value, f"must be a whole number from {minimum} to {maximum}")
        return value

    def numbers(self, key: str) -> tuple[float, ...]:
        """Give the list of numbers under `key`."""
        value = self._take(key, "a list of numbers")
        numeric = isinstance(value, list) and all(
            isinstance(one, int | float) and not isinstance(one, bool) and isfinite(one) for one in value
        )
        if not numeric:
            raise self.wrong(key, value, "must be a list of numbers")
        return tuple(float(one) for one in value)

    def one_of(self, key: str, allowed: Sequence[str]) -> str:
        """Give the text under `key`, which must be one of `allowed`."""
        value = self.text(key)
        if value not in allowed:
            raise self.wrong(key, value, f"must be one of {', '.join(allowed)}")
        return value

    def texts(self, key: str, *, allowed: Sequence[str] = ()) -> tuple[str, ...]:
        """Give the list of texts under `key`, each one of `allowed` where that is given; none where it is absent."""
        if key not in self._table:
            self._asked.append(key)
            return ()
        value = self._take(key, "a list of texts")
        if not isinstance(value, list) or not value or not all(isinstance(one, str) and one.strip() for one in value):
            raise self.wrong(key, value, "must be a list of at least one text, none of them empty")
        if allowed and not set(value) <= set(allowed):
            raise self.wrong(key, value, f"each must be one of {', '.join(allowed)}")
        return tuple(value)

    def grid(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Give the list of lists of texts under `key`."""
        value = self._take(key, "a list of lists of texts")
        rows = value if isinstance(value, list) else [None]
        if not all(isinstance(row, list) and all(isinstance(one, str) for one in row) for row in rows):
            raise self.wrong(key, value, "must be a list of lists of texts")
        return tuple(map(tuple, rows))

    def name_of(self, key: str) -> str:
        """Give the name under `key`: a text that a customer's record has room for."""
        value = self.text(key)
        if len(value.encode()) > NAME_BYTES_MAX:
            raise self.wrong(key, f"{value[:20]}…", f"must have at most {NAME_BYTES_MAX} bytes")
        return value

    def scores(self, key: str) -> tuple[int, int]:
        """Give the range of scores ``[lowest, highest]`` under `key`; all five where it is absent."""
        if key not in self._table:
            return (1, 5)
        value = self._take(key, "a range of scores")
        whole = isinstance(value, list) and all(type(one) is int for one in value)
        if not whole or len(value) != 2 or not 1 <= value[0] <= value[1] <= 5:  # noqa: PLR2004 - two ends
            raise self.wrong(key, value, "must be [lowest, highest] with 1 <= lowest <= highest <= 5")
        return (value[0], value[1])

    def text(self, key: str, *, default: str | None = None) -> str:
        """Give the text under `key`; it may be absent only where there is a default."""
        if default is not None and key not in self._table:
            return default
        value = self._take(key, "a text")
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, value, "must be a text, and not an empty one")
        return value

    def has(self, key: str) -> bool:
        """Whether there is such a key; it counts as asked for."""
        self._asked.append(key)
        return key in self._table

    def flag(self, key: str) -> bool:
        """Give true or false under `key`; false where it is absent."""
        if key not in self._table:
            return False
        value = self._take(key, "true or false")
        if not isinstance(value, bool):
            raise self.wrong(key, value, "must be true or false")
        return value

    def done(self) -> None:
        """Refuse keys that were not asked for."""
        for key in self._table:
            if key not in self._asked:
                allowed = ", ".join(self._asked)
                raise PolicyError(f"policy: {self.name(key)}: unknown key; allowed here: {allowed}")

    def wrong(self, key: str, value: object, rule: str) -> PolicyError:
        """Make the complaint about a value."""
        return PolicyError(f"policy: {self.name(key)} = {value!r}: {rule}")

    def _take(self, key: str, kind: str) -> Any:  # noqa: ANN401 - whatever stands in the file
        self._asked.append(key)
        if key not in self._table:
            raise PolicyError(f"policy: {self.name(key)}: missing; must be {kind}")
        return self._table[key]
