"""What is written of each customer that a batch came to: its record, its timer, its places in the histograms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from stream.state.codec import encode
from stream.state.customer import Customer
from stream.state.histograms import BucketDeltas
from stream.state.packed import Records, Timers, pack_records, pack_timers


class Settled(NamedTuple):
    """Records, timers that must fire earlier than they would, and changes of the histograms."""

    records: Records
    timers: Timers
    histograms: dict[str, int]


def settle(customers: Iterable[Customer]) -> Settled:
    """Bring histograms and timers up to the customers, note that on their records, and encode those."""
    records: list[tuple[str, bytes]] = []
    timers: list[tuple[str, int]] = []
    deltas = BucketDeltas()
    follow, write = deltas.follow, records.append
    for c in customers:
        customer, due, armed = c.customer_id, c.due, c.armed
        follow(c)
        if due < armed or armed < 0:
            c.armed = due
            timers.append((customer, due))
        write((customer, encode(c)))
    return Settled(pack_records(records), pack_timers(timers), deltas.fields())
