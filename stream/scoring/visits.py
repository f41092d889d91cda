"""Do a customer's visits fall off?  The last periods against the ones before.

Interest fades before orders do: whoever came often and comes no more is on the way out while their last order
is still recent. Visits (what is looked at, searched, and logins) are counted by 30-day periods; the rate over
the last full periods is held against that of the periods before, when those were enough to have a rate. The
period that runs is left out, it is not over.

The trend moves when a period ends, with or without visits.

Source: defection as a fall against the customer's own earlier pattern is the partial defection of Buckinx, Van den
Poel (2005), "Customer base analysis: partial defection of behaviourally loyal clients in a non-contractual FMCG
retail setting", European Journal of Operational Research 164(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from stream.scoring.periods import counts_of
from stream.scoring.table_reader import TableReader

VISITS: Final = ("page.viewed", "product.viewed", "search.performed", "login")
"""Types of interaction that are visits."""

PERIODS_MAX: Final = 12
"""Full periods that two windows may span: the counts of 13 are kept, and one of those runs."""


@dataclass(frozen=True, slots=True)
class VisitsPolicy:
    """What falling visits are."""

    recent_periods: int
    """Full periods of 30 days whose visits are held against earlier ones."""
    earlier_periods: int
    """Full periods before those."""
    earlier_min: int
    """Visits in the earlier periods from which there is a rate to fall from."""
    falling: float
    """Recent rate over earlier rate, from which down visits are falling; inside (0, 1)."""


class VisitTrend(NamedTuple):
    """Visits per period, earlier and recently."""

    earlier: float
    recent: float

    @property
    def ratio(self) -> float:
        """Recent over earlier rate: below 1 where visits fall."""
        return self.recent / self.earlier


def read(reader: TableReader) -> VisitsPolicy:
    """Read the section ``[visits]``."""
    recent = reader.integer("recent_periods", minimum=1, maximum=PERIODS_MAX - 1)
    policy = VisitsPolicy(
        recent_periods=recent,
        earlier_periods=reader.integer("earlier_periods", minimum=1, maximum=PERIODS_MAX - recent),
        earlier_min=reader.integer("earlier_min", minimum=1, maximum=1_000_000),
        falling=reader.number("falling", above=0, below=1),
    )
    reader.done()
    return policy


def compile_visits(codes: Mapping[str, int]) -> frozenset[int]:
    """Numbers of the interaction types that are visits, by the numbers of all."""
    return frozenset(codes[kind] for kind in VISITS)


def by_period(visits: frozenset[int], periods: Mapping[int, int]) -> dict[int, int]:
    """Visits of each period.

    Parameters
    ----------
    visits
        What `compile_visits` gave.
    periods
        Interactions by period and type (see `periods.key_of`).
    """
    found: dict[int, int] = {}
    for period, code, count in counts_of(periods):
        if code in visits:
            found[period] = found.get(period, 0) + count
    return found


def trend(policy: VisitsPolicy, visits: Mapping[int, int], now: int) -> VisitTrend | None:
    """Visits per period, earlier and recently; none with too few of earlier ones.

    Parameters
    ----------
    visits
        Visits by period (see `by_period`).
    now
        Number of the period that runs. Its visits, and those of later ones, are left out.

    Examples
    --------
    Ten visits in each of four periods, then one in the two that followed:

    >>> policy = VisitsPolicy(recent_periods=2, earlier_periods=4, earlier_min=8, falling=0.5)
    >>> found = trend(policy, {0: 10, 1: 10, 2: 10, 3: 10, 4: 1}, 6)
    >>> found, found.ratio, is_falling(policy, found)
    (VisitTrend(earlier=10.0, recent=0.5), 0.05, True)
    """
    middle = now - policy.recent_periods
    earlier = sum(visits.get(period, 0) for period in range(middle - policy.earlier_periods, middle))
    if earlier < policy.earlier_min:
        return None
    recent = sum(visits.get(period, 0) for period in range(middle, now))
    return VisitTrend(earlier / policy.earlier_periods, recent / policy.recent_periods)


def is_falling(policy: VisitsPolicy, trend: VisitTrend | None) -> bool:
    """Whether visits fall: the recent rate is at most the policy's share of the earlier one."""
    return trend is not None and trend.recent <= policy.falling * trend.earlier
