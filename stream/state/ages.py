"""How long ago a customer registered, as rule segments see it."""

from __future__ import annotations

from stream.scoring import market_segments
from stream.scoring.units import NEVER
from stream.state.customer import Customer
from stream.state.model import Model


def age_of(c: Customer, model: Model) -> str | None:
    """Class of the time since registration, at the customer's `as_of`; None where no registration is known."""
    if not c.registered_at:
        return None
    return market_segments.registration_age(model.policy.market_segments, c.registered_at, c.as_of)


def next_age(c: Customer, as_of: int, model: Model) -> int:
    """When the class of registration age changes next, ms; `NEVER` where nothing depends on it."""
    if not c.registered_at or not model.ages_matter:
        return NEVER
    return market_segments.next_age_change(model.policy.market_segments, c.registered_at, as_of)
