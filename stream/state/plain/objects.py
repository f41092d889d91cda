"""A plain customer as an object, and an object as a row again."""

from __future__ import annotations

from array import array

import numpy as np

from stream.state.customer import Customer
from stream.state.plain import layout as at
from stream.state.plain.layout import Memory
from stream.state.plain.rules import SegmentNames


def object_of(memory: Memory, slot: int, customer_id: str, names: SegmentNames) -> Customer:
    """The object that says what the row of a plain customer does."""
    row = memory.rows[slot].tolist()
    c = Customer(customer_id)
    n, start, room = row[at.N], row[at.LEDGER_AT], row[at.ROOM]
    times, gross, hashes = (memory.heap[start + k * room : start + k * room + n] for k in range(3))
    c.times, c.gross = array("q", times.tobytes()), array("q", gross.tobytes())
    c.hashes = bytearray(hashes.tobytes())
    c.n = n
    c.first_at = c.times[0] if n else 0
    c.last_at, c.window_from = row[at.LAST_AT], row[at.WINDOW_FROM]
    c.frequency, c.monetary, c.as_of = row[at.FREQUENCY], row[at.MONETARY], row[at.AS_OF]
    c.due, c.due_is_exact, c.armed = row[at.DUE], bool(row[at.DUE_IS_EXACT]), row[at.ARMED]
    c.fingerprint, c.tier, c.tier_since = row[at.FINGERPRINT], row[at.TIER], row[at.TIER_SINCE]
    c.segment, c.level = names.name(row[at.SEGMENT]), row[at.LEVEL]
    c.version, c.tier_version = row[at.VERSION], row[at.TIER_VERSION]
    c.churn_version, c.changes_version = row[at.CHURN_VERSION], row[at.CHANGES_VERSION]
    if row[at.BUCKET_F]:
        c.buckets = (row[at.BUCKET_F], row[at.BUCKET_M], row[at.BUCKET_L])
    c.abc, c.lifecycle, c.lifecycle_since = row[at.ABC], row[at.LIFECYCLE], row[at.LIFECYCLE_SINCE]
    c.matrix, c.market_segments, c.contacted_at = row[at.MATRIX], row[at.MARKET_SEGMENTS], row[at.CONTACTED_AT]
    c.action, c.action_at, c.sample = row[at.ACTION], row[at.ACTION_AT], row[at.SAMPLE]
    c.follow_version = row[at.FOLLOW_VERSION]
    return c


def fill(memory: Memory, slot: int, c: Customer, segment: int) -> None:
    """Let a row, whose ledger has room, say what an object does that is plain; `segment` is the number of its own."""
    row, n = memory.rows[slot], len(c.times)
    start, room = int(row[at.LEDGER_AT]), int(row[at.ROOM])
    for k, column in enumerate((c.times.tobytes(), c.gross.tobytes(), bytes(c.hashes))):
        memory.heap[start + k * room : start + k * room + n] = np.frombuffer(column, np.int64)
    row[at.N : at.TIER_SINCE + 1] = (
        *(n, c.window_from, c.frequency, c.monetary, c.last_at, c.as_of),
        *(c.due, c.due_is_exact, c.armed, c.fingerprint, c.tier, c.tier_since),
    )
    row[at.SEGMENT : at.BUCKET_L + 1] = (
        *(segment, c.level, c.version, c.tier_version, c.churn_version, c.changes_version),
        *(c.buckets or (0, 0, 0)),
    )
    row[at.ABC : at.FOLLOW_VERSION + 1] = (
        *(c.abc, c.lifecycle, c.lifecycle_since, c.matrix, c.market_segments),
        *(c.contacted_at, c.action, c.action_at, c.sample, c.follow_version),
    )
    row[at.FORM] = at.PLAIN
