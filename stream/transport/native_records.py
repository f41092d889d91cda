"""Bundles of messages written as records of Kafka batches, natively: no object is made of a message.

Two passes: `measure` says which message goes into which batch and how large each becomes, `write` fills them. What the
bytes mean is in `stream.contracts.bundle` and, for the batches, in `stream.transport.record_batch`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream.contracts.bundle import (
    COUNT_AT,
    HEADER_SIZE,
    ID_AT,
    ID_SIZE,
    INDEX_SIZE,
    KEY_SIZE_AT,
    KIND_AT,
    TEXT_ID,
    TIME_AT,
    TOPIC_AT,
    VALUE_SIZE_AT,
)
from stream.contracts.times import MOMENT_MAX, MOMENT_MIN
from stream.native.jit import Bytes, native
from stream.native.text import put, put_hex, put_moment
from stream.native.varint import put_varint, varint_size
from stream.native.words import get_int32, get_int64

Numbers = NDArray[np.int64]

BATCH_HEADER_SIZE: Final = 61

#: Columns of a row of what stands around id and time: place and size of each of its three parts.
BEFORE_ID_FROM: Final = 0
BEFORE_ID_SIZE: Final = 1
BEFORE_TIME_FROM: Final = 2
BEFORE_TIME_SIZE: Final = 3
BEHIND_FROM: Final = 4
BEHIND_SIZE: Final = 5
AROUND_COLUMNS: Final = 6

#: Columns of a row of the table of batches.
BATCH_TOPIC: Final = 0
BATCH_SIZE: Final = 1
BATCH_COUNT: Final = 2
BATCH_COLUMNS: Final = 3

#: Columns of a row of the table of messages: number of its batch, and the length of its record without its own varint.
IN_BATCH: Final = 0
LENGTH: Final = 1
MESSAGE_COLUMNS: Final = 2

NOT_READABLE: Final = -1
"""Instead of a number of batches: an entry is no bundle, or one of another version."""

_ID_DIGITS: Final = 2 * ID_SIZE
_NULL_KEY: Final = 1
"""The varint of -1, zigzag."""
_SECOND: Final = 1_000
_MOMENT_SIZE: Final = 20
_FRACTION_SIZE: Final = 4


@native
def measure(
    data: Bytes, ends: Numbers, around: Numbers, filling: Numbers, bytes_max: int, messages: Numbers, batches: Numbers
) -> int:
    """Divide messages into batches, one after the other within each topic.

    Parameters
    ----------
    data
        Bundles, one behind the other; each is as long as its index at least.
    ends
        Where each of them ends.
    around
        A row for each kind without a key, and behind it one for the kind with a key.
    filling
        As many places as there are topics; used here.
    bytes_max
        Bytes of a batch, unless it is a single message.
    messages, batches
        A row for each message; filled here. There are at most as many batches as messages.

    Returns
    -------
    int
        Number of batches, or `NOT_READABLE`.
    """
    filling[:] = -1
    number = 0
    used = 0
    start = 0
    for end in ends:
        count = get_int32(data, start + COUNT_AT)
        body = start + HEADER_SIZE + count * INDEX_SIZE
        for i in range(count):
            index = start + HEADER_SIZE + i * INDEX_SIZE
            topic = np.int64(data[index + TOPIC_AT])
            moment = get_int64(data, index + TIME_AT)
            if topic >= len(filling) or _row(data, index) >= len(around):
                return NOT_READABLE
            # Sizes beyond 31 bits are read as negative.
            if _value_size(data, index) < 0 or _id_size(data, index) < 0:
                return NOT_READABLE
            if moment < MOMENT_MIN or moment > MOMENT_MAX:
                return NOT_READABLE
            body += _body_size(data, index)
            length = _length_at_0(data, index, around)
            batch = filling[topic]
            if batch >= 0:
                later = length - 1 + varint_size(batches[batch, BATCH_COUNT])
                if batches[batch, BATCH_SIZE] + _sized(later) > bytes_max:
                    batch = -1
                else:
                    length = later
            if batch < 0:
                batch = used
                used += 1
                filling[topic] = batch
                batches[batch, BATCH_TOPIC] = topic
                batches[batch, BATCH_SIZE] = BATCH_HEADER_SIZE
                batches[batch, BATCH_COUNT] = 0
            batches[batch, BATCH_SIZE] += _sized(length)
            batches[batch, BATCH_COUNT] += 1
            messages[number, IN_BATCH] = batch
            messages[number, LENGTH] = length
            number += 1
        if body != end:
            return NOT_READABLE
        start = end
    return used


@native
def write(
    data: Bytes, ends: Numbers, around: Numbers, text: Bytes, messages: Numbers, cursors: Numbers, out: Bytes
) -> None:
    """Write the record of every message.

    Parameters
    ----------
    data, ends, around, messages
        As `measure` took and filled them.
    text
        What `around` points into.
    cursors
        A row for each batch: where its first record begins in ``out``, and 0. On return, where it ended, and its
        number of records.
    out
        All batches: the sum of their sizes.
    """
    number = 0
    start = 0
    for end in ends:
        count = get_int32(data, start + COUNT_AT)
        body = start + HEADER_SIZE + count * INDEX_SIZE
        for i in range(count):
            index = start + HEADER_SIZE + i * INDEX_SIZE
            batch = messages[number, IN_BATCH]
            at = put_varint(out, cursors[batch, 0], messages[number, LENGTH])
            out[at] = 0  # attributes
            out[at + 1] = 0  # the time is that of the batch
            at = put_varint(out, at + 2, cursors[batch, 1])
            cursors[batch, 0] = _write_record(data, index, body, around, text, out, at)
            cursors[batch, 1] += 1
            body += _body_size(data, index)
            number += 1
        start = end


@native
def _write_record(data: Bytes, index: int, body: int, around: Numbers, text: Bytes, out: Bytes, at: int) -> int:
    """Write a record from its key on."""
    key_size = _key_size(data, index)
    value_size = _value_size(data, index)
    row = _row(data, index)
    id_size = _id_size(data, index)
    moment = get_int64(data, index + TIME_AT)
    key = body + _id_size_in_body(data, index)
    if key_size > 0:
        at = put_varint(out, at, key_size)
        at = put(out, at, data, key, key_size)
    else:
        out[at] = _NULL_KEY
        at += 1
    at = put_varint(out, at, value_size)
    at = put(out, at, data, key + key_size, value_size)
    at = put(out, at, text, around[row, BEFORE_ID_FROM], around[row, BEFORE_ID_SIZE])
    at = put_varint(out, at, id_size)
    if data[index + KIND_AT] & TEXT_ID:
        at = put(out, at, data, body, id_size)
    else:
        at = put_hex(out, at, _big_endian(data, index + ID_AT), _big_endian(data, index + ID_AT + 8))
    at = put(out, at, text, around[row, BEFORE_TIME_FROM], around[row, BEFORE_TIME_SIZE])
    at = put_varint(out, at, _moment_size(moment))
    at = put_moment(out, at, moment)
    at = put(out, at, text, around[row, BEHIND_FROM], around[row, BEHIND_SIZE])
    if key_size > 0:
        at = put_varint(out, at, key_size)
        at = put(out, at, data, key, key_size)
    return at


@native
def _length_at_0(data: Bytes, index: int, around: Numbers) -> int:
    """Length of the record of a message that is the first of its batch, so that its place takes one byte."""
    row = _row(data, index)
    length = 3 + _sized(_value_size(data, index)) + _sized(_id_size(data, index))
    length += _sized(_moment_size(get_int64(data, index + TIME_AT)))
    length += int(around[row, BEFORE_ID_SIZE] + around[row, BEFORE_TIME_SIZE] + around[row, BEHIND_SIZE])
    key_size = _key_size(data, index)
    if key_size > 0:
        return length + 2 * _sized(key_size)
    return length + 1


@native
def _sized(size: int) -> int:
    """Bytes of a text and of the number that says its size."""
    return varint_size(size) + size


@native
def _row(data: Bytes, index: int) -> int:
    """Row of what stands around id and time."""
    kind = int(np.int64(data[index + KIND_AT])) & (TEXT_ID - 1)
    return 2 * kind + (1 if _key_size(data, index) > 0 else 0)


@native
def _key_size(data: Bytes, index: int) -> int:
    return int(np.int64(data[index + KEY_SIZE_AT]) | (np.int64(data[index + KEY_SIZE_AT + 1]) << np.int64(8)))


@native
def _value_size(data: Bytes, index: int) -> int:
    return get_int32(data, index + VALUE_SIZE_AT)


@native
def _id_size(data: Bytes, index: int) -> int:
    if data[index + KIND_AT] & TEXT_ID:
        return get_int32(data, index + ID_AT)
    return _ID_DIGITS


@native
def _id_size_in_body(data: Bytes, index: int) -> int:
    if data[index + KIND_AT] & TEXT_ID:
        return get_int32(data, index + ID_AT)
    return 0


@native
def _body_size(data: Bytes, index: int) -> int:
    return _id_size_in_body(data, index) + _key_size(data, index) + _value_size(data, index)


@native
def _moment_size(moment: int) -> int:
    """Bytes of a moment as text: milliseconds are shown only where there are any."""
    if moment % _SECOND == 0:
        return _MOMENT_SIZE
    return _MOMENT_SIZE + _FRACTION_SIZE


@native
def _big_endian(data: Bytes, at: int) -> int:
    value = np.int64(0)
    for i in range(8):
        value = (value << np.int64(8)) | np.int64(data[at + i])
    return int(value)
