"""Have all native code ready before the first record comes: loaded where it is on disk, else compiled.

Compiling takes most of a minute, in which a worker that has joined its group would stand still. So it is done
before; an image does it when it is built (``python -m stream.transport.warm_up``).
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final, NamedTuple

from stream.contracts.bundle import BUNDLE_MESSAGES_MAX
from stream.contracts.decode import Decoder
from stream.contracts.topics import Topics
from stream.native.jit import compiling
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.state.announcements import Announcer
from stream.state.model import compile_model
from stream.state.outcome import Limits
from stream.state.packed import unpack_records
from stream.state.shard import ShardState
from stream.transport.record_batch import Assembly
from stream.transport.relay_producer import BATCH_BYTES

logger = logging.getLogger(__name__)

#: From so many seconds on it is said that code was compiled.
SECONDS_TO_MENTION: Final = 5.0

#: More than there is room for at first and than may stay, so that growing and forgetting are ready as well.
_CUSTOMERS: Final = 2_200
_REFUNDS: Final = 5
_LIMITS: Final = Limits(
    cached_customers_max=_CUSTOMERS // 2,
    ledger_orders_max=10,
    interaction_dedupe_max=1,
    table_hours_max=1,
    table_days_max=1,
    table_names_max=1,
    seed_after_ms=0,
    bundle_messages_max=BUNDLE_MESSAGES_MAX,
)
_NOW: Final = 1_800_000_000_000


class _Record(NamedTuple):
    offset: int
    timestamp: int
    key: bytes
    value: bytes


def warm_up() -> float:
    """Send made-up orders through everything that is native but the clients.

    Returns
    -------
    Seconds it took.
    """
    began = monotonic()
    with compiling():
        _work()
    took = monotonic() - began
    if took > SECONDS_TO_MENTION:
        logger.warning("the native code was ready after %.0f s; it is kept for the next start", took)
    return took


def _work() -> None:
    topics = Topics()
    decoder = Decoder(topics, "EUR")
    model = compile_model(default_policy(), DEFAULT_CALIBRATION)
    stored: dict[str, bytes] = {}
    for _ in range(2):
        state = ShardState(model, Announcer(topics), _LIMITS)
        # The second batch comes to those who were forgotten after the first, and to some who order late; those who send
        # something back are objects, and forgotten as such. One order has more sums than a batch of one has room for.
        for orders in (_orders(0) + _refunds(), _orders(1), _orders(2)[:1]):
            block = decoder.decode("orders", 0, orders, _NOW)
            missing = state.missing(block)
            state.admit(missing, [stored.get(customer) for customer in missing])
            outcome = state.apply(block, _NOW)
            stored |= dict(unpack_records(outcome.records))
            Assembly(outcome.outbox, topics, "/scorer", _NOW, BATCH_BYTES)
        state.sweep(["c-0"], _NOW, _NOW)


def _orders(number: int) -> list[_Record]:
    return [
        _Record(
            k,
            _NOW - 1,
            b"c-%d" % k,
            b'{"event_id":"e-%d-%d","type":"order.completed","customer_id":"c-%d","order_id":"o-%d-%d",'
            b'"occurred_at":"2027-01-01T00:00:0%dZ","amount":"%d.00","currency":"EUR","channel":"web"}'
            % (number, k, k, number, k, 9 - number if k % 2 else number, k),
        )
        for k in range(_CUSTOMERS)
    ]


def _refunds() -> list[_Record]:
    return [
        _Record(
            _CUSTOMERS + k,
            _NOW - 1,
            b"c-%d" % k,
            b'{"event_id":"r-%d","type":"order.refunded","customer_id":"c-%d","order_id":"o-0-%d",'
            b'"occurred_at":"2027-01-01T00:00:10Z"}' % (k, k, k),
        )
        for k in range(1, _REFUNDS + 1)
    ]


if __name__ == "__main__":
    warm_up()
