"""Signs of leaving besides silence, once more: from counts by 30-day period, and from the cart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from tests.oracle.character import Characters
from tests.oracle.customer import PERIOD, PERIODS_KEPT, Customer
from tests.oracle.exact import exact, up_to_second
from tests.oracle.reading import DAY

if TYPE_CHECKING:
    from stream.scoring.policy import Policy

VISITS = {"page.viewed", "product.viewed", "search.performed", "login"}
ANSWERS = {"campaign.opened", "coupon.redeemed"}
PASSING = VISITS | {"campaign.sent"}
"""Interactions that speak once their period is over; after a late one the classes are looked at."""

Counts = Counter[int]


class Signs:
    """What of the policy makes a sign."""

    def __init__(self, policy: Policy, characters: Characters) -> None:
        self.visits, self.churn, self.characters = policy.visits, policy.churn, characters
        self.falling = exact(policy.visits.falling)
        self.cart_for = round(exact(policy.churn.cart_days) * DAY)
        self._sums: dict[str, tuple[int, dict[str, Counts]]] = {}
        self._next: dict[str, tuple[tuple[int, int, int], int | None]] = {}

    def there(self, customer: Customer, as_of: int) -> list[str]:
        """Signs that are there, of a customer with orders."""
        if not customer.counts:
            return []
        found = self._counted(self._sums_of(customer), customer.last_at, as_of // PERIOD)
        left = self.characters.left_at(customer)
        return [*found, "cart_left"] if left is not None and left <= as_of < left + self.cart_for else found

    def moments(self, customer: Customer) -> Iterator[int]:
        """When the cart no longer counts; when the counts first say something else."""
        if not customer.counts:
            return
        left = self.characters.left_at(customer)
        if left is not None:
            yield up_to_second(left + self.cart_for)
        now = customer.as_of // PERIOD
        key = customer.counts.total(), customer.last_at, now
        known = self._next.get(customer.id)
        if known is None or known[0] != key:
            known = self._next[customer.id] = key, self._first_other(customer, now)
        if known[1] is not None:
            yield known[1] * PERIOD

    def is_late(self, customer: Customer, kind: str, at: int) -> bool:
        """Whether an interaction is counted in a period that was over at the last look."""
        return kind in PASSING and customer.n > 0 and at // PERIOD < customer.as_of // PERIOD

    def _first_other(self, customer: Customer, now: int) -> int | None:
        sums, last_at = self._sums_of(customer), customer.last_at
        there, last = self._counted(sums, last_at, now), max(period for _, period in customer.by_period)
        later = range(now + 1, last + PERIODS_KEPT + 1)
        return next((period for period in later if self._counted(sums, last_at, period) != there), None)

    def _counted(self, sums: dict[str, Counts], last_at: int, period: int) -> list[str]:
        """Signs that are there all through a period."""
        found = []
        middle = period - self.visits.recent_periods
        earlier = _sum(sums["visits"], middle - self.visits.earlier_periods, middle)
        if earlier >= self.visits.earlier_min:
            recent = Fraction(_sum(sums["visits"], middle, period), self.visits.recent_periods)
            if recent <= self.falling * Fraction(earlier, self.visits.earlier_periods):
                found.append("visits_falling")
        if (
            last_at < (period - 3) * PERIOD
            and _sum(sums["campaigns"], period - 3, period) >= self.churn.campaigns_min
            and not _sum(sums["answers"], period - 3, period + 1)
        ):
            found.append("campaign_ignored")
        if _sum(sums["complaints"], period - 11, period + 1) >= self.churn.repeat_complaints_min:
            found.append("repeat_complaints")
        return found

    def _sums_of(self, customer: Customer) -> dict[str, Counts]:
        """Counts by period, of the newest periods."""
        total = customer.counts.total()
        known = self._sums.get(customer.id)
        if known is None or known[0] != total:
            sums: dict[str, Counts] = defaultdict(Counter)
            newest = max(period for _, period in customer.by_period)
            for (kind, period), count in customer.by_period.items():
                if period > newest - PERIODS_KEPT:
                    sums[_group(kind)][period] += count
            known = self._sums[customer.id] = total, sums
        return known[1]


def _group(kind: str) -> str:
    if kind in VISITS:
        return "visits"
    if kind in ANSWERS:
        return "answers"
    return {"campaign.sent": "campaigns", "complaint.opened": "complaints"}.get(kind, "others")


def _sum(counts: Counts, first: int, end: int) -> int:
    if not counts:
        return 0
    return sum(count for period, count in counts.items() if first <= period < end)
