"""The words that conditions of rule segments are written with: names, and what each can be.

Apart from `rule_expressions`, which takes a quarter of a second to import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple


class ExpressionError(ValueError):
    """A condition is not allowed; the message says what is wrong and what is allowed."""


class Text(NamedTuple):
    """A class that is a text, or unknown."""

    values: tuple[str, ...] = ()
    """All it can be; empty where that is open."""


class Whole(NamedTuple):
    """A class that is a whole number, and never unknown."""

    lowest: int
    highest: int


Vocabulary = Mapping[str, Text | Whole]
"""Names that a condition may use, and what each can be."""

HOLDS: Final = -1
"""In place of a comparison that would be next: the condition holds."""
FAILS: Final = -2
"""Likewise: it does not hold."""


class Comparison(NamedTuple):
    """One comparison of a condition, and what follows from it."""

    name: str
    holds: Callable[[str | int | None], bool]
    """Whether it holds where the named class is this."""
    then: int
    """Number of the comparison that is next where it holds, `HOLDS` or `FAILS`."""
    otherwise: int
    """The same, where it does not."""
