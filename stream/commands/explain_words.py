"""Numbers, lists and conditions of an explanation as words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

WIDTH = 110
#: Digits behind the point that figures are rounded to.
DECIMALS = 6


def number(value: float) -> str:
    """A number with all its digits, and none that says nothing.

    Examples
    --------
    >>> number(0.1 + 0.2), number(40.0), number(1234567.25), number(0.000012)
    ('0.3', '40', '1234567.25', '0.000012')
    """
    text = f"{value:.12g}"
    if "e" not in text:
        return text
    return f"{value:.18f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:f}".rstrip("0").rstrip(".")


def numbers(values: Iterable[float]) -> str:
    """Numbers one after the other."""
    return ", ".join(map(number, values))


def listed(name: str, values: Iterable[float | str]) -> Iterator[str]:
    """Lines that name many numbers."""
    told = (value if isinstance(value, str) else number(value) for value in values)
    yield from wrap(f"{name}: {', '.join(told)}", WIDTH, initial_indent="  ", subsequent_indent="    ")


def conditions(found: dict[str, object]) -> str:
    """Conditions of a row; of one without any, that it is for everybody."""
    return "; ".join(f"{name} {_told(value)}" for name, value in found.items()) or "everybody"


def yes(value: bool) -> str:  # noqa: FBT001 - the thing itself
    """A flag as a word."""
    return "yes" if value else "no"


def _told(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, bool):
        return yes(value)
    return number(value) if isinstance(value, int | float) else str(value)
