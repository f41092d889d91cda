"""The oracle against histories worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import pytest
import xxhash
from aiokafka.partitioner import murmur2 as kafka_murmur2
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as replaced

from stream.scoring.abc import AbcEdges
from stream.scoring.alive import Params
from stream.scoring.calibration import DEFAULT_CALIBRATION, Calibration
from stream.scoring.churn import contributions
from stream.scoring.churn_model import ChurnCoefficients, compile_churn
from stream.scoring.clv import discounted_orders_exact
from stream.scoring.lifecycle import LifecyclePolicy, LifecycleRow
from stream.scoring.matrix import Axis, Matrix
from stream.scoring.policy import ChurnPolicy, default_policy
from stream.scoring.rfm import Edges
from tests.oracle import Oracle, last_scores, shard_of
from tests.oracle.customer import Customer
from tests.oracle.partition import murmur2
from tests.oracle.reading import DAY, SECOND, WEEK, Unreadable, read, rfc3339
from tests.oracle.run import merged
from tests.oracle.scores import Scores
from tests.oracle.view import facts

START = 1_500_000_000 * SECOND

# With r = alpha = a = b = 1 week a single order's log-odds of being gone are ln(1 + T), T in weeks: the odds 1.5, 3,
# 4 and 9 of the levels below are reached after half a week, 2, 3 and 8 weeks.
SHIPPED = default_policy()
POLICY = replace(
    SHIPPED,
    window_days=365,
    weights=(1, 1, 1),
    tier_mid=40,
    tier_high=70,
    tier_margin=5,
    tier_min_stay_days=0,
    churn=ChurnPolicy(
        levels=(("low", 0.6), ("medium", 0.75), ("high", 0.8), ("churned", 0.9)),
        warn_from="medium",
        gap_ratios=(2, 4),
        gap_days_min=1,
        rhythm_orders_min=3,
        complaint_cap=2,
        detractor_days=10,
        horizon_days=36_600,
        cart_days=30,
        campaigns_min=2,
        repeat_complaints_min=2,
    ),
    segments=next(table for table in default_policy().segment_tables if table.name == "rf_grid"),
    # Nobody is followed up, no action is waited for, and samples of churn are a century apart.
    playbook=replace(SHIPPED.playbook, cadence_days=(0, 0, 0, 0), rows=SHIPPED.playbook.rows[-1:]),
    # Everybody is in one stage, so that silence has nothing to say there.
    lifecycle=LifecyclePolicy((LifecycleRow("prospect"),)),
)
LIVING = replace(
    POLICY, lifecycle=SHIPPED.lifecycle, playbook=replace(SHIPPED.playbook, cadence_days=(0, 0, 0, 0), hold_out=0)
)
CHURN = ChurnCoefficients(bias=0, p_alive=1, gap=(0.5, 2), complaint=1.2, detractor=1.2, repeat_complaints=0)
CALM = ChurnCoefficients(bias=-50, p_alive=1, gap=(0, 0), complaint=0, detractor=0)
CALIBRATION = Calibration(
    number=1,
    created_at=0,
    rfm=Edges((10, 20, 30, 40), (2, 3, 4, 5), (100_00, 200_00, 300_00, 400_00)),
    alive=Params(1, 1, 1, 1),
    churn=CALM,
)


CHURNING = replaced(CALIBRATION, churn=CHURN)


def order(number, at, amount="50.00", customer="c", **more):
    return {
        "event_id": f"e{number}",
        "type": "order.completed",
        "customer_id": customer,
        "order_id": f"o{number}",
        "occurred_at": at / 1000,
        "amount": amount,
        "currency": "EUR",
        **more,
    }


def refund(number, at, amount=None, event="r", customer="c"):
    event = order(number, at, amount, customer, event_id=event, type="order.refunded")
    return {name: value for name, value in event.items() if value is not None}


def cancel(number, at, event="x"):
    return refund(number, at, event=event) | {"type": "order.cancelled"}


def interaction(type_, at, event, **more):
    return {"event_id": event, "type": type_, "customer_id": "c", "occurred_at": at / 1000, **more}


def run(events, until=None, policy=POLICY, calibration=CALIBRATION, **options):
    """Events of one topic or of several, one shard, swept at `until` or else at the log's end."""
    if until is not None:
        options |= {"clock": "wall", "now": until, "seed_after_seconds": 1e9}
    topics = events if isinstance(events, dict) else {"orders": events}
    return Oracle(policy, calibration, 1, **options).run(topics)


def said(result, *kinds):
    """(what, from, to, ms since the start, cause) of all changes of tier, level and segment, or of these kinds."""
    short = {
        "customer.tier.changed": "tier",
        "customer.churn.warning": "warning",
        "customer.churn.recovered": "recovered",
    }
    return [
        (
            short.get(decision["kind"]) or change.get("name") or change["what"],
            change["from"],
            change["to"],
            decision["effective_at"] - START,
            decision["cause"]["id"] if decision["cause"]["kind"] == "event" else "timer",
        )
        for decision in result.decisions
        for change in decision.get("changes", [decision])
        if (short.get(decision["kind"]) or change.get("what")) in (kinds or [*short.values(), "segment"])
    ]


# -- tiers and segments ---------------------------------------------------------------------------------------------


