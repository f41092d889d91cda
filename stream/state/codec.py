"""The customer record as bytes, for Redis: FORMAT 4, the packed record.

=============== ======================================================================================================
bytes           what
=============== ======================================================================================================
12              `_START`: format; tier and level; ABC class and stage of the lifecycle; since which order tier and stage
                are so (half a byte each, the former lowest); which of `OPTIONAL` there are; size of the segment's
                name; widths of the columns; entries of the ledger, modulo 256; fingerprint
3 where there   `_MORE`: sections there are (two bytes), entries of the ledger in 256s
is `HAS_MORE`
as named        name of the segment, see `stream.state.stored_names`
9 and more      numbers of variable length, seven bits a byte, the lowest first, see below
the rest of a   the ledger's columns: how long after each entry the next one came; the amounts; the hashes, whole. The
plain record    integers of a column are as wide as the widest needs, 0 to 8 bytes, little endian
where there are the sections, see `stream.state.sections`
=============== ======================================================================================================

The numbers: `as_of`; the armed moment; the versions of the record, of the tier and of changes; cells of the matrices;
the three buckets; and where they are not 0, `OPTIONAL`. Moments are told by how far they lie behind `as_of` (zigzag),
the last entry by how far before, the last bucket by how far behind the last entry's (zigzag).

Tier and stage mostly began with one of the last orders: 0 is the last one, 1 that before. `ELSEWHERE` stands for any
other moment, and that is a number behind all others: how far the tier's beginning lies before `as_of`, and the stage's
behind the tier's (zigzag).

Every number is taken modulo 2**64, so each has a form, and those that occur have a short one. Decoding does not
compute sums: `decode` gives the columns and what was said, `ledger.rebuild` the rest.
"""

from __future__ import annotations

import struct
from array import array
from itertools import accumulate, pairwise
from operator import sub
from struct import Struct
from typing import Final

from stream.scoring.abc import CLASSES
from stream.scoring.churn_samples import FEATURE_BITS, MINUTE, SET_AT
from stream.scoring.lifecycle import STAGES
from stream.scoring.policy import LEVELS
from stream.scoring.quantiles import RECENCY_BUCKET
from stream.state.compact import WORD, column, read_column, read_variable, signed, unzigzag, variable, zigzag
from stream.state.customer import TIER_NAMES, Customer
from stream.state.sections import decode_sections, encode_sections, has_no_sections
from stream.state.stored_names import name_of, stored_name

#: First byte of every record; a reader refuses what it does not know.
FORMAT: Final = 4

