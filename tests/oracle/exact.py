"""Decimals as exact fractions, and moments as whole seconds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

from tests.oracle.reading import SECOND


@cache
def exact(number: float) -> Fraction:
    """The decimal that was written, not the binary that is near it."""
    return Fraction(repr(number))


def reached(value: float, edges: Sequence[Fraction | int]) -> int:
    """How many of the edges, which rise, the value has reached."""
    return bisect_right(edges, value)


def up_to_second(moment: int, numerator: int = 0, denominator: int = 1) -> int:
    """``moment + numerator / denominator`` milliseconds, rounded up to a whole second."""
    return -(-(moment * denominator + numerator) // (denominator * SECOND)) * SECOND
