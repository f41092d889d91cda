"""Arithmetic that is shown: a number and the words for how it was come by are made in one step, so neither can lie."""

from __future__ import annotations

import math
from typing import NamedTuple

UNITS: dict[str, float] = {
    "µs": 1e-6,
    "ms": 1e-3,
    "min": 60.0,
    "h": 3_600.0,
    "days": 86_400.0,
    "KB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "TB": 1e12,
    "MB/s": 1e6,
    "GB/s": 1e9,
    "%": 0.01,
}
"""What a unit is of its base; every other word behind a number is only a word."""

TIMES = "\N{MULTIPLICATION SIGN}"
SUM, PRODUCT, SINGLE = range(3)


class Term(NamedTuple):
    """A number in base units, how it is written, and, where it was taken from somewhere, what it is.

    Examples
    --------
    >>> cost = term(1e6, "events/s") * term(3.1, "µs") / term(0.6)
    >>> cost.text, round(cost.value, 2)
    ('1,000,000 events/s × 3.1 µs / 0.6', 5.17)
    >>> (term(2, "GB") * (term(1) + term(0.5))).text
    '2 GB × (1 + 0.5)'
    """  # noqa: RUF002 - as it is written on the page

    value: float
    text: str
    rank: int = SINGLE
    what: str = ""

    def __mul__(self, other: Term) -> Term:  # type: ignore[override] # of a tuple; nothing here repeats one
        return Term(self.value * other.value, f"{self._as(PRODUCT)} {TIMES} {other._as(PRODUCT)}", PRODUCT)

    def __truediv__(self, other: Term) -> Term:
        return Term(self.value / other.value, f"{self._as(PRODUCT)} / {other._as(SINGLE)}", PRODUCT)

    def __add__(self, other: Term) -> Term:  # type: ignore[override] # the same
        return Term(self.value + other.value, f"{self.text} + {other._as(SUM)}", SUM)

    def __sub__(self, other: Term) -> Term:
        return Term(self.value - other.value, f"{self.text} - {other._as(PRODUCT)}", SUM)

    def _as(self, rank: int) -> str:
        return self.text if self.rank >= rank else f"({self.text})"


def term(value: float, unit: str = "", what: str = "") -> Term:
    """A number as it is given, in its unit."""
    return Term(value * UNITS.get(unit, 1.0), f"{said(value)} {unit}".rstrip(), SINGLE, what)


def said(value: float) -> str:
    """A number to three digits, or four where it is larger.

    >>> [said(value) for value in (1e9, 6_756_930, 1234.5, 37.04, 0.06249, 8.0, 0.0)]
    ['1,000,000,000', '6,757,000', '1,234', '37', '0.0625', '8', '0']
    """
    if abs(value) >= 100:
        return f"{float(f'{value:.4g}'):,.0f}"
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Line(NamedTuple):
    """A quantity, how it is come by, and what it is."""

    quantity: str
    formula: str
    result: str


class Sheet:
    """Lines of arithmetic; what a line came to is a number for the lines after it.

    Examples
    --------
    >>> sheet = Sheet()
    >>> data = sheet.line("data", term(1e9, "customers") * term(370, "B"), "GB")
    >>> sheet.most("processes", term(1), sheet.whole("by memory", data / term(8, "GB"))).value
    47.0
    >>> for line in sheet.lines:
    ...     print(*line, sep=" = ")
    data = 1,000,000,000 customers × 370 B = 370 GB
    by memory = 370 GB / 8 GB = 46.2, so 47
    processes = the largest of 1, 47 = 47
    """  # noqa: RUF002 - as it is written on the page

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def line(self, quantity: str, formula: Term, unit: str = "") -> Term:
        """What a formula comes to, in this unit."""
        found = f"{said(formula.value / UNITS.get(unit, 1.0))} {unit}".rstrip()
        self.lines.append(Line(quantity, formula.text, found))
        return Term(formula.value, found)

    def whole(self, quantity: str, formula: Term) -> Term:
        """The same of things of which there is no half."""
        # A hair above a whole number is the work of binary fractions.
        count = math.ceil(round(formula.value, 9))
        exact = said(formula.value)
        self.lines.append(Line(quantity, formula.text, exact if exact == said(count) else f"{exact}, so {said(count)}"))
        return term(count)

    def most(self, quantity: str, *of: Term) -> Term:
        """The largest."""
        found = max(of, key=lambda one: one.value)
        self.lines.append(Line(quantity, f"the largest of {', '.join(one.text for one in of)}", found.text))
        return found

    def least(self, quantity: str, *of: Term) -> Term:
        """The smallest."""
        found = min(of, key=lambda one: one.value)
        self.lines.append(Line(quantity, f"the smallest of {', '.join(one.text for one in of)}", found.text))
        return found
