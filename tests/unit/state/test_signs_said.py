"""Warnings for other signs than silence: they come when a period ends, say why, and are the oracle's."""

from __future__ import annotations

from math import exp

import msgspec
import pytest

from stream.contracts.decisions import CHURN_RECOVERED, CHURN_WARNING
from stream.contracts.times import parse_time
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.periods import PERIOD
from stream.scoring.policy import default_policy
from stream.scoring.units import DAY
from stream.state.codec import decode
from stream.state.model import compile_model
from tests.kit.compare import compare_decisions, compare_records, plain
from tests.kit.histories import by_topic
from tests.kit.memory import MemoryShard, sharded
from tests.oracle import Oracle

FIRST = 600
START = FIRST * PERIOD
WEIGHTS = {"visits_falling": 6.5, "cart_left": 6.0, "campaign_ignored": 6.25, "repeat_complaints": 6.75}
CALIBRATION = msgspec.structs.replace(
    DEFAULT_CALIBRATION,
    churn=msgspec.structs.replace(DEFAULT_CALIBRATION.churn, bias=-1.0, gap=(0, 0, 0, 0), complaint=0, **WEIGHTS),
)
MODEL = compile_model(default_policy(), CALIBRATION)


def event(kind, at, **more):
    topic = "orders" if kind.startswith("order.") else "interactions"
    return topic, {"event_id": f"{kind}-{at}", "type": kind, "customer_id": "c", "occurred_at": at / 1000, **more}


def order(at):
    return event("order.completed", at, order_id=f"o-{at}", amount="20.00", currency="EUR")


def run(history, batch=3):
    """What was said of it, the same as the oracle says."""
    history = sorted(history, key=lambda one: one[1]["occurred_at"]) if batch else history
    shard = MemoryShard(MODEL)
    shard.run(sharded(by_topic(history), 1)[0], batch or 1, sweep_every=1)
    expected = Oracle(default_policy(), CALIBRATION, 1, currency="EUR").run(by_topic(history))
    assert compare_records(shard.memory.records, expected, MODEL) == []
    assert compare_decisions(map(plain, shard.memory.messages), expected) == []
    return shard.memory


def warned(memory, kind=CHURN_WARNING):
    return [msgspec.json.decode(message.value) for message in memory.messages if message.type == kind]


def ordering(until):
    """Orders every week."""
    return [order(at) for at in range(START, until + 1, 7 * DAY)]


def visits(periods, each):
    return [event("login", (FIRST + period) * PERIOD + number * DAY) for period in periods for number in range(each)]


def ends(found, code):
    """The first warning that has this reason."""
    one = next(one for one in found if code in {reason["code"] for reason in one["reasons"]})
    logit = CALIBRATION.churn.bias + sum(reason["weight"] for reason in one["reasons"])
    assert one["risk"] == pytest.approx(1 / (1 + exp(-logit)), abs=1e-5)
    assert WEIGHTS[code] == next(reason["weight"] for reason in one["reasons"] if reason["code"] == code)
    return one


def test_visits_that_fall_are_noticed_when_the_period_ends():
    end = START + 6 * PERIOD + 20 * DAY
    found = warned(run([*ordering(end), *visits(range(4), 4), *visits((4,), 1)]))
    one = ends(found, "visits_falling")
    assert parse_time(one["effective_at"]) == START + 6 * PERIOD
    assert one["cause"] == {"kind": "timer", "id": one["effective_at"]}


def test_late_visits_are_looked_at_and_take_a_warning_back():
    end = START + 6 * PERIOD + 20 * DAY
    last, late = event("login", end + DAY), visits((5,), 20)
    memory = run([*ordering(end), *visits(range(4), 4), last, *late], batch=0)
    (one,) = warned(memory, CHURN_RECOVERED)
    assert one["cause"]["id"].startswith("login-")


def test_ignored_campaigns_count_until_one_is_answered():
    sent = [event("campaign.sent", START + 3 * DAY + number) for number in range(2)]
    answer = event("campaign.opened", START + 3 * PERIOD + 7 * DAY)
    memory = run([order(START - DAY), *sent, answer, event("login", answer[1]["occurred_at"] * 1000 + DAY)])
    one = ends(warned(memory), "campaign_ignored")
    assert parse_time(one["effective_at"]) == START + 3 * PERIOD
    assert warned(memory, CHURN_RECOVERED)[0]["cause"]["id"] == answer[1]["event_id"]


def test_complaints_again_and_again_and_a_cart():
    complaints = [event("complaint.opened", START + number * DAY, ticket_id=str(number)) for number in (1, 9)]
    found = warned(run([order(START), *complaints]))
    assert ends(found, "repeat_complaints")["cause"]["id"] == complaints[1][1]["event_id"]
    cart = event("cart.updated", START + DAY)
    found = warned(run([order(START), cart, event("login", START + 9 * DAY)]))
    assert parse_time(ends(found, "cart_left")["effective_at"]) == START + 2 * DAY


def test_who_browses_is_not_looked_at_before_a_period_ends():
    shard = MemoryShard(MODEL)
    history = [order(START), *visits((0,), 10)]
    shard.run(sharded(by_topic(history), 1)[0], 1)
    c = decode("c", shard.memory.records["c"])
    assert c.as_of == START
    assert c.armed <= START + PERIOD
