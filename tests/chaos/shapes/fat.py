"""One customer with very many orders: what one order more costs, by how many there are."""

from __future__ import annotations

import time
from typing import Any

from stream.contracts.events import COMPLETED, OrderEvent
from stream.scoring.units import DAY
from stream.state import ledger
from stream.state.codec import decode
from stream.transport.warm_up import warm_up
from tests.kit.histories import BEGINNING
from tests.kit.memory import MemoryShard

CUSTOMER = "fat"
BATCH = 500
YEAR = 365 * DAY


def fat_customer(orders: int, marks: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000, 100_000)) -> dict[str, Any]:
    """Apply so many orders of a year to one customer, batch by batch, without servers.

    Returns
    -------
    µs an order up to each mark since the one before, bytes of the record at each, and whatever is wrong at the end.
    """
    warm_up()
    shard = MemoryShard()
    step = YEAR // (orders + 1)
    spent, since = 0.0, 0
    costs: dict[int, float] = {}
    sizes: dict[int, int] = {}
    for first in range(0, orders, BATCH):
        some = [_order(number, BEGINNING + number * step) for number in range(first, min(first + BATCH, orders))]
        began = time.process_time()
        shard.apply(some)
        spent += time.process_time() - began
        done = first + len(some)
        if done in marks or done == orders:
            costs[done], sizes[done] = round(1e6 * spent / (done - since), 2), len(shard.memory.records[CUSTOMER])
            spent, since = 0.0, done
    c = decode(CUSTOMER, shard.memory.records[CUSTOMER])
    ledger.rebuild(c, shard.model.window)
    are = (c.n, c.frequency, c.monetary, shard.memory.counters["applied"])
    # All of them are within a window of 365 days.
    should = (orders, orders, sum(map(_amount, range(orders))), orders)
    return {
        "us_an_order_up_to": costs,
        "record_bytes_at": sizes,
        "wrong": {} if are == should else {"sums": (are, should)},
    }


def _amount(number: int) -> int:
    return 100 + number * 7_919 % 19_901


def _order(number: int, at: int) -> OrderEvent:
    return OrderEvent(
        kind=COMPLETED,
        at=at,
        customer=CUSTOMER,
        # Hashes are spread over 64 bits.
        order=number * 0x9E3779B97F4A7C15 % 2**64,
        event=number,
        event_id=str(number),
        amount=_amount(number),
        channel="",
        offset=number,
    )
