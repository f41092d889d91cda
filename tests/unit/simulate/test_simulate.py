"""Simulated customers obey the laws they were drawn from, and their events are good ones."""

from collections import Counter, defaultdict
from itertools import pairwise
from statistics import fmean, stdev
from types import SimpleNamespace

import orjson
import pytest

from stream.contracts.decode import Decoder
from stream.contracts.events import DeadLetter
from stream.contracts.times import WEEK, parse_time
from stream.contracts.topics import Topics
from stream.simulate import Spec, live, simulate
from stream.simulate.habits import HABITS
from stream.simulate.spec import Leaving, Rates, Spend

SPEC = Spec(customers=150, days=200)
OF_THE_PLATFORM = {"campaign.sent", "complaint.resolved"}


@pytest.fixture(scope="module")
def told():
    return list(simulate(SPEC, 7).events())


@pytest.fixture(scope="module")
def truths():
    return {truth.customer_id: truth for truth in simulate(SPEC, 7).truths()}


def of_type(told, *types):
    return [one for one in told if one.event["type"] in types]


def test_a_seed_gives_the_same_events_and_truths(told):
    again = simulate(SPEC, 7)
    assert list(again.events()) == told
    assert list(again.truths()) == list(simulate(SPEC, 7).truths())
    assert list(simulate(SPEC, 8).truths()) != list(again.truths())


def test_a_customer_does_not_depend_on_how_many_others_there_are(told):
    few = Spec(customers=20, days=200)
    alone = list(simulate(few, 7).events())
    assert alone == [one for one in told if int(one.event["customer_id"][1:]) < 20]


def test_events_come_in_order_of_time_and_within_the_days(told):
    moments = [one.at for one in told]
    assert moments == sorted(moments)
    assert SPEC.start <= moments[0] <= moments[-1] < SPEC.end
    assert all(parse_time(one.event["occurred_at"]) == one.at for one in told)


def test_every_event_is_accepted_by_the_decoder(told):
    decoder = Decoder(Topics(), SPEC.currency)
    by_topic = defaultdict(list)
    for offset, one in enumerate(told):
        key, value = one.event["customer_id"].encode(), orjson.dumps(one.event)
        by_topic[one.topic].append(SimpleNamespace(offset=offset, timestamp=one.at, key=key, value=value))
    assert set(by_topic) == {"profiles", "orders", "interactions"}
    for topic, records in by_topic.items():
        dead = [event for event in decoder.decode(topic, 0, records, SPEC.end) if isinstance(event, DeadLetter)]
        assert not dead


def test_ids_are_unique(told):
    assert len({one.event["event_id"] for one in told}) == len(told)
    orders = of_type(told, "order.completed")
    assert len({one.event["order_id"] for one in orders}) == len(orders)


def test_who_has_left_does_nothing_any_more(told, truths):
    left = [truth for truth in truths.values() if truth.dropout_at is not None]
    assert {truth.cause for truth in left} == {"silent", "complaint"}
    for one in told:
        gone_at = truths[one.event["customer_id"]].dropout_at
        if one.event["type"] not in OF_THE_PLATFORM:
            assert gone_at is None or one.at <= gone_at


def test_orders_are_those_of_the_truth(told, truths):
    counted = Counter(one.event["customer_id"] for one in of_type(told, "order.completed"))
    assert counted == Counter({customer: truth.orders for customer, truth in truths.items() if truth.orders})


def test_a_visit_leads_to_every_order(told):
    last = {}
    for one in told:
        customer, kind = one.event["customer_id"], one.event["type"]
        if kind == "order.completed":
            assert (
                last[customer]
                <= {"product.viewed", "cart.updated", "checkout.started", "coupon.redeemed"} | last[customer]
            )
            assert {"product.viewed", "cart.updated", "checkout.started"} <= last[customer]
            last[customer] = set()
        else:
            last.setdefault(customer, set()).add(kind)


def test_complaints_have_tickets_and_only_some_end(told):
    opened = {one.event["ticket_id"]: one.at for one in of_type(told, "complaint.opened")}
    resolved = {one.event["ticket_id"]: one.at for one in of_type(told, "complaint.resolved")}
    assert 0 < len(resolved) < len(opened)
    assert all(opened[ticket] < at for ticket, at in resolved.items())


def test_refunds_take_back_no_more_than_an_order():
    amounts, refunds = {}, 0
    for one in simulate(Spec(customers=100), 3).events():
        event = one.event
        if event["type"] == "order.completed":
            amounts[event["order_id"]] = float(event["amount"])
            assert sum(float(item["price"]) for item in event["items"]) == pytest.approx(float(event["amount"]))
            assert float(event.get("discount", 0)) < float(event["amount"])
        elif event["type"] in {"order.refunded", "order.cancelled"}:
            refunds += 1
            assert float(event.get("amount", 0)) <= amounts[event["order_id"]]
    assert refunds > 10


