"""What counts as a flap, and that the brakes are worth something on a customer at a threshold."""

from dataclasses import replace

from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.scoring.units import DAY
from tests.evaluation import hysteresis
from tests.evaluation.hysteresis import Count, flaps
from tests.kit.datasets import Filled

CHANGES = [("a", "none", "low", 0), ("a", "low", "mid", 5 * DAY), ("a", "mid", "low", 40 * DAY)]


def test_only_what_is_taken_back_in_time_is_a_flap():
    assert flaps(CHANGES) == Count(customers=1, changes=2, flaps=0)
    assert flaps([*CHANGES, ("a", "low", "mid", 70 * DAY)]) == Count(customers=1, changes=3, flaps=1)
    assert flaps([*CHANGES, ("a", "low", "mid", 70 * DAY + 1)]).flaps == 0
    assert flaps([*CHANGES, ("a", "low", "high", 50 * DAY)]).flaps == 0


def test_customers_do_not_mix():
    assert flaps([("a", "low", "mid", 0), ("b", "mid", "low", 1)]) == Count(customers=2, changes=0, flaps=0)


def test_the_brakes_stop_a_customer_who_comes_every_third_week():
    events = [
        {
            "event_id": f"e-{number}",
            "type": "order.completed",
            "customer_id": "c-1",
            "order_id": f"o-{number}",
            "occurred_at": (18_000 + 21 * number) * 86_400,
            "amount": "70",
            "currency": "EUR",
        }
        for number in range(12)
    ]
    filled = Filled("one customer", "EUR", {"orders": events}, {})
    found = {}
    for name, changes in hysteresis.VARIANTS.items():
        shard = hysteresis.run(filled, replace(default_policy(), **changes), DEFAULT_CALIBRATION)
        found[name] = hysteresis.flaps_of(shard).flaps
    assert found["as shipped"] < found["without both"]
