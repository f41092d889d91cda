"""Each sign begins and ends where its rule says, and is a part of the score."""

from __future__ import annotations

import pytest

from stream.scoring.churn import contributions
from stream.scoring.churn_signs import NO_ACTIVITY, Activity, signs, signs_change
from stream.scoring.periods import PERIOD
from stream.scoring.units import DAY, NEVER

from .models import CHURN

RULES = CHURN.signs
NOW = 600 * PERIOD
EARLIER = range(594, 598)


def codes(activity, last_order_at=0, as_of=NOW):
    return [sign.code for sign in signs(RULES, activity, last_order_at, as_of)]


def test_nothing_done_says_nothing():
    assert codes(NO_ACTIVITY) == codes(Activity()) == []
    assert signs_change(RULES, NO_ACTIVITY, 0, NOW) == NEVER


@pytest.mark.parametrize(("usual", "last", "fell"), [(8, 4, True), (8, 5, False), (1, 0, False), (2, 0, True)])
def test_visits_fall_to_half_of_the_usual(usual, last, fell):
    visits = dict.fromkeys(EARLIER, usual) | dict.fromkeys((598, 599), last) | {600: 99}
    assert (codes(Activity(visits=visits)) == ["visits_falling"]) is fell


def test_a_cart_counts_after_a_day_and_for_a_month():
    at = NOW - 3 * DAY
    left, ends = at + DAY, at + DAY + 30 * DAY
    cart = Activity(cart_at=at)
    assert codes(cart, as_of=left - 1) == codes(cart, as_of=ends) == []
    assert codes(cart, as_of=left) == codes(cart, as_of=ends - 1) == ["cart_left"]
    assert signs_change(RULES, cart, 0, at) == left
    assert signs_change(RULES, cart, 0, left) == ends
    assert signs_change(RULES, cart, 0, ends) == NEVER


def test_an_order_ends_a_cart():
    at = NOW - 3 * DAY
    assert codes(Activity(cart_at=at), last_order_at=at) == []
    assert codes(Activity(cart_at=at), last_order_at=at - 1) == ["cart_left"]
    assert codes(Activity(cart_at=NOW - 1)) == []


def test_campaigns_are_ignored_until_one_is_answered_or_something_is_bought():
    sent = Activity(campaigns={597: 1, 599: 1})
    assert codes(sent) == ["campaign_ignored"]
    assert codes(sent, last_order_at=597 * PERIOD) == []
    assert codes(sent._replace(answers={600: 1})) == []
    assert codes(sent._replace(answers={596: 1})) == ["campaign_ignored"]
    assert codes(Activity(campaigns={599: 1, 600: 5})) == []


def test_complaints_are_repeated_within_a_year():
    assert codes(Activity(complaints={589: 1, 600: 1})) == ["repeat_complaints"]
    assert codes(Activity(complaints={588: 1, 600: 1})) == []


def test_signs_are_parts_of_the_score():
    activity = Activity(visits=dict.fromkeys(EARLIER, 8), complaints={600: 3}, cart_at=NOW - 2 * DAY)
    parts = contributions(CHURN, 1, 0, 0, NOW, activity=activity)
    weights = CHURN.coefficients
    assert {part.code: part.weight for part in parts[1:]} == {
        "visits_falling": weights.visits_falling,
        "cart_left": weights.cart_left,
        "repeat_complaints": weights.repeat_complaints,
    }
    assert parts[1].detail == {"visits": 0, "usual_visits": 8}
