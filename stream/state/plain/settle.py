"""What is written of each plain customer that a batch came to: record, timer, places in the histograms.

The forms are those of `stream.state.codec` and `stream.state.packed`; laws hold them equal.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

import numpy as np

from stream.native.jit import Bytes, native
from stream.native.words import put_int64, swapped
from stream.scoring.quantiles import RECENCY_BUCKET, SUB_BITS
from stream.state.plain.index import put_id
from stream.state.plain.layout import (
    ARMED,
    BUCKET_F,
    BUCKET_L,
    BUCKET_M,
    DUE,
    FORM,
    FREQUENCY,
    ID_SIZE,
    LAST_AT,
    MONETARY,
    PLAIN,
    SEGMENT,
    Longs,
    Memory,
    N,
)
from stream.state.plain.record import FIXED_BYTES_MAX, ORDER_BYTES_MAX, put_record

#: Registers of `Written.ends`.
RECORDS: Final = 0
NAMES_END: Final = 1
BLOB_END: Final = 2
TIMERS: Final = 3
TIMERS_END: Final = 4
MOVED: Final = 5
ENDS: Final = 6

#: Bytes of a name, its header and a size in msgpack, and of a moment, at most.
NAME_BYTES_MAX: Final = 3 + 256 + 5
TIMER_BYTES_MAX: Final = 9 + 3 + 256

_FIXSTR: Final = 0xA0
_FIXSTR_MAX: Final = 31
_STR8: Final = 0xD9
_STR16: Final = 0xDA
_UINT32: Final = 0xCE
_INT64: Final = 0xD3


class Written(NamedTuple):
    """What is written, see `stream.state.packed`.

    Attributes
    ----------
    names, blob
        Of the records.
    timers
        Body of the timers.
    left, joined
        Buckets that customers were in and are in now, a row each of f, m, l; a frequency of 0 is none.
    ends
        How much of all that is in use.
    """

    names: Bytes
    blob: Bytes
    timers: Bytes
    left: Longs
    joined: Longs
    ends: Longs


@native
def settle(memory: Memory, touched: Longs, first: int, count: int, names: Bytes, spans: Longs, written: Written) -> int:
    """Write what is to be stored of those rows that are still plain customers.

    Parameters
    ----------
    touched, first, count
        Rows, the first to look at, and how many there are.
    names, spans
        Names of segments by number, and where each begins and ends.

    Returns
    -------
    The first row that was not looked at, because the records need more room first.
    """
    ends = written.ends
    for i in range(first, count):
        slot = touched[i]
        row = memory.rows[slot]
        if row[FORM] != PLAIN:
            continue
        segment = spans[row[SEGMENT], 1] - spans[row[SEGMENT], 0]
        if ends[BLOB_END] + FIXED_BYTES_MAX + segment + row[N] * ORDER_BYTES_MAX > len(written.blob):
            return i
        _follow(row, written)
        if row[DUE] < row[ARMED] or row[ARMED] < 0:
            row[ARMED] = row[DUE]
            at = _put_int64(written.timers, ends[TIMERS_END], row[DUE])
            ends[TIMERS_END] = _put_name(memory, slot, written.timers, at)
            ends[TIMERS] += 1
        end = put_record(memory, row, names, spans[row[SEGMENT], 0], segment, written.blob, ends[BLOB_END])
        size = end - ends[BLOB_END]
        ends[BLOB_END] = end
        at = _put_name(memory, slot, written.names, ends[NAMES_END])
        written.names[at] = _UINT32
        for k in range(4):
            written.names[at + 1 + k] = (size >> (24 - 8 * k)) & 0xFF
        ends[NAMES_END] = at + 5
        ends[RECORDS] += 1
    return count


@native
def bucket(value: int) -> int:
    """As `stream.scoring.quantiles.bucket`."""
    bits = 0
    while value >> bits:
        bits += 1
    shift = bits - (SUB_BITS + 1)
    return value if shift <= 0 else (shift << SUB_BITS) + (value >> shift)


@native
def _follow(row: Longs, written: Written) -> None:
    """Move a customer from the buckets it is in to those it belongs in, as `histograms.BucketDeltas.follow`."""
    f = m = last = 0
    if row[FREQUENCY]:
        f, m, last = bucket(row[FREQUENCY]), bucket(row[MONETARY]), row[LAST_AT] // RECENCY_BUCKET
    if f == row[BUCKET_F] and m == row[BUCKET_M] and last == row[BUCKET_L]:
        return
    moved = written.ends[MOVED]
    left, joined = written.left[moved], written.joined[moved]
    left[0], left[1], left[2] = row[BUCKET_F], row[BUCKET_M], row[BUCKET_L]
    joined[0], joined[1], joined[2] = f, m, last
    row[BUCKET_F], row[BUCKET_M], row[BUCKET_L] = f, m, last
    written.ends[MOVED] = moved + 1


@native
def _put_name(memory: Memory, slot: int, out: Bytes, at: int) -> int:
    """The customer's id as a msgpack str."""
    size = memory.rows[slot, ID_SIZE]
    if size <= _FIXSTR_MAX:
        out[at] = _FIXSTR | size
        at += 1
    elif size <= 0xFF:  # noqa: PLR2004 - a byte
        out[at], out[at + 1] = _STR8, size
        at += 2
    else:
        out[at], out[at + 1], out[at + 2] = _STR16, size >> 8, size & 0xFF
        at += 3
    return put_id(memory, slot, out, at)


@native
def _put_int64(out: Bytes, at: int, value: int) -> int:
    out[at] = _INT64
    return put_int64(out, at + 1, swapped(value))


def histograms(left: Longs, joined: Longs) -> dict[str, int]:
    """What the buckets that customers left and joined add to the fields of the histograms."""
    fields: dict[str, int] = {}
    gone, come = left[left[:, 0] > 0], joined[joined[:, 0] > 0]
    for column, name in enumerate("fml"):
        deltas = Counter(dict(zip(*_counted(come[:, column]), strict=True)))
        deltas.subtract(dict(zip(*_counted(gone[:, column]), strict=True)))
        for place, by in sorted(deltas.items()):
            if by:
                fields[f"{name}:{place}"] = by
    return fields


def _counted(buckets: Longs) -> tuple[list[int], list[int]]:
    """Each bucket once, and how often it is there."""
    found, counts = np.unique(buckets, return_counts=True)
    return found.tolist(), counts.tolist()
