"""The customer record as bytes, for Redis.

A fixed header, the ledger's columns as they lie in memory, then only those sections that the customer has. Decoding
does not compute sums: `decode` gives the columns and what was said, `ledger.rebuild` the rest.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from struct import Struct
from typing import Final

from stream.state.customer import UNSET, Customer

#: First byte of every record; a reader refuses what it does not know.
FORMAT = 1

_HEADER = Struct("<BBBBIqqqIIIIHBIIi")
#: Bytes before the name of the segment and the ledger's columns.
HEADER_SIZE: Final = 63
_NO_BUCKETS = (0, 0, 0)
_pack = _HEADER.pack
_join = b"".join
_REFUNDS, _FOLDED, _COUNTERS, _SEEN, _TICKETS, _NPS, _PROFILE, _REGISTERED = (1 << bit for bit in range(8))
_COUNT = Struct("<H")
_REFUND = Struct("<QQq")
_FOLD = Struct("<qqqq")
_COUNTER = Struct("<BIq")
_TICKET = Struct("<Qqq")
_ANSWER = Struct("<qb")
_MOMENT = Struct("<q")
_GIVEN = Struct("<qQB")
_NOT_GIVEN = (0, 0, "")

if sys.byteorder != "little":  # pragma: no cover - the columns are written as they lie in memory
    msg = "the record format is little endian; this machine is not"
    raise RuntimeError(msg)


class RecordError(ValueError):
    """A stored record that this version cannot read."""


def encode(c: Customer) -> bytes:
    """Bytes of a record.

    Raises
    ------
    struct.error
        A count beyond what the format holds (65 535 ledger entries); the ledger's limit is far below.

    Examples
    --------
    >>> c = Customer("c-1")
    >>> decode("c-1", encode(c)).tier_since
    0
    """
    # Most customers have no sections, and then no more is asked of them than whether they have any.
    plain = (
        c.refunds is None
        and c.seen is None
        and c.folded is None
        and c.counters is None
        and c.tickets is None
        and c.kind is None
        and c.region is None
        and c.nps_at == UNSET
        and not c.registered_at
    )
    flags, sections = (0, ()) if plain else _encode_sections(c)
    segment, times = c.segment.encode(), c.times
    header = _pack(
        FORMAT,
        flags,
        c.tier,
        c.level,
        c.fingerprint,
        c.as_of,
        c.tier_since,
        c.armed,
        c.version,
        c.tier_version,
        c.churn_version,
        c.changes_version,
        len(times),
        len(segment),
        *(c.buckets or _NO_BUCKETS),
    )
    return _join((header, segment, times, c.gross, c.hashes, *sections))


def _encode_sections(c: Customer) -> tuple[int, list[bytes]]:
    flags = 0
    sections: list[bytes] = []
    if c.refunds:
        flags |= _REFUNDS
        rows = [(o, e, a) for o, known in c.refunds.items() for e, a in known.items()]
        sections.append(_rows(_REFUND, rows))
    if c.folded:
        flags |= _FOLDED
        sections.append(_rows(_FOLD, c.folded))
    if c.counters:
        flags |= _COUNTERS
        sections.append(_rows(_COUNTER, [(code, n, last_at) for code, (n, last_at) in c.counters.items()]))
    if c.seen:
        flags |= _SEEN
        sections.append(_COUNT.pack(len(c.seen) >> 3) + c.seen)
    if c.tickets:
        flags |= _TICKETS
        sections.append(_rows(_TICKET, [(t, o, r) for t, (o, r) in c.tickets.items()]))
    if c.nps_at != UNSET:
        flags |= _NPS
        sections.append(_ANSWER.pack(c.nps_at, c.nps_score))
    if c.kind is not None or c.region is not None:
        flags |= _PROFILE
        for at, event, text in (c.kind or _NOT_GIVEN, c.region or _NOT_GIVEN):
            word = text.encode()
            sections.append(_GIVEN.pack(at, event, len(word)) + word)
    if c.registered_at:
        flags |= _REGISTERED
        sections.append(_MOMENT.pack(c.registered_at))
    return flags, sections


def decode(customer_id: str, blob: bytes) -> Customer:
    """The record that `encode` wrote; its sums are still to be rebuilt, and `due` is the armed moment.

    Raises
    ------
    RecordError
        Another format, or bytes that end too early.
    """
    if not blob or blob[0] != FORMAT:
        msg = f"record of customer {customer_id!r}: format {blob[:1].hex() or 'empty'}, this version reads {FORMAT}"
        raise RecordError(msg)
    c = Customer(customer_id)
    (
        _,
        flags,
        c.tier,
        c.level,
        c.fingerprint,
        c.as_of,
        c.tier_since,
        c.armed,
        c.version,
        c.tier_version,
        c.churn_version,
        c.changes_version,
        orders,
        segment,
        *buckets,
    ) = _HEADER.unpack_from(blob)
    c.due, c.due_is_exact = c.armed, False
    # A frequency of 0 is in no histogram.
    c.buckets = (buckets[0], buckets[1], buckets[2]) if buckets[0] else None
    place = _HEADER.size
    c.segment = sys.intern(blob[place : place + segment].decode())
    place += segment
    size = 8 * orders
    c.times = array("q", blob[place : place + size])
    c.gross = array("q", blob[place + size : place + 2 * size])
    c.hashes = bytearray(blob[place + 2 * size : place + 3 * size])
    place += 3 * size
    if flags:
        place = _decode_sections(c, blob, place, flags)
    if place != len(blob):
        msg = f"record of customer {customer_id!r}: {len(blob)} bytes, {place} expected"
        raise RecordError(msg)
    return c


def _decode_sections(c: Customer, blob: bytes, place: int, flags: int) -> int:
    if flags & _REFUNDS:
        rows, place = _read_rows(_REFUND, blob, place)
        c.refunds = {}
        for order, event, amount in rows:
            c.refunds.setdefault(order, {})[event] = amount
    if flags & _FOLDED:
        rows, place = _read_rows(_FOLD, blob, place)
        c.folded = [(first_at, last_at, n, net) for first_at, last_at, n, net in rows]
    if flags & _COUNTERS:
        rows, place = _read_rows(_COUNTER, blob, place)
        c.counters = {code: (n, last_at) for code, n, last_at in rows}
    if flags & _SEEN:
        (n,) = _COUNT.unpack_from(blob, place)
        c.seen = bytearray(blob[place + 2 : place + 2 + 8 * n])
        place += 2 + 8 * n
    if flags & _TICKETS:
        rows, place = _read_rows(_TICKET, blob, place)
        c.tickets = {ticket: (opened, resolved) for ticket, opened, resolved in rows}
    if flags & _NPS:
        c.nps_at, c.nps_score = _ANSWER.unpack_from(blob, place)
        place += _ANSWER.size
    if flags & _PROFILE:
        c.kind, place = _read_given(blob, place)
        c.region, place = _read_given(blob, place)
    if flags & _REGISTERED:
        (c.registered_at,) = _MOMENT.unpack_from(blob, place)
        place += _MOMENT.size
    return place


def _read_given(blob: bytes, place: int) -> tuple[tuple[int, int, str] | None, int]:
    at, event, size = _GIVEN.unpack_from(blob, place)
    place += _GIVEN.size
    return (at, event, blob[place : place + size].decode()) if size else None, place + size


def _rows(form: Struct, rows: Sequence[tuple[int, ...]]) -> bytes:
    return _COUNT.pack(len(rows)) + b"".join([form.pack(*row) for row in rows])


def _read_rows(form: Struct, blob: bytes, place: int) -> tuple[list[tuple[int, ...]], int]:
    (n,) = _COUNT.unpack_from(blob, place)
    end = place + 2 + n * form.size
    return list(form.iter_unpack(blob[place + 2 : end])), end
