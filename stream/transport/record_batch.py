"""A produce batch of messages, written in one go.

aiokafka's own builder takes records one at a time, each with a list of header pairs. But of the seven CloudEvents
headers of a message four are alike for all of its kind, so here the bytes around what differs are made once. A message
costs half of what it costs there; the bytes are the same (``tests/unit/transport/test_record_batch.py``).

Format: record batch version 2, https://kafka.apache.org/documentation/#recordbatch.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Final, TypeAlias

from aiokafka.record.util import calc_crc32c

from stream.contracts.decisions import Message, cloudevent_headers
from stream.contracts.times import time_text

_MAGIC: Final = 2
_TRANSACTIONAL: Final = 0x10
_NO_LEADER_EPOCH: Final = -1
_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_LENGTH_FROM: Final = 12
"""The length of a batch counts what follows it: all but base offset and length."""
_CRC_AT: Final = 17
_ATTRIBUTES_AT: Final = 21
_NOTHING: Final = b"\x01"
"""The length of what is null: -1."""


def varint(number: int) -> bytes:
    r"""A number that is not negative, as Kafka writes it (zigzag).

    Examples
    --------
    >>> varint(0), varint(7), varint(300)
    (b'\x00', b'\x0e', b'\xd8\x04')
    """
    rest, out = 2 * number, bytearray()
    while rest > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


# Lengths and places of nearly all there is.
_SMALL: Final = 8_192
_VARINTS: Final = tuple(map(varint, range(_SMALL)))


@cache
def _around(kind: str, source: str, with_key: bool) -> tuple[bytes, bytes, bytes]:  # noqa: FBT001 - a key of the cache
    """What stands before the id, between id and time, and behind the time."""
    headers = cloudevent_headers(Message("\0", "", "\1" if with_key else "", kind, 0, b""), source)
    parts = [varint(len(headers))]
    for name, value in headers:
        parts[-1] += varint(len(name)) + name.encode()
        if name in {"ce_id", "ce_time", "ce_subject"}:
            parts.append(b"")
        else:
            parts[-1] += varint(len(value)) + value
    return parts[0], parts[1], parts[2]


Record: TypeAlias = tuple[bytes, bytes, bytes]
"""A message as a record, but for what depends on its place: the bytes before its value, the value, those behind."""


def record_of(message: Message, source: str) -> Record:
    """Make a record of a message."""
    value, key, message_id = message.value, message.key.encode(), message.id.encode()
    moment = time_text(message.time).encode()
    first, second, third = _around(message.type, source, bool(key))
    size, id_size = len(value), len(message_id)
    sized = _VARINTS[size] if size < _SMALL else varint(size)
    id_sized = _VARINTS[id_size] if id_size < _SMALL else varint(id_size)
    if not key:
        return (
            _NOTHING + sized,
            value,
            b"".join((first, id_sized, message_id, second, _VARINTS[len(moment)], moment, third)),
        )
    key_size = len(key)
    named = (_VARINTS[key_size] if key_size < _SMALL else varint(key_size)) + key
    behind = b"".join((first, id_sized, message_id, second, _VARINTS[len(moment)], moment, third, named))
    return named + sized, value, behind


class RecordBatch:
    """What aiokafka's accumulator and sender ask of a ``BatchBuilder``; transactional, not compressed.

    Parameters
    ----------
    now
        Time of every record, ms.
    """

    def __init__(self, now: int) -> None:
        self._now = now
        self._parts: list[bytes] = [bytes(_HEADER.size)]
        self._size = _HEADER.size
        self._count = 0
        self._producer = (-1, -1, 0)
        self._closed = False
        self._built: bytearray | None = None

    def add(self, record: Record, bytes_max: int = 2**31) -> bool:
        """Put a record, see `record_of`, behind the others, unless the batch would become too large; whether it was.

        The first record is always taken.
        """
        count = self._count
        place = _VARINTS[count] if count < _SMALL else varint(count)
        before, value, behind = record
        # Attributes 0; time as that of the batch.
        length = 2 + len(place) + len(before) + len(value) + len(behind)
        size = _VARINTS[length] if length < _SMALL else varint(length)
        after = self._size + len(size) + length
        if after > bytes_max and count:
            return False
        self._parts += (size, b"\0\0", place, before, value, behind)
        self._size = after
        self._count = count + 1
        return True

    def size(self) -> int:
        """Bytes of the batch."""
        return self._size

    def record_count(self) -> int:
        """Records in the batch."""
        return self._count

    def close(self) -> None:
        """Take no more records."""
        self._closed = True

    def closed(self) -> bool:
        """Whether no more records are taken."""
        return self._closed

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytearray:
        self.close()
        if self._built is None:
            built = bytearray().join(self._parts)
            self._parts.clear()
            last = self._count - 1
            head = (
                0,
                len(built) - _LENGTH_FROM,
                _NO_LEADER_EPOCH,
                _MAGIC,
                0,
                _TRANSACTIONAL,
                last,
                self._now,
                self._now,
            )
            _HEADER.pack_into(built, 0, *head, *self._producer, self._count)
            struct.pack_into(">I", built, _CRC_AT, calc_crc32c(memoryview(built)[_ATTRIBUTES_AT:]))
            self._built = built
        return self._built
