"""The customer record as bytes, for Redis: FORMAT 2, the packed record.

=============== ======================================================================================================
bytes           what
=============== ======================================================================================================
12              `_START`: format, sections there are, tier, level, size of the segment's name, widths of the columns,
                entries of the ledger, fingerprint
as named        name of the segment
11 and more     numbers of variable length, seven bits a byte, the lowest first: `as_of`; how far the tier's beginning
                and the last entry lie before it, and (zigzag) the armed moment behind it; the four versions; the
                buckets (the last in zigzag)
the rest of a   the ledger's columns: how long after each entry the next one came; the amounts; the hashes, whole. The
plain record    integers of a column are as wide as the widest needs, 0 to 8 bytes, little endian
where there are the sections
=============== ======================================================================================================

Every number is taken modulo 2**64, so each has a form, and those that occur have a short one. Decoding does not
compute sums: `decode` gives the columns and what was said, `ledger.rebuild` the rest.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import sub
from struct import Struct
from typing import Final

from stream.scoring.policy import LEVELS
from stream.state.compact import WORD, column, read_column, read_variable, signed, unzigzag, variable, zigzag
from stream.state.customer import TIER_NAMES, UNSET, Customer

#: First byte of every record; a reader refuses what it does not know.
FORMAT: Final = 2

_START: Final = Struct("<BBBBBBHI")
#: Bytes before the name of the segment.
START_SIZE: Final = 12
#: Numbers of variable length behind it.
NUMBERS: Final = 11
#: The widths of both columns share a byte, half of it each.
_WIDTH: Final = 0xF
_NO_BUCKETS: Final = (0, 0, 0)
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
    segment, times, as_of = c.segment.encode(), c.times, c.as_of
    gap_width, gaps = column(array("Q", [(after - at) & WORD for at, after in pairwise(times)]))
    amount_width, amounts = column(array("Q", c.gross.tobytes()))
    widths = gap_width | amount_width << 4
    f, m, last = c.buckets or _NO_BUCKETS
    numbers = (
        as_of & WORD,
        as_of - c.tier_since & WORD,
        zigzag(c.armed - as_of),
        as_of - times[-1] & WORD if times else 0,
        c.version,
        c.tier_version,
        c.churn_version,
        c.changes_version,
        f,
        m,
        zigzag(last),
    )
    start = _START.pack(FORMAT, flags, c.tier, c.level, len(segment), widths, len(times), c.fingerprint)
    return b"".join((start, segment, variable(numbers), gaps, amounts, c.hashes, *sections))


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
        Another format, or bytes that are no whole record.
    """
    if not blob or blob[0] != FORMAT:
        raise RecordError(
            f"record of customer {customer_id!r}: format {blob[:1].hex() or 'empty'}, this version reads {FORMAT:02x}. "
            "Go back to the version that wrote it, or let workers make all records anew on an empty Redis: "
            'docs/runbooks/restore.md, "From the logs alone"'
        )
    try:
        return _decode(customer_id, blob)
    except (struct.error, IndexError, ValueError) as error:
        raise RecordError(
            f"record of customer {customer_id!r}: {len(blob)} bytes are damaged ({error}). Start on a copy of Redis "
            "or on the logs alone: docs/runbooks/restore.md"
        ) from error


def _decode(customer_id: str, blob: bytes) -> Customer:
    c = Customer(customer_id)
    _, flags, c.tier, c.level, name, widths, orders, c.fingerprint = _START.unpack_from(blob)
    if c.tier >= len(TIER_NAMES) or c.level >= len(LEVELS):
        raise ValueError(f"tier {c.tier}, level {c.level}")
    place = START_SIZE + name
    c.segment = sys.intern(blob[START_SIZE:place].decode())
    numbers, place = read_variable(blob, place, NUMBERS)
    as_of, since, armed, last, c.version, c.tier_version, c.churn_version, c.changes_version, f, m, recent = numbers
    c.as_of, c.tier_since = signed(as_of), signed(as_of - since)
    c.armed = c.due = signed(as_of + unzigzag(armed))
    c.due_is_exact = False
    # A frequency of 0 is in no histogram.
    c.buckets = (f, m, unzigzag(recent)) if f else None
    gaps, place = read_column(blob, place, widths & _WIDTH, max(0, orders - 1))
    amounts, place = read_column(blob, place, widths >> 4, orders)
    if orders:
        times = [at & WORD for at in accumulate(reversed(gaps), sub, initial=as_of - last)]
        c.times = _as_signed(array("Q", reversed(times)))
    c.gross = _as_signed(amounts)
    c.hashes = bytearray(blob[place : place + 8 * orders])
    place += 8 * orders
    if flags:
        place = _decode_sections(c, blob, place, flags)
    if place != len(blob):
        raise ValueError(f"{place} bytes expected")
    return c


def _as_signed(words: array[int]) -> array[int]:
    return array("q", words.tobytes())


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