def test_first_order():
    result = run([order(1, START)])
    # Scores 5, 1, 1: value 33.3, below 40.
    assert said(result) == [("tier", "none", "low", 0, "e1"), ("segment", None, "new", 0, "e1")]
    tier, segment, scores = result.decisions
    assert (tier["topic"], segment["topic"], scores["topic"]) == ("tier-changes", "customer-changes", "customer-scores")
    assert (tier["version"], segment["version"], tier["origin"]) == (1, 1, "live")
    assert tier["id"] == xxhash.xxh3_128_hexdigest(b"c\0customer.tier.changed\0event\0e1")
    record = result.records["c"]
    assert (record["n"], record["frequency"], record["monetary_minor"], record["lifetime_net_minor"]) == (
        1,
        1,
        5000,
        5000,
    )
    assert (record["r"], record["f"], record["m"], record["recency_days"]) == (5, 1, 1, 0)
    assert record["tier_since"] == START
    assert record["next_change_at"] == START + 10 * DAY


def test_silence_lowers_recency_to_the_second():
    result = run([order(1, START + 1)], until=START + 100 * DAY)
    fall = [("segment", "new", "promising", 10), ("segment", "promising", "about_to_sleep", 20)]
    fall.append(("segment", "about_to_sleep", "hibernating", 30))
    expected = [(*what, days * DAY + SECOND, "timer") for *what, days in fall]
    assert said(result, "segment")[1:] == expected
    assert result.decisions[-1]["origin"] == "timer"
    assert result.decisions[-1]["cause"] == {"kind": "timer", "id": rfc3339(START + 30 * DAY + SECOND)}


@pytest.mark.parametrize(("clock", "moves"), [(10 * DAY, 1), (10 * DAY + 1, 2)])
def test_sweep_takes_what_is_due_before_the_clock(clock, moves):
    other = order(2, START + clock, customer="other")
    assert len([move for move in run([order(1, START), other]).of("c") if "changes" in move]) == moves


def test_a_timer_goes_before_the_event_that_comes_later():
    result = run([order(1, START), order(2, START + 15 * DAY)])
    assert said(result, "segment") == [
        ("segment", None, "new", 0, "e1"),
        ("segment", "new", "promising", 10 * DAY, "timer"),
        ("segment", "promising", "potential_loyalist", 15 * DAY, "e2"),
    ]


def test_an_order_leaves_the_window_at_exactly_its_age():
    policy = replace(POLICY, window_days=35)
    orders = [order(1, START, "500"), order(2, START + DAY)]
    result = run(orders, until=START + 400 * DAY, policy=policy)
    # 5, 1, 5 is 66.7 (mid); 5, 2, 5 is 75 (high). Recency 4 after 11 days: still 66.7, within the margin; 3 after 21:
    # 58.3 (mid). 2 after 31: 50. With the first order gone 2, 1, 1: 8.3 (low); with both 1, 1, 1.
    assert said(result, "tier") == [
        ("tier", "none", "mid", 0, "e1"),
        ("tier", "mid", "high", DAY, "e2"),
        ("tier", "high", "mid", 21 * DAY, "timer"),
        ("tier", "mid", "low", 35 * DAY, "timer"),
    ]
    record = result.records["c"]
    assert (record["n"], record["frequency"], record["monetary_minor"]) == (2, 0, 0)
    assert (record["r"], record["f"], record["m"], record["next_change_at"]) == (1, 1, 1, None)
    before = run(orders, until=START + 35 * DAY - 1, policy=policy).records["c"]
    assert (before["frequency"], before["monetary_minor"]) == (2, 550_00)
    at = run(orders, until=START + 35 * DAY, policy=policy).records["c"]
    assert (at["frequency"], at["tier"]) == (1, "mid")  # the facts know, and it is said after the sweep


# Only recency moves: frequency and monetary score 5 throughout. Values by recency score: 100, 91.7, 83.3, 75, 66.7.
RECENCY_ONLY = replaced(CALIBRATION, rfm=Edges((2, 3, 4, 5), (1, 1, 1, 1), (0, 0, 0, 0)))


def test_minimum_stay_holds_a_lower_tier_back():
    policy = replace(POLICY, tier_mid=70, tier_high=90, tier_margin=1, tier_min_stay_days=7)
    result = run([order(1, START + 1)], until=START + 100 * DAY, policy=policy, calibration=RECENCY_ONLY)
    # Mid from day 3 on and low from day 5 on, but said only after seven days of high.
    assert said(result, "tier") == [
        ("tier", "none", "high", 1, "e1"),
        ("tier", "high", "low", 7 * DAY + SECOND, "timer"),
    ]


def test_minimum_stay_does_not_hold_back_none_or_a_rise():
    policy = replace(POLICY, tier_min_stay_days=7)
    events = [
        order(1, START),
        order(2, START + DAY, "500"),
        cancel(1, START + 2 * DAY),
        cancel(2, START + 2 * DAY, "x2"),
    ]
    assert said(run(events, policy=policy), "tier") == [
        ("tier", "none", "low", 0, "e1"),
        ("tier", "low", "high", DAY, "e2"),
        # Without the first order 66.7: within the margin of 70.
        ("tier", "high", "none", 2 * DAY, "x2"),
    ]


def test_margin_keeps_down_to_its_edge():
    # Weights 1, 1, 2 make steps of 6.25: by recency 100, 93.75, 87.5, 81.25, 75.
    policy = replace(POLICY, weights=(1, 1, 2), tier_mid=40, tier_high=93.75, tier_margin=6.25)
    result = run([order(1, START)], until=START + 100 * DAY, policy=policy, calibration=RECENCY_ONLY)
    assert said(result, "tier")[1:] == [("tier", "high", "mid", 4 * DAY, "timer")]
    # 87.5 is within the margin of who was said to be high, and not enough for anybody else.
    scores = Oracle(policy, RECENCY_ONLY, 1).scores
    assert [scores.raw_tier((3, 5, 5), before) for before in ("none", "low", "mid", "high")] == [*["mid"] * 3, "high"]
    assert scores.raw_tier((2, 5, 5), "high") == "mid"


