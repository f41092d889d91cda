"""Laws of the figures that come from what customers do: the set of events counts, and silence says nothing."""

from __future__ import annotations

from collections import Counter
from math import fsum

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.scoring.behaviour import PATH_MAX, Step, funnel, path, preferred, transitions
from stream.scoring.carts import left_at
from stream.scoring.churn_signs import Activity, signs, signs_change
from stream.scoring.needs import FUNCTIONAL, NONE, PRICE, SERVICE, DetailedOrder, compile_needs, dominant, figures
from stream.scoring.periods import PERIOD, counts_of, key_of, period_of
from stream.scoring.policy import default_policy
from stream.scoring.units import DAY, NEVER, SECOND
from stream.scoring.visits import by_period, compile_visits
from stream.state.interactions import TYPE_CODES
from tests.unit.scoring.models import CHURN

POLICY = default_policy()
NEEDS = compile_needs(POLICY.needs, TYPE_CODES)
VISITS = compile_visits(TYPE_CODES)

times = st.integers(0, 400 * DAY)
kinds = st.sampled_from(sorted(TYPE_CODES))
interactions = st.lists(st.tuples(times, kinds), max_size=25)
orders = st.lists(
    st.builds(DetailedOrder, times, st.booleans(), st.lists(st.sampled_from("abcd"), max_size=3).map(tuple)), max_size=8
)
steps = st.lists(st.builds(Step, st.integers(0, 20), st.integers(0, 5), kinds), max_size=30)


def counted(events):
    return dict(Counter(key_of(period_of(at), TYPE_CODES[kind]) for at, kind in events))


def points_of(events, details):
    """Points by need, straight from the definition: one event after the other, weighed at the end."""
    earned = [
        (period_of(at), rank, points)
        for at, kind in events
        for one, rank, points in POLICY.needs.interactions
        if one == kind
    ]
    seen = set()
    for order in sorted(details, key=lambda one: one.at):
        if order.discounted:
            earned.append((period_of(order.at), PRICE, POLICY.needs.discounted))
        for category in set(order.categories):
            repeat, new = POLICY.needs.repeat_category, POLICY.needs.new_category
            earned.append((period_of(order.at), FUNCTIONAL, repeat if category in seen else new))
            seen.add(category)
    newest = max((period for period, _, _ in earned), default=0)
    weight = {period: 2 ** (-30 * (newest - period) / POLICY.needs.half_life_days) for period, _, _ in earned}
    return [
        fsum(points * weight[period] for period, rank, points in earned if rank == need)
        for need in range(FUNCTIONAL, SERVICE + 1)
    ]


@settings(max_examples=40)
@given(interactions, orders)
def test_needs_at_every_prefix_are_those_of_the_whole_past(events, details):
    """What is counted one event at a time gives what the definition gives for all at once."""
    periods = {}
    for end, (at, kind) in enumerate(events, 1):
        key = key_of(period_of(at), TYPE_CODES[kind])
        periods[key] = periods.get(key, 0) + 1
        expected = points_of(events[:end], details)
        found = figures(NEEDS, periods, details)
        if not any(expected):
            assert found is None
            continue
        assert abs(fsum(found.shares) - 1) < 1e-12
        for share, points in zip(found.shares, expected, strict=True):
            assert abs(share - points / fsum(expected)) < 1e-12


@given(interactions, orders, st.randoms(use_true_random=False))
def test_needs_do_not_depend_on_the_order_of_events(events, details, chance):
    there = figures(NEEDS, counted(events), details)
    chance.shuffle(events)
    chance.shuffle(details)
    keys = list(counted(events).items())
    chance.shuffle(keys)
    assert figures(NEEDS, dict(keys), details) == there


@given(interactions, orders, st.integers(1, 40))
def test_the_same_past_some_periods_later_has_the_same_needs(events, details, later):
    """So waiting changes nothing: only what customers do does."""
    moved = [(at + later * PERIOD, kind) for at, kind in events]
    postponed = [one._replace(at=one.at + later * PERIOD) for one in details]
    assert figures(NEEDS, counted(moved), postponed) == figures(NEEDS, counted(events), details)


