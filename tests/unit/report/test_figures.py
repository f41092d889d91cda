"""Figures of the report, against counts by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.contracts.times import parse_time
from stream.report.alive_curve import AliveCurve
from stream.report.cohorts import Retention
from stream.report.figures import SHOWN_MAX, Figures
from stream.report.pareto import pareto
from stream.report.seen import Bought, Seen, bought, look_at
from stream.scoring.alive import Params
from stream.scoring.clv import discounted_orders_exact
from stream.scoring.gamma_gamma import expected_spend
from stream.scoring.units import DAY, WEEK
from stream.state import ledger
from stream.state.customer import Customer
from tests.unit.state_kit import NOW, SHIPPED

ALIVE = Params(0.525, 6.183, 0.891, 1.614)
WINDOW = SHIPPED.window


def orders(*days):
    times = tuple(parse_time(f"{day}T12:00:00Z") for day in days)
    return Bought(times[0], 0, 0, times)


def seen(number, **changes):
    row = Seen(
        customer_id=f"c{number}",
        tier="mid",
        segment="loyal",
        abc="B",
        lifecycle="loyal",
        level="medium",
        r=4,
        f=4,
        monetary=1_000,
        risk=0.7,
        reasons=("gap",),
        at_stake=100 * number,
        bought=Bought(NOW, 0, 0, (NOW,)),
    )
    return row._replace(**changes)


def figures():
    return Figures(ALIVE, 60 * DAY, "medium")


def test_customers_are_counted_by_what_is_said_of_them():
    found = figures()
    found.add(seen(1), NOW)
    found.add(seen(2, tier="high", segment="champions", level="none", r=5, f=5, monetary=5_000), NOW)
    found.add(seen(3, level="churned", lifecycle="churned", abc="C", monetary=0), NOW)
    found.add_prospect("none", "prospect")
    assert (found.customers, found.ordered, found.revenue, found.warned) == (4, 3, 6_000, 2)
    assert found.tiers == {"mid": 2, "high": 1, "none": 1}
    assert found.lifecycle == {"loyal": 2, "churned": 1, "prospect": 1}
    assert found.abc == {"B": 2, "C": 1}
    assert found.grid == {(4, 4): 2, (5, 5): 1}
    assert found.segments() == [("loyal", 2, 1_000), ("champions", 1, 5_000)]
    assert found.reasons == {"gap": 2}


def test_at_stake_are_those_warned_of_and_not_yet_lost_the_most_first():
    found = figures()
    for number in range(40):
        found.add(seen(number, level=("none", "medium", "high", "churned")[number % 4]), NOW)
    expected = [number for number in range(39, -1, -1) if number % 4 in {1, 2}][:SHOWN_MAX]
    assert [one.customer_id for one in found.at_stake()] == [f"c{number}" for number in expected]


def test_retention_counts_customers_by_month_and_only_months_that_are_over():
    retention = Retention()
    retention.add(orders("2025-01-03", "2025-02-11", "2025-02-12", "2025-04-01"))
    retention.add(orders("2025-01-30", "2025-03-31"))
    retention.add(orders("2025-02-28"))
    retention.add(orders("2025-04-02"))
    january, february = retention.cohorts(parse_time("2025-04-20T00:00:00Z"))
    assert january == ("2025-01", 2, (0.5, 0.5))
    assert february == ("2025-02", 1, (0.0,))


def test_who_ordered_since_is_held_against_what_was_expected():
    as_of = 400 * DAY
    curve = AliveCurve(ALIVE, 60 * DAY)
    curve.add(Bought(0, 0, 0, (0, 10 * DAY, 350 * DAY)), as_of)
    curve.add(Bought(0, 0, 0, (0, 10 * DAY)), as_of)
    # First ordered after the moment that is looked back to.
    curve.add(Bought(390 * DAY, 0, 0, (390 * DAY,)), as_of)
    (one,) = [one for one in curve.bins if one.customers]
    assert (one.customers, one.ordered) == (2, 1)
    age = (340 * DAY) / WEEK
    odds = ALIVE.a / (ALIVE.b + 1) * ((ALIVE.alpha + age) / (ALIVE.alpha + 10 / 7)) ** (ALIVE.r + 1)
    assert one.alive == pytest.approx(2 / (1 + odds))
    within = 1 - ((ALIVE.alpha + age) / (ALIVE.alpha + age + 60 / 7)) ** (ALIVE.r + 1)
    assert one.expected == pytest.approx(2 * within / (1 + odds))


def test_folded_orders_count_as_before_and_never_as_since():
    curve = AliveCurve(ALIVE, 60 * DAY)
    curve.add(Bought(0, 5, 100 * DAY, (350 * DAY,)), 400 * DAY)
    curve.add(Bought(0, 5, 360 * DAY, (370 * DAY,)), 400 * DAY)
    assert [(one.customers, one.ordered) for one in curve.bins if one.customers] == [(1, 1)]


@given(st.lists(st.integers(0, 10**9), max_size=60), st.sampled_from([0.5, 0.7, 0.9]))
@settings(max_examples=60)
def test_the_marked_customers_are_the_fewest_who_bring_the_share(revenues, mark):
    curve = pareto(revenues, (mark,))
    total = sum(revenues)
    if not total:
        assert curve is None
        return
    assert curve.revenue[0] == 0
    assert curve.revenue[-1] == pytest.approx(1)
    assert list(curve.revenue) == sorted(curve.revenue)
    falling = sorted(revenues, reverse=True)
    fewest = next(count for count in range(len(falling) + 1) if sum(falling[:count]) >= mark * total - 0.5)
    assert curve.marks == ((mark, fewest / len(falling)),)


def test_a_customer_is_looked_at_as_the_api_describes_them():
    c = Customer("c-1")
    c.as_of = NOW
    for number, days in enumerate((90, 60, 30)):
        ledger.add_order(c, NOW - days * DAY, number, 2_000 + number, WINDOW, 100)
    ledger.add_refund(c, 1, 77, ledger.WHOLE, WINDOW, 10)
    found = look_at(c, SHIPPED, 2)
    assert found.bought == Bought(NOW - 90 * DAY, 0, 0, (NOW - 90 * DAY, NOW - 30 * DAY)) == bought(c)
    assert found.monetary == 4_002
    clv = SHIPPED.policy.clv
    coming = discounted_orders_exact(SHIPPED.calibration.alive, clv.horizon_months, clv.discount_yearly, 1, 90 / 7)
    assert found.at_stake == pytest.approx(
        float(coming) * expected_spend(SHIPPED.calibration.spend, 2_001, 2), rel=2e-3
    )
