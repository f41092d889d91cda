"""What the report shows, added up customer by customer; pure, and bounded but for one number a customer.

Whoever draws needs no record: all that is on the page is in a `Figures`.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter, defaultdict
from typing import Final, NamedTuple

from stream.report.alive_curve import AliveBin, AliveCurve
from stream.report.cohorts import Cohort, Retention
from stream.report.pareto import Pareto, pareto
from stream.report.seen import Seen
from stream.scoring.alive import Params
from stream.scoring.churn_validation import ReliabilityBin, Validation
from stream.scoring.policy import LEVELS

SHOWN_MAX: Final = 15
"""Customers of the list of those with most at stake."""

REVENUE_MARKS: Final = (0.7, 0.9)
"""Shares of revenue whose customers are told on the Pareto curve: classes A, and A with B."""


class Segment(NamedTuple):
    """Customers of a segment, and their net revenue in the window, minor units."""

    name: str
    customers: int
    revenue: int


class AtStake(NamedTuple):
    """A customer who is warned of, and what they would bring if they stayed, minor units."""

    at_stake: int
    customer_id: str
    tier: str
    segment: str
    level: str
    risk: float
    reason: str


class Day(NamedTuple):
    """Orders of a day (UTC), before refunds; revenue in minor units."""

    day: str
    orders: int
    revenue: int


class Figures:
    """Everything that the page shows.

    Parameters
    ----------
    alive
        Parameters of P(alive).
    horizon
        How far P(alive) is walked back, ms.
    warn_from
        Level from which customers are warned of.

    Attributes
    ----------
    customers
        All, those without an order too.
    tiers, levels, lifecycle, abc
        Name to number of customers.
    grid
        (recency score, frequency score) to number of customers with an order in the window.
    reasons
        Code to number of customers who are warned of, by their heaviest reason.
    moves
        (from, to) to number of tier moves in the last `table_days` days.
    daily
        Orders of each of these days, from the first day with any, ascending.
    validation
        What was said of customers against what came of it; None while nothing is known.
    """

    def __init__(self, alive: Params, horizon: int, warn_from: str) -> None:
        self.customers = 0
        self.as_of: int | None = None
        self.tiers: Counter[str] = Counter()
        self.levels: Counter[str] = Counter()
        self.lifecycle: Counter[str] = Counter()
        self.abc: Counter[str] = Counter()
        self.grid: Counter[tuple[int, int]] = Counter()
        self.reasons: Counter[str] = Counter()
        self.moves: Counter[tuple[str, str]] = Counter()
        self.daily: list[Day] = []
        self.table_days = 0
        self.validation: Validation | None = None
        self._segments: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._revenues = array("q")
        self._retention = Retention()
        self._alive = AliveCurve(alive, horizon)
        self._warned = frozenset(LEVELS[LEVELS.index(warn_from) :])
        self._at_stake: list[AtStake] = []

    def add_prospect(self, tier: str, lifecycle: str) -> None:
        """Count a customer who has no order that counts."""
        self.customers += 1
        self.tiers[tier] += 1
        self.lifecycle[lifecycle] += 1

    def add(self, seen: Seen, as_of: int) -> None:
        """Count a customer who has orders, as they are at `as_of` (ms)."""
        self.customers += 1
        self.tiers[seen.tier] += 1
        self.levels[seen.level] += 1
        self.lifecycle[seen.lifecycle] += 1
        self.abc[seen.abc] += 1
        segment = self._segments[seen.segment]
        segment[0] += 1
        segment[1] += seen.monetary
        if seen.monetary:
            self._revenues.append(seen.monetary)
        self.grid[seen.r, seen.f] += 1
        self._retention.add(seen.bought)
        self._alive.add(seen.bought, as_of)
        if seen.level in self._warned:
            reason = seen.reasons[0] if seen.reasons else ""
            self.reasons[reason] += bool(reason)
            # Of those who are taken for lost there is nothing at stake any more.
            if seen.level != LEVELS[-1]:
                self._stake(
                    AtStake(seen.at_stake, seen.customer_id, seen.tier, seen.segment, seen.level, seen.risk, reason)
                )

    @property
    def ordered(self) -> int:
        """Customers with an order that counts."""
        return sum(self.grid.values())

    @property
    def revenue(self) -> int:
        """Net revenue of the window, minor units."""
        return sum(self._revenues)

    @property
    def warned(self) -> int:
        """Customers whose level is one that is warned of."""
        return sum(count for level, count in self.levels.items() if level in self._warned)

    @property
    def reliability(self) -> tuple[ReliabilityBin, ...]:
        """Risk said beside the share that did not come back, by risk."""
        return self.validation.reliability if self.validation else ()

    @property
    def horizon(self) -> int:
        """How far P(alive) is walked back, ms."""
        return self._alive.horizon

    def segments(self) -> list[Segment]:
        """Segments, the largest first."""
        found = [Segment(name, customers, revenue) for name, (customers, revenue) in self._segments.items()]
        return sorted(found, key=lambda one: (-one.customers, one.name))

    def at_stake(self) -> list[AtStake]:
        """Those warned of with most at stake, the most first."""
        return sorted(self._at_stake, key=lambda one: (-one.at_stake, one.customer_id))

    def pareto(self) -> Pareto | None:
        """The curve of revenue over customers; None where there is no revenue."""
        return pareto(self._revenues, REVENUE_MARKS)

    def cohorts(self) -> list[Cohort]:
        """Retention by month of the first order."""
        return [] if self.as_of is None else self._retention.cohorts(self.as_of)

    def alive_bins(self) -> list[AliveBin]:
        """P(alive) one horizon ago beside who ordered since; bins with nobody in them are left out."""
        return [one for one in self._alive.bins if one.customers]

    def _stake(self, one: AtStake) -> None:
        if len(self._at_stake) < SHOWN_MAX:
            heapq.heappush(self._at_stake, one)
        else:
            heapq.heappushpop(self._at_stake, one)
