"""Each sign begins and ends where its rule says, and is a part of the score."""

from __future__ import annotations

import pytest

from stream.scoring.churn import contributions
from stream.scoring.churn_signs import NO_ACTIVITY, PERIOD, Activity, signs, signs_change
from stream.scoring.units import DAY, HOUR, NEVER

from .models import CHURN

RULES = CHURN.signs
NOW = 600 * PERIOD
PERIODS = range(596, 600)


def codes(activity, last_order_at=0, as_of=NOW):
    return [sign.code for sign in signs(RULES, activity, last_order_at, as_of)]


def test_nothing_done_says_nothing():
    assert codes(NO_ACTIVITY) == codes(Activity()) == []
    assert signs_change(RULES, NO_ACTIVITY, 0, NOW) == NEVER


@pytest.mark.parametrize(("usual", "last", "fell"), [(8, 3, True), (8, 4, False), (3, 0, False), (4, 0, True)])
def test_visits_fall_below_half_of_the_usual(usual, last, fell):
    visits = dict.fromkeys(PERIODS, usual) | {599: last, 600: 0}
    assert (codes(Activity(visits=visits)) == ["visits_falling"]) is fell


def test_the_present_period_never_moves_the_visits():
    visits = dict.fromkeys(PERIODS, 8)
    assert codes(Activity(visits=visits)) == codes(Activity(visits=visits | {600: 99})) == []


def test_a_cart_counts_after_a_day_and_for_a_month():
    at = NOW - 3 * DAY
    left, ends = at + 24 * HOUR, at + 24 * HOUR + 30 * DAY
    cart = Activity(cart_at=at)
    assert codes(cart, as_of=left - 1) == codes(cart, as_of=ends) == []
    assert codes(cart, as_of=left) == codes(cart, as_of=ends - 1) == ["cart_left"]
    assert signs_change(RULES, cart, 0, at) == left
    assert signs_change(RULES, cart, 0, left) == ends
    assert signs_change(RULES, cart, 0, ends) == NEVER


@pytest.mark.parametrize(("done_at", "ordered_at"), [(1, 0), (0, 1), (0, 0)])
def test_a_checkout_or_an_order_ends_a_cart(done_at, ordered_at):
    at = NOW - 3 * DAY
    cart = Activity(cart_at=at, cart_done_at=at + done_at - 1)
    left = not (done_at or ordered_at)
    assert (codes(cart, last_order_at=at + ordered_at - 1) == ["cart_left"]) is left


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
    activity = Activity(visits=dict.fromkeys(PERIODS, 8) | {599: 0}, complaints={600: 3}, cart_at=NOW - 2 * DAY)
    parts = contributions(CHURN, 1, 0, 0, NOW, activity=activity)
    weights = CHURN.coefficients
    assert {part.code: part.weight for part in parts[1:]} == {
        "visits_falling": weights.visits_falling,
        "cart_left": weights.cart_left,
        "repeat_complaints": weights.repeat_complaints,
    }
    assert parts[1].detail == {"visits": 0, "usual_visits": 8}
