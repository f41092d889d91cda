"""Moments at which a customer is looked at though no class changes: follow-ups, outcomes, churn samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import xxhash

from tests.oracle.customer import Customer
from tests.oracle.exact import up_to_second
from tests.oracle.reading import DAY

if TYPE_CHECKING:
    from stream.scoring.policy import Policy

MINUTE = 60_000


class Appointments:
    """What of the policy makes such moments."""

    def __init__(self, policy: Policy, window: int) -> None:
        self.window = window
        self.outcome = policy.playbook.outcome_days * DAY
        self.cadence = dict(zip(("none", "low", "mid", "high"), policy.playbook.cadence_days, strict=True))
        self.horizon = round(policy.churn.horizon_days * DAY)

    def moments(self, customer: Customer) -> Iterator[int]:
        """All that are known now."""
        if customer.action is not None:
            yield up_to_second(customer.action_at + self.outcome)
        follow_up = self.follow_up_at(customer)
        if follow_up is not None:
            yield follow_up
        if customer.sample is not None:
            yield self._next_in_grid(customer, customer.sample.at)
        elif customer.n:
            moment = self._next_in_grid(customer, customer.as_of)
            if customer.last_at > moment - self.window:
                yield moment

    def follow_up_at(self, customer: Customer) -> int | None:
        """A cadence after the last order or contact; never for prospects and the churned."""
        days = self.cadence[customer.tier]
        if not customer.n or not days or customer.lifecycle in ("prospect", "churned"):
            return None
        return up_to_second(max(customer.last_at, customer.contacted_at) + days * DAY)

    def came_back(self, customer: Customer, as_of: int) -> bool | None:
        """Whether an order came after the action that is waited for; None while that is open."""
        if customer.action is None:
            return None
        if customer.n and customer.last_at > customer.action_at:
            return True
        return False if as_of >= up_to_second(customer.action_at + self.outcome) else None

    def is_over(self, customer: Customer) -> bool:
        """Whether it is known what came of the sample that is open."""
        return customer.sample is not None and customer.as_of >= self._next_in_grid(customer, customer.sample.at)

    def asks(self, customer: Customer) -> bool:
        """Whether a sample is to be taken."""
        in_grid = (customer.as_of - self._offset(customer)) % self.horizon == 0
        is_open = customer.sample is not None
        return in_grid and not is_open and customer.n > 0 and customer.last_at > customer.as_of - self.window

    def _offset(self, customer: Customer) -> int:
        # The upper 53 bits, in whole minutes.
        return (xxhash.xxh3_64_intdigest(customer.id.encode()) >> 11) % (self.horizon // MINUTE) * MINUTE

    def _next_in_grid(self, customer: Customer, after: int) -> int:
        offset = self._offset(customer)
        return offset + ((after - offset) // self.horizon + 1) * self.horizon
