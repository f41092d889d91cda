"""The customer record as bytes, for Redis: FORMAT 3, the packed record.

=============== ======================================================================================================
bytes           what
=============== ======================================================================================================
14              `_START`: format, sections there are (two bytes), tier, level, ABC class and stage of the lifecycle
                (half a byte each, the class lowest), size of the segment's name, widths of the columns, entries of the
                ledger, fingerprint
as named        name of the segment
19 and more     numbers of variable length, seven bits a byte, the lowest first: `as_of`; how far the tier's beginning
                and the last entry lie before it, and (zigzag) the armed moment behind it; the four versions; the
                buckets (the last in zigzag); how far (zigzag) the stage's beginning lies behind the tier's; cells of
                the matrices; market segments; last contact; action waited for, and since when; open churn sample;
                the version of follow-ups
the rest of a   the ledger's columns: how long after each entry the next one came; the amounts; the hashes, whole. The
plain record    integers of a column are as wide as the widest needs, 0 to 8 bytes, little endian
where there are the sections, see `stream.state.sections`
=============== ======================================================================================================

Every number is taken modulo 2**64, so each has a form, and those that occur have a short one. Decoding does not
compute sums: `decode` gives the columns and what was said, `ledger.rebuild` the rest.
"""

from __future__ import annotations

import struct
import sys
from array import array
from itertools import accumulate, pairwise
from operator import sub
from struct import Struct
from typing import Final

from stream.scoring.abc import CLASSES
from stream.scoring.lifecycle import STAGES
from stream.scoring.policy import LEVELS
from stream.state.compact import WORD, column, read_column, read_variable, signed, unzigzag, variable, zigzag
from stream.state.customer import TIER_NAMES, Customer
from stream.state.sections import decode_sections, encode_sections, has_no_sections

#: First byte of every record; a reader refuses what it does not know.
FORMAT: Final = 3

_START: Final = Struct("<BHBBBBBHI")
#: Bytes before the name of the segment.
START_SIZE: Final = 14
#: Numbers of variable length behind it.
NUMBERS: Final = 19
#: The widths of both columns share a byte, half of it each; so do class and stage.
_HALF: Final = 0xF
_NO_BUCKETS: Final = (0, 0, 0)
_STAGE_SHIFT: Final = 4


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
    flags, sections = (0, ()) if has_no_sections(c) else encode_sections(c)
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
        zigzag(c.lifecycle_since - c.tier_since),
        c.matrix,
        c.market_segments,
        c.contacted_at & WORD,
        c.action,
        c.action_at & WORD,
        c.sample & WORD,
        c.follow_version,
    )
    standing = c.abc | c.lifecycle << _STAGE_SHIFT
    start = _START.pack(FORMAT, flags, c.tier, c.level, standing, len(segment), widths, len(times), c.fingerprint)
    return b"".join((start, segment, variable(numbers), gaps, amounts, c.hashes, *sections))


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
    _, flags, c.tier, c.level, standing, name, widths, orders, c.fingerprint = _START.unpack_from(blob)
    c.abc, c.lifecycle = standing & _HALF, standing >> _STAGE_SHIFT
    if c.tier >= len(TIER_NAMES) or c.level >= len(LEVELS) or c.abc >= len(CLASSES) or c.lifecycle >= len(STAGES):
        raise ValueError(f"tier {c.tier}, level {c.level}, class {c.abc}, stage {c.lifecycle}")
    place = START_SIZE + name
    c.segment = sys.intern(blob[START_SIZE:place].decode())
    numbers, place = read_variable(blob, place, NUMBERS)
    as_of, since, armed, last, c.version, c.tier_version, c.churn_version, c.changes_version, *more = numbers
    f, m, recent, stage, c.matrix, c.market_segments, contacted, c.action, given, sample, c.follow_version = more
    c.as_of, c.tier_since = signed(as_of), signed(as_of - since)
    c.lifecycle_since = signed(as_of - since + unzigzag(stage))
    c.contacted_at, c.action_at, c.sample = signed(contacted), signed(given), signed(sample)
    c.armed = c.due = signed(as_of + unzigzag(armed))
    c.due_is_exact = False
    # A frequency of 0 is in no histogram.
    c.buckets = (f, m, unzigzag(recent)) if f else None
    gaps, place = read_column(blob, place, widths & _HALF, max(0, orders - 1))
    amounts, place = read_column(blob, place, widths >> 4, orders)
    if orders:
        times = [at & WORD for at in accumulate(reversed(gaps), sub, initial=as_of - last)]
        c.times = _as_signed(array("Q", reversed(times)))
    c.gross = _as_signed(amounts)
    c.hashes = bytearray(blob[place : place + 8 * orders])
    place += 8 * orders
    if flags:
        place = decode_sections(c, blob, place, flags)
    if place != len(blob):
        raise ValueError(f"{place} bytes expected")
    return c


def _as_signed(words: array[int]) -> array[int]:
    return array("q", words.tobytes())