# -- churn ----------------------------------------------------------------------------------------------------------


def test_silence_warns_at_the_right_second_and_an_order_recovers():
    at = START + 500  # in the middle of a second: every moment is rounded up to the next one
    result = run([order(1, at), order(2, START + 9 * WEEK)], calibration=CHURNING)
    assert said(result, "warning", "recovered") == [
        ("warning", "low", "medium", 2 * WEEK + SECOND, "timer"),
        ("warning", "medium", "high", 3 * WEEK + SECOND, "timer"),
        ("warning", "high", "churned", 8 * WEEK + SECOND, "timer"),
        # Two orders, the last just now: ln(1 / 2).
        ("recovered", "churned", "none", 9 * WEEK, "e2"),
    ]
    versions = [decision["version"] for decision in result.decisions if decision["topic"] == "churn-warnings"]
    assert versions == [1, 2, 3, 4]
    record = result.records["c"]
    assert record["contributions"] == {"p_alive": pytest.approx(log(1 / 2))}
    assert record["risk"] == pytest.approx(1 / 3)
    # The rise to low was no warning, but a change of the record.
    assert [
        decision["effective_at"]
        for decision in result.decisions
        if decision["kind"] == "customer.scores" and decision["effective_at"] < START + WEEK
    ][1:] == [START + WEEK // 2 + SECOND]


def test_cancelling_the_only_order_takes_everything_back():
    result = run([order(1, START), cancel(1, START + 4 * WEEK)], calibration=CHURNING)
    assert said(result)[-3:] == [
        ("tier", "low", "none", 4 * WEEK, "x"),
        ("recovered", "high", "none", 4 * WEEK, "x"),
        ("segment", "about_to_sleep", None, 4 * WEEK, "x"),
    ]
    record = result.records["c"]
    assert (record["n"], record["first_at"], record["r"], record["risk"], record["next_change_at"]) == (0, *[None] * 4)
    assert record["contributions"] == {}


def test_own_rhythm():
    # Days 0, 10, 20: a usual gap of 10 days; steps at 20 and 40 days after the last order.
    # x = 2, tx = 20/7, T = tx + s: ln(1/3) + 3 ln((1 + T)/(1 + tx)).
    orders = [order(number, START + number * 10 * DAY) for number in range(3)]
    quiet = replaced(CALIBRATION, alive=Params(1, 1e6, 1, 1), churn=CHURN)  # P(alive) stands still
    result = run(orders, until=START + 300 * DAY, calibration=quiet)
    # ln(1/3) = -1.10 with 0.5 is below ln 1.5 = 0.41; with 2 it is 0.90: low, and no warning.
    assert said(result, "warning", "recovered") == []
    levels = [d["effective_at"] for d in result.of("c") if d["kind"] == "customer.scores"]
    assert START + 60 * DAY in levels
    record = run(orders, until=START + 40 * DAY, calibration=quiet).records["c"]
    assert record["contributions"]["gap"] == 0.5
    assert "gap" not in run(orders, until=START + 40 * DAY - 1, calibration=quiet).records["c"]["contributions"]
    # Two orders are no rhythm, and three at one moment neither.
    assert "gap" not in run(orders[:2], until=START + 300 * DAY, calibration=quiet).records["c"]["contributions"]
    at_once = [order(number, START) for number in range(3)]
    assert "gap" not in run(at_once, until=START + 300 * DAY, calibration=quiet).records["c"]["contributions"]


def test_usual_gap_has_a_least_length():
    orders = [order(number, START + number * 1000) for number in range(3)]
    quiet = replaced(CALIBRATION, churn=CHURN)
    last = START + 2000
    assert "gap" not in run(orders, until=last + 2 * DAY - 1, calibration=quiet).records["c"]["contributions"]
    assert "gap" in run(orders, until=last + 2 * DAY, calibration=quiet).records["c"]["contributions"]


def test_complaint_opened_and_resolved():
    events = {
        "orders": [order(1, START)],
        "interactions": [
            interaction("complaint.opened", START + 1000, "i1", ticket_id="t1"),
            interaction("complaint.opened", START + 2000, "i2", ticket_id="t2"),
            interaction("complaint.opened", START + 3000, "i3", ticket_id="t3"),
            interaction("complaint.resolved", START + 4000, "i4", ticket_id="t1"),
            interaction("complaint.resolved", START + 5000, "i5", ticket_id="t2"),
            interaction("complaint.resolved", START + 6000, "i6", ticket_id="t3"),
            interaction("complaint.opened", START + 7000, "i7", ticket_id="t1"),
            interaction("complaint.opened", START + 7000, "i7", ticket_id="t1"),
        ],
    }
    result = run(events, calibration=CHURNING)
    # One open: 1.2 (risk .77, medium); two: 2.4 (.917, churned); three count as two.
    assert said(result, "warning", "recovered") == [
        ("warning", "none", "medium", 1000, "i1"),
        ("warning", "medium", "churned", 2000, "i2"),
        # i4 leaves two open, i5 one: a fall to medium, which is still a warning level.
        ("recovered", "medium", "none", 6000, "i6"),
        ("warning", "none", "medium", 7000, "i7"),
    ]
    assert result.records["c"]["open_tickets"] == 1
    assert result.records["c"]["counters"]["complaint.opened"] == {"count": 4, "last_at": START + 7000}
    assert (result.accounting["applied"], result.accounting["duplicates"]) == (8, 1)


def test_a_resolution_may_come_before_its_complaint():
    events = {
        "orders": [order(1, START)],
        "interactions": [
            interaction("complaint.resolved", START + 5000, "i1", ticket_id="t"),
            interaction("complaint.opened", START + 4000, "i2", ticket_id="t"),
        ],
    }
    assert said(run(events, calibration=CHURNING), "warning") == []


def test_detractor_fades():
    events = {
        "orders": [order(1, START)],
        "interactions": [interaction("feedback.nps", START + 1, "i1", score=6)],
    }
    result = run(events, until=START + 11 * DAY, calibration=CHURNING)
    # 1.2 at once. After ten days ln(1 + 10/7) = 0.89 stands alone: low. (With it: 1.2 + 0.41 is high after 3.5 days.)
    assert said(result, "warning", "recovered")[0] == ("warning", "none", "medium", 1, "i1")
    assert said(result, "warning", "recovered")[-1] == ("recovered", "high", "low", 10 * DAY + SECOND, "timer")
    better = interaction("feedback.nps", START + DAY, "i2", score=7)
    events["interactions"].append(better)
    assert said(run(events, calibration=CHURNING), "recovered") == [("recovered", "medium", "none", DAY, "i2")]
    assert run(events).records["c"]["nps"] == (START + DAY, 7)


PARAMETER = st.floats(0.05, 20)


@given(
    st.tuples(PARAMETER, PARAMETER, PARAMETER, PARAMETER),
    st.floats(0.2, 3),
    st.lists(st.integers(0, 200 * DAY), min_size=1, max_size=6),
    st.integers(0, 50 * DAY),
)
@settings(deadline=None)
def test_crossing_by_bisection_is_the_closed_form(params, k, times, silence):
    churn = ChurnCoefficients(bias=-0.5, p_alive=k, gap=(0, 0), complaint=0, detractor=0)
    scores = Scores(POLICY, replaced(CALIBRATION, alive=Params(*params), churn=churn))
    customer = Customer("c", 10)
    for number, at in enumerate(times):
        customer.take(read("orders", order(number, START + at)))
    customer.as_of = customer.last_at + silence
    until = customer.as_of + 3_000 * DAY
    found = scores._crossing(customer, until)

    r, alpha, a, b = params
    x, tx = customer.n - 1, (customer.last_at - customer.first_at) / WEEK
    logit = scores.logit(scores.contributions(customer, customer.as_of))
    ahead = [threshold for threshold in scores.thresholds if threshold > logit]
    if not ahead:
        assert found is None
        return
    weeks = (alpha + tx) * exp(((ahead[0] + 0.5) / k - log(a / (b + x))) / (r + x)) - alpha
    moment = customer.first_at + weeks * WEEK
    if found is None:
        assert moment > until - 2 * SECOND
    else:
        assert customer.as_of < found < until
        assert abs(found - moment - SECOND / 2) <= SECOND / 2 + 5


# -- classes, stages, cells, worth ----------------------------------------------------------------------------------


def moves(result, *kinds):
    """(what or name of the matrix, from, to, days since the start)."""
    return [(what, before, now, at / DAY) for what, before, now, at, _ in said(result, *kinds)]


def test_a_class_is_kept_a_margin_below_its_edge():
    edges = replaced(CALIBRATION, abc=AbcEdges(a_minor=300_00, b_minor=100_00))
    events = [
        order(1, START, "300.00"),
        refund(1, START + DAY, "30.00", "r1"),
        refund(1, START + 2 * DAY, "0.01", "r2"),
        refund(1, START + 3 * DAY, "179.99", "r3"),
        refund(1, START + 4 * DAY, "0.01", "r4"),
        order(2, START + 5 * DAY, "10.00"),
    ]
    assert moves(run(events, calibration=edges), "abc") == [
        ("abc", None, "A", 0),
        ("abc", "A", "B", 2),
        ("abc", "B", "C", 4),
    ]
    assert moves(run(events, calibration=edges, until=START + 400 * DAY), "abc")[-1] == ("abc", "C", None, 370)


def test_a_life_in_stages():
    """The odds of being gone after one order are 1 + T here, so P(alive) is .3 after 4/3 weeks and .1 after 8."""
    events = [
        order(1, START),
        # Three orders in a row: odds of (1/3) (…)**3, and no silence.
        order(2, START + 60 * DAY),
        order(3, START + 60 * DAY + SECOND),
    ]
    result = run(events, policy=LIVING, until=START + 61 * DAY)
    stages = said(result, "lifecycle")
    assert [(before, now) for _, before, now, _, _ in stages] == [
        ("prospect", "at_risk"),
        ("at_risk", "dormant"),
        ("dormant", "churned"),
        ("churned", "won_back"),
        ("won_back", "repeat"),
    ]
    assert [cause for *_, cause in stages] == ["e1", "timer", "timer", "e2", "e3"]
    falls = [at for *_, at, _ in stages[1:3]]
    assert falls[0] == pytest.approx(4 / 3 * WEEK, abs=SECOND)
    assert falls[1] == pytest.approx(8 * WEEK, abs=SECOND)
    record = result.records["c"]
    assert (record["lifecycle"], record["lifecycle_since"]) == ("repeat", START + 60 * DAY + SECOND)


def test_cells_are_looked_at_with_a_change_and_after_what_is_no_plain_order():
    matrix = Matrix(
        "mine",
        Axis("tenure_days", (1,), ("short", "long")),
        Axis("loyalty", (0.5,), ("low", "high")),
        (("a", "b"), ("c", "d")),
    )
    policy = replace(POLICY, matrices=(matrix,), market_segments=replace(POLICY.market_segments, rules=()))
    edges = replaced(CALIBRATION, rfm=Edges((900, 901, 902, 903), (90, 91, 92, 93), (9e9, 9e9, 9e9, 9e9)))
    plain = [order(1, START), order(2, START + 2 * DAY)]
    assert moves(run(plain, policy=policy, calibration=edges), "matrix") == [("mine", None, "b", 0)]
    # Two days are long, but nobody looked: the second order changes no class. With an item it is looked at.
    detailed = [plain[0], plain[1] | {"items": [{"sku": "s"}]}]
    assert moves(run(detailed, policy=policy, calibration=edges), "matrix")[1:] == [("mine", "b", "d", 2)]
    given_back = [*plain, refund(1, START + 3 * DAY, "1.00")]
    assert moves(run(given_back, policy=policy, calibration=edges), "matrix")[1:] == [("mine", "b", "d", 3)]


def test_profit_is_margin_less_discounts_returns_and_contacts():
    events = {
        "orders": [
            order(1, START, "100.05", discount="1.00"),
            order(2, START + DAY, "50.00", coupon="x"),
            refund(2, START + 2 * DAY, "10.00"),
        ],
        "interactions": [
            interaction("complaint.opened", START + 2 * DAY, "i1", ticket_id="t"),
            interaction("consultation.opened", START + 2 * DAY, "i2"),
            interaction("page.viewed", START + 2 * DAY, "i3"),
        ],
    }
    # 30 % of 140.05 is 42.015: 42.02 half to even; less 1.00, one return at 4.00, two contacts at 6.00.
    assert run(events).records["c"]["profit"] == 4202 - 100 - 400 - 1200
    # Out of the window, nothing is left of it.
    assert run(events, until=START + 420 * DAY).records["c"]["profit"] == 0


@pytest.mark.golden
def test_expected_orders_are_those_of_the_model():
    """MBG/NBD with the CDNOW parameters of the shipped calibration, by `stream.scoring`, which is tested on its own."""
    worths = Scores(default_policy(), DEFAULT_CALIBRATION).worths
    exact = discounted_orders_exact(DEFAULT_CALIBRATION.alive, 12, 0.10, [0, 2, 30, 900], [0.0, 38.86, 100.0, 300.0])
    ours = [worths.exact_orders(*one) for one in ((0, 0.0), (2, 38.86), (30, 100.0), (900, 300.0))]
    assert ours == pytest.approx(exact.tolist(), rel=1e-9)
    between = [worths.discounted(*one) for one in ((0, 0.0), (2, 38.86), (30, 100.0), (900, 300.0))]
    assert between == pytest.approx(ours, rel=1e-3)


def test_what_a_warning_and_a_change_of_tier_say_beside_it():
    result = run([order(1, START)], policy=LIVING, calibration=CHURNING, until=START + 60 * DAY)
    tier, *_, warning = [decision for decision in result.decisions if "action" in decision]
    assert (tier["abc"], tier["action"]) == ("C", "reminder")
    assert tier["clv"] > 0
    assert (warning["kind"], warning["action"]) == ("customer.churn.warning", "win_back_mailing")
    assert warning["value_at_stake"] > 0
    held = replace(LIVING, playbook=replace(LIVING.playbook, hold_out=0.999_999))
    silent = run([order(1, START)], policy=held, calibration=CHURNING)
    assert {decision.get("action") for decision in silent.decisions} == {None}


# -- follow-ups and outcomes ------------------------------------------------------------------------------------------

FOLLOWED = replace(LIVING, playbook=replace(LIVING.playbook, cadence_days=(0, 3, 3, 3), outcome_days=5))


def follow_ups(result):
    """(days since the start, action) of each."""
    due = [decision for decision in result.decisions if decision["kind"] == "customer.follow_up.due"]
    assert [decision["version"] for decision in due] == list(range(1, len(due) + 1))
    return [((decision["effective_at"] - START) / DAY, decision.get("action")) for decision in due]


def counted(result, *measures):
    """Of the tables by day: measure, value and sum over all days."""
    sums = {}
    for (grain, _), cells in result.tables[0].items():
        for (measure, dimension, value), amount in cells.items():
            if grain == "day" and measure in measures and dimension in {"total", "move"}:
                sums[measure, value] = sums.get((measure, value), 0) + amount
    return sums


def test_a_follow_up_is_due_a_cadence_after_the_last_order_or_contact():
    result = run([order(1, START), order(2, START + 4 * DAY)], policy=FOLLOWED, until=START + 11 * DAY)
    # Of the first order at day 3; then the order of day 4; then the follow-up of day 7.
    assert follow_ups(result) == [(3, "reminder"), (7, None), (10, "win_back_offer")]
    assert counted(result, "came_back", "stayed_away") == {("came_back", "treated|reminder"): 1}


def test_who_does_not_order_within_the_days_stays_away():
    result = run([order(1, START), order(2, START + 8 * DAY + SECOND)], policy=FOLLOWED)
    assert counted(result, "came_back", "stayed_away") == {("stayed_away", "treated|reminder"): 1}
    in_time = run([order(1, START), order(2, START + 8 * DAY)], policy=FOLLOWED)
    assert counted(in_time, "came_back", "stayed_away") == {("came_back", "treated|reminder"): 1}


def test_who_is_held_out_is_told_nothing_and_counted_all_the_same():
    held = replace(FOLLOWED, playbook=replace(FOLLOWED.playbook, hold_out=0.999_999))
    result = run([order(1, START), order(2, START + 4 * DAY)], policy=held)
    assert follow_ups(result) == []
    assert counted(result, "came_back", "stayed_away") == {("came_back", "held_out|reminder"): 1}


def test_a_warning_is_a_contact():
    result = run([order(1, START)], policy=FOLLOWED, calibration=CHURNING, until=START + 18 * DAY)
    # Warned after two weeks: the follow-up of day 15 waits until day 17.
    warned = [decision["effective_at"] for decision in result.decisions if decision["kind"].endswith("warning")]
    assert warned == [START + 2 * WEEK]
    assert [day for day, _ in follow_ups(result)] == [3, 6, 9, 12, 17]


def test_stages_and_reasons_are_counted():
    events = [order(1, START), order(2, START + 60 * DAY)]
    result = run(events, policy=LIVING, calibration=CHURNING)
    assert counted(result, "customers_lost", "customers_won_back") == {
        ("customers_lost", ""): 1,
        ("customers_won_back", ""): 1,
    }
    moves = counted(result, "lifecycle_moves")
    assert moves["lifecycle_moves", "dormant>churned"] == moves["lifecycle_moves", "churned>won_back"] == 1
    assert counted(result, "reasons")["reasons", "churned|p_alive"] == 1


# -- refunds, duplicates, late events ---------------------------------------------------------------------------------


def test_refund_in_parts():
    events = [
        order(1, START, "450"),
        refund(1, START + 1000, "100.00", "r1"),
        refund(1, START + 2000, "100.00", "r1"),
        refund(1, START + 3000, "249.99", "r2"),
    ]
    result = run(events)
    record = result.records["c"]
    assert (record["n"], record["monetary_minor"], record["lifetime_net_minor"]) == (1, 100_01, 100_01)
    assert result.accounting["duplicates"] == 1
    # 5, 1, 5 is mid; after the first part 5, 1, 4 is 58.3; after the second 5, 1, 2: 41.7.
    assert said(result, "tier") == [("tier", "none", "mid", 0, "e1")]
    whole = run([*events, refund(1, START + 4000, "100.01", "r3")])
    assert said(whole, "tier")[1:] == [("tier", "mid", "none", 4000, "r3")]
    assert whole.records["c"]["n"] == 0


def test_refund_beyond_the_order_is_cut():
    record = run([order(1, START), order(2, START), refund(2, START, "999")]).records["c"]
    assert (record["n"], record["lifetime_net_minor"]) == (1, 50_00)


def test_free_order_counts_until_it_is_cancelled_or_given_back_whole():
    assert run([order(1, START, "0"), refund(1, START, "5")]).records["c"]["n"] == 1
    assert run([order(1, START, "0"), refund(1, START)]).records["c"]["n"] == 0
    assert run([order(1, START, "0"), cancel(1, START)]).records["c"]["n"] == 0


def test_refund_before_its_order_waits():
    result = run([refund(1, START, "20"), order(1, START + 1000)])
    assert said(result) == [("tier", "none", "low", 1000, "e1"), ("segment", None, "new", 1000, "e1")]
    assert result.records["c"]["monetary_minor"] == 30_00
    whole = run([cancel(1, START), order(1, START + 1000)])
    assert whole.decisions == []
    assert whole.accounting["applied"] == 2


def test_second_cancellation_is_a_duplicate_by_its_order():
    assert run([order(1, START), cancel(1, START, "x1"), cancel(1, START, "x2")]).accounting["duplicates"] == 1


def test_of_two_versions_of_an_order_the_smaller_stays():
    record = run([order(1, START + 1000, "10"), order(1, START, "90"), order(1, START, "99")]).records["c"]
    assert (record["n"], record["first_at"], record["monetary_minor"]) == (1, START, 90_00)


def test_late_order_is_the_cause_and_the_moment_is_now():
    result = run([order(1, START + 15 * DAY), order(2, START)])
    assert said(result, "segment")[1:] == [("segment", "new", "potential_loyalist", 15 * DAY, "e2")]
    assert result.records["c"]["first_at"] == START


def test_every_interaction_is_a_look():
    events = {
        "orders": [order(1, START)],
        "interactions": [interaction("product.viewed", START + 15 * DAY, "i1")],
    }
    assert run(events).records["c"]["said_as_of"] == START + 15 * DAY


def test_ids_of_interactions_are_remembered_up_to_the_limit():
    views = [interaction("product.viewed", START + number, f"i{number % 3}") for number in range(6)]
    assert run({"interactions": views}, interaction_dedupe_max=3).accounting["duplicates"] == 3
    assert run({"interactions": views}, interaction_dedupe_max=2).accounting["duplicates"] == 0


def test_profile():
    events = [
        interaction("customer.registered", START + 5, "p1", kind="individual", region="north"),
        interaction("customer.registered", START, "p2"),
        interaction("customer.updated", START + 9, "p3", region="south"),
        interaction("customer.updated", START + 7, "p4", region="east"),
    ]
    record = run({"profiles": events}).records["c"]
    assert (record["registered_at"], record["kind"], record["region"]) == (START, "individual", "south")
    assert (record["n"], record["tier"], record["next_change_at"]) == (0, "none", START + 90 * DAY)


# -- shards, topics, tables, accounting ------------------------------------------------------------------------------


@given(st.text(min_size=1), st.integers(1, 64))
@settings(deadline=None)
def test_shard_is_that_of_kafka(customer, partitions):
    assert murmur2(customer.encode()) == kafka_murmur2(customer.encode()) & 0xFFFFFFFF
    assert shard_of(customer, partitions) == (kafka_murmur2(customer.encode()) & 0x7FFFFFFF) % partitions


def test_topics_are_read_as_one_sequence():
    topics = {
        "interactions": [interaction("login", at, f"i{at}") for at in (1000, 3000, 2000)],
        "orders": [order(number, at) for number, at in enumerate((1000, 5000, 1000))],
        "profiles": [interaction("customer.registered", 5000, "p")],
    }
    events = {topic: [read(topic, raw) for raw in raws] for topic, raws in topics.items()}
    # A late event waits behind the one before it in its topic.
    assert [event.id for event in merged(events)] == ["e0", "i1000", "i3000", "i2000", "p", "e1", "e2"]


SPLIT_OF_NEW = (("total", ""), ("tier", "mid"), ("segment", "new"))


def test_tables():
    day = START // DAY * DAY
    noon = day + DAY // 2
    events = {
        "orders": [
            order(1, noon, "450", channel="web"),
            order(1, noon, "450", channel="web"),
            refund(1, noon + 3_600_000, "100"),
            refund(9, noon + 3_600_000, "100"),
        ],
        "interactions": [interaction("complaint.opened", noon + DAY, "i", ticket_id="t")],
    }
    (table,) = run(events).tables.values()
    hour = 3_600_000
    first = {
        ("orders", "total", ""): 1,
        ("orders", "tier", "none"): 1,
        ("orders", "channel", "web"): 1,
        ("revenue", "total", ""): 450_00,
        ("revenue", "tier", "none"): 450_00,
        ("revenue", "channel", "web"): 450_00,
        ("customers_new", "total", ""): 1,
        ("customers_new", "channel", "web"): 1,
        ("tier_moves", "move", "none>mid"): 1,
    }
    second = {
        ("refunds", "total", ""): 2,
        ("refunds", "tier", "mid"): 2,
        ("refunded", "total", ""): 100_00,
        ("refunded", "tier", "mid"): 100_00,
        ("refunds", "segment", "new"): 2,
        ("refunded", "segment", "new"): 100_00,
    }
    third = {("complaints", dimension, value): 1 for dimension, value in SPLIT_OF_NEW}
    assert table == {
        ("hour", noon // hour * hour): first,
        ("hour", (noon + hour) // hour * hour): second,
        ("hour", (noon + DAY) // hour * hour): third,
        ("day", day): first | second,
        ("day", day + DAY): third,
    }
    (short,) = run(events, table_hours_max=1, table_days_max=1).tables.values()
    assert set(short) == {("hour", (noon + DAY) // hour * hour), ("day", day + DAY)}


def test_tables_by_category_and_what_feedback_is_about():
    items = [{"category": "tea", "price": "0.45", "quantity": 0.7}, {"category": "milk"}, {"category": "cups"}]
    told = [
        interaction("review.posted", START + 1, "i1", tags=[" Late  Parcel", "late parcel", ""], category="tea"),
        interaction("review.posted", START + 2, "i2", text="It was LATE; chocolate"),
        interaction(
            "feedback.csi", START + 3, "i3", dimensions={"overall": 4, "expectations": 7, "ideal": 7}, text="late"
        ),
        interaction("feedback.nps", START + 4, "i4", score=7, text="late"),
    ]
    result = run({"orders": [order(1, START, items=items)], "interactions": told}, table_names_max=2)
    table = result.tables[0]["day", START // DAY * DAY]
    assert {cell: n for cell, n in table.items() if cell[1] == "category" or cell[0] == "mentions"} == {
        ("orders", "category", "tea"): 1,
        ("orders", "category", "milk"): 1,
        ("orders", "category", "other"): 1,
        # 31.5 cents, to even.
        ("revenue", "category", "tea"): 32,
        ("revenue", "category", "milk"): 0,
        ("revenue", "category", "other"): 0,
        ("mentions", "move", "low|late parcel\x1ftea"): 1,
        ("mentions", "move", "low|delivery\x1f"): 1,
    }
    sums = {name: table[f"{name}_sum", "total", ""] for name in ("csi", "acsi")}
    assert sums == {"csi": 600, "acsi": 556}


def test_what_is_unlike_the_customer_is_told_once():
    """An order of ten times the usual after nine weekly ones, one as large, and a gap of twenty weeks."""
    weeks = [*range(11), 30]
    amounts = ["20.00"] * 9 + ["200.00", "200.00", "20.00"]
    result = run([order(n, START + week * WEEK, amounts[n]) for n, week in enumerate(weeks)])
    told = [decision for decision in result.decisions if decision["kind"] == "customer.anomaly"]
    assert [(one["figure"], one["value"], one["cause"]["id"]) for one in told] == [
        ("order_value", 200.0, "e9"),
        ("gap", 140.0, "e11"),
    ]
    # Nothing varied, so the spread is the policy's: 0.3 and 0.5 of a logarithm, four times; no gap is below a day.
    assert [(one["usual_from"], one["usual_to"]) for one in told] == [
        (pytest.approx(20 / exp(1.2), abs=1e-6), pytest.approx(20 * exp(1.2), abs=1e-6)),
        (1.0, pytest.approx(7 * exp(2), abs=1e-6)),
    ]


def test_every_record_is_accounted_for():
    bad = [
        order(1, START) | {"amount": "-1"},
        order(1, START) | {"amount": "much"},
        order(1, START) | {"currency": "XXX"},
        order(1, START) | {"customer_id": ""},
        order(1, START) | {"occurred_at": None},
        order(1, START) | {"type": "order.lost"},
    ]
    worse = [interaction("feedback.nps", START, "i", score=11), interaction("complaint.opened", START, "i")]
    events = {"orders": [*bad, order(1, START), order(1, START)], "interactions": worse}
    accounting = run(events, currency="EUR").accounting
    assert {name: accounting[name] for name in ("read", "applied", "duplicates", "dead_letters")} == {
        "read": 10,
        "applied": 1,
        "duplicates": 1,
        "dead_letters": 8,
    }


def test_reading():
    event = read("orders", order(1, START, 12.345) | {"occurred_at": "2017-01-01T11:53:26.250+01:00"})
    assert (event.amount, event.at) == (12_34, 1_483_268_006_250)
    with pytest.raises(Unreadable, match="occurred_at"):
        read("orders", order(1, START) | {"occurred_at": "yesterday"})


def test_too_many_orders_are_refused():
    with pytest.raises(ValueError, match="more than 8"):
        run([order(number, START) for number in range(9)], ledger_orders_max=8)


# -- laws -----------------------------------------------------------------------------------------------------------


@st.composite
def histories(draw):
    """Orders, refunds, cancellations and interactions of a few customers over some months."""
    moments = st.integers(0, 200 * DAY)
    events = {"orders": [], "interactions": []}
    for number in range(draw(st.integers(1, 12))):
        at = START + draw(moments)
        about = {"customer": draw(st.sampled_from(["a", "b", "c"]))}
        of = draw(st.integers(0, 5))
        kind = draw(st.sampled_from(["order", "order", "refund", "whole", "cancel", "complaint", "resolved", "nps"]))
        # An order id belongs to one customer.
        about["customer"] = "abc"[of % 3] if kind in {"order", "refund", "whole", "cancel"} else about["customer"]
        amount = str(draw(st.integers(0, 500)))
        match kind:
            case "order":
                events["orders"].append(order(of, at, amount, **about) | {"event_id": f"o{number}"})
            case "refund" | "whole":
                events["orders"].append(refund(of, at, amount if kind == "refund" else None, f"r{number}", **about))
            case "cancel":
                events["orders"].append(cancel(of, at, f"x{number}") | {"customer_id": about["customer"]})
            case _:
                name = {"complaint": "complaint.opened", "resolved": "complaint.resolved", "nps": "feedback.nps"}[kind]
                more = {"ticket_id": f"t{of % 2}", "score": of + 3, "customer_id": about["customer"]}
                events["interactions"].append(interaction(name, at, f"i{number}", **more))
    return events


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_facts_do_not_depend_on_order_or_duplicates(history, random):
    mixed = {topic: events + random.sample(events, len(events) // 2) for topic, events in history.items()}
    for events in mixed.values():
        random.shuffle(events)
    plain, other = run(history, calibration=CHURNING), run(mixed, calibration=CHURNING)
    assert {id_: facts(record) for id_, record in plain.records.items()} == {
        id_: facts(record) for id_, record in other.records.items()
    }


@given(histories(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_duplicates_in_order_change_no_decision(history, random):
    plain, doubled = {}, {}
    for topic, events in history.items():
        plain[topic] = sorted(events, key=lambda event: event["occurred_at"])
        doubled[topic] = [twin for event in plain[topic] for twin in [event] * random.choice([1, 1, 2])]
    assert run(plain, calibration=CHURNING).decisions == run(doubled, calibration=CHURNING).decisions


@given(histories())
@settings(deadline=None)
def test_decisions_of_a_history_in_order_hang_together(history):
    history = {topic: sorted(events, key=lambda event: event["occurred_at"]) for topic, events in history.items()}
    result = run(history, policy=LIVING, calibration=CHURNING)
    last = last_scores(result.decisions)
    for customer, record in result.records.items():
        decisions = result.of(customer)
        moments = [decision["effective_at"] for decision in decisions]
        assert moments == sorted(moments)
        for what, first, now in (
            ("tier", "none", record["tier"]),
            ("segment", None, record["segment"]),
            ("abc", None, record["abc"] if record["abc"] != "none" else None),
            ("lifecycle", "prospect", record["lifecycle"]),
            *(("matrix", None, record["cells"].get(matrix.name)) for matrix in POLICY.matrices[:1]),
        ):
            moves = (
                [d for d in decisions if d["kind"] == "customer.tier.changed"]
                if what == "tier"
                else [
                    change
                    for decision in decisions
                    for change in decision.get("changes", ())
                    if change["what"] == what and change.get("name") in (None, POLICY.matrices[0].name)
                ]
            )
            chain = [(move["from"], move["to"]) for move in moves]
            assert [start for start, _ in chain] == [first, *[end for _, end in chain]][: len(chain)]
            assert now == (chain[-1][1] if chain else first)
        assert (customer in last) == bool(decisions)
    assert len({decision["id"] for decision in result.decisions}) == len(result.decisions)


def test_a_learned_score_is_that_of_the_scorer():
    """Rhythm and quiet, which the shipped calibration does without, by two independent forms of the same formula."""
    churn = ChurnCoefficients(bias=-0.5, p_alive=0.6, gap=(0, 0), complaint=0, detractor=0, rhythm=0.8, quiet=0.4)
    calibration = replaced(CALIBRATION, churn=churn)
    model = compile_churn(POLICY, churn, calibration.alive)
    scores = Scores(POLICY, calibration)
    for n, days in ((1, 0), (2, 30), (40, 300)):
        customer = Customer("c", 10)
        customer.counted = [(day * DAY, 100) for day in ([0] if n == 1 else [0, *[days] * (n - 1)])]
        for quiet_days in (0, 1, 100):
            last_at = customer.counted[-1][0]
            as_of = last_at + quiet_days * DAY
            ours = {part.code: part.weight for part in contributions(model, n, 0, last_at, as_of)}
            theirs = scores.contributions(customer, as_of)
            assert theirs == pytest.approx(ours)
            assert {"rhythm", "quiet"} - theirs.keys() == ({"quiet"} if quiet_days == 0 else set())


def test_of_two_that_say_the_same_of_an_order_the_greater_details_count():
    events = [
        order(1, START, "100.00"),
        order(1, START, "100.00", discount="5.00"),
        order(1, START, "100.00", discount="2.00"),
    ]
    assert run(events).records["c"]["profit"] == 3000 - 500
    assert run(events).accounting["duplicates"] == 2
