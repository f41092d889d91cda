"""What a simulated population is like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stream.contracts.times import DAY, parse_time

CUSTOMERS_MAX: Final = 10_000_000
"""More customers than one machine has memory for: each takes some kilobytes while they are watched."""

DAYS_MAX: Final = 3_660
"""Ten years."""


class Rates(NamedTuple):
    """Orders a week are Gamma(r, alpha) over customers: a mean of ``r / alpha``."""

    r: float = 1.5
    alpha: float = 4.0


class Leaving(NamedTuple):
    """The probability of leaving after an order is Beta(a, b) over customers: a mean of ``a / (a + b)``."""

    a: float = 0.6
    b: float = 6.0


class Spend(NamedTuple):
    """An order is Gamma(p, nu) minor units, with nu ~ Gamma(q, v) over customers: a mean of ``p * v / (q - 1)``."""

    p: float = 6.0
    q: float = 4.0
    v: float = 2_500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A population, the time it is watched for, and how its events arrive.

    Parameters
    ----------
    customers
        How many.
    days
        For how long they are watched.
    start
        When that begins, ms. Its end must not be in the future: events from there are refused.
    currency
        ISO 4217; amounts are minor units of it.
    joining
        Customers register evenly over this share of the time.
    prospects
        Share of customers who register and never order.
    rates, leaving, spend
        Laws of the latent parameters.
    complaint_leaves
        Probability that a complaint ends in leaving.
    campaign_days
        Days between two campaigns, which go to all who are registered.
    late
        Share of events that arrive after they happened, by `late_hours` on average.
    late_hours
        Mean of that delay; nobody is later than twenty times that.
    duplicates
        Share of events that arrive a second time, within the same bounds.

    Raises
    ------
    ValueError
        Naming the field.

    Examples
    --------
    >>> Spec(customers=10, days=30).end - Spec(days=30).start == 30 * 86_400_000
    True
    >>> Spec(late=2)
    Traceback (most recent call last):
    ...
    ValueError: late = 2: must be a share from 0 to 1
    """

    customers: int = 1_000
    days: int = 365
    start: int = parse_time("2025-01-01T00:00:00Z")
    currency: str = "EUR"
    joining: float = 0.75
    prospects: float = 0.05
    rates: Rates = field(default_factory=Rates)
    leaving: Leaving = field(default_factory=Leaving)
    spend: Spend = field(default_factory=Spend)
    complaint_leaves: float = 0.4
    campaign_days: int = 28
    late: float = 0.0
    late_hours: float = 6.0
    duplicates: float = 0.0

    def __post_init__(self) -> None:
        for name, value, largest in (("customers", self.customers, CUSTOMERS_MAX), ("days", self.days, DAYS_MAX)):
            if not 1 <= value <= largest:
                raise ValueError(f"{name} = {value}: must be from 1 to {largest}")
        for name in ("joining", "prospects", "complaint_leaves", "late", "duplicates"):
            share: float = getattr(self, name)
            if not 0 <= share <= 1:
                raise ValueError(f"{name} = {share}: must be a share from 0 to 1")
        for law in (self.rates, self.leaving, self.spend):
            if min(law) <= 0:
                raise ValueError(f"{law}: each must be above 0")
        if self.spend.q <= 1:
            raise ValueError(f"{self.spend}: q must be above 1, or nobody has an average spend")
        if self.campaign_days < 1 or self.late_hours <= 0:
            raise ValueError(
                f"campaign_days = {self.campaign_days}, late_hours = {self.late_hours}: must be at least 1, and above 0"
            )

    @property
    def end(self) -> int:
        """The moment at which watching ends, ms; nothing happens at or after it."""
        return self.start + self.days * DAY
