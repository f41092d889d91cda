from __future__ import annotations

import pytest

from stream.scoring.tiers import TIERS
from stream.state.customer import TIER_NAMES
from stream.state.known_names import KnownNames
from stream.state.table_names import BY_NAME, FUNNEL, MEASURES, PAIR, SCOPES, TABLES
from stream.state.tables import DAY, HOUR, TableDeltas, Who, outdated

NOON = 17_000 * DAY + 12 * HOUR
ANN = Who("high", "champions", "north")


def deltas(*known):
    names = KnownNames(100)
    for scope, name in known:
        names.admit(scope, name)
    return TableDeltas(names)


def counted(tables, clock=NOON):
    """What the batch adds to the hour of noon; its day has the same."""
    cells = tables.cells(clock, 24, 30)
    assert cells["r:h:2016071812"] == cells["r:d:20160718"]
    assert len(cells) == 2
    return cells["r:h:2016071812"]


def split(measure, amount=1, **names):
    return {measure: amount} | {f"{measure}|{scope}={name}": amount for scope, name in names.items()}


SAID = {"tier": "high", "segment": "champions"}
ALL = {**SAID, "region": "north", "channel": "web"}


@pytest.mark.parametrize(
    ("add", "expected"),
    [
        (lambda t: t.add_refund(NOON, 250, "web", ANN), split("refunds", **ALL) | split("refunded", 250, **ALL)),
        (lambda t: t.add_complaint(NOON, ANN, "web"), split("complaints", **ALL)),
        (
            lambda t: t.add_resolved(NOON, NOON - 61_999, ANN, "web"),
            split("resolved", **ALL) | split("resolve_seconds", 61, **ALL),
        ),
        (lambda t: t.add_nps(NOON, 9, ANN, "web"), split("nps_promoters", **ALL)),
        (lambda t: t.add_nps(NOON, 8, ANN, "web"), split("nps_passives", **ALL)),
        (lambda t: t.add_nps(NOON, 6, ANN, "web"), split("nps_detractors", **ALL)),
        (
            lambda t: t.add_csat(NOON, 4, ANN, "web"),
            split("csat_answers", **ALL) | split("csat_satisfied", **ALL) | split("csat_sum", 4, **ALL),
        ),
        (
            lambda t: t.add_csat(NOON, 3, Who("none", "")),
            split("csat_answers", tier="none") | split("csat_sum", 3, tier="none"),
        ),
        (
            lambda t: t.add_index(NOON, "acsi", 66.666, ANN, "web"),
            split("acsi_answers", **ALL) | split("acsi_sum", 667, **ALL),
        ),
        (lambda t: t.add_step(NOON, "cart.updated", ANN, "web"), split("carts", **ALL)),
        (lambda t: t.add_step(NOON, "product.viewed", Who("none", "")), split("viewed", tier="none")),
        (lambda t: t.add_cart_abandoned(NOON, ANN), split("carts_abandoned", **SAID)),
        (lambda t: t.add_theme(NOON, "delivery", "shoes", "high"), {f"mentions|high|delivery{PAIR}shoes": 1}),
        (lambda t: t.add_move(NOON, "low", "mid"), {"tier_moves|low>mid": 1}),
        (
            lambda t: t.add_lifecycle_move(NOON, "dormant", "churned", "high", "champions"),
            {"lifecycle_moves|dormant>churned": 1} | split("customers_lost", **SAID),
        ),
        (
            lambda t: t.add_lifecycle_move(NOON, "churned", "won_back", "high", "champions"),
            {"lifecycle_moves|churned>won_back": 1} | split("customers_won_back", **SAID),
        ),
        (lambda t: t.add_lifecycle_move(NOON, "repeat", "loyal", "mid", ""), {"lifecycle_moves|repeat>loyal": 1}),
        (
            lambda t: t.add_reasons(NOON, "warned", ["gap", "p_alive"]),
            {"reasons|warned|gap": 1, "reasons|warned|p_alive": 1},
        ),
        (lambda t: t.add_outcome(NOON, "call", "held_out", True), {"came_back|held_out|call": 1}),
        (lambda t: t.add_outcome(NOON, "call", "treated", False), {"stayed_away|treated|call": 1}),
        (
            lambda t: t.add_order(NOON, 500, "web", ANN, first=False),
            split("orders", **ALL) | split("revenue", 500, **ALL),
        ),
        (
            lambda t: t.add_order(NOON, 500, "web", Who("none", "", "north"), first=True, spent=[("a", 300), ("b", 0)]),
            split("orders", channel="web", region="north", tier="none")
            | split("revenue", 500, channel="web", region="north", tier="none")
            | split("customers_new", channel="web", region="north")
            | {"orders|category=a": 1, "revenue|category=a": 300, "orders|category=b": 1},
        ),
    ],
)
def test_what_is_counted_by_what(add, expected):
    tables = deltas(("channel", "web"), ("region", "north"))
    add(tables)
    assert counted(tables) == expected
    assert {field.partition("|")[0] for field in expected} <= BY_NAME.keys()


def test_a_step_that_is_none_is_not_counted():
    tables = deltas()
    tables.add_step(NOON, "login", ANN)
    assert tables.cells(NOON, 24, 30) == {}


def test_sums_of_plain_orders_and_of_objects_come_together():
    tables = deltas(("channel", "web"))
    tables.add_order(NOON, 500, "web", Who("mid", "loyal"), first=False)
    tables.rows.append((NOON // HOUR, tables.order_fields("web", "mid"), 2, 700))
    tables.rows.append((NOON // HOUR, tables.segment_fields("loyal"), 2, 700))
    expected = {"channel": "web", "segment": "loyal", "tier": "mid"}
    assert counted(tables) == split("orders", 3, **expected) | split("revenue", 1_200, **expected)


def test_names_beyond_the_limit_are_others():
    names = KnownNames(1)
    names.admit("channel", "web")
    tables = TableDeltas(names)
    tables.add_refund(NOON, 1, "app", Who("mid", ""))
    tables.add_order(NOON, 5, "", Who("mid", ""), first=False, spent=[("a", 1), ("b", 2), ("c", 4)])
    tables.add_theme(NOON, "size", "a", "mid")
    tables.add_theme(NOON, "size", "b", "mid")
    found = counted(tables)
    assert found["refunds|channel=other"] == 1
    # Two categories without a name are one of the others: the order counts there once.
    assert (found["orders|category=a"], found["orders|category=other"], found["revenue|category=other"]) == (1, 1, 6)
    assert found["mentions|mid|other"] == 1


def test_what_is_too_old_is_left_out_of_hours_and_kept_in_days():
    tables = deltas()
    tables.add_complaint(NOON - 25 * HOUR, Who("mid", ""))
    assert list(tables.cells(NOON, 24, 30)) == ["r:d:20160717"]
    assert tables.cells(NOON, 24, 1) == {}


def test_what_falls_out_while_the_clock_goes_on():
    assert outdated(NOON, NOON + HOUR, 24, 30) == ["r:h:2016071713"]
    assert outdated(NOON, NOON + DAY, 24, 30)[-1] == "r:d:20160619"


def test_the_tables_fit_their_measures():
    assert set(BY_NAME) == {name for table in TABLES for name in table.measures}
    for measure in MEASURES:
        assert set(measure.scopes) <= SCOPES.keys()
        assert bool(measure.scopes) != bool(measure.keys)
    for table in TABLES:
        assert {BY_NAME[name].keys for name in table.measures} == {table.keys}
    assert set(FUNNEL.values()) <= BY_NAME.keys()
    assert TIERS == TIER_NAMES
