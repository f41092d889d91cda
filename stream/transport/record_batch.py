"""Produce batches made from bundles, written natively in one go.

aiokafka's own builder takes records one at a time, each with a list of header pairs. But of the seven CloudEvents
headers of a message four are alike for all of its kind, so here the bytes around what differs are made once, and the
rest is written by `stream.transport.native_records`. The bytes are the same
(``tests/unit/transport/test_record_batch.py``).

Format: record batch version 2, https://kafka.apache.org/documentation/#recordbatch.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from stream.contracts.bundle import HEADER_SIZE, INDEX_SIZE, KINDS, BundleError, count_of, decode_bundle, topic_names
from stream.contracts.decisions import Message, cloudevent_headers
from stream.contracts.topics import Topics
from stream.native.jit import Bytes
from stream.native.varint import VARINT_SIZE_MAX, put_varint
from stream.transport.native_records import (
    AROUND_COLUMNS,
    BATCH_COLUMNS,
    BATCH_COUNT,
    BATCH_HEADER_SIZE,
    BATCH_SIZE,
    BATCH_TOPIC,
    IN_BATCH,
    MESSAGE_COLUMNS,
    NOT_READABLE,
    Numbers,
    measure,
    write,
)

_MAGIC: Final = 2
_TRANSACTIONAL: Final = 0x10
_NO_LEADER_EPOCH: Final = -1
_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_LENGTH_FROM: Final = 12
"""The length of a batch counts what follows it: all but base offset and length."""
_CRC_AT: Final = 17
_ATTRIBUTES_AT: Final = 21


class RecordBatch:
    """What aiokafka's accumulator and sender ask of a ``BatchBuilder``; transactional, not compressed.

    Parameters
    ----------
    topic
        Full name.
    now
        Time of every record, ms.
    count
        Number of records.
    built
        The batch, all but its header, for which there is room.
    """

    def __init__(self, topic: str, now: int, count: int, built: memoryview) -> None:
        self.topic = topic
        self._now = now
        self._count = count
        self._built = built
        self._producer = (-1, -1, 0)
        self._sealed = False

    def size(self) -> int:
        """Bytes of the batch."""
        return len(self._built)

    def record_count(self) -> int:
        """Records in the batch."""
        return self._count

    def close(self) -> None:
        """Take no more records: it never does."""

    def closed(self) -> bool:
        """Whether no more records are taken."""
        return True

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

    def _build(self) -> memoryview:
        if not self._sealed:
            built, last = self._built, self._count - 1
            head = (0, len(built) - _LENGTH_FROM, _NO_LEADER_EPOCH, _MAGIC, 0, _TRANSACTIONAL, last)
            _HEADER.pack_into(built, 0, *head, self._now, self._now, *self._producer, self._count)
            # By the processor's own instruction: aiokafka's table takes fourteen times as long.
            struct.pack_into(">I", built, _CRC_AT, google_crc32c.value(built[_ATTRIBUTES_AT:].tobytes()))
            self._sealed = True
        return self._built


class Assembly:
    """The produce batches of some bundles.

    Parameters
    ----------
    entries
        Bundles, in order.
    topics
        Names of the topics.
    source
        CloudEvents source of every message.
    now
        Time of every record, ms.
    bytes_max
        Bytes of a batch, unless it is a single message.

    Attributes
    ----------
    batches
        In the order in which they begin; those of one topic stand as their messages do.

    Raises
    ------
    stream.contracts.bundle.BundleError
        An entry is no bundle.
    """

    def __init__(self, entries: Sequence[bytes], topics: Topics, source: str, now: int, bytes_max: int) -> None:
        self._entries = entries
        self._topics = topics
        self._counts = [_count_within(entry) for entry in entries]
        number = sum(self._counts)
        # Native code takes arrays that are writable, and those of bytes are not.
        data = np.frombuffer(bytearray().join(entries), np.uint8)
        ends = np.array(list(accumulate(map(len, entries))), np.int64)
        around, text = _around(source)
        names = topic_names(topics)
        filling = np.empty(len(names), np.int64)
        self._messages = np.empty((number, MESSAGE_COLUMNS), np.int64)
        table = np.empty((number, BATCH_COLUMNS), np.int64)
        used = measure(data, ends, around, filling, bytes_max, self._messages, table)
        if used == NOT_READABLE:
            for entry in entries:
                decode_bundle(entry, topics)  # it says what is wrong
            raise BundleError("a message has a moment beyond the years 1 to 9999")
        table = table[:used]
        after = np.cumsum(table[:, BATCH_SIZE])
        cursors = np.zeros((used, 2), np.int64)
        cursors[:, 0] = after - table[:, BATCH_SIZE] + BATCH_HEADER_SIZE
        out = np.empty(int(after[-1]) if used else 0, np.uint8)
        write(data, ends, around, text, self._messages, cursors, out)
        assert (cursors[:, 0] == after).all()
        built = out.data
        self.batches = [
            RecordBatch(names[row[BATCH_TOPIC]], now, row[BATCH_COUNT], built[end - row[BATCH_SIZE] : end])
            for row, end in zip(table.tolist(), after.tolist(), strict=True)
        ]

    def __len__(self) -> int:
        """Number of messages."""
        return len(self._messages)

    def first_of(self, batch: int) -> Message:
        """The first message of a batch."""
        place = int(np.argmax(self._messages[:, IN_BATCH] == batch))
        for entry, count in zip(self._entries, self._counts, strict=True):
            if place < count:
                return decode_bundle(entry, self._topics)[place]
            place -= count
        raise IndexError(batch)


def _count_within(entry: bytes) -> int:
    """Number of messages of a bundle whose index lies within it."""
    count = count_of(entry)
    if HEADER_SIZE + count * INDEX_SIZE > len(entry):
        raise BundleError(f"a bundle of {count} messages has {len(entry)} bytes, less than its index")
    return count


@lru_cache(maxsize=8)
def _around(source: str) -> tuple[Numbers, Bytes]:
    """What stands before the id, between id and time, and behind the time, of each kind without and with a key."""
    text = bytearray()
    rows: list[list[int]] = []
    for kind in KINDS:
        for key in ("", "c"):
            row: list[int] = []
            for part in _parts(cloudevent_headers(Message("", "", key, kind, 0, b""), source)):
                row += (len(text), len(part))
                text += part
            rows.append(row)
    around = np.array(rows, np.int64)
    assert around.shape[1] == AROUND_COLUMNS
    return around, np.frombuffer(text, np.uint8)


def _parts(headers: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """The headers as they stand in a record, without the values of id, time and subject."""
    parts = [_varint(len(headers))]
    for name, value in headers:
        parts[-1] += _varint(len(name)) + name.encode()
        if name in {"ce_id", "ce_time"}:
            parts.append(b"")
        elif name != "ce_subject":  # the last: its value ends the record
            parts[-1] += _varint(len(value)) + value
    return parts


def _varint(number: int) -> bytes:
    out: NDArray[np.uint8] = np.empty(VARINT_SIZE_MAX, np.uint8)
    return out[: put_varint(out, 0, number)].tobytes()
