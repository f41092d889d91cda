"""Needs are shares of points, and the dominant one does not swing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.scoring.needs import (
    EXPERIENCE,
    FUNCTIONAL,
    NONE,
    PRICE,
    SERVICE,
    DetailedOrder,
    NeedFigures,
    compile_needs,
    dominant,
    figures,
    strength,
)
from stream.scoring.periods import PERIOD, key_of
from stream.state.interactions import TYPE_CODES

from .models import POLICY

NEEDS = POLICY.needs
TABLE = compile_needs(NEEDS, TYPE_CODES)


def test_nothing_that_speaks_is_no_figure():
    assert figures(TABLE, {}, []) is None
    assert figures(TABLE, {key_of(600, TYPE_CODES["login"]): 9}, [DetailedOrder(0, False, ())]) is None
    assert dominant(NEEDS, None, PRICE) == NONE


def test_each_act_speaks_of_its_need():
    for kind, need in {
        "coupon.redeemed": PRICE,
        "campaign.opened": PRICE,
        "review.posted": EXPERIENCE,
        "page.viewed": EXPERIENCE,
        "consultation.opened": SERVICE,
        "complaint.opened": SERVICE,
    }.items():
        found = figures(TABLE, {key_of(600, TYPE_CODES[kind]): 1}, [])
        assert found.share(need) == 1, kind
    assert figures(TABLE, {}, [DetailedOrder(0, True, ())]).share(PRICE) == 1
    assert figures(TABLE, {}, [DetailedOrder(0, False, ("tea",))]).share(FUNCTIONAL) == 1


def test_breadth_and_repeat_have_points_of_their_own():
    table = compile_needs(replace(NEEDS, new_category=10, repeat_category=1), TYPE_CODES)
    orders = [DetailedOrder(at, False, ("tea", "tea", "cups") if at else ("tea",)) for at in (0, 1)]
    # Tea is new, then repeated; cups are new; naming tea twice in one order is naming it once.
    assert figures(table, {}, orders).points == 10 + 1 + 10


def test_old_points_weigh_half_after_a_half_life():
    """Half-life 180 days: six periods before the newest, three points are worth one and a half."""
    complaint = TYPE_CODES["complaint.opened"]
    found = figures(TABLE, {key_of(594, complaint): 1}, [DetailedOrder(600 * PERIOD, True, ())])
    assert found.points == 2 + 1.5
    assert found.shares == (0, 2 / 3.5, 0, 1.5 / 3.5)


def test_few_points_are_no_need():
    below = NeedFigures((1.0, 0.0, 0.0, 0.0), NEEDS.points_min - 0.01)
    assert dominant(NEEDS, below, FUNCTIONAL) == NONE
    assert dominant(NEEDS, below._replace(points=NEEDS.points_min)) == FUNCTIONAL


def test_another_need_must_lead_by_the_margin():
    policy = replace(NEEDS, margin=0.125)
    at_margin = NeedFigures((0.0, 0.4375, 0.5625, 0.0), 100)
    assert dominant(policy, at_margin, PRICE) == PRICE
    assert dominant(policy, at_margin, EXPERIENCE) == EXPERIENCE
    assert dominant(policy, at_margin, FUNCTIONAL) == EXPERIENCE
    assert dominant(replace(policy, margin=0.12), at_margin, PRICE) == EXPERIENCE


def test_of_equal_needs_the_first_is_said():
    assert dominant(NEEDS, NeedFigures((0.0, 0.0, 0.5, 0.5), 100)) == EXPERIENCE


@pytest.mark.parametrize(("share", "expected"), [(0.1, 0.0), (0.25, 0.0), (0.625, 0.5), (1.0, 1.0)])
def test_strength_goes_from_an_even_share_to_all(share, expected):
    assert strength(NeedFigures((0.0, 0.0, 0.0, share), 9), SERVICE) == expected
