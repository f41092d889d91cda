"""Signs of leaving besides silence: fewer visits, a cart left behind, campaigns ignored, complaints again and again.

Each is there or not, by a plain count over periods of thirty days that are over, so that a single visit never has to
move a score: what the present period brings counts from its end on. All of them end by themselves when nothing more
comes, because what is long ago says nothing that silence does not say better.

On what is used as evidence besides purchases, and for what: Ascarza et al. (2018), "In pursuit of enhanced customer
retention management: review, key issues, and future directions", Customer Needs and Solutions 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from stream.scoring.units import DAY, NEVER

PERIOD: Final = 30 * DAY
"""Length of a period of counts, milliseconds; periods are numbered from 1970-01-01."""

VISIT_PERIODS: Final = 3
"""Periods, before the last that is over, whose mean is the usual number of visits."""
CAMPAIGN_PERIODS: Final = 3
"""Periods that are over in which campaigns were sent and not answered."""
COMPLAINT_PERIODS: Final = 12
"""Periods, the present one among them, in which complaints were opened."""

NO_CART: Final = -(2**62)
"""Moment of a cart, or of its end, that never was."""

_NOTHING: Final[Mapping[int, int]] = {}


class SignRules(NamedTuple):
    """From when on each sign is there; times in milliseconds."""

    visits_min: float
    """Visits a period that are usual at the least for a fall to mean anything."""
    visits_fall: float
    """Share of the usual visits below which they have fallen."""
    cart_after: int
    """How long after its last change a cart is left behind."""
    cart_for: int
    """How long it counts from then on."""
    campaigns_min: int
    """Campaigns without an answer."""
    complaints_min: int
    """Complaints in a year."""


class Activity(NamedTuple):
    """What a customer did besides ordering; counts by number of the period."""

    visits: Mapping[int, int] = _NOTHING
    """Pages and products viewed, searches, logins."""
    campaigns: Mapping[int, int] = _NOTHING
    """Campaigns sent."""
    answers: Mapping[int, int] = _NOTHING
    """Campaigns opened, coupons redeemed."""
    complaints: Mapping[int, int] = _NOTHING
    """Complaints opened."""
    cart_at: int = NO_CART
    """When the cart was last changed, ms."""
    cart_done_at: int = NO_CART
    """When the latest checkout was started, ms; an order ends a cart as well."""


NO_ACTIVITY: Final = Activity()


class Sign(NamedTuple):
    """One sign, and the figures behind it."""

    code: str
    detail: dict[str, float]


def signs(rules: SignRules, activity: Activity, last_order_at: int, as_of: int) -> list[Sign]:
    """Signs that are there at `as_of`, in the order of `churn_samples.SIGNS`.

    Parameters
    ----------
    last_order_at
        Time of the last order that counts, ms.
    as_of
        Now, ms.

    Examples
    --------
    Twelve visits a month, then two:

    >>> rules = SignRules(3, 0.5, DAY, 30 * DAY, 2, 2)
    >>> signs(rules, Activity(visits={0: 12, 1: 12, 2: 12, 3: 2}), 0, 4 * PERIOD)
    [Sign(code='visits_falling', detail={'visits': 2, 'usual_visits': 12.0})]
    """
    if activity is NO_ACTIVITY:
        return []
    period = as_of // PERIOD
    found = []
    visits = activity.visits.get(period - 1, 0)
    usual = _sum(activity.visits, period - 1, VISIT_PERIODS) / VISIT_PERIODS
    if usual >= rules.visits_min and visits < rules.visits_fall * usual:
        found.append(Sign("visits_falling", {"visits": visits, "usual_visits": usual}))
    left_at = _left_at(rules, activity, last_order_at)
    if left_at <= as_of < left_at + rules.cart_for:
        found.append(Sign("cart_left", {"days_since_cart": (as_of - activity.cart_at) / DAY}))
    sent = _sum(activity.campaigns, period, CAMPAIGN_PERIODS)
    answered = _sum(activity.answers, period + 1, CAMPAIGN_PERIODS + 1)
    # An order since the campaigns began is an answer as well.
    if sent >= rules.campaigns_min and not answered and last_order_at < (period - CAMPAIGN_PERIODS) * PERIOD:
        found.append(Sign("campaign_ignored", {"sent": sent, "days": CAMPAIGN_PERIODS * PERIOD / DAY}))
    complaints = _sum(activity.complaints, period + 1, COMPLAINT_PERIODS)
    if complaints >= rules.complaints_min:
        found.append(Sign("repeat_complaints", {"complaints": complaints, "days": COMPLAINT_PERIODS * PERIOD / DAY}))
    return found


def signs_change(rules: SignRules, activity: Activity, last_order_at: int, as_of: int) -> int:
    """First moment after `as_of`, ms, at which the signs may differ if nothing happens; `NEVER` where they cannot.

    Examples
    --------
    >>> rules = SignRules(3, 0.5, DAY, 30 * DAY, 2, 2)
    >>> signs_change(rules, Activity(cart_at=5 * DAY), 0, 5 * DAY) // DAY
    6
    """
    moments = [NEVER]
    left_at = _left_at(rules, activity, last_order_at)
    moments += [moment for moment in (left_at, left_at + rules.cart_for) if moment > as_of]
    counts = (activity.visits, activity.campaigns, activity.complaints)
    newest = max((max(of_kind) for of_kind in counts if of_kind), default=None)
    period = as_of // PERIOD
    if newest is not None and newest + COMPLAINT_PERIODS > period:
        moments.append((period + 1) * PERIOD)
    return min(moments)


def _left_at(rules: SignRules, activity: Activity, last_order_at: int) -> int:
    """When the cart is, or will be, left behind; `NO_CART` where it is done with."""
    if activity.cart_at <= max(activity.cart_done_at, last_order_at):
        return NO_CART
    return activity.cart_at + rules.cart_after


def _sum(counts: Mapping[int, int], before: int, periods: int) -> int:
    """Sum over so many periods, the last of them the one before `before`."""
    return sum(counts.get(period, 0) for period in range(before - periods, before)) if counts else 0
