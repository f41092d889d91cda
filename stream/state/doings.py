"""What a customer did besides ordering, as the churn score looks at it; see `stream.scoring.churn_signs`.

Most who did something can have no sign of leaving, however things go on: too few visits, no campaigns, one complaint.
The counters say so at once, and then nothing else is looked at.
"""

from __future__ import annotations

from typing import Final

from stream.scoring.churn_signs import (
    CAMPAIGN_ANSWERS,
    CAMPAIGNS,
    COMPLAINTS,
    NEVER_DONE,
    NO_ACTIVITY,
    Activity,
    signs,
    signs_change,
)
from stream.scoring.periods import PERIOD, counts_of, period_of
from stream.scoring.units import NEVER
from stream.scoring.visits import VISITS
from stream.state.carts import ordered_at, touched_at
from stream.state.customer import Customer
from stream.state.interactions import TYPE_CODES
from stream.state.model import Model

_GROUPS: Final = (VISITS, CAMPAIGNS, CAMPAIGN_ANSWERS, COMPLAINTS)
#: By number of the type, which of the counts of `Activity` it is in; those beyond are in none.
_GROUP_OF: Final = tuple(
    next((place for place, kinds in enumerate(_GROUPS) if kind in kinds), len(_GROUPS)) for kind in TYPE_CODES
)
_VISITS: Final = tuple(TYPE_CODES[kind] for kind in VISITS)
_CAMPAIGN: Final = TYPE_CODES["campaign.sent"]
_COMPLAINT: Final = TYPE_CODES["complaint.opened"]
_NONE: Final = (0, -1)

PASSING: Final = frozenset({*VISITS, *CAMPAIGNS})
"""Types whose counts speak only once their period is over: a look follows those that come later than that."""


def may_be_leaving(c: Customer, model: Model) -> bool:
    """Whether there were ever enough visits, campaigns or complaints for a sign."""
    counters = c.counters
    if counters is None:
        return False
    rules = model.churn.signs
    visits = 0
    for code in _VISITS:
        visits += counters.get(code, _NONE)[0]
    return (
        visits >= rules.visits.earlier_min
        or counters.get(_CAMPAIGN, _NONE)[0] >= rules.campaigns_min
        or counters.get(_COMPLAINT, _NONE)[0] >= rules.complaints_min
    )


def activity_of(c: Customer, model: Model) -> Activity:
    """What the churn score looks at; `NO_ACTIVITY` where nothing can be a sign."""
    if c.counters is None:
        return NO_ACTIVITY
    touched = touched_at(c)
    # An order that was taken back closed the cart all the same.
    cart_at = touched if touched > ordered_at(c) else NEVER_DONE
    if c.activity is None or not may_be_leaving(c, model):
        return NO_ACTIVITY if cart_at < 0 else Activity(cart_at=cart_at)
    groups: list[dict[int, int]] = [{} for _ in range(len(_GROUPS) + 1)]
    for period, code, count in counts_of(c.activity.periods):
        counts = groups[_GROUP_OF[code]]
        counts[period] = counts.get(period, 0) + count
    seen, campaigns, answers, complaints, _ = groups
    return Activity(seen, campaigns, answers, complaints, cart_at)


def weigh_signs(c: Customer, model: Model) -> tuple[float, int]:
    """What the signs at a customer's `as_of` add to the logit, and when they next change, ms; of one with orders."""
    activity = activity_of(c, model)
    if activity is NO_ACTIVITY:
        return 0.0, NEVER
    rules, weights = model.churn.signs, model.churn.coefficients
    weight = sum(getattr(weights, sign.code) for sign in signs(rules, activity, c.last_at, c.as_of))
    return weight, signs_change(rules, activity, c.last_at, c.as_of)


def is_late(c: Customer, kind: str, at: int) -> bool:
    """Whether an interaction at `at` (ms) is counted in a period that was over when the customer was looked at."""
    return kind in PASSING and c.n > 0 and period_of(at) < period_of(c.as_of)


def note_passing(c: Customer, kind: str, at: int, model: Model) -> None:
    """Have a customer looked at when the period of an interaction is over; when exactly is worked out then."""
    if kind in PASSING and c.n and may_be_leaving(c, model):
        c.due, c.due_is_exact = min(c.due, (period_of(at) + 1) * PERIOD), False
