"""What a customer did besides ordering, as the churn score looks at it; see `stream.scoring.churn_signs`.

Most who did something can have no sign of leaving, however things go on: too few visits, no campaigns, one complaint.
The counters say so at once, and then nothing else is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from stream.scoring.churn_signs import (
    CAMPAIGN_ANSWERS,
    CAMPAIGN_IGNORED,
    CAMPAIGN_PERIODS,
    CAMPAIGNS,
    CART_LEFT,
    COMPLAINT_PERIODS,
    COMPLAINTS,
    NEVER_DONE,
    NO_ACTIVITY,
    PASSING,
    Activity,
    answered_by_order,
    bit_of,
    counted_signs,
)
from stream.scoring.periods import CODE_BITS, PERIOD, key_of, period_of
from stream.scoring.units import NEVER, ceil_to_second
from stream.scoring.visits import PERIODS_MAX, VISITS
from stream.state.carts import left_at, touched_at
from stream.state.customer import Customer
from stream.state.interactions import TYPE_CODES
from stream.state.model import Model
from stream.state.sign_periods import SignPeriods

_VISITS: Final = tuple(TYPE_CODES[kind] for kind in VISITS)
_CAMPAIGNS: Final = tuple(TYPE_CODES[kind] for kind in CAMPAIGNS)
_ANSWERS: Final = tuple(TYPE_CODES[kind] for kind in CAMPAIGN_ANSWERS)
_COMPLAINTS: Final = tuple(TYPE_CODES[kind] for kind in COMPLAINTS)
_NONE: Final = (0, -1)
_CART_LEFT: Final = bit_of(CART_LEFT)
_IGNORED: Final = bit_of(CAMPAIGN_IGNORED)


def may_be_leaving(c: Customer, model: Model) -> bool:
    """Whether there were ever enough visits, campaigns or complaints for a sign."""
    return c.counters is not None and _sign_periods(c, model).may_be


def activity_of(c: Customer, model: Model) -> Activity:
    """What the churn score looks at from a customer's `as_of` on; `NO_ACTIVITY` where nothing can be a sign."""
    if c.counters is None:
        return NO_ACTIVITY
    # Not only orders that count close a cart, so it is not left to the score to see that it is open.
    cart_at = NEVER_DONE if left_at(c, model) == NEVER else touched_at(c)
    if c.activity is None or not may_be_leaving(c, model):
        return NO_ACTIVITY if cart_at < 0 else Activity(cart_at=cart_at)
    return _counts(c, model, period_of(c.as_of))._replace(cart_at=cart_at)


def has_signs(c: Customer, model: Model) -> bool:
    """Whether there is any at a customer's `as_of`; of one with orders."""
    return c.counters is not None and signs_at(c, model, left_at(c, model)) > 0


def signs_at(c: Customer, model: Model, left: int) -> int:
    """Signs there are at a customer's `as_of`, a bit each, see `churn_signs.bit_of`; of one with orders.

    Parameters
    ----------
    left
        When the cart is left behind, ms, see `carts.left_at`.
    """
    found = _CART_LEFT if left <= c.as_of < left + model.churn.signs.cart_for else 0
    known = _sign_periods(c, model)
    return found | _signs_in(c, model, known, c.as_of // PERIOD) if known.may_be else found


def signs_change(c: Customer, model: Model, left: int, before: int) -> int:
    """When other signs are there if nothing happens, ms, if that is before a moment; else that moment.

    Most look only as far as something else changes, which is a period or two. Arguments as in `signs_at`.
    """
    as_of = c.as_of
    if left <= as_of:
        left = ceil_to_second(left + model.churn.signs.cart_for)
    if as_of < left < before:
        before = left
    known = _sign_periods(c, model)
    if not known.may_be or c.activity is None:
        return before
    period, last = as_of // PERIOD, (before - 1) // PERIOD
    if last == period:
        return before
    # Beyond these nothing counts any more.
    end = (max(c.activity.periods, default=0) >> CODE_BITS) + PERIODS_MAX + 1
    there = _signs_in(c, model, known, period)
    for later in range(period + 1, min(last, end) + 1):
        if _signs_in(c, model, known, later) != there:
            return later * PERIOD
    return before


def _sign_periods(c: Customer, model: Model) -> SignPeriods:
    """What is remembered of the customer's signs."""
    rules, known = model.churn.signs, c.sign_periods
    if known is None or known.rules is not rules:
        assert c.counters is not None
        may_be = (
            _ever(c.counters, _VISITS) >= rules.visits.earlier_min
            or _ever(c.counters, _CAMPAIGNS) >= rules.campaigns_min
            or _ever(c.counters, _COMPLAINTS) >= rules.complaints_min
        )
        known = c.sign_periods = SignPeriods(rules, may_be=may_be)
    return known


def _signs_in(c: Customer, model: Model, known: SignPeriods, period: int) -> int:
    """Signs that follow from counts, in a period that is not before that of `as_of`."""
    found = known.signs.get(period)
    if found is None:
        found = known.signs[period] = counted_signs(known.rules, _counts(c, model, period), period)
    if found & _IGNORED and answered_by_order(period, c.last_at):
        found -= _IGNORED
    return found


def _counts(c: Customer, model: Model, period: int) -> Activity:
    """Counts that may be a sign from a period on; none of a kind of which there never were enough."""
    assert c.counters is not None
    rules, counters = model.churn.signs, c.counters
    visits: Mapping[int, int] = {}
    campaigns = answers = complaints = visits
    if _ever(counters, _VISITS) >= rules.visits.earlier_min:
        visits = _recent(c, _VISITS, period - rules.visits.recent_periods - rules.visits.earlier_periods)
    if _ever(counters, _CAMPAIGNS) >= rules.campaigns_min:
        start = period - CAMPAIGN_PERIODS
        campaigns, answers = _recent(c, _CAMPAIGNS, start), _recent(c, _ANSWERS, start)
    if _ever(counters, _COMPLAINTS) >= rules.complaints_min:
        complaints = _recent(c, _COMPLAINTS, period - COMPLAINT_PERIODS)
    return Activity(visits, campaigns, answers, complaints)


def is_late(c: Customer, kind: str, at: int) -> bool:
    """Whether an interaction at `at` (ms) is counted in a period that was over when the customer was looked at.

    A look follows then.
    """
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


def _recent(c: Customer, codes: Sequence[int], start: int) -> dict[int, int]:
    """Counts by period, from one on."""
    if c.activity is None or c.counters is None:
        return {}
    counted, newest = c.activity.periods, -1
    for code in codes:
        newest = max(newest, c.counters.get(code, _NONE)[1])
    found = {}
    for period in range(start, period_of(newest) + 1):
        total = 0
        for code in codes:
            total += counted.get(key_of(period, code), 0)
        if total:
            found[period] = total
    return found