_START: Final = Struct("<BBBBBBBBI")
#: Bytes before the name of the segment, and before `_MORE`.
START_SIZE: Final = 12
#: Where it says which of `OPTIONAL` there are, and the size of the name.
THERE_AT: Final = 4
NAME_SIZE_AT: Final = 5
_MORE: Final = Struct("<HB")
MORE_SIZE: Final = 3
#: Numbers of variable length that every record has, and the most that one has.
NUMBERS: Final = 9
NUMBERS_MAX: Final = 21
#: How many more there are, by bit: the last entry; the version of the churn level; market segments; the last contact;
#: the action waited for, and since when; of the churn sample the evidence, what was said, and the minute; the version
#: of follow-ups.
OPTIONAL: Final = (1, 1, 1, 1, 2, 3, 1)
LAST, CHURN, MARKET, CONTACT, PENDING, SAMPLED, FOLLOW, HAS_MORE = (1 << bit for bit in range(8))
#: In place of an order, where tier or stage began with none of the last so many.
ELSEWHERE: Final = 15
FEATURES: Final = (1 << FEATURE_BITS) - 1
SAID: Final = (1 << SET_AT - FEATURE_BITS) - 1
#: Two numbers below 16 share a byte, half of it each.
HALF: Final = 0xF
_SHIFT: Final = 4
_BYTE: Final = 0xFF
_BYTE_BITS: Final = 8
_NO_BUCKETS: Final = (0, 0, 0)
#: Numbers of variable length, by which of `OPTIONAL` there are.
_COUNTS: Final = tuple(
    NUMBERS + sum(count for bit, count in enumerate(OPTIONAL) if there >> bit & 1) for there in range(256)
)


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
    segment, times, as_of = stored_name(c.segment), c.times, c.as_of
    gap_width, gaps = column(array("Q", [(after - at) & WORD for at, after in pairwise(times)]))
    amount_width, amounts = column(array("Q", c.gross.tobytes()))
    last_at = times[-1] if times else as_of
    f, m, recent = c.buckets or _NO_BUCKETS
    tier_order, stage_order = _order_at(times, c.tier_since), _order_at(times, c.lifecycle_since)
    there, more = _optional(c, last_at)
    if flags or len(times) > _BYTE:
        there |= HAS_MORE
    if tier_order == ELSEWHERE:
        more.append(as_of - c.tier_since & WORD)
    if stage_order == ELSEWHERE:
        more.append(zigzag(c.lifecycle_since - c.tier_since))
    numbers = (
        as_of & WORD,
        zigzag(c.armed - as_of),
        c.version,
        c.tier_version,
        c.changes_version,
        c.matrix,
        f,
        m,
        zigzag(recent - last_at // RECENCY_BUCKET),
        *more,
    )
    start = _START.pack(
        FORMAT,
        c.tier | c.level << _SHIFT,
        c.abc | c.lifecycle << _SHIFT,
        tier_order | stage_order << _SHIFT,
        there,
        len(segment),
        gap_width | amount_width << _SHIFT,
        len(times) & _BYTE,
        c.fingerprint,
    )
    further = _MORE.pack(flags, len(times) >> _BYTE_BITS) if there & HAS_MORE else b""
    return b"".join((start, further, segment, variable(numbers), gaps, amounts, c.hashes, *sections))


def _optional(c: Customer, last_at: int) -> tuple[int, list[int]]:
    """Which of `OPTIONAL` there are, and their numbers."""
    there, numbers, as_of = 0, [], c.as_of
    if last_at != as_of:
        there |= LAST
        numbers.append(as_of - last_at & WORD)
    if c.churn_version:
        there |= CHURN
        numbers.append(c.churn_version)
    if c.market_segments:
        there |= MARKET
        numbers.append(c.market_segments)
    if c.contacted_at:
        there |= CONTACT
        numbers.append(zigzag(c.contacted_at - as_of))
    if c.action or c.action_at:
        there |= PENDING
        numbers += (c.action, zigzag(c.action_at - as_of))
    if c.sample:
        there |= SAMPLED
        since = _sampled_now(as_of) - (c.sample >> SET_AT)
        numbers += (c.sample & FEATURES, c.sample >> FEATURE_BITS & SAID, zigzag(since))
    if c.follow_version:
        there |= FOLLOW
        numbers.append(c.follow_version)
    return there, numbers


def _sampled_now(as_of: int) -> int:
    """What is above evidence and what was said in a sample that is taken at this moment."""
    return as_of // MINUTE << 1 | 1


def _order_at(times: array[int], moment: int) -> int:
    """Which of the last orders was at a moment, counted from the last; `ELSEWHERE` if none."""
    for order in range(min(len(times), ELSEWHERE)):
        if times[-1 - order] == moment:
            return order
    return ELSEWHERE


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


def segment_in(blob: bytes) -> bytes:
    r"""The stored name of the segment in a whole record.

    Examples
    --------
    >>> c = Customer("c-1")
    >>> c.segment = "our friends"
    >>> segment_in(encode(c))
    b'our friends'
    """
    place = START_SIZE + MORE_SIZE if blob[THERE_AT] & HAS_MORE else START_SIZE
    return blob[place : place + blob[NAME_SIZE_AT]]


def _decode(customer_id: str, blob: bytes) -> Customer:
    c = Customer(customer_id)
    _, said, standing, since, there, name, widths, orders, c.fingerprint = _START.unpack_from(blob)
    c.tier, c.level, c.abc, c.lifecycle = said & HALF, said >> _SHIFT, standing & HALF, standing >> _SHIFT
    if c.tier >= len(TIER_NAMES) or c.level >= len(LEVELS) or c.abc >= len(CLASSES) or c.lifecycle >= len(STAGES):
        raise ValueError(f"tier {c.tier}, level {c.level}, class {c.abc}, stage {c.lifecycle}")
    place, flags = START_SIZE, 0
    if there & HAS_MORE:
        flags, high = _MORE.unpack_from(blob, place)
        orders |= high << _BYTE_BITS
        place += MORE_SIZE
    c.segment = name_of(blob[place : place + name])
    tier_order, stage_order = since & HALF, since >> _SHIFT
    count = _COUNTS[there] + (tier_order == ELSEWHERE) + (stage_order == ELSEWHERE)
    numbers, place = read_variable(blob, place + name, count)
    as_of, armed, c.version, c.tier_version, c.changes_version, c.matrix, f, m, recent, *more = numbers
    c.as_of = as_of = signed(as_of)
    more.reverse()
    last_at = signed(as_of - more.pop()) if there & LAST else as_of
    _take_optional(c, there, more)
    c.armed = c.due = signed(as_of + unzigzag(armed))
    c.due_is_exact = False
    # A frequency of 0 is in no histogram.
    c.buckets = (f, m, signed(last_at // RECENCY_BUCKET + unzigzag(recent))) if f else None
    gaps, place = read_column(blob, place, widths & HALF, max(0, orders - 1))
    amounts, place = read_column(blob, place, widths >> _SHIFT, orders)
    if orders:
        times = [at & WORD for at in accumulate(reversed(gaps), sub, initial=last_at)]
        c.times = _as_signed(array("Q", reversed(times)))
    c.gross = _as_signed(amounts)
    c.hashes = bytearray(blob[place : place + 8 * orders])
    place += 8 * orders
    c.tier_since = signed(as_of - more.pop()) if tier_order == ELSEWHERE else c.times[-1 - tier_order]
    c.lifecycle_since = (
        signed(c.tier_since + unzigzag(more.pop())) if stage_order == ELSEWHERE else c.times[-1 - stage_order]
    )
    if flags:
        place = decode_sections(c, blob, place, flags)
    if place != len(blob):
        raise ValueError(f"{place} bytes expected")
    return c


def _take_optional(c: Customer, there: int, numbers: list[int]) -> None:
    """Take what there is of `OPTIONAL` but for the last entry; the next number is the last of the list."""
    if there & CHURN:
        c.churn_version = numbers.pop()
    if there & MARKET:
        c.market_segments = numbers.pop()
    if there & CONTACT:
        c.contacted_at = signed(c.as_of + unzigzag(numbers.pop()))
    if there & PENDING:
        c.action = numbers.pop()
        c.action_at = signed(c.as_of + unzigzag(numbers.pop()))
    if there & SAMPLED:
        features, said, taken = numbers.pop(), numbers.pop(), _sampled_now(c.as_of) - unzigzag(numbers.pop())
        c.sample = signed(taken << SET_AT | said << FEATURE_BITS | features)
    if there & FOLLOW:
        c.follow_version = numbers.pop()


def _as_signed(words: array[int]) -> array[int]:
    return array("q", words.tobytes())