@given(interactions, orders, st.integers(NONE, SERVICE))
def test_a_dominant_need_once_said_stays(events, details, said):
    found = figures(NEEDS, counted(events), details)
    now = dominant(POLICY.needs, found, said)
    assert dominant(POLICY.needs, found, now) == now
    if now != NONE:
        assert found.share(now) + POLICY.needs.margin >= max(found.shares)


@given(times, kinds, st.integers(1, 10**6))
def test_keys_of_counts_come_apart_again(at, kind, count):
    code = TYPE_CODES[kind]
    assert list(counts_of({key_of(period_of(at), code): count})) == [(period_of(at), code, count)]


@given(st.tuples(*[st.integers(0, 50)] * 4))
def test_a_funnel_only_narrows(counts):
    found = funnel(counts)
    assert list(found.reached) == sorted(found.reached, reverse=True)
    assert all(reached >= count for reached, count in zip(found.reached, counts, strict=True))
    assert all(rate is None or 0 <= rate <= 1 for rate in (*found.rates, found.overall))


@given(steps, st.randoms(use_true_random=False))
def test_a_path_is_of_the_set_of_steps(given_steps, chance):
    """Shuffled, doubled, and one at a time with only the path kept between."""
    there = path(given_steps)
    doubled = given_steps * 2
    chance.shuffle(doubled)
    kept = ()
    for step in doubled:
        kept = path((*kept, step))
    assert kept == there
    assert len(there) <= PATH_MAX
    assert sum(transitions(there).values()) == max(0, len(there) - 1)


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(0, 3)), st.randoms(use_true_random=False))
def test_what_is_preferred_is_counted_most(counts, chance):
    items = list(counts.items())
    chance.shuffle(items)
    best = preferred(dict(items))
    assert best == preferred(counts)
    assert counts.get(best, 0) == max(counts.values(), default=0)


@given(*[st.integers(-1, 10**10)] * 2, st.integers(1, 10**6))
def test_a_cart_is_left_only_after_its_time_and_never_after_an_order(touched, order, later):
    policy = POLICY.carts
    due = left_at(policy, touched, order)
    assert (due == NEVER) == (touched < 0 or order >= touched)
    if due != NEVER:
        assert touched + policy.left_after_ms <= due < touched + policy.left_after_ms + SECOND
        assert due % SECOND == 0
        assert left_at(policy, touched + later, order) >= due
        assert left_at(policy, touched, touched + later) == NEVER


counts = st.dictionaries(st.integers(0, 20), st.integers(0, 30), max_size=6)


@given(
    st.builds(Activity, counts, counts, counts, counts, st.integers(-1, 20 * PERIOD)),
    st.integers(-1, 20 * PERIOD),
    st.integers(0, 40 * PERIOD),
    st.floats(0, 1),
)
def test_signs_change_only_when_a_look_is_due(activity, order, as_of, share):
    due = signs_change(CHURN.signs, activity, order, as_of)
    assert due > as_of
    there = [sign.code for sign in signs(CHURN.signs, activity, order, as_of)]
    last = min(due, as_of + 40 * PERIOD) - 1
    between = as_of + round(share * (last - as_of))
    for at in (between, last):
        assert [sign.code for sign in signs(CHURN.signs, activity, order, at)] == there
    if due != NEVER:
        assert [sign.code for sign in signs(CHURN.signs, activity, order, due)] != there


@given(interactions, st.randoms(use_true_random=False))
def test_visits_are_those_of_the_set_of_events(events, chance):
    there = by_period(VISITS, counted(events))
    chance.shuffle(events)
    assert by_period(VISITS, counted(events)) == there
    assert sum(there.values()) == sum(TYPE_CODES[kind] in VISITS for _, kind in events)
