"""What a customer did besides ordering, as the churn score looks at it; see `stream.scoring.churn_signs`.

Most who did something can have no sign of leaving, however things go on: too few visits, no campaigns, one complaint.
The counters say so at once, and then nothing else is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from stream.scoring.churn_signs import (
    CAMPAIGN_ANSWERS,
    CAMPAIGN_PERIODS,
    CAMPAIGNS,
    COMPLAINT_PERIODS,
    COMPLAINTS,
    NEVER_DONE,
    NO_ACTIVITY,
    Activity,
    look,
)
from stream.scoring.periods import PERIOD, key_of, period_of
from stream.scoring.units import NEVER
from stream.scoring.visits import VISITS
from stream.state.carts import left_at, touched_at
from stream.state.customer import Customer
from stream.state.interactions import TYPE_CODES
from stream.state.model import Model

_VISITS: Final = tuple(TYPE_CODES[kind] for kind in VISITS)
_CAMPAIGNS: Final = tuple(TYPE_CODES[kind] for kind in CAMPAIGNS)
_ANSWERS: Final = tuple(TYPE_CODES[kind] for kind in CAMPAIGN_ANSWERS)
_COMPLAINTS: Final = tuple(TYPE_CODES[kind] for kind in COMPLAINTS)
_NONE: Final = (0, -1)

PASSING: Final = frozenset({*VISITS, *CAMPAIGNS})
"""Types whose counts speak only once their period is over: a look follows those that come later than that."""


def may_be_leaving(c: Customer, model: Model) -> bool:
    """Whether there were ever enough visits, campaigns or complaints for a sign."""
    if c.counters is None:
        return False
    rules, counters = model.churn.signs, c.counters
    return (
        _ever(counters, _VISITS) >= rules.visits.earlier_min
        or _ever(counters, _CAMPAIGNS) >= rules.campaigns_min
        or _ever(counters, _COMPLAINTS) >= rules.complaints_min
    )


def activity_of(c: Customer, model: Model) -> Activity:
    """What the churn score looks at from a customer's `as_of` on; `NO_ACTIVITY` where nothing can be a sign."""
    if c.counters is None:
        return NO_ACTIVITY
    # Not only orders that count close a cart, so it is not left to the score to see that it is open.
    cart_at = NEVER_DONE if left_at(c, model) == NEVER else touched_at(c)
    if c.activity is None or not may_be_leaving(c, model):
        return NO_ACTIVITY if cart_at < 0 else Activity(cart_at=cart_at)
    rules, counters = model.churn.signs, c.counters
    visits: Mapping[int, int] = {}
    campaigns = answers = complaints = visits
    if _ever(counters, _VISITS) >= rules.visits.earlier_min:
        visits = _recent(c, _VISITS, rules.visits.recent_periods + rules.visits.earlier_periods)
    if _ever(counters, _CAMPAIGNS) >= rules.campaigns_min:
        campaigns, answers = _recent(c, _CAMPAIGNS, CAMPAIGN_PERIODS), _recent(c, _ANSWERS, CAMPAIGN_PERIODS)
    if _ever(counters, _COMPLAINTS) >= rules.complaints_min:
        complaints = _recent(c, _COMPLAINTS, COMPLAINT_PERIODS)
    return Activity(visits, campaigns, answers, complaints, cart_at)


def weigh_signs(c: Customer, model: Model) -> tuple[float, int]:
    """What the signs at a customer's `as_of` add to the logit, and when they next change, ms; of one with orders."""
    activity = activity_of(c, model)
    if activity is NO_ACTIVITY:
        return 0.0, NEVER
    rules, weights = model.churn.signs, model.churn.coefficients
    found, change = look(rules, activity, c.last_at, c.as_of)
    return sum(getattr(weights, sign.code) for sign in found), change


def is_late(c: Customer, kind: str, at: int) -> bool:
    """Whether an interaction at `at` (ms) is counted in a period that was over when the customer was looked at."""
    return kind in PASSING and c.n > 0 and period_of(at) < period_of(c.as_of)


def note_passing(c: Customer, kind: str, at: int, model: Model) -> None:
    """Have a customer looked at when the period of an interaction is over; when exactly is worked out then."""
    ends = (period_of(at) + 1) * PERIOD
    # What is due before that has nothing to do with counts that still grow.
    if ends <= c.due and kind in PASSING and c.n and may_be_leaving(c, model):
        c.due, c.due_is_exact = ends, False


def _ever(counters: Mapping[int, tuple[int, int]], codes: Iterable[int]) -> int:
    """How many interactions of these types there ever were."""
    total = 0
    for code in codes:
        total += counters.get(code, _NONE)[0]
    return total


def _recent(c: Customer, codes: Sequence[int], periods: int) -> dict[int, int]:
    """Counts by period, from so many before that of `as_of` on."""
    if c.activity is None or c.counters is None:
        return {}
    counted, newest = c.activity.periods, -1
    for code in codes:
        newest = max(newest, c.counters.get(code, _NONE)[1])
    found = {}
    for period in range(period_of(c.as_of) - periods, period_of(newest) + 1):
        total = 0
        for code in codes:
            total += counted.get(key_of(period, code), 0)
        if total:
            found[period] = total
    return found
