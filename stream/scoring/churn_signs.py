"""Signs of leaving besides silence: fewer visits, a cart left behind, campaigns ignored, complaints again and again.

Each is there or not, by the rules of `visits` and `carts` and by counts over periods of thirty days. All of them end by
themselves when nothing more comes, because what is long ago says nothing that silence does not say better.

On what is used as evidence besides purchases, and for what: Ascarza et al. (2018), "In pursuit of enhanced customer
retention management: review, key issues, and future directions", Customer Needs and Solutions 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from stream.scoring import carts, visits
from stream.scoring.carts import CartsPolicy
from stream.scoring.periods import PERIOD, PERIOD_DAYS, period_of
from stream.scoring.units import DAY, NEVER
from stream.scoring.visits import PERIODS_MAX, VisitsPolicy

CAMPAIGN_PERIODS: Final = 3
"""Periods that are over in which campaigns were sent and not answered."""
COMPLAINT_PERIODS: Final = 12
"""Periods, the present one among them, in which complaints were opened."""

CAMPAIGNS: Final = ("campaign.sent",)
CAMPAIGN_ANSWERS: Final = ("campaign.opened", "coupon.redeemed")
COMPLAINTS: Final = ("complaint.opened",)
"""Types of interaction that the counts of `Activity` are of; those of visits are `visits.VISITS`."""

PASSING: Final = frozenset({*visits.VISITS, *CAMPAIGNS})
"""Types whose counts speak only once their period is over."""

COUNTED: Final = PASSING.union(CAMPAIGN_ANSWERS, COMPLAINTS)
"""All types whose counts may be a sign."""

VISITS_FALLING: Final = "visits_falling"
CART_LEFT: Final = "cart_left"
CAMPAIGN_IGNORED: Final = "campaign_ignored"
REPEAT_COMPLAINTS: Final = "repeat_complaints"
SIGNS: Final = (VISITS_FALLING, CART_LEFT, CAMPAIGN_IGNORED, REPEAT_COMPLAINTS)
"""Their codes; each has a weight of the same name in the calibration. Part of a stored form, so only appended to."""

NEVER_DONE: Final = -1
"""Moment of what was never done."""

_NOTHING: Final[Mapping[int, int]] = {}


class SignRules(NamedTuple):
    """From when on each sign is there."""

    visits: VisitsPolicy
    carts: CartsPolicy
    cart_for: int
    """How long a cart that was left behind counts, milliseconds."""
    campaigns_min: int
    """Campaigns without an answer."""
    complaints_min: int
    """Complaints in a year."""


class Activity(NamedTuple):
    """What a customer did besides ordering; counts by number of the period, see `periods`."""

    visits: Mapping[int, int] = _NOTHING
    campaigns: Mapping[int, int] = _NOTHING
    answers: Mapping[int, int] = _NOTHING
    complaints: Mapping[int, int] = _NOTHING
    cart_at: int = NEVER_DONE
    """When the cart was last changed or a checkout started, ms."""


NO_ACTIVITY: Final = Activity()


class Sign(NamedTuple):
    """One sign, and the figures behind it."""

    code: str
    detail: dict[str, float]


def signs(rules: SignRules, activity: Activity, last_order_at: int, as_of: int) -> list[Sign]:
    """Signs that are there at `as_of`.

    Parameters
    ----------
    last_order_at
        Time of the last order that counts, ms.
    as_of
        Now, ms.

    Examples
    --------
    Two complaints within a year:

    >>> from stream.scoring.policy import default_policy
    >>> policy = default_policy()
    >>> rules = SignRules(policy.visits, policy.carts, 30 * DAY, campaigns_min=2, complaints_min=2)
    >>> signs(rules, Activity(complaints={600: 1, 607: 1}), 0, 608 * PERIOD)
    [Sign(code='repeat_complaints', detail={'complaints': 2, 'days': 360})]
    """
    if activity is NO_ACTIVITY:
        return []
    counted = _counted(rules, activity, last_order_at, period_of(as_of))
    return counted + _cart(rules, activity, carts.left_at(rules.carts, activity.cart_at, last_order_at), as_of)


def signs_change(rules: SignRules, activity: Activity, last_order_at: int, as_of: int) -> int:
    """First moment after `as_of`, ms, at which other signs are there if nothing happens; `NEVER` where none is.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> policy = default_policy()
    >>> rules = SignRules(policy.visits, policy.carts, 30 * DAY, campaigns_min=2, complaints_min=2)
    >>> signs_change(rules, Activity(cart_at=5 * DAY), 0, 5 * DAY) // DAY
    6
    """
    if activity is NO_ACTIVITY:
        return NEVER
    left_at = carts.left_at(rules.carts, activity.cart_at, last_order_at)
    moments = [moment for moment in (left_at, left_at + rules.cart_for) if moment > as_of]
    newest = max((*activity.visits, *activity.campaigns, *activity.complaints), default=None)
    if newest is not None:
        there = _codes(_counted(rules, activity, last_order_at, period_of(as_of)))
        for period in range(period_of(as_of) + 1, newest + PERIODS_MAX + 2):
            if _codes(_counted(rules, activity, last_order_at, period)) != there:
                moments.append(period * PERIOD)
                break
    return min(moments, default=NEVER)


def counted_signs(rules: SignRules, activity: Activity, period: int) -> int:
    """Signs that follow from the counts of a period and those before: a bit each, see `bit_of`.

    Whether an order answered the campaigns is left out, see `answered_by_order`.

    Examples
    --------
    >>> from stream.scoring.policy import default_policy
    >>> policy = default_policy()
    >>> rules = SignRules(policy.visits, policy.carts, 30 * DAY, campaigns_min=2, complaints_min=2)
    >>> found = counted_signs(rules, Activity(campaigns={600: 2}, complaints={600: 1, 601: 1}), 602)
    >>> found == bit_of(CAMPAIGN_IGNORED) | bit_of(REPEAT_COMPLAINTS)
    True
    """
    return sum(bit_of(code) for code in _codes(_counted(rules, activity, NEVER_DONE, period)))


def bit_of(code: str) -> int:
    """Bit of a sign: by its place in `SIGNS`."""
    return 1 << SIGNS.index(code)


def answered_by_order(period: int, last_order_at: int) -> bool:
    """Whether the last order, ms, came since those campaigns began that may be ignored in a period."""
    return last_order_at >= (period - CAMPAIGN_PERIODS) * PERIOD


def _cart(rules: SignRules, activity: Activity, left_at: int, as_of: int) -> list[Sign]:
    if not left_at <= as_of < left_at + rules.cart_for:
        return []
    return [Sign(CART_LEFT, {"days_since_cart": (as_of - activity.cart_at) / DAY})]


def _counted(rules: SignRules, activity: Activity, last_order_at: int, period: int) -> list[Sign]:
    """Signs that follow from counts, and so are the same all through a period."""
    found = []
    trend = visits.trend(rules.visits, activity.visits, period) if activity.visits else None
    if trend is not None and visits.is_falling(rules.visits, trend):
        found.append(Sign(VISITS_FALLING, {"visits": trend.recent, "usual_visits": trend.earlier}))
    sent = _sum(activity.campaigns, period, CAMPAIGN_PERIODS)
    # An order since the campaigns began is an answer as well.
    if sent >= rules.campaigns_min and not answered_by_order(period, last_order_at):
        answered = _sum(activity.answers, period + 1, CAMPAIGN_PERIODS + 1)
        if not answered:
            found.append(Sign(CAMPAIGN_IGNORED, {"sent": sent, "days": CAMPAIGN_PERIODS * PERIOD_DAYS}))
    complaints = _sum(activity.complaints, period + 1, COMPLAINT_PERIODS)
    if complaints >= rules.complaints_min:
        found.append(Sign(REPEAT_COMPLAINTS, {"complaints": complaints, "days": COMPLAINT_PERIODS * PERIOD_DAYS}))
    return found


def _codes(signs: list[Sign]) -> list[str]:
    return [sign.code for sign in signs]


def _sum(counts: Mapping[int, int], before: int, periods: int) -> int:
    """Sum over so many periods, the last of them the one before `before`."""
    return sum(counts.get(period, 0) for period in range(before - periods, before)) if counts else 0
