"""Funnel, path, carts left behind and falling visits."""

from __future__ import annotations

import pytest

from stream.scoring.anomaly import visit_rates
from stream.scoring.behaviour import FUNNEL, PATH_MAX, STEPS, Funnel, Step, funnel, path, preferred, transitions
from stream.scoring.carts import HOUR, left_at
from stream.scoring.periods import PERIOD, key_of
from stream.scoring.units import NEVER
from stream.scoring.visits import by_period, compile_visits, is_falling, trend
from stream.state.interactions import TYPE_CODES

from .models import POLICY

VISITS = compile_visits(TYPE_CODES)


def test_the_funnel_has_four_steps():
    assert STEPS == ("viewed", "cart", "checkout", "order")
    assert set(FUNNEL.values()) - {"order.completed"} <= set(TYPE_CODES)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((0, 0, 0, 0), Funnel((0, 0, 0, 0), (None, None, None), None)),
        ((100, 40, 20, 10), Funnel((100, 40, 20, 10), (0.4, 0.5, 0.5), 0.1)),
        # Orders by telephone: nothing was viewed, yet nobody converts at more than 1.
        ((0, 0, 0, 3), Funnel((3, 3, 3, 3), (1.0, 1.0, 1.0), 1.0)),
        ((8, 2, 4, 0), Funnel((8, 4, 4, 0), (0.5, 1.0, 0.0), 0.0)),
    ],
)
def test_conversion_from_step_to_step(counts, expected):
    assert funnel(counts) == expected


def test_a_path_is_its_latest_steps_in_order():
    steps = [Step(at, 1, "login") for at in range(PATH_MAX + 3)]
    assert path(reversed(steps)) == tuple(steps[3:])


def test_steps_of_one_moment_are_ordered_by_their_events():
    steps = (Step(5, 1, "product.viewed"), Step(5, 2, "cart.updated"))
    assert path(steps[::-1]) == steps
    assert transitions(path(steps[::-1])) == {("product.viewed", "cart.updated"): 1}


def test_what_is_preferred_does_not_depend_on_the_order():
    assert preferred({"web": 3, "app": 3}) == preferred({"app": 3, "web": 3}) == "app"
    assert preferred({"web": 0}) is None


@pytest.mark.parametrize(
    ("touched", "order", "expected"),
    [
        (-1, -1, NEVER),
        (-1, 5, NEVER),
        (1_000, -1, 1_000 + 24 * HOUR),
        (1_001, 999, 2_000 + 24 * HOUR),
        (1_000, 1_000, NEVER),
        (2_000, 1_500, 2_000 + 24 * HOUR),
        (0, -1, 24 * HOUR),
    ],
)
def test_a_cart_is_left_behind_a_day_after_it_was_last_touched(touched, order, expected):
    assert left_at(POLICY.carts, touched, order) == expected


def test_visits_are_what_is_looked_at():
    counts = {key_of(7, TYPE_CODES[kind]): 1 for kind in TYPE_CODES}
    assert by_period(VISITS, counts | {key_of(8, TYPE_CODES["login"]): 2}) == {7: 4, 8: 2}


def test_the_period_that_runs_is_left_out():
    visits = {10: 3, 11: 3, 12: 3, 13: 3, 16: 1_000}
    found = trend(POLICY.visits, visits, 16)
    assert (found.earlier, found.recent, found.ratio) == (3.0, 0.0, 0.0)
    assert is_falling(POLICY.visits, found)
    assert not is_falling(POLICY.visits, trend(POLICY.visits, visits, 17))


def test_half_the_rate_is_falling_and_a_little_more_is_not():
    earlier = dict.fromkeys(range(4), 10)
    assert is_falling(POLICY.visits, trend(POLICY.visits, earlier | {4: 10}, 6))
    assert not is_falling(POLICY.visits, trend(POLICY.visits, earlier | {4: 10, 5: 1}, 6))


def test_few_earlier_visits_are_no_rate():
    assert trend(POLICY.visits, {0: 7}, 6) is None
    assert not is_falling(POLICY.visits, None)
    assert trend(POLICY.visits, {0: 8}, 4) is not None


def test_visits_of_each_full_period_with_the_empty_ones():
    assert visit_rates({}, 9 * PERIOD) == []
    assert visit_rates({2: 4, 4: 0}, 2 * PERIOD) == []
    assert visit_rates({2: 4, 5: 1}, 5 * PERIOD) == [4, 0, 0]
