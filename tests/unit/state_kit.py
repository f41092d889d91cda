"""Records as the scorer would have written them, for tests of what reads records."""

from stream.contracts.block import EventBlock
from stream.contracts.events import COMPLETED, OrderEvent
from stream.contracts.topics import Topics
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.scoring.units import DAY
from stream.state.announcements import Announcer
from stream.state.model import compile_model
from stream.state.outcome import Limits
from stream.state.shard import ShardState

NOW = 18_000 * DAY
SHIPPED = compile_model(default_policy(), DEFAULT_CALIBRATION)
LIMITS = Limits(10_000, 1_000, 128, 24, 30, 100, 10**15, 2_000)


def order(customer, number, at, amount=2_000):
    return OrderEvent(
        kind=COMPLETED,
        at=at,
        customer=customer,
        order=number,
        event=number,
        event_id=str(number),
        amount=amount,
        channel="",
        offset=0,
    )


def shard_of(events, model=SHIPPED):
    """A shard that has applied these events in order of time, and what that led to."""
    events = sorted(events, key=lambda event: event.at)
    state = ShardState(model, Announcer(Topics()), LIMITS)
    block = EventBlock.of(events)
    customers = state.missing(block)
    state.admit(customers, [None] * len(customers))
    return state, state.apply(block, 0)


def customers_with_orders(count):
    """Customer number k has ordered k times, ten days apart, the last time ten days ago."""
    return [
        order(f"c-{k}", 100 * k + place, NOW - 10 * DAY * (1 + k - place))
        for k in range(1, count + 1)
        for place in range(1, k + 1)
    ]
