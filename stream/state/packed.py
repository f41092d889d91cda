r"""What a batch writes of its customers, in the form in which the commit script reads it.

Thousands of pairs made in one place only to be taken apart in another cost more than what they hold. So records and
timers are bytes from where they are made: native code writes them without an object for each customer, and a commit
passes them on as they are.

>>> records = pack_records([("c-1", b"one")]) + pack_records([("c-2", b"two")])
>>> records
Records(count=2, names=b'\xa3c-1\x03\xa3c-2\x03', blob=b'onetwo')
>>> unpack_records(records)
[('c-1', b'one'), ('c-2', b'two')]
>>> unpack_timers(pack_timers([("c-1", 5_000), ("c-2", float("inf"))]))
[('c-1', 5000.0), ('c-2', inf)]
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from struct import pack
from typing import Final

import msgspec

#: The header of an array of at most so many elements has one byte, or three, and that of more has five.
_COUNT_IN_1_MAX: Final = 0xF
_COUNT_IN_3_MAX: Final = 0xFFFF

_encode = msgspec.msgpack.Encoder().encode
_decode_named = msgspec.msgpack.Decoder(list[str | int]).decode
_decode_due = msgspec.msgpack.Decoder(list[str | int | float]).decode


@dataclass(frozen=True, slots=True)
class Records:
    """Records of customers, each customer once.

    Attributes
    ----------
    count
        Number of records.
    names
        For each its customer id and its size in bytes, msgpack str and int, one behind the other and without the
        header of an array.
    blob
        The records, one behind the other.
    """

    count: int = 0
    names: bytes = b""
    blob: bytes = b""

    def __add__(self, other: Records) -> Records:
        """These records and the others behind them."""
        return Records(self.count + other.count, self.names + other.names, self.blob + other.blob)


@dataclass(frozen=True, slots=True)
class Timers:
    """Timers of customers, each customer once.

    Attributes
    ----------
    count
        Number of timers.
    body
        For each the moment it is due, ms, ``inf`` where nothing is waited for, and its customer id: msgpack number
        and str, one behind the other and without the header of an array.
    """

    count: int = 0
    body: bytes = b""

    def __add__(self, other: Timers) -> Timers:
        """These timers and the others behind them."""
        return Timers(self.count + other.count, self.body + other.body)


def pack_records(pairs: Collection[tuple[str, bytes]]) -> Records:
    """Records of pairs of customer id and record."""
    names = [customer for customer, _ in pairs]
    blobs = [blob for _, blob in pairs]
    named: list[str | float] = list(chain.from_iterable(zip(names, map(len, blobs), strict=True)))
    return Records(len(pairs), _without_header(named), b"".join(blobs))


def unpack_records(records: Records) -> list[tuple[str, bytes]]:
    """The pairs again, in order."""
    flat = _decode_named(array_header(2 * records.count) + records.names)
    pairs: list[tuple[str, bytes]] = []
    at = 0
    for customer, size in zip(flat[::2], flat[1::2], strict=True):
        after = at + int(size)
        pairs.append((str(customer), records.blob[at:after]))
        at = after
    return pairs


def pack_timers(pairs: Collection[tuple[str, float]]) -> Timers:
    """Timers of pairs of customer id and moment, ms or ``inf``."""
    due_first = [(due, customer) for customer, due in pairs]
    return Timers(len(pairs), _without_header(list(chain.from_iterable(due_first))))


def unpack_timers(timers: Timers) -> list[tuple[str, float]]:
    """The pairs again, in order."""
    flat = _decode_due(array_header(2 * timers.count) + timers.body)
    return [(str(customer), float(due)) for due, customer in zip(flat[::2], flat[1::2], strict=True)]


def array_header(count: int) -> bytes:
    r"""The msgpack header of an array of so many elements, in the longest of its three forms.

    >>> array_header(3)
    b'\xdd\x00\x00\x00\x03'
    """
    return pack(">BI", 0xDD, count)


def _without_header(parts: Sequence[str | float]) -> bytes:
    header = 1 + 2 * (len(parts) > _COUNT_IN_1_MAX) + 2 * (len(parts) > _COUNT_IN_3_MAX)
    return _encode(parts)[header:]