def test_late_and_doubled_events_are_the_same_events(told):
    spec = Spec(customers=150, days=200, late=0.1, duplicates=0.05)
    arrived = list(simulate(spec, 7).events())
    assert {one.event["event_id"]: one for one in arrived} == {one.event["event_id"]: one for one in told}
    doubled = len(arrived) - len(told)
    assert doubled == pytest.approx(0.05 * len(told), rel=0.15)
    assert sum(later.at < sooner.at for sooner, later in pairwise(arrived)) > 0.05 * len(told)


# Laws. The seed is fixed, and each bound is four standard errors of what is counted.


def lives(spec, seed=11):
    return [live(spec, seed, number) for number in range(spec.customers)]


def holds(values, expected):
    return abs(fmean(values) - expected) < 4 * stdev(values) / len(values) ** 0.5


def test_orders_of_those_who_stay_are_poisson_at_their_own_rate():
    spec = Spec(customers=1_500, prospects=0, leaving=Leaving(1e-9, 1.0), complaint_leaves=0)
    excess = [
        (life.truth.orders - 1) - life.truth.rate_per_week * (spec.end - life.orders[0]) / WEEK
        for life in lives(spec)
        if life.orders
    ]
    assert holds(excess, 0)


def test_rates_and_spends_have_the_means_of_their_laws():
    spec = Spec(customers=3_000, prospects=0, rates=Rates(2.0, 5.0), spend=Spend(6.0, 5.0, 2_000.0))
    truths = [life.truth for life in lives(spec)]
    assert holds([truth.rate_per_week for truth in truths], 2.0 / 5.0)
    assert holds([truth.spend_minor for truth in truths], 6.0 * 2_000.0 / 4.0)


def test_amounts_have_the_mean_of_the_customer(told, truths):
    shares = [
        100 * float(one.event["amount"]) / truths[one.event["customer_id"]].spend_minor
        for one in of_type(told, "order.completed")
    ]
    assert holds(shares, 1.0)


def test_customers_leave_after_an_order_as_often_as_they_are_inclined_to():
    spec = Spec(customers=2_000, complaint_leaves=0, joining=0, leaving=Leaving(1.0, 4.0))
    left = [
        (life.truth.cause == "silent") - life.truth.leaves_after_order * life.truth.orders
        for life in lives(spec)
        if life.orders
    ]
    # The number of leavings less its compensator is a martingale: its mean is 0 whenever watching ends.
    assert holds(left, 0)


@pytest.mark.parametrize("leaves", [0.2, 0.7])
def test_complaints_end_in_leaving_as_often_as_the_spec_says(leaves):
    spec = Spec(customers=2_000, complaint_leaves=leaves)
    outcomes = []
    for life in lives(spec):
        complaints = len(life.complaints)
        outcomes += [0] * (complaints - 1) + [int(life.truth.cause == "complaint")] if complaints else []
    assert holds(outcomes, leaves)


def test_needs_show_in_what_customers_do():
    spec = Spec(customers=600)
    simulation = simulate(spec, 5)
    need = {truth.customer_id: truth.need for truth in simulation.truths()}
    counts = defaultdict(Counter)
    for one in simulation.events():
        counts[need[one.event["customer_id"]]][one.event["type"]] += 1
        counts[need[one.event["customer_id"]]]["discount"] += "discount" in one.event

    def strongest(what):
        return max(HABITS, key=lambda name: counts[name][what] / counts[name]["order.completed"])

    assert strongest("product.viewed") == strongest("review.posted") == "experience"
    assert strongest("consultation.opened") == strongest("complaint.opened") == "service"
    assert strongest("discount") == strongest("coupon.redeemed") == "price"


def test_answers_after_a_complaint_are_worse():
    answers, complained = {True: [], False: []}, set()
    for one in simulate(Spec(customers=400), 5).events():
        customer, kind = one.event["customer_id"], one.event["type"]
        if kind == "complaint.opened":
            complained.add(customer)
        elif kind == "feedback.nps":
            answers[customer in complained].append(one.event["score"])
    assert fmean(answers[True]) < fmean(answers[False]) - 1


def test_who_stays_was_more_content_than_who_leaves_silently():
    content = {cause: [] for cause in (None, "silent", "complaint")}
    for life in lives(Spec(customers=1_000)):
        content[life.truth.cause].append(life.truth.content)
    assert fmean(content["silent"]) < fmean(content[None]) - 0.05


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"customers": 0}, "customers"),
        ({"days": 10_000}, "days"),
        ({"joining": -0.1}, "joining"),
        ({"rates": Rates(0, 1)}, "r=0"),
        ({"spend": Spend(6, 1, 1)}, "q must be above 1"),
        ({"late_hours": 0}, "late_hours"),
    ],
)
def test_a_spec_out_of_bounds_is_refused_by_name(options, field):
    with pytest.raises(ValueError, match=field):
        Spec(**options)
