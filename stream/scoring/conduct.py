"""Does a customer send back, or call off, far more than others do?

The share of orders that were refunded or cancelled is held against the population's. A share of few orders says
little, so it is not the share itself that is compared but what it is at least: the lower end of the Wilson score
interval. Two returns of two are a share of 1 and at least 0.43; one of ten is 0.1 and at least 0.03. Levels are
multiples of the population's share; a level said so far is kept until the bound falls a margin below its
threshold.

References
----------
Wilson (1927), "Probable inference, the law of succession, and statistical inference", Journal of the American
Statistical Association 22(158).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final, NamedTuple

from stream.scoring.table_reader import PolicyError, TableReader

CONDUCT: Final = ("none", "watch", "high")
"""Levels by rank, their place in this table."""

NONE, WATCH, HIGH = range(3)


@dataclass(frozen=True, slots=True)
class ConductPolicy:
    """From which multiple of the population's share each level is said.

    Raises
    ------
    PolicyError
        When the multiples do not rise.
    """

    orders_min: int
    """Orders, returned ones among them, that it takes to have a level."""
    returned_min: int
    """Returned orders that it takes."""
    z: float
    """Standard normal quantile of the bound: 1.645 is 95 % from one side."""
    watch: float
    """Multiple of the population's share from which the bound is worth watching; at least 1."""
    high: float
    """Multiple from which it is high."""
    margin: float
    """Part of its threshold that the bound must fall below it before a level is left; 0 to below 1."""
    population_min: float
    """The population's share is never taken as lower; inside (0, 1)."""

    def __post_init__(self) -> None:
        if not 1 <= self.watch < self.high:
            raise PolicyError(
                f"policy: conduct.watch = {self.watch:g}, conduct.high = {self.high:g}: must be 1 <= watch < high"
            )


class ConductFigures(NamedTuple):
    """What a level rests on."""

    orders: int
    returned: int
    share: float
    at_least: float
    """Lower end of the share's interval."""
    population: float
    """The share it is held against."""


def read(reader: TableReader) -> ConductPolicy:
    """Read the section ``[conduct]``."""
    policy = ConductPolicy(
        orders_min=reader.integer("orders_min", minimum=1, maximum=1_000_000),
        returned_min=reader.integer("returned_min", minimum=1, maximum=1_000_000),
        z=reader.number("z", minimum=0, maximum=10),
        watch=reader.number("watch", minimum=1),
        high=reader.number("high", minimum=1),
        margin=reader.number("margin", minimum=0, below=1),
        population_min=reader.number("population_min", above=0, below=1),
    )
    reader.done()
    return policy


def wilson_lower(hits: int, trials: int, z: float) -> float:
    """Lower end of the Wilson score interval of a share.

    Parameters
    ----------
    hits, trials
        At least 0 and at least 1; `hits` not above `trials`.
    z
        Standard normal quantile.

    Examples
    --------
    >>> round(wilson_lower(1, 10, 1.96), 4), wilson_lower(1, 10, 0), wilson_lower(0, 10, 1.96)
    (0.0179, 0.1, 0.0)
    """
    share = hits / trials
    square = z * z
    spread = z * sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    # Without hits the two terms are equal but for their last bits.
    return min(share, max(0.0, (share + square / (2 * trials) - spread) / (1 + square / trials)))


def figures(policy: ConductPolicy, orders: int, returned: int, population: float) -> ConductFigures | None:
    """Share, bound and what they are held against; none without orders.

    Parameters
    ----------
    orders
        All orders placed, those that no longer count among them.
    returned
        How many of them were refunded, in part or whole, or cancelled.
    population
        Share of returned orders among all customers' orders, from the calibration.
    """
    if orders == 0:
        return None
    at_least = wilson_lower(returned, orders, policy.z)
    return ConductFigures(orders, returned, returned / orders, at_least, max(population, policy.population_min))


def level(policy: ConductPolicy, figures: ConductFigures | None, said: int = NONE) -> int:
    """Rank of the level to be said, given the one said so far.

    Examples
    --------
    In a population that returns one order in ten:

    >>> from stream.scoring.policy import default_policy
    >>> policy = default_policy().conduct
    >>> [CONDUCT[level(policy, figures(policy, 10, returned, 0.1))] for returned in (3, 5, 8)]
    ['none', 'watch', 'high']
    """
    if figures is None or figures.orders < policy.orders_min or figures.returned < policy.returned_min:
        return NONE
    for rank, multiple in ((HIGH, policy.high), (WATCH, policy.watch)):
        kept = 1 - policy.margin if said >= rank else 1
        if figures.at_least >= multiple * figures.population * kept:
            return rank
    return NONE
